// Package nettest makes inventories of whole clusters, for the tests of flows
// and of what is proposed by them.
package nettest

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
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

// Load is fixtest.Load of all the texts, as a live cluster.
func Load(t testing.TB, texts ...string) *harden.Inventory {
	t.Helper()
	return fixtest.Load(t, strings.Join(texts, "\n---\n"), fixtest.Live())
}

// Known is Load of a cluster whose engine enforces policies, for IPv4: Cluster
// and the texts.
func Known(t testing.TB, engine string, texts ...string) *harden.Inventory {
	t.Helper()
	inv := Load(t, append([]string{Cluster}, texts...)...)
	inv.Net.Engine = harden.Engine{Name: engine, Enforces: harden.Enforced, Why: "its DaemonSet runs", IPv4: true}
	return inv.Fresh()
}

// unrelated are kinds that say nothing about networks and that fixtest does not know.
var unrelated = []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "PodDisruptionBudget"}

// Folder is the text of the manifests of a folder that are about networks.
func Folder(t testing.TB, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests in %s: %v", dir, err)
	}
	var kept []string
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
		for {
			doc, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("reading %s: %v", path, err)
			}
			var meta metav1.TypeMeta
			if err := yaml.Unmarshal(doc, &meta); err != nil {
				t.Fatalf("reading %s: %v", path, err)
			}
			if !slices.Contains(unrelated, meta.Kind) {
				kept = append(kept, string(doc))
			}
		}
	}
	return strings.Join(kept, "\n---\n")
}
