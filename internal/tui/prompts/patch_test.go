package prompts

import (
	"testing"

	"github.com/aymanbagabas/go-udiff"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

func TestChanges(t *testing.T) {
	const long = `{"until":"2027-01-01","reason":"it is a node agent that reads the logs of all pods, which nobody else may do here","facts":{}}`
	for _, test := range []struct {
		name, before, after string
		mask                string // what the diff does not show
		want                []string
	}{
		{name: "fields", before: "a: {b: 1, c: x}", after: "a: {b: 2, d: true}", want: []string{"change a.b from 1 to 2", "remove a.c, which is x", "add a.d: true"}},
		{name: "items by name", before: "c: [{name: a, v: 1}, {name: b, v: 1}]", after: "c: [{name: b, v: 2}, {name: d}]", want: []string{"remove c[a].name, which is a", "remove c[a].v, which is 1", "change c[b].v from 1 to 2", "add c[d].name: d"}},
		{name: "items by place", before: "p: [{port: 80}]", after: "p: [{port: 81}, {port: 82}]", want: []string{"change p[1].port from 80 to 81", "add p[2].port: 82"}},
		{name: "plain items", before: "drop: [NET_RAW]", after: "drop: [ALL]", want: []string{"remove NET_RAW from drop", "add ALL to drop"}},
		{name: "empty", before: "a: 1", after: "a: 1\nv: {}", want: []string{"add v: {}"}},
		{name: "keys with dots", before: "l: {}", after: "l: {app.kubernetes.io/name: web}", want: []string{"add l[app.kubernetes.io/name]: web"}},
		{name: "another kind of value", before: "a: [x]", after: "a: {b: 1}", want: []string{"change a; its values are not shown"}},
		{name: "a long text", before: "m: {}", after: "m: {waive: '" + long + "'}", want: []string{"add m.waive: '" + long + "'"}},
		{name: "what the diff masks", before: "e: [{name: T, value: hunter2}]", after: "e: [{name: T, value: hunter3}]", mask: "e: [{name: T, value: '*** (2)'}]", want: []string{"change e[T].value; its values are not shown"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			before, after, shown := object(t, test.before), object(t, test.after), object(t, test.after)
			from := object(t, test.before)
			if test.mask != "" {
				shown, from = object(t, test.mask), map[string]any{}
			}
			c := newChanges(udiff.Unified("a", "b", text(t, from), text(t, shown)))
			c.maps("", before, after)
			if diff := cmp.Diff(test.want, c.said); diff != "" || len(c.said) == 0 {
				t.Error(diff)
			}
		})
	}
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	out := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func text(t *testing.T, object map[string]any) string {
	t.Helper()
	b, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
