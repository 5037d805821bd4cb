// Package journal keeps what was changed on a cluster, so that it can be taken
// back exactly: one JSON file per applied plan, written and synced before the
// first request leaves.
package journal

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Version is the apiVersion of the files that this program writes. A file of
// another version is listed and left alone.
const Version = harden.Domain + "/journal/v1"

// An Entry is one applied plan.
type Entry struct {
	APIVersion string    `json:"apiVersion"`
	ID         string    `json:"id"` // assigned by Create; sorts by time
	Time       time.Time `json:"time"`
	Context    string    `json:"context,omitempty"` // kubeconfig context at that time
	Server     string    `json:"server,omitempty"`
	ClusterUID string    `json:"clusterUID,omitempty"` // UID of the namespace kube-system, where it may be read
	Actor      string    `json:"actor,omitempty"`      // user of the kubeconfig context
	Objects    []*Object `json:"objects"`
}

// An Object is one object of a plan: how it was, what was sent, what became of it.
type Object struct {
	APIVersion string             `json:"apiVersion"`
	Kind       string             `json:"kind"`
	Namespace  string             `json:"namespace,omitempty"`
	Name       string             `json:"name"`
	UID        string             `json:"uid,omitempty"` // empty for a created object until the server named it
	Created    bool               `json:"created,omitempty"`
	State      harden.RecordState `json:"state"`
	Note       string             `json:"note,omitempty"` // outcome in words
	Fixes      []Fix              `json:"fixes"`

	// Request is the body of the server-side apply (or create), Removal the JSON
	// patch that followed it; either may be missing.
	Request json.RawMessage `json:"request,omitempty"`
	Removal json.RawMessage `json:"removal,omitempty"`
	Force   bool            `json:"force,omitempty"` // fields were taken over from other managers
	Diff    string          `json:"diff,omitempty"`  // of the server's dry run

	Leaves []Leaf `json:"leaves"`
	// ManagedFields are all entries as they were before.
	ManagedFields []metav1.ManagedFieldsEntry `json:"managedFields,omitempty"`
	Before        Revision                    `json:"before"`
	After         Revision                    `json:"after"` // zero until the server answered
	Baseline      Baseline                    `json:"baseline,omitzero"`

	Sent  time.Time `json:"sent"`           // when the request was about to leave
	Ended time.Time `json:"ended,omitzero"` // when the server answered
	// GivenUp is when it was decided to take the change back because it broke
	// something. Until Undone is set that may be done in part.
	GivenUp time.Time `json:"givenUp,omitzero"`
	Undone  time.Time `json:"undone,omitzero"` // when it was taken back
}

// A Baseline is how an object was before it was changed: what is bad after the
// change and was bad before is not the change's fault.
type Baseline struct {
	// Findings are the ids of what was wrong with it.
	Findings []string `json:"findings,omitempty"`
	// Pods says that its pods were looked at; the fields below are about them.
	Pods bool `json:"pods,omitempty"`
	// Restarts are the most restarts of each container among its pods.
	Restarts map[string]int32 `json:"restarts,omitempty"`
	// Noise are hashes of the errors in its logs. The lines themselves are not
	// kept, since they may hold anything.
	Noise []string `json:"noise,omitempty"`
	// Lame are pods of a DaemonSet on nodes that were not ready.
	Lame int32 `json:"lame,omitempty"`
}

// A Fix is why an object was changed.
type Fix struct {
	ID            string  `json:"id"` // of the fixer
	Title         string  `json:"title"`
	Class         string  `json:"class"`
	Container     string  `json:"container,omitempty"` // KIND:NAME
	Discriminator string  `json:"discriminator,omitempty"`
	Evidence      []Claim `json:"evidence,omitempty"`
	// Effect is what the fix is to make of its finding.
	Effect harden.Effect `json:"effect,omitzero"`
	// On is the object that the finding is about, where that is another than the
	// one that is changed.
	On *On `json:"on,omitempty"`
}

// On names an object.
type On struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name"`
}

// A Claim is a piece of evidence as it was known when the plan was applied.
type Claim struct {
	Code  string    `json:"code"`
	State string    `json:"state"`
	Text  string    `json:"text"`
	Time  time.Time `json:"time,omitzero"`
}

// A Revision tells states of one object apart.
type Revision struct {
	ResourceVersion string `json:"resourceVersion,omitempty"`
	Generation      int64  `json:"generation,omitempty"`
	// Revision is the rollout's own: a Deployment's revision annotation, a
	// StatefulSet's updateRevision, a DaemonSet's template generation.
	Revision string `json:"revision,omitempty"`
}

// A Leaf is one place that was changed.
type Leaf struct {
	Path Path `json:"path"`
	// Value is what was set, for a new list item what the request says of it;
	// null when the place was removed.
	Value   any  `json:"value,omitempty"`
	Removed bool `json:"removed,omitempty"`
	// Previous is what was there before; meaningless when Absent.
	Previous any  `json:"previous,omitempty"`
	Absent   bool `json:"absent,omitempty"`
	// Withheld says that Previous is a credential: the file does not hold it.
	Withheld bool `json:"withheld,omitempty"`
	// Made is how many structs and lists around an absent place were absent too.
	Made int `json:"made,omitempty"`
	// Position is where a removed list item stood in its list, from 0.
	Position int `json:"position,omitempty"`
	// Owners are the managers that held the place, or something below it, before.
	Owners []Owner `json:"owners,omitempty"`
}

// MarshalJSON leaves a credential out.
func (l Leaf) MarshalJSON() ([]byte, error) {
	type plain Leaf
	if l.Withheld {
		l.Previous = nil
	}
	return json.Marshal(plain(l))
}

// Lost reports whether what was there before is not known any more: it was a
// credential, and the leaf comes from a file.
func (l Leaf) Lost() bool { return l.Withheld && l.Previous == nil }

// An Owner is a field manager as managedFields names it.
type Owner struct {
	Manager     string                            `json:"manager"`
	Operation   metav1.ManagedFieldsOperationType `json:"operation"`
	Subresource string                            `json:"subresource,omitempty"`
}

// Path is a place in an object as JSON: an array of path elements in the form of
// managedFields, such as "f:spec" and `k:{"name":"web"}`.
type Path fieldpath.Path

// MarshalJSON writes the elements in the form of managedFields.
func (p Path) MarshalJSON() ([]byte, error) {
	parts := make([]string, 0, len(p))
	for _, e := range p {
		s, err := fieldpath.SerializePathElement(e)
		if err != nil {
			return nil, fmt.Errorf("writing path %s: %w", fieldpath.Path(p), err)
		}
		parts = append(parts, s)
	}
	return json.Marshal(parts)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *Path) UnmarshalJSON(data []byte) error {
	var parts []string
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("reading path: %w", err)
	}
	*p = make(Path, 0, len(parts))
	for _, s := range parts {
		e, err := fieldpath.DeserializePathElement(s)
		if err != nil {
			return fmt.Errorf("reading path element %q: %w", s, err)
		}
		*p = append(*p, e)
	}
	return nil
}

// Ref names the object.
func (o *Object) Ref() harden.Ref {
	return harden.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, UID: types.UID(o.UID)}
}

// Record is the entry as it is listed for people.
func (e *Entry) Record() harden.Record {
	r := harden.Record{ID: e.ID, Time: e.Time, Cluster: e.Context}
	for _, o := range e.Objects {
		ro := harden.RecordObject{Object: o.Ref(), State: o.State, Note: o.Note, Made: o.Created}
		for _, f := range o.Fixes {
			does := f.ID
			if f.Effect != harden.Repairs {
				does = f.Effect.String() + " " + f.ID
			}
			if !slices.Contains(ro.Fixes, does) {
				ro.Fixes = append(ro.Fixes, does)
			}
		}
		switch {
		case ro.Note != "":
		case o.State == harden.RecordStarted:
			ro.Note = "sent, and then the program ended before it knew the answer; undo and resume look at the object and decide"
		case o.State == harden.RecordOnTrial:
			ro.Note = "applied, and nobody has seen yet whether it works"
		}
		r.Objects = append(r.Objects, ro)
	}
	return r
}
