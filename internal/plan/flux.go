package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Prefixes of what Flux puts on objects of a Kustomization and of a HelmRelease.
const (
	kustomizeMark = "kustomize.toolkit.fluxcd.io/"
	helmMark      = "helm.toolkit.fluxcd.io/"
)

func detectFlux(s seen) *owner {
	o := &owner{Owner: harden.Owner{Name: "Flux"}, managers: []string{"kustomize-controller", "helm-controller"}}
	manager := s.manager(func(m string) bool { return slices.Contains(o.managers, m) })
	name := func(prefix string) string {
		return strings.TrimPrefix(s.labels[prefix+"namespace"]+"/"+s.labels[prefix+"name"], "/")
	}
	switch {
	case s.labels[kustomizeMark+"name"] != "":
		o.regime, o.What, o.Applies = regimeFlux, "Kustomization "+name(kustomizeMark), true
	case s.labels[helmMark+"name"] != "":
		o.regime, o.What = regimeRelease, "HelmRelease "+name(helmMark)
	case manager == "kustomize-controller":
		o.regime, o.What, o.Applies = regimeFlux, "Kustomization", true
	case manager == "helm-controller":
		o.regime, o.What = regimeRelease, "HelmRelease"
	default:
		return nil
	}
	switch {
	case s.annotations[kustomizeMark+"reconcile"] == "disabled":
		o.paused = kustomizeMark + "reconcile: disabled"
	case slices.Contains([]string{"Ignore", "IfNotPresent"}, s.annotations[kustomizeMark+"ssa"]):
		o.paused = kustomizeMark + "ssa: " + s.annotations[kustomizeMark+"ssa"]
	}
	var teller *unstructured.Unstructured
	for _, ref := range Tellers(s.object) {
		if strings.HasPrefix(o.What, ref.Kind+" ") {
			teller, o.Unknown = s.told.object(ref)
		}
	}
	if teller != nil {
		o.Origin = s.told.originOf(teller)
	}
	if o.regime == regimeFlux {
		o.byKustomization(teller)
	} else {
		o.byRelease(teller, s)
	}
	return o
}

// byKustomization says when kustomize-controller writes. It applies with force
// what differs from its source (kustomize-controller, docs/spec/v1/kustomizations.md).
func (o *owner) byKustomization(teller *unstructured.Unstructured) {
	within := "its interval"
	switch {
	case teller == nil:
		o.Next = "within its interval, and with each new revision of its source"
	case isTrue(teller, "spec", "suspend"):
		o.Next = "not before it is resumed (spec.suspend)"
		o.putsBack = func(harden.Path) string { return "re-applies it once it is resumed (it is suspended)" }
		return
	default:
		within = cmp.Or(said(teller, "spec", "interval"), within)
		o.Next = "every " + within + " (spec.interval), and with each new revision of its source"
	}
	o.putsBack = func(harden.Path) string { return "re-applies it within " + within }
}

// byRelease says when helm-controller writes: it upgrades when chart or values
// change, and corrects drift only where it is told to. Server-side it always
// forces (helm-controller, docs/spec/v2/helmreleases.md).
func (o *owner) byRelease(teller *unstructured.Unstructured, s seen) {
	const upgrade = "its next upgrade (another chart or other values) sets it again"
	if teller == nil {
		o.Next = "with its next upgrade, and within its interval where it corrects drift"
		o.putsBack = func(harden.Path) string { return upgrade + ", or its drift correction does within its interval" }
		return
	}
	interval, mode := cmp.Or(said(teller, "spec", "interval"), "its interval"), cmp.Or(said(teller, "spec", "driftDetection", "mode"), "disabled")
	if s.value(helmMark+"driftDetection") == "disabled" {
		mode = "disabled for this object"
	}
	if isTrue(teller, "spec", "upgrade", "force") && said(teller, "spec", "upgrade", "serverSideApply") != "enabled" && s.templateApplier() == "" {
		o.replaces = "spec.upgrade.force"
	}
	switch {
	case isTrue(teller, "spec", "suspend"):
		o.Next = "not before it is resumed (spec.suspend)"
		o.putsBack = func(harden.Path) string { return "sets it again after it is resumed (it is suspended)" }
	case mode == "enabled":
		o.Next = fmt.Sprintf("every %s it corrects drift (driftDetection: enabled), and it upgrades when its chart or values change", interval)
		o.putsBack = func(p harden.Path) string {
			if ignoresDrift(teller, s.object, p) {
				return "ignores drift there, but " + upgrade
			}
			return "its drift correction puts it back within " + interval
		}
	default:
		o.Next = fmt.Sprintf("when its chart or values change, which it looks for every %s (driftDetection: %s)", interval, mode)
		o.putsBack = func(harden.Path) string { return upgrade }
	}
}

// ignoresDrift reports whether a rule of the release covers the field. Rules with
// a target other than the kind or name of the object do not count: they are
// regular expressions and selectors of Flux's own.
func ignoresDrift(release, object *unstructured.Unstructured, path harden.Path) bool {
	rules, _, _ := unstructured.NestedSlice(release.Object, "spec", "driftDetection", "ignore")
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		target, _ := rule["target"].(map[string]any)
		matches := true
		for key, v := range target {
			matches = matches && (key == "kind" && v == object.GetKind() || key == "name" && v == object.GetName())
		}
		pointers, _, _ := unstructured.NestedStringSlice(rule, "paths")
		if matches && covers(pointers, object, path) {
			return true
		}
	}
	return false
}
