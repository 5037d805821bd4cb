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
	source              func(*bench, *harden.Plan, *unstructured.Unstructured) *unstructured.Unstructured // the object once its source is patched; nil: rendered
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
		name: "Helm 3, or a release that it installed", engine: helmEngine("helm", clientSide), source: (*bench).inValues,
		adds:   expected{addsRule, harden.DeliverLive, harden.Durable, "they survive helm upgrade"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "the next helm upgrade resets it"},
		origin: "chart shop 1.2.3 (release NAMESPACE/shop)",
	},
	{
		name: "Helm 4", engine: helmEngine("helm", serverSide), source: (*bench).inValues,
		adds: expected{addsRule, harden.DeliverSource, harden.Durable, `Helm applies this pod template server-side (manager "helm")`},
		sets: expected{setsRule, harden.DeliverSource, harden.Contested, "the next helm upgrade fails with a conflict"}, renames: true,
		origin: "chart shop 1.2.3 (release NAMESPACE/shop)",
	},
	{
		name:   "Flux HelmRelease",
		labels: map[string]string{"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "NAMESPACE"},
		engine: helmEngine("helm-controller", forcing), source: (*bench).inValues,
		adds:   expected{addsRule, harden.DeliverSource, harden.Durable, "Flux applies this pod template server-side"},
		sets:   expected{setsRule, harden.DeliverSource, harden.Contested, "its next upgrade (another chart or other values) sets it again"},
		origin: "chart shop 1.x of https://charts.example.com (HelmRelease NAMESPACE/shop), and path ./apps/shop of https://git.example.com/acme/infra at main (Kustomization NAMESPACE/shop)",
	},
	{
		name:   "Flux HelmRelease that corrects drift",
		labels: map[string]string{"helm.toolkit.fluxcd.io/name": "shop-drift", "helm.toolkit.fluxcd.io/namespace": "NAMESPACE"},
		engine: driftEngine, source: (*bench).inValues,
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
			b, write, desired := o.start(t)
			b.live(o.adds, o.origin, write, desired)
			if o.renames {
				b.rename(write, desired)
			}
			// Last, since an owner that is refused now would be refused for good.
			b.live(o.sets, o.origin, write, desired)
		})
	}
}

func (b *bench) live(want expected, origin string, write engine, desired *unstructured.Unstructured) {
	b.Helper()
	op := b.plan(harden.PlanOptions{}, want.rule).Objects[0]
	check(b.T, op, want, strings.ReplaceAll(origin, "NAMESPACE", b.namespace))
	b.put(want.rule)
	if len(b.findings(want.rule)) > 0 {
		b.Fatalf("the patch did not repair %s", want.rule)
	}
	err := write(b.next(desired))
	if got, want := b.became(want.rule, err), predicted(op); got != want {
		b.Errorf("the plan said %q (%s), and it is %q: %v", want, op.DeliveryWhy, got, err)
	}
}

// rename lets the owner rename a container in which we hold a field.
func (b *bench) rename(write engine, desired *unstructured.Unstructured) {
	b.Helper()
	if why := b.plan(harden.PlanOptions{}, renameRule).Objects[0].DeliveryWhy; !strings.Contains(why, "its next apply that renames or removes one of them is refused") {
		b.Errorf("the plan says %q", why)
	}
	b.put(renameRule)
	renamed := desired.DeepCopy()
	containers, _, _ := unstructured.NestedSlice(renamed.Object, "spec", "template", "spec", "containers")
	containers[0].(map[string]any)["name"] = "renamed"
	must(b.T, unstructured.SetNestedSlice(renamed.Object, containers, "spec", "template", "spec", "containers"))
	if err := write(b.next(renamed)); err == nil || !strings.Contains(err.Error(), "Required value") {
		b.Errorf("the owner renamed the container: %v", err)
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
			patch := o.source
			if patch == nil {
				patch = (*bench).rendered
			}
			patched := patch(b, b.plan(harden.PlanOptions{}, rules...), desired)
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
