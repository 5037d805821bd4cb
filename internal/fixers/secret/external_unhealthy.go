package secret

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	storagev1 "k8s.io/api/storage/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ExternalUnhealthy finds credentials that are no longer brought from their store.
var ExternalUnhealthy = &harden.Fixer{
	ID:       "external-secret-unhealthy",
	Title:    "does not follow its store",
	Area:     harden.AreaSecret,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindExternalSecret, harden.KindClusterExternalSecret, harden.KindSecretStore, harden.KindClusterSecretStore, harden.KindSecretProviderClass},
	Doc: `
A credential is brought from a store, and would not be brought again.

Fields:

    status.conditions[type=Ready]   (ExternalSecret, SecretStore, their cluster forms)
    spec.refreshInterval, spec.refreshPolicy   (ExternalSecret)
    CSIDriver secrets-store.csi.k8s.io spec.requiresRepublish, and --enable-secret-rotation
    of its DaemonSet   (SecretProviderClass)

Allowed: Ready is True, or there is no status yet; an interval that is not 0, unless
the policy is OnChange or CreatedOnce, which say that it is meant; rotation that is on.
What the driver does is judged only where it was seen.

**Why it matters.** The credential in the cluster stays what it was. When the store
has a new one, because the old one leaked, pods go on with the old one, or stop when
it is withdrawn: that is the day on which nobody can restart anything.

**The fix.** By hand: the text says where the reason is told, or which field to set.

**Traps.** An operator that is being upgraded shows Ready=False for a moment: scan
again. Pods that have the value in their environment need a restart in any case. Short
intervals cost requests at the store, and some stores charge for them.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "secrets"},
		{Standard: "Kubernetes", ID: "good practices for Secrets", URL: "https://kubernetes.io/docs/concepts/security/secrets-good-practices/"},
	},
	Reads: harden.InCluster(harden.Templates, harden.KindCSIDriver, harden.KindExternalSecret, harden.KindSecretProviderClass),
	Check: checkExternalUnhealthy,
	Fix:   fixExternalUnhealthy,
}

func checkExternalUnhealthy(p *harden.Pass) {
	o := harden.Content[*unstructured.Unstructured](p.Item)
	if o == nil {
		p.NotApplicable()
		return
	}
	if p.Object.Kind == harden.KindSecretProviderClass.Kind {
		checkRotation(p)
		return
	}
	if status, reason, ok := condition(o, "Ready"); ok && status != "True" {
		reason = harden.OneLine(cmp.Or(reason, "no reason is given"))
		p.Report(harden.Finding{
			Discriminator: "ready", Field: "status.conditions[Ready]", Verdict: "not ready", Reason: "is not ready: " + reason,
			Detail: p.Object.Kind + " has the condition Ready=" + harden.OneLine(status) + " (" + reason + "): what depends on it keeps the credential that it had.",
		})
	}
	if p.Object.Kind != harden.KindExternalSecret.Kind {
		return
	}
	interval := text(o, "spec", "refreshInterval")
	policy := text(o, "spec", "refreshPolicy")
	if interval != "" && strings.Trim(interval, "0smh.") == "" && (policy == "" || policy == "Periodic") {
		p.Report(harden.Finding{
			Discriminator: "interval", Field: "spec.refreshInterval", Verdict: "never refreshed", Reason: "is brought once and never again",
			Detail: "spec.refreshInterval is " + harden.OneLine(interval) + ": the value is read from the store once.",
		})
	}
}

// csiDriver is the name of the Secrets Store CSI driver.
const csiDriver = "secrets-store.csi.k8s.io"

// checkRotation looks at the driver, which alone decides it.
func checkRotation(p *harden.Pass) {
	driver := harden.Content[*storagev1.CSIDriver](p.Inventory.Object(harden.KindCSIDriver, "", csiDriver))
	if driver != nil && driver.Spec.RequiresRepublish != nil && *driver.Spec.RequiresRepublish {
		return
	}
	known, on := rotation(p.Inventory)
	switch {
	case on:
	case !known:
		p.NotApplicable()
	default:
		p.Report(harden.Finding{
			Discriminator: "rotation", Verdict: "no rotation", Reason: "the driver does not rotate what it mounted",
			Detail: "The Secrets Store CSI driver runs without --enable-secret-rotation=true: a pod keeps the value that it started with.",
		})
	}
}

// rotation tells whether a driver was seen, and whether its rotation is on.
func rotation(inv *harden.Inventory) (known, on bool) {
	for _, w := range inv.Workloads {
		if w.Ref.Kind != "DaemonSet" {
			continue
		}
		for i := range w.Template.Spec.Containers {
			c := &w.Template.Spec.Containers[i]
			if !strings.Contains(c.Image, "secrets-store-csi") && !slices.Contains(c.Args, "--drivername="+csiDriver) {
				continue
			}
			known = true
			if slices.Contains(c.Args, "--enable-secret-rotation=true") || slices.Contains(c.Args, "--enable-secret-rotation") {
				return true, true
			}
		}
	}
	return known, false
}

func fixExternalUnhealthy(p *harden.Pass, f *harden.Finding) []harden.Fix {
	switch f.Discriminator {
	case "interval":
		return []harden.Fix{{Title: "bring the value again from time to time", Class: harden.Review, Manual: "Set spec.refreshInterval to an interval such as 1h, or say with spec.refreshPolicy: CreatedOnce that it is meant so."}}
	case "rotation":
		return []harden.Fix{{Title: "let the driver rotate", Class: harden.Review, Manual: "Run the DaemonSet of the Secrets Store CSI driver with --enable-secret-rotation=true (enableSecretRotation in its Helm chart), and let its CSIDriver say requiresRepublish: true where its version needs that."}}
	}
	where := ""
	if p.Object.Namespace != "" {
		where = " -n " + p.Object.Namespace
	}
	return []harden.Fix{{
		Title: "find out why it is not ready", Class: harden.Review,
		Manual: "kubectl describe " + strings.ToLower(p.Object.Kind) + " " + p.Object.Name + where + " tells the reason in its conditions and events: a key that the store does not have, an identity without the right to read it, or a store that cannot be reached.",
	}}
}
