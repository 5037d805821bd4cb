package checkout

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A place brings objects.
type place interface {
	kind() harden.SourceKind
	// where is the file, or the folder of the kustomization or chart.
	where() string
	// objects are what it brings when the edits are made.
	objects(edits []harden.FileChange) ([]*object, error)
	// bring gives the files with which it brings what is wanted, all or nothing, on
	// top of the edits. The result was rendered: everything else is as it was.
	bring(edits []harden.FileChange, wanted []want) (brought, error)
}

// An object is one that a place brings.
type object struct {
	*unstructured.Unstructured
	// namespace into which it goes; empty when the place leaves that to others, or
	// the kind has none.
	namespace string
	ref       harden.Ref // in its file, or as rendered
	origin    string     // the file it comes from; empty when nobody knows
}

// A want is a change with the object that is to be changed; nil for a new one.
type want struct {
	change harden.ObjectChange
	object *object
	of     *object // of a new object: what it is for, in the same place
}

type brought struct {
	files []harden.FileChange
	// changed are the files for each want, notes what a person should know.
	changed [][]string
	notes   [][]string
}

// already is the note for what the source says as it is wanted: only the cluster
// lags behind, or something else has changed it there.
const already = "the source says so already: deliver it again"

func newBrought(n int) brought {
	return brought{changed: make([][]string, n), notes: make([][]string, n)}
}

// merge lays later edits over earlier ones; each file is there once, with what it
// was before all of them.
func merge(edits []harden.FileChange, more ...harden.FileChange) []harden.FileChange {
	out := append([]harden.FileChange(nil), edits...)
next:
	for _, m := range more {
		for i := range out {
			if out[i].Path == m.Path {
				out[i].After = m.After
				out[i].Notes = append(out[i].Notes[:len(out[i].Notes):len(out[i].Notes)], m.Notes...)
				continue next
			}
		}
		out = append(out, m)
	}
	return out
}

// text is the file as the edits leave it.
func (c *Checkout) text(path string, edits []harden.FileChange) string {
	for _, e := range edits {
		if e.Path == path {
			return string(e.After)
		}
	}
	return c.load(path).text
}
