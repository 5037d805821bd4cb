package netpol_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

// town is the world of the tables: namespaces shop and web, in which pods run,
// jobs of which only a template is there, and edge, whose labels are not known.
const town = `
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {team: red}}
---
apiVersion: v1
kind: Namespace
metadata: {name: web, labels: {team: blue}}
---
apiVersion: v1
kind: Pod
metadata: {name: api, namespace: shop, labels: {app: api, tier: back}}
spec:
  nodeName: n1
  containers: [{name: c, image: i, ports: [{name: http, containerPort: 8080}, {name: stats, containerPort: 9090}]}]
status: {podIP: 10.1.0.5}
---
apiVersion: v1
kind: Pod
metadata: {name: db, namespace: shop, labels: {app: db, tier: back}}
spec:
  nodeName: n2
  containers: [{name: c, image: i, ports: [{name: http, containerPort: 80}, {name: sql, containerPort: 5432}]}]
status: {podIP: 10.1.0.6}
---
apiVersion: v1
kind: Pod
metadata: {name: front, namespace: web, labels: {app: front}}
spec:
  nodeName: n1
  containers: [{name: c, image: i}]
status: {podIP: 10.1.0.7}
---
apiVersion: v1
kind: Pod
metadata: {name: proxy, namespace: web, labels: {app: proxy}}
spec:
  nodeName: n2
  hostNetwork: true
  containers: [{name: c, image: i, ports: [{containerPort: 8443}]}]
status: {podIP: 192.168.0.2}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: night, namespace: shop}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {labels: {app: night}}
        spec: {restartPolicy: Never, containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: gate, namespace: edge, labels: {app: gate}}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
status: {addresses: [{type: InternalIP, address: 192.168.0.2}]}
`

// policyText completes a NetworkPolicy: head is NAMESPACE/NAME, spec is YAML in flow style.
func policyText(head, spec string) string {
	ns, name, _ := strings.Cut(head, "/")
	return fmt.Sprintf("---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: %s, namespace: %s}\nspec: %s\n", name, ns, spec)
}

// peer reads NAMESPACE/NAME as a workload, ns:NAME, a CIDR, or a kind.
func peer(inv *harden.Inventory, text string) harden.Peer {
	if ns, ok := strings.CutPrefix(text, "ns:"); ok {
		return harden.Peer{Kind: harden.PeerNamespace, Namespace: ns}
	}
	if ns, name, ok := strings.Cut(text, "/"); ok {
		if strings.ContainsAny(ns, ".:") {
			return harden.Peer{Kind: harden.PeerAddress, CIDR: text}
		}
		for _, w := range inv.Workloads {
			if w.Ref.Namespace == ns && w.Ref.Name == name {
				return harden.WorkloadPeer(w.Ref)
			}
		}
		return harden.WorkloadPeer(harden.Ref{Kind: "Pod", Namespace: ns, Name: name})
	}
	return harden.Peer{Kind: harden.PeerKind(text)}
}

// ask reads FROM TO PROTOCOL/NUMBER.
func ask(t *testing.T, inv *harden.Inventory, w *netpol.World, question string) harden.Decision {
	t.Helper()
	words := strings.Fields(question)
	if len(words) != 3 {
		t.Fatalf("question %q is not FROM TO PORT", question)
	}
	protocol, number, _ := strings.Cut(words[2], "/")
	n, _ := strconv.Atoi(number)
	return w.Decide(peer(inv, words[0]), peer(inv, words[1]), harden.Port{Protocol: corev1.Protocol(strings.ToUpper(protocol)), Number: int32(n)})
}

// says is the decision in a word.
func says(d harden.Decision) string {
	if d.Partly {
		return "partly"
	}
	return d.Reach.String()
}

const denyIngress = `{podSelector: {}, policyTypes: [Ingress]}`

type truth struct {
	name     string
	policies []string // NAMESPACE/NAME SPEC
	more     string   // other objects
	engine   harden.Engine
	live     []string // the scope, of a cluster; nil: files
	unread   string   // resource that may not be read
	want     []string // FROM TO PORT: ANSWER
}

func (c *truth) inventory(t *testing.T) *harden.Inventory {
	t.Helper()
	text := town + c.more
	for _, p := range c.policies {
		head, spec, _ := strings.Cut(p, " ")
		text += policyText(head, spec)
	}
	opts := []fixtest.Option{fixtest.Engine(c.engine)}
	if c.unread != "" {
		opts = append(opts, fixtest.Unreadable(c.unread, "forbidden"))
	}
	inv := fixtest.Load(t, text, opts...)
	if c.live != nil {
		inv.Cluster.Server, inv.Scope = "https://127.0.0.1", c.live
	}
	return inv
}

const apiServer = `
---
apiVersion: v1
kind: Service
metadata: {name: kubernetes, namespace: default}
spec: {clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1], ports: [{port: 443, targetPort: 6443}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: kubernetes, namespace: default, labels: {kubernetes.io/service-name: kubernetes}}
addressType: IPv4
endpoints: [{addresses: [172.18.0.2]}]
ports: [{port: 6443, protocol: TCP}]
`

const daemon = `
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: web}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {hostNetwork: true, containers: [{name: c, image: i}]}
`

const pair = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: pair, namespace: shop}
spec:
  selector: {matchLabels: {app: pair}}
  template:
    metadata: {labels: {app: pair}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: pair-1, namespace: shop, labels: {app: pair}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: pair, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.5.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: pair-2, namespace: shop, labels: {app: pair}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: pair, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
status: {podIP: 10.6.0.1}
`

const idle = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: idle, namespace: shop}
spec:
  replicas: 0
  selector: {matchLabels: {app: idle}}
  template:
    metadata: {labels: {app: idle}}
    spec:
      initContainers:
      - {name: s, image: i, restartPolicy: Always, ports: [{name: side, containerPort: 15020}]}
      - {name: t, image: i, ports: [{name: setup, containerPort: 15021}]}
      containers:
      - {name: c, image: i, ports: [{name: twice, containerPort: 7001}, {name: talk, protocol: UDP, containerPort: 5000}]}
      - {name: d, image: i, ports: [{name: twice, containerPort: 7002}]}
`

const rolling = `
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: rolling, namespace: shop}
spec:
  selector: {matchLabels: {app: rolling}}
  template:
    metadata: {labels: {app: rolling, track: new}}
    spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: rolling-1, namespace: shop, labels: {app: rolling, track: old}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: rolling, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: rolling-2, namespace: shop, labels: {app: rolling, track: new}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: rolling, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Pod
metadata: {name: rolling-3, namespace: shop, labels: {app: rolling, track: gone}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: rolling, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
status: {phase: Failed}
---
apiVersion: v1
kind: Pod
metadata: {name: rolling-4, namespace: shop, deletionTimestamp: "2026-11-28T00:00:00Z", labels: {app: rolling, track: gone}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: rolling, uid: u, controller: true}]}
spec: {containers: [{name: c, image: i}]}
`
