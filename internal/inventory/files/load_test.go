package files

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var update = flag.Bool("update", false, "write the wanted results of txtar tests")

// describe says what was read: documents, what the inventory lists beside them, errors.
func describe(s *Set, err error, dir string) string {
	var b strings.Builder
	for _, d := range s.Documents() {
		fmt.Fprintf(&b, "%s:%d document %d", d.File, d.Line, d.Index)
		for _, r := range d.Objects {
			fmt.Fprintf(&b, " %s %s", r.APIVersion, r.Long())
			if r.Source.Item >= 0 {
				fmt.Fprintf(&b, "@%d", r.Source.Line)
			}
		}
		if d.Skipped != "" {
			fmt.Fprintf(&b, " skipped: %s", d.Skipped)
		}
		b.WriteString("\n")
	}
	inv := s.Inventory(time.Time{})
	fmt.Fprintf(&b, "scope %q, %d objects\n", inv.Scope, inv.Objects)
	for _, w := range inv.Workloads {
		fmt.Fprintf(&b, "workload %s %s\n", w.Ref.Long(), w.Ref.Source)
	}
	for _, s := range inv.Scalers {
		fmt.Fprintf(&b, "scaler %s %s of %s, at least %d\n", s.Ref.Long(), s.Ref.Source, s.Target.Long(), s.MinReplicas)
	}
	describeNet(&b, inv)
	for _, u := range inv.Unread {
		fmt.Fprintf(&b, "unread %s: %s\n", u.Resource, u.Why)
	}
	if err != nil {
		fmt.Fprintf(&b, "errors:\n%v\n", err)
	}
	text := strings.ReplaceAll(b.String(), dir+string(filepath.Separator), "")
	return strings.ReplaceAll(text, dir, "DIR")
}

func describeNet(b *strings.Builder, inv *harden.Inventory) {
	line := func(what string, o metav1.Object) { fmt.Fprintf(b, "%s %s/%s\n", what, o.GetNamespace(), o.GetName()) }
	for _, ns := range slices.Sorted(maps.Keys(inv.NetworkPolicies)) {
		for _, p := range inv.NetworkPolicies[ns] {
			fmt.Fprintf(b, "policy %s/%s %s\n", p.Namespace, p.Name, inv.NetworkPolicySources[ns][p.Name])
		}
	}
	n := &inv.Net
	for _, s := range n.Services {
		fmt.Fprintf(b, "service %s/%s %v %v\n", s.Namespace, s.Name, s.Spec.Selector, s.Spec.Ports)
	}
	for _, o := range n.Ingresses {
		line("ingress", o)
	}
	for _, o := range n.EndpointSlices {
		line("slice", o)
	}
	for _, o := range n.IngressClasses {
		line("class", o)
	}
	for _, o := range n.ConfigMaps {
		fmt.Fprintf(b, "configmap %s/%s %v, %d binary\n", o.Namespace, o.Name, o.Data, len(o.BinaryData))
	}
	for _, o := range slices.Concat(n.Policies, n.Routes, n.Monitors) {
		line(o.GetAPIVersion()+" "+o.GetKind(), o)
	}
	for _, c := range n.Callees {
		fmt.Fprintf(b, "callee %s/%s:%d of %s %s %s\n", c.Namespace, c.Service, c.Port, c.By, c.Webhook, c.Policy)
	}
}

func TestLoad(t *testing.T) {
	tests, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(tests) == 0 {
		t.Fatal("no tests", err)
	}
	for _, test := range tests {
		t.Run(strings.TrimSuffix(filepath.Base(test), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(test)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			want := -1
			for i, f := range a.Files {
				if f.Name == "want" {
					want = i
					continue
				}
				writeFile(t, filepath.Join(dir, f.Name), strings.NewReplacer("<CR>", "\r", "<BOM>", "\ufeff").Replace(string(f.Data)))
			}
			set, loadErr := Load([]string{dir}, nil, Options{})
			got := describe(set, loadErr, dir)
			if *update {
				if want < 0 {
					want = len(a.Files)
					a.Files = append(a.Files, txtar.File{Name: "want"})
				}
				a.Files[want].Data = []byte(got)
				if err := os.WriteFile(test, txtar.Format(a), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("no wanted result")
			}
			if diff := cmp.Diff(string(a.Files[want].Data), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestStdin(t *testing.T) {
	const text = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}"
	set, err := Load([]string{"-", "-"}, strings.NewReader(text), Options{DefaultNamespace: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	want := "-:1 document 0 v1 shop/ServiceAccount/a\nscope [\"shop\"], 1 objects\n"
	if diff := cmp.Diff(want, describe(set, nil, "nowhere")); diff != "" {
		t.Error(diff)
	}
	if got := set.Inventory(time.Time{}).ServiceAccounts["shop"]["a"].Namespace; got != "shop" {
		t.Errorf("the account has namespace %q, want shop", got)
	}
}

func TestAFileIsReadOnce(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.yaml")
	writeFile(t, name, "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}")
	set, err := Load([]string{name, dir, dir + "/./a.yaml"}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := len(set.Documents()); got != 1 {
		t.Errorf("got %d documents, want 1", got)
	}
}

func TestUnreadableInputs(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "binary.yaml"), "\x7fELF\x00\x01")
	writeFile(t, filepath.Join(dir, "utf16.yaml"), "\xff\xfea\x00")
	writeFile(t, filepath.Join(dir, "latin1.yaml"), "a: b\nc: caf\xe9\n")
	writeFile(t, filepath.Join(dir, "good.yaml"), "{apiVersion: v1, kind: ServiceAccount, metadata: {name: a}}")
	set, err := Load([]string{dir, filepath.Join(dir, "absent.yaml"), "https://example.com/a.yaml"}, nil, Options{})
	var loadErr *LoadError
	if !errors.As(err, &loadErr) {
		t.Fatalf("got %v, want a LoadError", err)
	}
	if !errors.Is(err, os.ErrNotExist) {
		t.Error("the missing file is not found by errors.Is")
	}
	want := strings.Join([]string{
		"binary.yaml: this is a binary file (byte 0 at offset 4), not a manifest",
		"latin1.yaml:2: this line is not UTF-8 text",
		"utf16.yaml: this is UTF-16: save it as UTF-8",
		"absent.yaml: no such file or directory",
		"https://example.com/a.yaml: web addresses are not read: download it and pipe it in with -f -",
	}, "\n")
	if diff := cmp.Diff(want, strings.ReplaceAll(err.Error(), dir+"/", "")); diff != "" {
		t.Error(diff)
	}
	if got := len(set.Documents()); got != 1 {
		t.Errorf("got %d documents, want the good one", got)
	}
}
