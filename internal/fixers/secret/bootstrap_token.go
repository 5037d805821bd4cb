package secret

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BootstrapToken finds tokens to join the cluster that do not end.
var BootstrapToken = &harden.Fixer{
	ID:       "bootstrap-token",
	Title:    "lets machines join the cluster for too long",
	Area:     harden.AreaSecret,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindSecret},
	Doc: `
A bootstrap token has no expiration, or has outlived a day.

Fields:

    type bootstrap.kubernetes.io/token, metadata.creationTimestamp
    data.expiration   (whether it is there; of files alone)

Allowed: tokens with an expiration (files), or that are younger than 24 hours
(clusters). The data is not read: kubeadm's tokens end after 24 hours, and the token
cleaner deletes those that have ended, so an older one has none or a long one.

**Why it matters.** Whoever has the token may ask for the certificate of a node, and
with it reads the Secrets of the pods that land there. It was made for one join and
is in the history of a shell or in user data of machines.

**The fix.** By hand: delete it; kubeadm token create makes the next one when it is
needed.

**Traps.** Autoscalers and Cluster API make tokens with expirations of their own and
renew them: let them. Nodes that have joined do not need the token any more.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "3.1.3"},
		{Standard: "Kubescape", ID: "C-0288"},
	},
	Reads: harden.ReadsNothing,
	Check: checkBootstrapToken,
	Fix:   fixBootstrapToken,
}

// tokenLife is how long kubeadm's tokens live (its --ttl).
const tokenLife = 24 * time.Hour

func checkBootstrapToken(p *harden.Pass) {
	s := harden.Content[*harden.SecretMeta](p.Item)
	if s == nil || s.Type != corev1.SecretTypeBootstrapToken && (s.Type != "" || s.Namespace != "kube-system" || !strings.HasPrefix(s.Name, "bootstrap-token-")) {
		p.NotApplicable()
		return
	}
	if !p.Inventory.Live() {
		if !slices.Contains(s.Keys, "expiration") {
			p.Report(harden.Finding{Field: "data.expiration", Reason: "has no expiration", Detail: "The token has no key expiration: it is good for ever."})
		}
		return
	}
	if made := s.CreationTimestamp.Time; !made.IsZero() && p.Older(made, tokenLife) && len(s.OwnerReferences) == 0 {
		p.Report(harden.Finding{
			Field: "metadata.creationTimestamp", Reason: fmt.Sprintf("is %d days old and still there", p.Days(made)),
			Detail: "Tokens of kubeadm end after 24 hours and are deleted then. This one is older: it has no expiration, or a late one.",
		})
	}
}

func fixBootstrapToken(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "delete the token", Class: harden.Review,
		Manual:  fmt.Sprintf("kubectl delete secret %s -n %s, or kubeadm token delete %s. Make one for the next join with kubeadm token create.", p.Object.Name, p.Object.Namespace, strings.TrimPrefix(p.Object.Name, "bootstrap-token-")),
		Warning: "A machine that has not joined yet needs another token.",
	}}
}
