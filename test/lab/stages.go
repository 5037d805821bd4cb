package lab

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// PodAnnotation tells the simulated kubelet what becomes of a pod. It stands on the pod or in a pod template; its
// values are the Pod… constants below. Without it a pod is ready at once, and the pod of a Job completes. It can be
// set, changed and removed while the pod lives.
const PodAnnotation = "lab.kubectl-harden.github.io/pod"

// PodWhenAnnotation limits PodAnnotation to pods whose spec has a value, so that a workload that runs breaks when a
// fix changes it: "readOnlyRootFilesystem=true" for an image that writes to its own disk. The left side is a field of
// the pod spec or of its pod's, containers' or init containers' security context, dotted where it is nested; the
// right side is its value, or an item of it when it is a list ("capabilities.drop=ALL"). "!=" in place of "=" means
// that no such field has the value ("hostNetwork!=true").
const PodWhenAnnotation = "lab.kubectl-harden.github.io/pod-when"

// What PodAnnotation can ask for.
const (
	PodHangs       = "hangs"        // Pending, nothing reported: a rollout waits until its progress deadline
	PodNotReady    = "not-ready"    // Running, but its readiness probe fails
	PodCrashes     = "crashes"      // CrashLoopBackOff, exit code 1
	PodConfigError = "config-error" // CreateContainerConfigError, as of an image that runs as root under runAsNonRoot
	PodPullError   = "pull-error"   // ImagePullBackOff
	PodFails       = "fails"        // ends with exit code 1 and phase Failed; for Jobs (a ReplicaSet replaces such pods without end)
)

// simulatedNodeAnnotation marks the nodes that kwok plays, so that real ones can join them.
const simulatedNodeAnnotation = "kwok.x-k8s.io/node"

//go:embed stages/pods.yaml
var podStages string

// behaviour is the jq expression for what becomes of a pod: the value of PodAnnotation where PodWhenAnnotation holds
// or is absent, else "ready".
const behaviour = `(.metadata.annotations // {}) as $a
| ($a["` + PodAnnotation + `"] // "ready") as $asked
| ($a["` + PodWhenAnnotation + `"] // "") as $when
| if $when == "" then $asked else
    ($when | index("!=") != null) as $negated
    | ($when | split(if $negated then "!=" else "=" end)) as [$field, $value]
    | [.spec, .spec.securityContext, (.spec.containers[], (.spec.initContainers // [])[]).securityContext]
    | map(try getpath($field | split(".")) catch null | if type == "array" then .[] else . end | tostring)
    | (index($value) != null) != $negated
    | if . then $asked else "ready" end
  end`

// writeStages writes kwok's configuration files to dir and returns their paths: from kwok's own module those that
// play nodes, volumes and the deletion of pods, and the lab's own for all else that becomes of pods.
func writeStages(dir, kwok string, extra []string) ([]string, error) {
	paths := []string{
		filepath.Join(kwok, "node/fast/node-initialize.yaml"),
		filepath.Join(kwok, "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml"),
		filepath.Join(kwok, "pod/fast/pod-delete.yaml"),
	}
	for _, name := range []string{"pv-bind", "pv-delete", "pvc-provision", "pvc-delete"} {
		paths = append(paths, filepath.Join(kwok, "volume/fast", name+".yaml"))
	}
	// A block scalar holds the expression as it is, as long as its lines are indented alike.
	own := strings.NewReplacer(
		"key: BEHAVIOUR", "key: |-\n        "+strings.ReplaceAll(behaviour, "\n", "\n        "),
		"POD_ANNOTATION", PodAnnotation,
	).Replace(podStages)
	for i, data := range append([]string{own}, extra...) {
		path := filepath.Join(dir, fmt.Sprintf("stages-%d.yaml", i))
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			return nil, fmt.Errorf("writing kwok's stages: %w", err)
		}
		paths = append(paths, path)
	}
	return paths, nil
}
