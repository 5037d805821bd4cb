package testscans

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The images are the same each time, so that a digest in a report can be looked up.
func TestTheCorpusIsReproducible(t *testing.T) {
	digest := func(i Image) v1.Hash {
		t.Helper()
		var d v1.Hash
		var err error
		if i.Index != nil {
			d, err = i.Index.Digest()
		} else {
			d, err = i.Image.Digest()
		}
		check(t, err)
		return d
	}
	first, second := Corpus(t), Corpus(t)
	for i := range first {
		if a, b := digest(first[i]), digest(second[i]); a != b {
			t.Errorf("%s is %s and %s", first[i].Name, a, b)
		}
	}
}

// Each image has an expectation, and each vulnerability that is expected is in the database.
func TestTheExpectationIsComplete(t *testing.T) {
	expected, titles := Expectation(t), Titles(t)
	for _, i := range Corpus(t) {
		if _, ok := expected[i.Name+" linux/amd64"]; !ok {
			t.Errorf("nothing is said of %s", i.Name)
		}
	}
	for name, e := range expected {
		for _, v := range e.Vulnerabilities {
			if titles[v.ID] == "" {
				t.Errorf("%s: %s is not in the database", name, v.ID)
			}
		}
	}
}
