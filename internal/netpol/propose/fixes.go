package propose

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// lookFirst is what to do where nobody looked at the network.
const lookFirst = "Look at the network first (--network, or key n): only then it is known which connections are needed."

// Fixes are the fixes of a finding that isolation is missing: of the workload, or
// of the namespace where it is zero. The inventory is that of the Pass; where
// nobody looked at the network the fix says so and changes nothing.
func Fixes(inv *harden.Inventory, namespace string, workload harden.Ref, d harden.Direction) []harden.Fix {
	title := fmt.Sprintf("allow only the %s that is needed", strings.ToLower(string(d)))
	if workload.Name == "" {
		title = fmt.Sprintf("deny %s by default", strings.ToLower(string(d)))
	}
	around := inv.Around()
	if around == nil {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: lookFirst}}
	}
	name := harden.PhaseDefaultDeny
	if workload.Name != "" {
		name = harden.PhaseIngress
		if d == harden.Egress {
			name = harden.PhaseEgress
		}
	}
	p := For(around, namespace)
	draft := p.draft(name, workload, d)
	if draft == nil {
		why := "Nothing is proposed: by what is known it is isolated already."
		if refused := p.phase(name).Refused; len(refused) > 0 {
			why = sentence(strings.Join(refused, "; "))
		}
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: why}}
	}
	return draft.fixes(title)
}

func (d *Draft) fixes(title string) []harden.Fix {
	if d.Refused != "" {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: sentence(d.Refused)}}
	}
	fix := harden.Fix{Title: title, Class: harden.ClassOf(harden.Evidence, d.Claims...), Evidence: d.Claims, Warning: d.Warning}
	if fix.Warning == "" {
		fix.Warning = "Connections that nobody declared and nobody saw are cut."
	}
	if slices.ContainsFunc(d.Objects, func(o *unstructured.Unstructured) bool { return o.GetKind() != "NetworkPolicy" }) {
		// The schema of custom resources is not known here, and without them the others cut what is needed.
		fix.Class, fix.Manual = harden.Review, "A NetworkPolicy alone cannot say it. Apply these, in this order:\n\n"+render(d.Objects)
	} else {
		for _, o := range d.Objects {
			fix.Changes = append(fix.Changes, harden.Change{Target: refOf(o), Verb: harden.Create, Set: o.DeepCopy()})
		}
	}
	fixes := []harden.Fix{fix}
	if len(d.Instead) > 0 {
		fixes = append(fixes, harden.Fix{
			Title: title + ", by the names of hosts", Class: harden.Review, Evidence: d.Claims,
			Manual: "Cilium can name hosts, so that no port is open to the whole internet. Apply these instead, in this order:\n\n" + render(d.Instead),
		})
	}
	return fixes
}

func refOf(o *unstructured.Unstructured) harden.Ref {
	return harden.Ref{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// render writes objects as YAML documents.
func render(objects []*unstructured.Unstructured) string {
	var docs []string
	for _, o := range objects {
		text, err := yaml.Marshal(o.Object)
		if err != nil {
			text = []byte("# " + err.Error() + "\n")
		}
		docs = append(docs, string(text))
	}
	return strings.Join(docs, "---\n")
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
