package owners_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An owner applies the object as its source has it.
type owner struct {
	name                string
	labels, annotations map[string]string // that it puts on the object; NAMESPACE is that of the test
	engine              func(*bench) engine
	adds, sets          expected // for a field that it does not set, and for one that it sets
	renames             bool     // whether to try that it cannot rename a container that we co-own
	origin              string
}

// An engine writes the object; the first time it makes it.
type engine func(*unstructured.Unstructured) error

// expected is what the plan says.
type expected struct {
	rule     string
	delivery harden.Delivery
	fate     harden.Fate
	why      string // a part of DeliveryWhy
}

const (
	addsRule   = "seccomp-profile-missing"
	setsRule   = "read-only-root-filesystem"
	renameRule = "allow-privilege-escalation" // adds a field to a container
)

var owners = []owner{
	{
		name:   "Flux Kustomization",
		labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "shop", "kustomize.toolkit.fluxcd.io/namespace": "NAMESPACE"},
		engine: fluxEngine,
		adds:   expected{addsRule, harden.DeliverSource, harden.Durable, "Flux applies this pod template server-side"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "re-applies it within 10m"}, renames: true,
		origin: "path ./apps/shop of https://git.example.com/acme/infra at main (Kustomization NAMESPACE/shop)",
	},
	{
		name: "Helm 3, or a release that it installed", engine: helmEngine("helm", clientSide),
		adds:   expected{addsRule, harden.DeliverLive, harden.Durable, "they survive helm upgrade"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "the next helm upgrade resets it"},
		origin: "chart shop 1.2.3 (release NAMESPACE/shop)",
	},
	{
		name: "Helm 4", engine: helmEngine("helm", serverSide),
		adds: expected{addsRule, harden.DeliverSource, harden.Durable, `Helm applies this pod template server-side (manager "helm")`},
		sets: expected{setsRule, harden.DeliverSource, harden.Contested, "the next helm upgrade fails with a conflict"}, renames: true,
		origin: "chart shop 1.2.3 (release NAMESPACE/shop)",
	},
	{
		name:   "Flux HelmRelease",
		labels: map[string]string{"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "NAMESPACE"},
		engine: helmEngine("helm-controller", forcing),
		adds:   expected{addsRule, harden.DeliverSource, harden.Durable, "Flux applies this pod template server-side"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "its next upgrade (another chart or other values) sets it again"},
		origin: "chart shop 1.x of https://charts.example.com (HelmRelease NAMESPACE/shop), and path ./apps/shop of https://git.example.com/acme/infra at main (Kustomization NAMESPACE/shop)",
	},
	{
		name:   "Flux HelmRelease that corrects drift",
		labels: map[string]string{"helm.toolkit.fluxcd.io/name": "shop-drift", "helm.toolkit.fluxcd.io/namespace": "NAMESPACE"},
		engine: driftEngine,
		adds:   expected{addsRule, harden.DeliverLive, harden.Durable, "they stay when it upgrades or corrects drift"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "its drift correction puts it back within 15m"},
		origin: "chart shop 1.x of https://charts.example.com (HelmRelease NAMESPACE/shop-drift)",
	},
	{
		name: "kubectl apply", engine: kubectlEngine("apply"),
		adds: expected{addsRule, harden.DeliverLive, harden.Durable, ""},
		sets: expected{setsRule, harden.DeliverLive, harden.Contested, "its next kubectl apply resets it"},
	},
	{
		name: "kubectl apply --server-side", engine: kubectlEngine("apply", "--server-side"),
		adds: expected{addsRule, harden.DeliverSource, harden.Durable, "kubectl applies this pod template server-side"},
		sets: expected{setsRule, harden.DeliverSource, harden.Contested, "its next apply would fail with a conflict"},
	},
	{
		name:        "Argo CD",
		annotations: map[string]string{"argocd.argoproj.io/tracking-id": "NAMESPACE_shop-csa:apps/Deployment:NAMESPACE/shop"},
		engine:      kubectlEngine("apply", "--field-manager=argocd-controller"),
		adds:        expected{addsRule, harden.DeliverLive, harden.Durable, "they stay and show as Synced"},
		sets:        expected{setsRule, harden.DeliverSource, harden.Contested, "self-heal puts it back within seconds"},
		origin:      "path deploy of https://git.example.com/acme/shop at v2 (Application NAMESPACE/shop-csa)",
	},
	{
		name:        "Argo CD, server-side",
		annotations: map[string]string{"argocd.argoproj.io/tracking-id": "NAMESPACE_shop-ssa:apps/Deployment:NAMESPACE/shop"},
		engine:      argoEngine,
		adds:        expected{addsRule, harden.DeliverSource, harden.Durable, "Argo CD applies this pod template server-side"},
		sets:        expected{setsRule, harden.DeliverSource, harden.Contested, "self-heal puts it back within seconds"},
		origin:      "path deploy of https://git.example.com/acme/shop at v2 (Application NAMESPACE/shop-ssa)",
	},
	{
		name:        "Argo CD that replaces",
		annotations: map[string]string{"argocd.argoproj.io/tracking-id": "NAMESPACE_shop-replace:apps/Deployment:NAMESPACE/shop"},
		engine:      replaceEngine,
		adds:        expected{addsRule, harden.DeliverSource, harden.Futile, "Replace=true"},
		sets:        expected{setsRule, harden.DeliverSource, harden.Futile, "Replace=true"},
		origin:      "path deploy of https://git.example.com/acme/shop at v2 (Application NAMESPACE/shop-replace)",
	},
}

// start makes the object as the owner does, and is the object in its source.
func (o owner) start(t *testing.T) (*bench, engine, *unstructured.Unstructured) {
	t.Helper()
	b := newBench(t)
	fill := func(marks map[string]string) map[string]string {
		out := map[string]string{}
		for k, v := range marks {
			out[k] = strings.ReplaceAll(v, "NAMESPACE", b.namespace)
		}
		return out
	}
	desired := b.desired(fill(o.labels), fill(o.annotations))
	write := o.engine(b)
	must(t, write(b.next(desired)))
	return b, write, desired
}

// What an owner does after a live patch is what the plan had said.
func TestAfterALivePatch(t *testing.T) {
	for _, o := range owners {
		t.Run(o.name, func(t *testing.T) {
			for _, want := range []expected{o.adds, o.sets} {
				rule := want.rule
				t.Run(rule, func(t *testing.T) {
					b, write, desired := o.start(t)
					op := b.plan(harden.PlanOptions{}, rule).Objects[0]
					check(t, op, want, strings.ReplaceAll(o.origin, "NAMESPACE", b.namespace))
					b.put(rule)
					if len(b.findings(rule)) > 0 {
						t.Fatal("the patch did not repair it")
					}
					err := write(b.next(desired))
					if got, want := b.became(rule, err), predicted(op); got != want {
						t.Errorf("the plan said %q (%s), and it is %q: %v", want, op.DeliveryWhy, got, err)
					}
				})
			}
			if !o.renames {
				return
			}
			t.Run("rename", func(t *testing.T) {
				b, write, desired := o.start(t)
				if why := b.plan(harden.PlanOptions{}, renameRule).Objects[0].DeliveryWhy; !strings.Contains(why, "its next apply that renames or removes one of them is refused") {
					t.Errorf("the plan says %q", why)
				}
				b.put(renameRule)
				containers, _, _ := unstructured.NestedSlice(desired.Object, "spec", "template", "spec", "containers")
				containers[0].(map[string]any)["name"] = "renamed"
				must(t, unstructured.SetNestedSlice(desired.Object, containers, "spec", "template", "spec", "containers"))
				if err := write(b.next(desired)); err == nil || !strings.Contains(err.Error(), "Required value") {
					t.Errorf("the owner renamed the container: %v", err)
				}
			})
		})
	}
}

func check(t *testing.T, op *harden.ObjectPlan, want expected, origin string) {
	t.Helper()
	if op.Delivery != want.delivery || op.Fate != want.fate || !strings.Contains(op.DeliveryWhy, want.why) {
		t.Errorf("the plan says %s, %s: %s", op.Delivery, op.Fate, op.DeliveryWhy)
	}
	if origin == "" {
		return
	}
	if op.Owner == nil || op.Owner.Origin == nil || op.Owner.Origin.String() != origin {
		t.Errorf("origin of %+v: %+v", op.Owner, op.Owner.Origin)
	}
	if op.Delivery == harden.DeliverSource && !strings.Contains(op.DeliveryWhy, origin) {
		t.Errorf("it is not said where the source is: %s", op.DeliveryWhy)
	}
}

// Fates as they are seen.
const (
	stays   = "the patch stays"
	isGone  = "the patch is gone"
	refused = "the owner is refused"
)

func predicted(op *harden.ObjectPlan) string {
	switch {
	case op.Fate == harden.Durable:
		return stays
	case strings.Contains(op.DeliveryWhy, "fails with a conflict"), strings.Contains(op.DeliveryWhy, "would fail with a conflict"):
		return refused
	default:
		return isGone
	}
}

func (b *bench) became(rule string, err error) string {
	b.Helper()
	switch {
	case err != nil && strings.Contains(err.Error(), "conflict"):
		return refused
	case err != nil:
		return err.Error()
	case len(b.findings(rule)) > 0:
		return isGone
	default:
		return stays
	}
}

// A patch of the source is what the owner writes from then on.
func TestAfterASourcePatch(t *testing.T) {
	for _, o := range owners {
		t.Run(o.name, func(t *testing.T) {
			b, write, desired := o.start(t)
			rules := []string{addsRule, setsRule, renameRule}
			patched := b.rendered(b.plan(harden.PlanOptions{}, rules...), desired)
			for range 2 {
				must(t, write(b.next(patched)))
				if left := b.findings(rules...); len(left) > 0 {
					t.Fatalf("%d findings, such as %s: %s", len(left), left[0].Fixer.ID, left[0].Reason)
				}
			}
		})
	}
}

// kubectlEngine writes with kubectl, which Argo CD's engine takes as its library.
func kubectlEngine(args ...string) func(*bench) engine {
	return func(b *bench) engine {
		return func(u *unstructured.Unstructured) error {
			body, err := u.MarshalJSON()
			must(b.T, err)
			_, err = b.lab.KubectlInput(b.Context(), string(body), append(args, "-f", "-")...)
			return err
		}
	}
}

// argoEngine applies as Argo CD does with ServerSideApply=true: with force
// (argo-cd, gitops-engine/pkg/utils/kube/resource_ops.go).
func argoEngine(b *bench) engine {
	return func(u *unstructured.Unstructured) error {
		body, err := u.MarshalJSON()
		must(b.T, err)
		force := true
		_, err = b.deployments().Patch(b.Context(), u.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{FieldManager: "argocd-controller", Force: &force})
		return err
	}
}

// replaceEngine replaces as Argo CD does with Replace=true.
func replaceEngine(b *bench) engine {
	made := false
	return func(u *unstructured.Unstructured) error {
		verb := "replace"
		if !made {
			verb, made = "create", true
		}
		return kubectlEngine(verb, "--field-manager=argocd-controller")(b)(u)
	}
}
