package identity

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// scopedVolume is the name of the volume that takes the place of the automatic one.
const scopedVolume = "harden-token"

// scopedToken is what is proposed where something needs the token: one that lives
// for an hour, in one container alone. Where it is not clear in which, there is
// advice only.
func scopedToken(p *harden.Pass, signs []harden.Claim) []harden.Fix {
	byHand := harden.Fix{
		Title: "mount a token of its own where it is needed", Class: harden.Review, Evidence: signs,
		Manual: "Find out which container uses the token. Give that one a projected serviceAccountToken with an audience and a short lifetime, " +
			"and set automountServiceAccountToken: false for the rest.",
	}
	containers := p.Pod.Containers()
	if len(containers) < 2 || injectedContainer(p.Workload) != "" || p.Object.Kind == "Pod" {
		return []harden.Fix{byHand} // alone it has the token to itself; what is injected may need it too
	}
	var user *harden.Container
	for i, c := range containers {
		if mentionsAPI(c.Container) == "" {
			continue
		}
		if user != nil {
			return []harden.Fix{byHand}
		}
		user = &containers[i]
	}
	if user == nil {
		return []harden.Fix{byHand}
	}
	return []harden.Fix{byHand, {
		Title: "mount the token in " + user.Name + " alone", Class: harden.Review, Evidence: signs,
		Changes: []harden.Change{harden.SetPodSpec(p.Object, map[string]any{
			"automountServiceAccountToken": false,
			"volumes":                      []any{scopedTokenVolume()},
			user.Ref.List(): []any{map[string]any{
				"name":         user.Name,
				"volumeMounts": []any{map[string]any{"mountPath": harden.TokenPath, "name": scopedVolume, "readOnly": true}},
			}},
		})},
		Warning: "Another container that talks to the Kubernetes API will not find its token.",
	}}
}

// scopedTokenVolume holds what the automatic volume holds.
func scopedTokenVolume() map[string]any {
	return map[string]any{"name": scopedVolume, "projected": map[string]any{"sources": []any{
		map[string]any{"serviceAccountToken": map[string]any{"path": "token", "expirationSeconds": int64(3600)}},
		map[string]any{"configMap": map[string]any{"name": "kube-root-ca.crt", "items": []any{map[string]any{"key": "ca.crt", "path": "ca.crt"}}}},
		map[string]any{"downwardAPI": map[string]any{"items": []any{map[string]any{
			"path": "namespace", "fieldRef": map[string]any{"apiVersion": "v1", "fieldPath": "metadata.namespace"},
		}}}},
	}}}
}
