package examples

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// What the upstream evaluator says about each workload, at baseline and at restricted.
var broken = map[string]struct{ baseline, restricted []string }{
	"shop/web": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/api": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/worker": {
		baseline: []string{
			"hostPath volumes",
			"non-default capabilities",
			"seccompProfile",
		},
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"restricted volume types",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/cache": {
		baseline: []string{
			"hostPort",
			"privileged",
		},
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"hostPort",
			"privileged",
			"runAsNonRoot != true",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/postgres": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"runAsUser=0",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/order-export": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/node-agent": {
		baseline: []string{
			"host namespaces",
			"hostPath volumes",
			"hostPort",
			"privileged",
		},
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"host namespaces",
			"hostPort",
			"privileged",
			"restricted volume types",
			"runAsNonRoot != true",
			"runAsUser=0",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"shop/search": {
		baseline: []string{
			"non-default capabilities",
		},
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"seccompProfile",
			"unrestricted capabilities",
		},
	},
	"payments/checkout": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
		},
	},
	"payments/fraud": {
		restricted: []string{
			"allowPrivilegeEscalation != false",
			"runAsNonRoot != true",
			"unrestricted capabilities",
		},
	},
	"identity/login":           {},
	"identity/session-cleanup": {},
}

func TestShopBreaksWhatItsTableSays(t *testing.T) {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, object := range decode(t, "shop") {
		template := podTemplate(object)
		if template == nil {
			continue
		}
		accessor, err := meta.Accessor(object)
		if err != nil {
			t.Fatal(err)
		}
		name := accessor.GetNamespace() + "/" + accessor.GetName()
		seen[name] = true
		t.Run(name, func(t *testing.T) {
			want, ok := broken[name]
			if !ok {
				t.Fatalf("workload %s has no row in the table", name)
			}
			for level, checks := range map[api.Level][]string{
				api.LevelBaseline:   want.baseline,
				api.LevelRestricted: want.restricted,
			} {
				got := forbidden(evaluator, level, template)
				if diff := cmp.Diff(checks, got); diff != "" {
					t.Errorf("checks broken at %s (-want +got):\n%s", level, diff)
				}
			}
		})
	}
	for name := range broken {
		if !seen[name] {
			t.Errorf("no workload %s in examples/shop", name)
		}
	}
}

// kubectl applies the files of a folder by name, so a namespace must stand before what is in it.
func TestNamespacesComeFirst(t *testing.T) {
	for _, system := range []string{"shop", "microshop", "guestbook", "bookshop"} {
		known := map[string]bool{}
		for _, object := range decode(t, system) {
			if namespace, ok := object.(*corev1.Namespace); ok {
				known[namespace.Name] = true
				continue
			}
			accessor, err := meta.Accessor(object)
			if err != nil {
				t.Fatal(err)
			}
			if in := accessor.GetNamespace(); in != "" && !known[in] {
				t.Errorf("%T %q stands before its namespace %q", object, accessor.GetName(), in)
			}
		}
	}
}

func decode(t *testing.T, dir string) []runtime.Object {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(paths)
	decoder := serializer.NewCodecFactory(scheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	var objects []runtime.Object
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		documents := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
		for {
			document, err := documents.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("reading %s: %v", path, err)
			}
			object, _, err := decoder.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("decoding a document of %s: %v\n%s", path, err, document)
			}
			objects = append(objects, object)
		}
	}
	if len(objects) == 0 {
		t.Fatalf("no manifests in %s", dir)
	}
	return objects
}

func podTemplate(object runtime.Object) *corev1.PodTemplateSpec {
	switch object := object.(type) {
	case *appsv1.Deployment:
		return &object.Spec.Template
	case *appsv1.StatefulSet:
		return &object.Spec.Template
	case *appsv1.DaemonSet:
		return &object.Spec.Template
	case *batchv1.CronJob:
		return &object.Spec.JobTemplate.Spec.Template
	}
	return nil
}

// forbidden returns the reasons for which the newest version of the standard refuses the pod, sorted.
func forbidden(evaluator policy.Evaluator, level api.Level, template *corev1.PodTemplateSpec) []string {
	var reasons []string
	version := api.LevelVersion{Level: level, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(version, &template.ObjectMeta, &template.Spec) {
		if !result.Allowed {
			reasons = append(reasons, result.ForbiddenReason)
		}
	}
	slices.Sort(reasons)
	return reasons
}
