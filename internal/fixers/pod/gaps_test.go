package pod

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A look that could not see everything proves nothing by what it did not see.
func TestGapsProveNothing(t *testing.T) {
	text := deployment(plainWeb)
	files := &harden.ImageFiles{Dirs: map[string]harden.ImageDir{"/tmp": {Mode: 0o1777}}}
	image := fixtest.Image("web:1", imageWith("1000", files))
	for _, test := range []struct {
		fixer *harden.Fixer
		part  harden.ProbePart
	}{
		{ReadOnlyRootFilesystem, harden.ProbeOpen},
		{ReadOnlyRootFilesystem, harden.ProbeChanged},
		{ReadOnlyRootFilesystem, harden.ProbeProcesses},
		{NetRawCapability, harden.ProbeSockets},
		{SeccompProfileMissing, harden.ProbeProcesses},
	} {
		t.Run(test.fixer.ID+" without "+string(test.part), func(t *testing.T) {
			look := wrote()
			whole := fixtest.Fixes(t, test.fixer, text, image, fixtest.Probe("web", look))[0]
			if whole.Class != harden.Evidence {
				t.Fatalf("with a whole look: %s\n%s", whole.Class, claimsOf(whole))
			}
			look.Gaps = []harden.ProbeGap{{Of: test.part, Why: "the kernel does not tell"}}
			fix := fixtest.Fixes(t, test.fixer, text, image, fixtest.Probe("web", look))[0]
			said := ""
			for _, c := range fix.Evidence {
				said += c.Text + "\n"
			}
			if fix.Class != harden.Review || !strings.Contains(said, "the kernel does not tell") {
				t.Errorf("with a gap: %s\n%s", fix.Class, said)
			}
		})
	}
}

// A written path that ends in a slash is the directory in which something was made.
func TestWrittenDirectory(t *testing.T) {
	files := &harden.ImageFiles{Dirs: map[string]harden.ImageDir{"/tmp": {Mode: 0o1777}, "/var": {Mode: 0o755, Entries: 1}, "/var/spool": {Mode: 0o755}}}
	fix := fixtest.Fixes(t, ReadOnlyRootFilesystem, deployment(plainWeb), fixtest.Image("web:1", imageWith("1000", files)), fixtest.Probe("web", wrote("/var/spool/")))[0]
	if got := mountsOf(fix); got != "/tmp /var/spool" {
		t.Errorf("mounts %q, want /tmp /var/spool\n%s", got, claimsOf(fix))
	}
}
