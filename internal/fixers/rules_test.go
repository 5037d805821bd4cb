package fixers_test

import (
	"bytes"
	"cmp"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/structured-merge-diff/v6/typed"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

var update = flag.Bool("update", false, "write testdata/RULE/fixed.yaml anew")

// elsewhere are the rules that cannot be shown by objects alone, with the tests
// that show them: their verdict needs what an image, a registry or a process says.
var elsewhere = map[string]string{
	"netpol-unenforced":          "network/missing_test.go",
	"netpol-cni-limits":          "network/cni_limits_test.go",
	"netpol-enforce-race":        "network/dangling_test.go",
	"mesh-mtls-permissive":       "network/mesh_mtls_test.go",
	"audit-events":               "namespace/cluster_test.go",
	"supplemental-groups-policy": "pod/supplemental_groups_policy_test.go",
	"image-vulnerabilities":      "image/scans_test.go",
	"image-secrets":              "image/scans_test.go",
	"image-registry-allowed":     "image/registry_allowed_test.go",
	"image-end-of-life":          "image/scans_test.go",
	"image-not-scanned":          "image/scans_test.go",
	"image-unsigned":             "image/scans_test.go",
	"image-stale":                "image/scans_test.go",
	"image-runs-as-root":         "image/facts_test.go",
	"image-user-non-numeric":     "image/facts_test.go",
	"image-setuid-files":         "image/facts_test.go",
	"image-file-capabilities":    "image/facts_test.go",
	"image-world-writable":       "image/facts_test.go",
	"image-not-minimal":          "image/facts_test.go",
	"image-build-tools":          "image/facts_test.go",
	"image-docs-left":            "image/facts_test.go",
	"apiserver-public":           "cloud/nodes_test.go",
	"kubelet-config":             "controlplane/kubelet_config_test.go",
	"waiver-expired":             "../waivers/settle_test.go",
	"waiver-invalid":             "../waivers/settle_test.go",
	"waiver-unused":              "../waivers/settle_test.go",
}

// TestRules looks at testdata/RULE: objects that the rule finds (fail.yaml),
// objects that it has looked at and passes (pass.yaml) and, where it has a fix,
// the objects of fail.yaml with it (fixed.yaml), in which it finds nothing more.
//
// A file may begin with "# harden: live minor=33" and the like, see options.
func TestRules(t *testing.T) {
	for _, f := range fixers.Suite() {
		t.Run(f.ID, func(t *testing.T) {
			if where, ok := elsewhere[f.ID]; ok {
				if _, err := os.Stat(where); err != nil {
					t.Errorf("shown elsewhere, but: %v", err)
				}
				return
			}
			failing := read(t, f, "fail.yaml")
			findings := of(t, f, failing, harden.StatusFail)
			if len(findings) == 0 {
				t.Error("nothing is found in fail.yaml")
			}
			if counts := run(t, f, read(t, f, "pass.yaml")).Counts[f.ID]; counts.Pass == 0 || counts.Fail+counts.Unknown > 0 {
				t.Errorf("pass.yaml: counts are %+v, want some that pass and none that fail or are unknown", counts)
			}
			checkFixed(t, f, failing)
		})
	}
}

func checkFixed(t *testing.T, f *harden.Fixer, failing string) {
	t.Helper()
	e := engineOf(f)
	res := run(t, f, failing)
	var picks []plan.Pick
	changes := false
	for _, finding := range res.Findings {
		fixes := e.Fixes(res.Inventory, finding)
		picks = append(picks, plan.Pick{Finding: finding, Fixes: fixes})
		changes = changes || len(fixes) > 0 && len(fixes[0].Changes) > 0
	}
	name := filepath.Join("testdata", f.ID, "fixed.yaml")
	if !changes {
		if _, err := os.Stat(name); err == nil {
			t.Errorf("%s is there, but no fix changes anything", name)
		}
		return
	}
	objects, order := decode(t, failing)
	get := func(r harden.Ref) (*unstructured.Unstructured, error) {
		return objects[keyOf(r.Kind, r.Namespace, r.Name)], nil
	}
	p, err := plan.Build(res.Inventory, picks, get, types{}, harden.PlanOptions{Live: true, InSource: true, ForceConflicts: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Objects) == 0 {
		var why []string
		for _, l := range p.LeftOut {
			why = append(why, l.Why)
		}
		t.Fatalf("the plan is empty: %s", strings.Join(why, "; "))
	}
	for _, o := range p.Objects {
		key := keyOf(o.Target.Kind, o.Target.Namespace, o.Target.Name)
		if objects[key] == nil {
			order = append(order, key)
		}
		objects[key] = cmp.Or(o.After, o.Set)
	}
	var out bytes.Buffer
	out.WriteString(header(failing))
	for i, key := range order {
		if i > 0 {
			out.WriteString("---\n")
		}
		text, err := yaml.Marshal(objects[key].Object)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
	}
	if *update {
		if err := os.WriteFile(name, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v (go test ./internal/fixers -run 'TestRules/^%s$' -update writes it)", err, f.ID)
	}
	if diff := gocmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("fixed.yaml (-want +got):\n%s", diff)
	}
	left := map[string]bool{}
	for _, finding := range of(t, f, string(want), harden.StatusFail) {
		left[withoutSource(finding)] = true
	}
	for _, o := range p.Objects {
		for _, fix := range o.Fixes {
			if left[withoutSource(fix.Finding)] {
				t.Errorf("still found after the fix: %s", fix.Finding.ID())
			}
		}
	}
}

func withoutSource(f *harden.Finding) string {
	c := *f
	c.Object.Source = harden.Source{}
	return c.ID()
}

func engineOf(f *harden.Fixer) *engine.Engine { return &engine.Engine{Suite: []*harden.Fixer{f}} }

func run(t *testing.T, f *harden.Fixer, text string) *harden.Result {
	t.Helper()
	return engineOf(f).Run(fixtest.Load(t, text, options(t, text)...))
}

func of(t *testing.T, f *harden.Fixer, text string, status harden.Status) []*harden.Finding {
	t.Helper()
	return slices.DeleteFunc(run(t, f, text).Findings, func(x *harden.Finding) bool { return x.Status != status })
}

func read(t *testing.T, f *harden.Fixer, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", f.ID, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const directive = "# harden:"

// header is the directive line of a file, or nothing.
func header(text string) string {
	if line, _, _ := strings.Cut(text, "\n"); strings.HasPrefix(line, directive) {
		return line + "\n"
	}
	return ""
}

// options reads the directive line: live (the objects are in a cluster),
// minor=33 (its version), version=v1.33.1-eks-1 (what the server says),
// groups=kyverno.io,karpenter.k8s.aws (API groups that it has), openshift,
// provider=aws (the cloud of the nodes, whose CNI enforces policies).
func options(t *testing.T, text string) []fixtest.Option {
	t.Helper()
	var out []fixtest.Option
	for _, word := range strings.Fields(strings.TrimPrefix(header(text), directive)) {
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "live":
			out = append(out, fixtest.Live())
		case "minor":
			minor, err := strconv.Atoi(value)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, fixtest.Minor(minor))
		case "version":
			out = append(out, func(i *harden.Inventory) { i.Cluster.Version = value })
		case "groups":
			out = append(out, func(i *harden.Inventory) {
				i.Cluster.Groups = map[string]bool{}
				for _, g := range strings.Split(value, ",") {
					i.Cluster.Groups[g] = true
				}
			})
		case "openshift":
			out = append(out, fixtest.OpenShift())
		case "provider":
			out = append(out, fixtest.Engine(harden.Engine{Name: harden.EngineVPCCNI, Enforces: harden.Enforced, Provider: value, IPv4: true}))
		default:
			t.Fatalf("unknown option %q in %q", word, header(text))
		}
	}
	return out
}

func keyOf(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

func decode(t *testing.T, text string) (map[string]*unstructured.Unstructured, []string) {
	t.Helper()
	objects := map[string]*unstructured.Unstructured{}
	var order []string
	for doc := range strings.SplitSeq(text, "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.Unmarshal([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}
		if len(u.Object) == 0 {
			continue
		}
		key := keyOf(u.GetKind(), u.GetNamespace(), u.GetName())
		objects[key] = u
		order = append(order, key)
		if u.GetNamespace() == "" {
			objects[keyOf(u.GetKind(), "default", u.GetName())] = u
		}
	}
	return objects, order
}

// types is the schema of the built-in types, and a deduced one for others.
type types struct{}

var builtIn = applyconfigurations.NewTypeConverter(scheme.Scheme)

func (types) ObjectToTyped(o runtime.Object, opts ...typed.ValidationOptions) (*typed.TypedValue, error) {
	if !scheme.Scheme.Recognizes(o.GetObjectKind().GroupVersionKind()) {
		return managedfields.NewDeducedTypeConverter().ObjectToTyped(o, opts...)
	}
	return builtIn.ObjectToTyped(o, opts...)
}

func (types) TypedToObject(v *typed.TypedValue) (runtime.Object, error) {
	return builtIn.TypedToObject(v)
}
