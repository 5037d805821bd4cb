package flowstest

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Cluster is what stands in every cluster: CoreDNS, the Service of the API
// server, two nodes.
const Cluster = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: coredns, namespace: kube-system}
spec:
  selector: {matchLabels: {k8s-app: kube-dns}}
  template:
    metadata: {labels: {k8s-app: kube-dns}}
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      containers:
      - name: coredns
        image: registry.example/coredns:1.12
        ports:
        - {name: dns, containerPort: 53, protocol: UDP}
        - {name: dns-tcp, containerPort: 53, protocol: TCP}
---
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system}
spec:
  clusterIP: 10.96.0.10
  selector: {k8s-app: kube-dns}
  ports:
  - {name: dns, port: 53, protocol: UDP, targetPort: 53}
  - {name: dns-tcp, port: 53, protocol: TCP, targetPort: 53}
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec:
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1]
  ports: [{name: https, port: 443, targetPort: 6443}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
ports: [{name: https, port: 6443, protocol: TCP}]
endpoints: [{addresses: [192.0.2.10]}]
---
apiVersion: v1
kind: Node
metadata: {name: node-1}
status: {addresses: [{type: InternalIP, address: 192.0.2.21}]}
---
apiVersion: v1
kind: Node
metadata: {name: node-2}
status: {addresses: [{type: InternalIP, address: 192.0.2.22}]}
`

// Enforced makes an engine that enforces policies for IPv4.
func Enforced(name string) harden.Engine {
	return harden.Engine{Name: name, Enforces: harden.Enforced, Why: "its DaemonSet runs", IPv4: true}
}

// Known is Load of a cluster whose engine enforces policies: Cluster and the texts.
func Known(t testing.TB, engine string, texts ...string) *harden.Inventory {
	t.Helper()
	inv := Load(t, append([]string{Cluster}, texts...)...)
	inv.Net.Engine = Enforced(engine)
	return inv.Fresh()
}
