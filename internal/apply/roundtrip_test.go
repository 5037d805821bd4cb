package apply

import (
	"fmt"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const pod = `
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: example.com/web:1
        env: [{name: MODE, value: plain}]
        ports: [{containerPort: 8080}]
      - name: sidecar
        image: example.com/sidecar:1
        securityContext: {readOnlyRootFilesystem: false}`

const deploymentYAML = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:` + pod

const statefulSetYAML = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  replicas: 2
  serviceName: web
  selector: {matchLabels: {app: web}}
  template:` + pod

const daemonSetYAML = `apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:` + pod

var web = harden.ContainerRef{Kind: harden.AppContainer, Name: "web"}

// hardened sets fields of a container, of the pod, and a volume that is new.
func hardened(ref harden.Ref) harden.Change {
	return harden.SetPodSpec(ref, map[string]any{
		"securityContext": map[string]any{"runAsNonRoot": true, "seccompProfile": map[string]any{"type": "RuntimeDefault"}},
		"containers": []any{map[string]any{
			"name": "web",
			"securityContext": map[string]any{
				"allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": map[string]any{"drop": []any{"ALL"}},
			},
			"volumeMounts": []any{map[string]any{"mountPath": "/tmp", "name": "tmp"}},
		}},
		"volumes": []any{map[string]any{"name": "tmp", "emptyDir": map[string]any{}}},
	})
}

func TestApplyAndUndo(t *testing.T) {
	for _, test := range []struct {
		name, manifest, apiVersion, kind string
		change                           func(harden.Ref) harden.Change
		want                             harden.Phase
	}{
		{"Deployment", deploymentYAML, "apps/v1", "Deployment", hardened, harden.Proven},
		{"StatefulSet", statefulSetYAML, "apps/v1", "StatefulSet", hardened, harden.Proven},
		{"DaemonSet", daemonSetYAML, "apps/v1", "DaemonSet", hardened, harden.Proven},
		{"CronJob", cronJobYAML, "batch/v1", "CronJob", hardened, harden.Unproven},
		{"ServiceAccount", "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: web}", "v1", "ServiceAccount", noToken, harden.Proven},
		{"Namespace", "", "v1", "Namespace", func(ref harden.Ref) harden.Change {
			return harden.SetObject(ref, map[string]any{"metadata": map[string]any{"labels": map[string]any{"pod-security.kubernetes.io/warn": "baseline"}}})
		}, harden.Proven},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			name := "web"
			if test.manifest == "" {
				name = b.namespace
			} else {
				b.create(test.manifest)
			}
			ref := b.ref(test.apiVersion, test.kind, name)
			before := b.read(ref)

			report := b.run(b.plan("rule", test.change(ref)), harden.ApplyOptions{})
			b.wantPhases(report, test.want)
			if !b.isMet(b.read(ref), test.change(ref)) {
				t.Errorf("the object is not as the plan wants it: %v", b.read(ref).Object)
			}

			b.wantPhases(b.undo(report.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
			b.wantMessage(b.undo(report.ID), "undone already")
		})
	}
}

const cronJobYAML = `apiVersion: batch/v1
kind: CronJob
metadata: {name: web}
spec:
  schedule: "0 3 1 1 *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: web}}
        spec:
          restartPolicy: Never
          containers:
          - {name: web, image: "example.com/web:1"}`

func noToken(ref harden.Ref) harden.Change {
	return harden.SetObject(ref, map[string]any{"automountServiceAccountToken": false})
}

// Two plans are both kept, and each can be undone alone.
func TestT106TwoPlansOnOneObject(t *testing.T) {
	first := func(ref harden.Ref) harden.Change {
		return harden.SetSecurityContext(ref, web, map[string]any{"allowPrivilegeEscalation": false})
	}
	second := func(ref harden.Ref) harden.Change {
		return harden.SetSecurityContext(ref, web, map[string]any{"capabilities": map[string]any{"drop": []any{"ALL"}}})
	}
	for _, firstGoesFirst := range []bool{true, false} {
		t.Run(fmt.Sprintf("first undone first %v", firstGoesFirst), func(t *testing.T) {
			b := newBench(t)
			b.create(deploymentYAML)
			ref := b.ref("apps/v1", "Deployment", "web")
			before := b.read(ref)
			one := b.run(b.plan("one", first(ref)), harden.ApplyOptions{})
			b.wantPhases(one, harden.Proven)
			two := b.run(b.plan("two", second(ref)), harden.ApplyOptions{})
			b.wantPhases(two, harden.Proven)
			if !b.isMet(b.read(ref), first(ref)) {
				t.Fatal("the second plan took the first one back")
			}
			undone, kept, keptChange := one, two, second(ref)
			if !firstGoesFirst {
				undone, kept, keptChange = two, one, first(ref)
			}
			b.wantPhases(b.undo(undone.ID), harden.Undone)
			if !b.isMet(b.read(ref), keptChange) {
				t.Fatal("undoing one plan took the other one back")
			}
			b.wantPhases(b.undo(kept.ID), harden.Undone)
			b.wantSame(before, b.read(ref))
		})
	}
}
