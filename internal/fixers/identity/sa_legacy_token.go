package identity

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Labels of Secrets with tokens, by which Kubernetes tracks whether they are used
// (KEP-2799). Their values are dates such as 2026-03-01.
const (
	lastUsedLabel     = "kubernetes.io/legacy-token-last-used"
	invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since"
)

// tokenIdle is how long a token must not have been used to call it idle.
const tokenIdle = 90 * 24 * time.Hour

// LegacyToken finds tokens that never expire.
var LegacyToken = &harden.Fixer{
	ID:       "sa-legacy-token",
	Title:    "holds a token that never expires",
	Area:     harden.AreaIdentity,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindSecret},
	Doc: `
A Secret of type kubernetes.io/service-account-token.

Fields:

    type, metadata.annotations["kubernetes.io/service-account.name"]
    metadata.labels["kubernetes.io/legacy-token-last-used"], …-invalid-since

Allowed: none. Tokens of the TokenRequest API (kubectl create token, projected volumes)
expire and are in no Secret.

**Why it matters.** The token is good as long as the Secret exists, from everywhere, for
everybody who has ever read it: a backup, a laptop, a pipeline. Nothing ends with the pod.

**The fix.** Deleting the Secret, by hand, which ends the token at once. It rests on
evidence where the token was last used more than 90 days ago and no workload of the
namespace refers to the Secret; otherwise it is a review: find who uses it (the audit log
names the Secret), and give them tokens that expire.

**Traps.** The date of the last use is written once a day, and only by Kubernetes 1.26 and newer: no
label says nothing. Kubernetes deletes by itself only those Secrets that it
made itself, after a year. Who uses a token from outside of the cluster cannot be seen in it.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "3.1.2"},
		{Standard: "NSA", ID: "service account tokens"},
		{Standard: "ATT&CK", ID: "T1528"},
		{Standard: "Kubernetes", ID: "Legacy ServiceAccount token tracking", URL: "https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkLegacyToken,
	Fix:   fixLegacyToken,
}

func checkLegacyToken(p *harden.Pass) {
	s := harden.Content[*harden.SecretMeta](p.Item)
	account := s.Annotations[corev1.ServiceAccountNameKey]
	// Where the type was not told: no other Secret has the annotation.
	if s.Type != corev1.SecretTypeServiceAccountToken && (s.Type != "" || account == "") {
		return
	}
	detail := fmt.Sprintf("It holds a token of ServiceAccount %q that is good until the Secret is deleted.", harden.OneLine(account))
	if made := s.CreationTimestamp.Time; !made.IsZero() {
		detail += fmt.Sprintf(" It was made %d days ago.", p.Days(made))
	}
	f := harden.Finding{Field: "type", Reason: fmt.Sprintf("a token of %q without an end", harden.OneLine(account))}
	if last := s.Labels[lastUsedLabel]; last != "" {
		detail += " It was last used on " + harden.OneLine(last) + "."
	} else if p.Inventory.Live() {
		detail += " Nothing says when it was last used."
	}
	if since := s.Labels[invalidSinceLabel]; since != "" {
		f.Severity, f.SeverityWhy = harden.Low, "the API server does not accept it any more"
		detail += " It has not been accepted since " + harden.OneLine(since) + "."
	}
	f.Detail = detail
	p.Report(f)
}

func fixLegacyToken(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	claims := []harden.Claim{idleClaim(p), referenceClaim(p)}
	return []harden.Fix{{
		Title: "delete the Secret", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Manual:  "When whoever uses the token has another (kubectl create token, or a projected volume): " + deleteCommand(p.Object),
		Warning: "The token ends at once, wherever it was copied to.",
	}}
}

func idleClaim(p *harden.Pass) harden.Claim {
	s := harden.Content[*harden.SecretMeta](p.Item)
	last, err := time.Parse(time.DateOnly, s.Labels[lastUsedLabel])
	switch {
	case s.Labels[lastUsedLabel] == "":
		return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "No label says when the token was last used."}
	case err != nil:
		return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "The label with the last use holds no date."}
	case p.Inventory.Now.Sub(last) <= tokenIdle:
		return harden.Claim{Code: "E-LIVE", State: harden.Refutes, Time: p.Inventory.Now, Text: fmt.Sprintf("The token was used on %s.", last.Format(time.DateOnly))}
	}
	return harden.Claim{Code: "E-LIVE", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("The token was last used on %s, more than 90 days ago.", last.Format(time.DateOnly))}
}

func referenceClaim(p *harden.Pass) harden.Claim {
	ns, name := p.Object.Namespace, p.Object.Name
	for _, w := range p.Inventory.Workloads {
		if w.Ref.Namespace == ns && refersTo(&w.Template.Spec, name) {
			return harden.Claim{Code: "E-SPEC", State: harden.Refutes, Time: p.Inventory.Now, Text: w.Ref.String() + " refers to the Secret."}
		}
	}
	if !p.Inventory.Live() || !allWorkloadsRead(p, ns) {
		return harden.Claim{Code: "E-SPEC", State: harden.Missing, Text: "Not all workloads of the namespace were read: does one refer to the Secret?"}
	}
	return harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "No workload of the namespace refers to the Secret.", Limits: "custom resources, and those outside of the cluster who have the token"}
}

// refersTo reports whether a pod mounts a Secret or takes its environment from it.
func refersTo(spec *corev1.PodSpec, secret string) bool {
	for _, v := range spec.Volumes {
		if v.Secret != nil && v.Secret.SecretName == secret {
			return true
		}
		if v.Projected != nil && slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool { return s.Secret != nil && s.Secret.Name == secret }) {
			return true
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if slices.ContainsFunc(c.EnvFrom, func(e corev1.EnvFromSource) bool { return e.SecretRef != nil && e.SecretRef.Name == secret }) ||
			slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool {
				return e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && e.ValueFrom.SecretKeyRef.Name == secret
			}) {
			return true
		}
	}
	return false
}
