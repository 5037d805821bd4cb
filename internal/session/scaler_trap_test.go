package session_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const autoscaled = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: logs, hostPath: {path: /var/log}}]
      containers:
      - name: web
        image: web
        securityContext: {privileged: true, runAsUser: 0}
        volumeMounts: [{name: logs, mountPath: /logs}]
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, minReplicas: 3, maxReplicas: 9}
---
apiVersion: autoscaling.k8s.io/v1
kind: VerticalPodAutoscaler
metadata: {name: web, namespace: shop}
spec: {targetRef: {apiVersion: apps/v1, kind: Deployment, name: web}}
`

// T99, T118: whatever the whole suite proposes, what autoscalers own is not in it.
func TestT118NoBodyHoldsWhatAutoscalersOwn(t *testing.T) {
	s, snap := open(t, autoscaled)
	for _, f := range snap.Findings {
		if f.Fixer.ID == "single-replica" {
			t.Errorf("T99: found although an autoscaler keeps three: %s", f.Detail)
		}
	}
	p, err := s.Plan(t.Context(), snap.Findings, harden.PlanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Objects) == 0 {
		t.Fatal("nothing is planned")
	}
	for _, op := range p.Objects {
		if op.Set == nil {
			continue
		}
		if _, has, _ := unstructured.NestedFieldNoCopy(op.Set.Object, "spec", "replicas"); has {
			t.Errorf("the body for %s has replicas", op.Target)
		}
		body, err := yaml.Marshal(op.Set.Object)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), "resources:") {
			t.Errorf("the body for %s has resources:\n%s", op.Target, body)
		}
	}
}
