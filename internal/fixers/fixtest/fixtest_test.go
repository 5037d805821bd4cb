package fixtest

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const mixed = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: web:1}]
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec:
  containers: [{name: web, image: web:1}, {name: proxy, image: proxy:1}]
  ephemeralContainers: [{name: debug, image: busybox}]
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
---
apiVersion: v1
kind: Namespace
metadata: {name: empty}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny, namespace: shop}
spec: {podSelector: {}}
`

func TestSubjects(t *testing.T) {
	for subject, want := range map[harden.Subject][]string{
		harden.SubjectPod: {
			"x Deployment/web  containers [app:web]",
			"x Pod/web-1 app:proxy containers [app:proxy ephemeral:debug]",
		},
		harden.SubjectWorkload:       {"x Deployment/web  containers [app:web]"},
		harden.SubjectNamespace:      {"x Namespace/default  ", "x Namespace/empty  ", "x Namespace/shop  "},
		harden.SubjectNetworkPolicy:  {"x NetworkPolicy/deny  "},
		harden.SubjectServiceAccount: {"x ServiceAccount/robot  "},
	} {
		fixer := &harden.Fixer{ID: "x", Subject: subject, Check: func(p *harden.Pass) {
			reason, container := "", harden.ContainerRef{}
			if p.Pod != nil {
				var names []string
				for _, c := range p.Pod.Containers() {
					names = append(names, c.Ref.String())
				}
				reason = fmt.Sprint("containers ", names)
			}
			if p.Pod != nil && !p.Pod.PodLevel {
				container = p.Pod.Containers()[0].Ref
			}
			p.Report(harden.Finding{Reason: reason, Container: container})
		}}
		if diff := cmp.Diff(want, Reasons(Run(t, fixer, mixed))); diff != "" {
			t.Errorf("subject %d (-want +got):\n%s", subject, diff)
		}
	}
}
