package exposure

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReferenceGrantBroad finds grants that give more than anybody uses.
var ReferenceGrantBroad = &harden.Fixer{
	ID:       "referencegrant-broad",
	Title:    "lets others use all of its Secrets or Services",
	Area:     harden.AreaExposure,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindReferenceGrant},
	Doc: `
A ReferenceGrant gives a whole kind, Secrets or Services, to other namespaces.

Fields:

    spec.from[].{kind,namespace}
    spec.to[].{kind,name}

Allowed: to[].name for each object; a whole kind of Services for one namespace. A whole
kind of Secrets for one namespace is found too, one step milder.

**Why it matters.** A Gateway of another namespace can serve, with any Secret of this one
as its certificate, and routes can put any Service of it on the internet.

**The fix.** The entries are replaced by one for each object that is referred to now; the
list is carried whole.

**Traps.** References that were not read, because only some namespaces may be read, break.
Certificates that a controller makes under new names need a grant each.
`,
	Refs:  refs("Kubernetes Gateway API: ReferenceGrant https://gateway-api.sigs.k8s.io/api-types/referencegrant/"),
	Reads: harden.ReadsNothing,
	Check: checkReferenceGrantBroad,
	Fix:   fixReferenceGrantBroad,
}

func checkReferenceGrantBroad(p *harden.Pass) {
	o := customOf(p)
	from := takers(o)
	for _, to := range harden.Maps(o, "spec", "to") {
		if !isBroad(to, from) {
			continue
		}
		kind := harden.Text(to, "kind")
		f := harden.Finding{
			Discriminator: kind, Field: "spec.to", Reason: "all " + kind + "s", Detail: fmt.Sprintf("From %s every %s of namespace %s may be referred to.", strings.Join(from, ", "), kind, p.Object.Namespace),
		}
		if len(from) < 2 {
			f.Severity, f.SeverityWhy = harden.Low, "one namespace alone may use them"
		}
		p.Report(f)
	}
}

// takers are the namespaces that a grant gives something to.
func takers(o map[string]any) []string {
	var from []string
	for _, f := range harden.Maps(o, "spec", "from") {
		if ns := harden.Text(f, "namespace"); !slices.Contains(from, ns) {
			from = append(from, ns)
		}
	}
	return from
}

// isBroad reports whether the entry of a grant gives more than it should.
func isBroad(to map[string]any, from []string) bool {
	kind := harden.Text(to, "kind")
	return harden.Text(to, "name") == "" && (kind == "Secret" || kind == "Service" && len(from) > 1)
}

// fixReferenceGrantBroad replaces all broad entries, so that the fixes of two findings agree.
func fixReferenceGrantBroad(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	var to []any
	from := takers(customOf(p))
	for _, item := range deepCopy(customOf(p), "spec", "to") {
		entry, ok := item.(map[string]any)
		if !ok || !isBroad(entry, from) {
			to = append(to, item)
			continue
		}
		kind := harden.Text(entry, "kind")
		for _, name := range usedFrom(p.Inventory, kind, p.Object.Namespace) {
			to = append(to, map[string]any{"group": "", "kind": kind, "name": name})
		}
	}
	if len(to) == 0 {
		return manual("name what is given", fmt.Sprintf("Give each entry of spec.to of ReferenceGrant %s/%s a name; nothing that was read uses it now, so perhaps delete it.", p.Object.Namespace, p.Object.Name))
	}
	return draft("give what is used now, by name", "References that were not read, and those that come later, are refused.",
		harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"to": to}}))
}

// usedFrom are the Secrets or Services of the namespace that Gateways and routes of other namespaces refer to, sorted.
func usedFrom(inv *harden.Inventory, kind, namespace string) []string {
	var names []string
	add := func(r map[string]any, of string) {
		if harden.Text(r, "namespace") == namespace && of != namespace && (harden.Text(r, "kind") == kind || harden.Text(r, "kind") == "") {
			names = append(names, harden.Text(r, "name"))
		}
	}
	if kind == "Secret" {
		for o, g := range harden.All[*unstructured.Unstructured](inv, harden.KindGateway) {
			for _, l := range harden.Maps(g.Object, "spec", "listeners") {
				for _, r := range harden.Maps(l, "tls", "certificateRefs") {
					add(r, o.Ref.Namespace)
				}
			}
		}
	} else {
		for _, routeKind := range gatewayRoutes {
			for o, r := range harden.All[*unstructured.Unstructured](inv, routeKind) {
				for _, rule := range harden.Maps(r.Object, "spec", "rules") {
					for _, b := range harden.Maps(rule, "backendRefs") {
						add(b, o.Ref.Namespace)
					}
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
