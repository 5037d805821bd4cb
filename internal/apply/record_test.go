package apply

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

const literalYAML = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop, uid: u1}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        env:
        - {name: DB_PASSWORD, value: marker-one1}`

// The journal has no credential that a plan takes away. The run that did it can
// take it back; afterwards the reference stays.
func TestT87CredentialsAreNotInTheJournal(t *testing.T) {
	live := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(literalYAML), &live.Object); err != nil {
		t.Fatal(err)
	}
	ref := refOf(live)
	env := func(field string) harden.Path {
		return harden.ContainerPath(ref, web, "env", fieldpath.KeyByFields("name", "DB_PASSWORD"), field)
	}
	change := harden.SetContainer(ref, web, map[string]any{"env": []any{map[string]any{
		"name": "DB_PASSWORD", "value": "", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "web", "key": "p"}},
	}}})
	a := &Applier{converter: converter(), now: time.Now}
	o, err := a.record(&attempt{op: &harden.ObjectPlan{Target: ref}, live: live, set: change.Set}, "")
	if err != nil {
		t.Fatal(err)
	}
	at := func(o *journal.Object, path harden.Path) journal.Leaf {
		for _, l := range o.Leaves {
			if path.Equals(harden.Path(l.Path)) {
				return l
			}
		}
		t.Fatalf("no leaf at %s", path)
		return journal.Leaf{}
	}
	if l := at(o, env("value")); l.Previous != "marker-one1" || l.Lost() {
		t.Errorf("the run that changes it cannot take it back: %+v", l)
	}
	j := journal.Open(filepath.Join(t.TempDir(), "journal"))
	entry := &journal.Entry{Time: time.Now(), Objects: []*journal.Object{o}}
	if err := j.Create(entry); err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(filepath.Join(j.Dir(), entry.ID+".json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(file), "marker") {
		t.Errorf("the journal holds the credential:\n%s", file)
	}
	read, err := j.Load(entry.ID)
	if err != nil {
		t.Fatal(err)
	}
	loaded := read.Objects[0]
	if !at(loaded, env("value")).Lost() {
		t.Errorf("the leaf does not say that its value is lost: %+v", at(loaded, env("value")))
	}
	after := live.DeepCopy()
	for _, l := range loaded.Leaves {
		plan.Put(after, harden.Path(l.Path), l.Value)
	}
	u := &undo{Applier: a, entry: read}
	if _, err := u.takeBackFrom(t.Context(), loaded, after); err == nil || !strings.Contains(err.Error(), "which the journal does not keep") {
		t.Errorf("undo said %v, want why it leaves the reference alone", err)
	}
}

// What a removal tests is the value that it removes.
func TestT87RemovedCredentialsAreNotInTheJournal(t *testing.T) {
	patch := []byte(`[{"op":"test","path":"/metadata/annotations/a","value":"marker-one1"},{"op":"remove","path":"/metadata/annotations/a"}]`)
	for _, test := range []struct {
		withheld bool
		want     bool
	}{{true, false}, {false, true}} {
		o := &journal.Object{Leaves: []journal.Leaf{{Removed: true, Withheld: test.withheld, Previous: "marker-one1"}}}
		got, err := recorded(patch, o)
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(got), "marker"); has != test.want || !json.Valid(got) {
			t.Errorf("withheld %v: the patch is recorded as %s", test.withheld, got)
		}
	}
}
