package trivy_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/images/database"
	testscans "github.com/kubectl-harden/kubectl-harden/test/scans"
)

// ensure downloads the databases of the corpus.
func ensure(t testing.TB, r *testscans.Registry) database.Status {
	t.Helper()
	now := time.Now()
	db, err := database.Ensure(t.Context(), database.Options{
		Dir: t.TempDir(), Repositories: []string{r.PushDatabase(t, now)}, Java: true, JavaRepositories: []string{r.PushJavaDatabase(t, now)}, Keychain: authn.NewMultiKeychain(),
	}, nil)
	if err != nil || db.Why != "" || db.JavaWhy != "" {
		t.Fatal(err, db.Why, db.JavaWhy)
	}
	return db
}

func scannerOptions(cache string, db database.Status) images.ScannerOptions {
	return images.ScannerOptions{
		Options: images.Options{CacheDir: cache, Keychain: authn.NewMultiKeychain()}, Command: []string{os.Args[0], images.WorkerArgument},
		Database: db.Dir, JavaDatabase: db.JavaDir,
	}
}

// scanAll scans images and returns what was found, by key.
func scanAll(t testing.TB, s *images.Scanner, keys []harden.ImageKey) map[harden.ImageKey]*harden.ImageScan {
	t.Helper()
	var wanted []images.Wanted
	for _, k := range keys {
		wanted = append(wanted, images.Wanted{Key: k, Scan: true})
	}
	found := map[harden.ImageKey]*harden.ImageScan{}
	if err := s.Look(t.Context(), wanted, func(l images.Looked) {
		switch {
		case l.Scan == nil || !l.Scan.Known:
			t.Errorf("%s was not scanned: %+v", l.Key.Reference, l.Scan)
		case len(l.Scan.Gaps) > 0:
			t.Errorf("%s: %q", l.Key.Reference, l.Scan.Gaps)
		default:
			found[l.Key] = l.Scan
		}
	}); err != nil {
		t.Fatal(err)
	}
	if len(found) != len(keys) {
		t.Fatalf("%d of %d images were scanned", len(found), len(keys))
	}
	return found
}

// What is found in the corpus is what its authors expect, and what the trivy
// command of the same version finds there with the same database.
func TestScansAreAsExpectedAndAsTrivyDoes(t *testing.T) {
	r := testscans.Serve(t)
	references := r.PushCorpus(t)
	db := ensure(t, r)
	expected := testscans.Expectation(t)
	var keys []harden.ImageKey
	names := map[harden.ImageKey]string{}
	for name := range expected {
		image, platform, _ := strings.Cut(name, " ")
		key := harden.ImageKey{Reference: references[image], Platform: platform}
		keys = append(keys, key)
		names[key] = name
	}
	found := scanAll(t, images.NewScanner(scannerOptions(t.TempDir(), db)), keys)
	trivy := newProgram(t, db)
	titles := testscans.Titles(t)
	for _, key := range keys {
		t.Run(names[key], func(t *testing.T) {
			if diff := gocmp.Diff(expected[names[key]], told(found[key]), cmpopts.EquateEmpty(), cmpopts.SortSlices(func(a, b any) bool { return fmt.Sprint(a) < fmt.Sprint(b) })); diff != "" {
				t.Errorf("-expected +found:\n%s", diff)
			}
			for _, v := range found[key].Vulnerabilities {
				if v.Title != titles[v.ID] || !strings.HasSuffix(v.URL, strings.ToLower(v.ID)) {
					t.Errorf("%s: title %q, URL %q", v.ID, v.Title, v.URL)
				}
			}
			printed, err := trivy.apart(t, db).scan(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			ours := &harden.ImageScan{OS: found[key].OS, Packages: found[key].Packages, Vulnerabilities: found[key].Vulnerabilities, Secrets: found[key].Secrets}
			slices.SortFunc(printed.Secrets, func(a, b harden.ImageSecret) int {
				return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line), strings.Compare(a.Rule, b.Rule))
			})
			if diff := gocmp.Diff(printed, ours, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("-trivy +ours:\n%s", diff)
			}
		})
	}
}

// told is a scan in the words of the expectation.
func told(s *harden.ImageScan) testscans.Expected {
	e := testscans.Expected{OS: strings.TrimSpace(s.OS.Family + " " + s.OS.Name), EndOfLife: s.OS.EndOfLife}
	for _, v := range s.Vulnerabilities {
		e.Vulnerabilities = append(e.Vulnerabilities, testscans.Vulnerability{ID: v.ID, Package: v.Package, Path: v.Path, Installed: v.Installed, Fixed: v.Fixed, Severity: v.Severity.String()})
	}
	for _, s := range s.Secrets {
		e.Secrets = append(e.Secrets, testscans.Secret{Rule: s.Rule, Path: s.Path, Line: s.Line, Severity: s.Severity.String()})
	}
	return e
}
