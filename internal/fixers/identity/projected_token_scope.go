package identity

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// longestToken is how long a projected token may live: a day, as IRSA asks for.
const longestToken = 86400

// ProjectedScope finds projected tokens for everybody, or for too long.
var ProjectedScope = &harden.Fixer{
	ID:       "projected-token-scope",
	Title:    "mounts a token without audience or for too long",
	Area:     harden.AreaIdentity,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A projected volume has a ServiceAccount token without an audience, or one that lives for
more than a day.

Fields:

    spec.volumes[].projected.sources[].serviceAccountToken.audience
    spec.volumes[].projected.sources[].serviceAccountToken.expirationSeconds

Allowed: an audience, and expirationSeconds of at most 86400 (an hour if unset). A token
that one container alone mounts at /var/run/secrets/kubernetes.io/serviceaccount is for the
API server, and needs no audience.

**Why it matters.** A token without an audience is one for the API server: whoever it is
shown to can use it there. A token for one audience is worth nothing elsewhere. And one
that leaks is good until it expires.

**The fix.** The lifetime becomes an hour, which the kubelet renews by itself; it is a review,
since a process may read the file only once. Which audience is right, only a person knows.

**Traps.** The API server may cap lifetimes, or extend those
of automatic tokens, which are not looked at here. sources is one list: it is sent whole.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "service account tokens"},
		{Standard: "ATT&CK", ID: "T1528"},
		{Standard: "Kubernetes", ID: "Projected volumes", URL: "https://kubernetes.io/docs/concepts/storage/projected-volumes/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkProjectedScope,
	Fix:   fixProjectedScope,
}

func checkProjectedScope(p *harden.Pass) {
	for _, v := range p.Pod.Spec.Volumes {
		for _, t := range projectedTokens(v) {
			field := p.Pod.Field("volumes[" + v.Name + "].projected.sources")
			if t.ExpirationSeconds != nil && *t.ExpirationSeconds > longestToken {
				p.Report(harden.Finding{
					Discriminator: v.Name + ":" + t.Path + ":expiration", Field: field, Verdict: "expiration", Reason: fmt.Sprintf("token %s lives %d hours", t.Path, *t.ExpirationSeconds/3600),
					Detail: fmt.Sprintf("expirationSeconds is %d, more than a day.", *t.ExpirationSeconds),
				})
			}
			if t.Audience == "" && !replacesAutomatic(p.Pod, v.Name) {
				p.Report(harden.Finding{
					Discriminator: v.Name + ":" + t.Path + ":audience", Field: field, Verdict: "audience", Reason: fmt.Sprintf("token %s has no audience", t.Path),
					Detail: "Without an audience the token is one for the API server, wherever it is shown.",
				})
			}
		}
	}
}

// replacesAutomatic reports whether the volume is the token for the API server of
// one container, at the place of the automatic one.
func replacesAutomatic(pod *harden.PodView, volume string) bool {
	mounts := 0
	for _, c := range pod.Containers() {
		for _, m := range c.VolumeMounts {
			if m.Name != volume {
				continue
			}
			if m.MountPath != harden.TokenPath {
				return false
			}
			mounts++
		}
	}
	return mounts == 1
}

// projectedTokens are those that somebody asked for in the volume.
func projectedTokens(v corev1.Volume) []*corev1.ServiceAccountTokenProjection {
	if v.Projected == nil || strings.HasPrefix(v.Name, harden.AutomaticTokenVolume) {
		return nil
	}
	var all []*corev1.ServiceAccountTokenProjection
	for _, s := range v.Projected.Sources {
		if s.ServiceAccountToken != nil {
			all = append(all, s.ServiceAccountToken)
		}
	}
	return all
}

func fixProjectedScope(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("set audience and expirationSeconds"); ok {
		return []harden.Fix{instead}
	}
	if f.Verdict == "audience" {
		return []harden.Fix{{
			Title: "set the audience", Class: harden.Review,
			Manual: "Set audience to what the receiver of the token checks for (sts.amazonaws.com, vault, …). If that is the API server, mount the volume only in the container that needs it, and keep expirationSeconds short.",
		}}
	}
	for _, v := range p.Pod.Spec.Volumes {
		if !strings.HasPrefix(f.Discriminator, v.Name+":") || len(projectedTokens(v)) == 0 {
			continue
		}
		sources, err := shortLived(v.Projected)
		if err != nil {
			return nil
		}
		return []harden.Fix{{
			Title: "set expirationSeconds: 3600", Class: harden.Review,
			Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Missing, Text: "Whether the process reads the file again when the kubelet renews the token is not known."}},
			Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{
				"volumes": []any{map[string]any{"name": v.Name, "projected": map[string]any{"sources": sources}}},
			})},
			Warning: "A process that reads the token only at its start is refused after an hour.",
		}}
	}
	return nil
}

// shortLived are the sources of a volume with tokens that live for an hour.
func shortLived(projected *corev1.ProjectedVolumeSource) ([]any, error) {
	const hour = 3600
	var sources []any
	for _, s := range projected.DeepCopy().Sources {
		if t := s.ServiceAccountToken; t != nil && t.ExpirationSeconds != nil && *t.ExpirationSeconds > longestToken {
			*t.ExpirationSeconds = hour
		}
		source, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&s)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}
