package files

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files/filestest"
)

// Documents that are put together at random, and manifests with random changes:
// what the simple reader reads of them, it reads as the library does.
// HARDEN_RUNS is how many, if more than the few of a quick run.
func TestSimpleRandomly(t *testing.T) {
	runs := 20_000
	if n, err := strconv.Atoi(os.Getenv("HARDEN_RUNS")); err == nil {
		runs = n
	}
	pieces := []string{
		"a", "b", "c: ", "d:", "e: f", "- ", "-", "\n", "\n", "\n  ", "\n  ", "\n    ", "\n- ", "\n  - ", " ", "  ", " # x", "#", "#y\n",
		"'", "''", "\"", "\\", "\\n", "|", "|-", "|\n", "|\n  ", ">", "[", "]", "{", "}", ", ", ",", ": ", ":", "? ", "&", "*", "!", "~", "null", "1", "0x1", "<<",
		"é", "\u2028", "\ufeff", "\t", "\r\n", "---", "---\n", "...", "%", "@", "`", "=", "-1", "--x", "http://a:1/", "a b", "[a, 'b']", "{a: b}", "{}", "key: |\n  text\n", "k:\n- v\n", "k:\n  l: m\n",
	}
	manifest := string(filestest.Deployments(3)) + everyForm
	rnd := rand.New(rand.NewPCG(3, 4))
	simple := 0
	for range runs {
		var text string
		if rnd.IntN(3) == 0 {
			from := rnd.IntN(len(manifest))
			text = manifest[from:min(from+rnd.IntN(400), len(manifest))]
			for range 1 + rnd.IntN(3) {
				at := rnd.IntN(len(text) + 1)
				text = text[:at] + pieces[rnd.IntN(len(pieces))] + text[min(at+rnd.IntN(3), len(text)):]
			}
		} else {
			var b strings.Builder
			for range 1 + rnd.IntN(14) {
				b.WriteString(pieces[rnd.IntN(len(pieces))])
			}
			text = b.String()
		}
		if _, msg := notText(text); msg != "" {
			continue
		}
		for _, sp := range splitYAML(text) {
			if compareReaders(t, text[sp.start:sp.end]) {
				simple++
			}
		}
	}
	if simple < runs/50 {
		t.Errorf("the simple reader read %d of %d texts: the test tries too little", simple, runs)
	}
}
