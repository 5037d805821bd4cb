package network

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func nodeAt(name, address, labels string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {%s}}\nstatus: {addresses: [{type: InternalIP, address: %s}]}\n", name, labels, address)
}

func TestCNILimitsOfVPC(t *testing.T) {
	vpc := enforcing(harden.EngineVPCCNI)
	web := namespace + deployment("web", containers("{containerPort: 8080}"))
	egress := func(rules string) string {
		return web + policy("w", selectsWeb+", policyTypes: [Egress], egress: ["+rules+"]")
	}
	var many []string
	for i := range 25 {
		many = append(many, fmt.Sprintf("{port: %d}", 1000+i))
	}
	bare := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: lone, namespace: shop, labels: {app: lone}}\nspec: {containers: [{name: c, image: c}]}\n"
	onFargate := deployment("web", containers("")) +
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\nspec: {nodeName: f1, containers: [{name: c, image: c}]}\n" +
		nodeAt("f1", "10.0.0.9", "eks.amazonaws.com/compute-type: fargate")
	judge(t, CNILimits, []judgement{
		{"nothing", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 443}]}"), live(vpc), nil},
		{"T55 with ports and without", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]}, {to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 53, protocol: UDP}]}"), live(vpc), []string{"fail low duplicate-cidr Egress 0.0.0.0/0"}},
		{"T55 T66 written differently", egress("{to: [{ipBlock: {cidr: 10.1.2.3/8}}]}, {to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [{port: 53}]}"), live(vpc), []string{"fail low duplicate-cidr Egress 10.1.2.3/8"}},
		{"T55 on another engine", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 53}]}"), live(enforcing(harden.EngineCalico)), nil},
		{"24 ports", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [" + strings.Join(many[:24], ", ") + "]}"), live(vpc), nil},
		{"25 ports", egress("{to: [{ipBlock: {cidr: 10.0.0.0/8}}], ports: [" + strings.Join(many, ", ") + "]}"), live(vpc), []string{"fail low ports Egress ports 10.0.0.0/8"}},
		{"another family", egress("{to: [{ipBlock: {cidr: 'fd00::/8'}}], ports: [{port: 443}]}"), live(vpc), []string{"fail low family Egress family"}},
		{"T64 a pod without owner", namespace + bare + policy("d", "podSelector: {}"), live(vpc), []string{"fail medium bare-pod bare-pod"}},
		{"T64 Fargate", namespace + onFargate + policy("d", "podSelector: {}"), live(vpc), []string{"fail medium fargate fargate"}},
		{"T64 Windows", namespace + deployment("web", "os: {name: windows}, "+containers("")) + policy("d", "podSelector: {}"), live(vpc), []string{"fail medium windows windows"}},
		{"T64 not selected", namespace + bare + policy("d", selectsWeb), live(vpc), nil},
		{"T65 headless", egress("{to: [{podSelector: {matchLabels: {app: web}}}]}") + service("web", "clusterIP: None, selector: {app: web}, ports: [{port: 8080}]"), live(vpc), []string{"fail low headless headless"}},
		{"T65 not only headless", egress("{to: [{podSelector: {matchLabels: {app: web}}}]}") + service("web", "clusterIP: None, selector: {app: web}, ports: [{port: 8080}]") + service("web2", "selector: {app: web}, ports: [{port: 8080}]"), live(vpc), nil},
		{"malformed block", egress("{to: [{ipBlock: {cidr: here}}]}, {to: [{}]}"), live(vpc), nil},
		{"no engine known", namespace + bare + policy("d", "podSelector: {}"), live(), nil},
		{"files", namespace + bare + policy("d", "podSelector: {}"), nil, nil},
	})

	fix := fixesOf(t, CNILimits, egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}, {to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 53, protocol: UDP}]}"), fixtest.Live(), vpc)
	want := []any{
		map[string]any{"port": int64(1), "endPort": int64(65535), "protocol": "TCP"},
		map[string]any{"port": int64(1), "endPort": int64(65535), "protocol": "UDP"},
	}
	got := rules(t, fix, "egress")
	if diff := cmp.Diff(want, got[0].(map[string]any)["ports"]); diff != "" || fix.Class != harden.Review || len(got) != 2 {
		t.Errorf("class %s (-want +got):\n%s", fix.Class, diff)
	}
	if fix := fixesOf(t, CNILimits, namespace+bare+policy("d", "podSelector: {}"), fixtest.Live(), vpc); fix.Manual == "" || len(fix.Changes) > 0 {
		t.Errorf("%+v, want text alone", fix)
	}
}

func TestCNILimitsOfCilium(t *testing.T) {
	cilium := enforcing(harden.EngineCilium)
	web := namespace + deployment("web", containers("")) + nodeAt("n1", "10.0.0.7", "") +
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\nspec: {nodeName: n1, containers: [{name: c, image: c}]}\nstatus: {podIPs: [{ip: 10.244.1.5}]}\n"
	egress := func(cidr string) string {
		return web + policy("w", selectsWeb+", policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: '"+cidr+"'}}]}]")
	}
	judge(t, CNILimits, []judgement{
		{"T56 Pod Identity", egress("169.254.170.23/32"), live(cilium), []string{"fail medium ipblock Egress 169.254.170.23/32"}},
		{"T56 Pod Identity on IPv6", egress("fd00:ec2::23/128"), live(cilium), []string{"fail medium ipblock Egress fd00:ec2::23/128"}},
		{"a node", egress("10.0.0.7/32"), live(cilium), []string{"fail low ipblock Egress 10.0.0.7/32"}},
		{"pods", egress("10.244.0.0/16"), live(cilium), []string{"fail low ipblock Egress 10.244.0.0/16"}},
		{"the API server", egress("127.0.0.1/32"), live(cilium), []string{"fail low ipblock Egress 127.0.0.1/32"}},
		{"machines outside", egress("192.168.7.0/24"), live(cilium), nil},
		{"the world", egress("0.0.0.0/0"), live(cilium), nil},
		{"a node on another engine", egress("10.0.0.7/32"), live(enforcing(harden.EngineCalico)), nil},
	})
	if fix := fixesOf(t, CNILimits, egress("169.254.170.23/32"), fixtest.Live(), cilium); !strings.Contains(fix.Manual, "toEntities") {
		t.Errorf("%q does not say what Cilium has instead", fix.Manual)
	}
}

// T60: through a Service with externalTrafficPolicy Cluster the source is a node.
func TestT60ClientAddresses(t *testing.T) {
	web := namespace + deployment("web", containers("")) + nodeAt("n1", "10.0.0.7", "")
	fromClients := policy("w", selectsWeb+", ingress: [{from: [{ipBlock: {cidr: 203.0.113.0/24}}]}]")
	judge(t, CNILimits, []judgement{
		{"Cluster", web + service("web", "type: LoadBalancer, selector: {app: web}") + fromClients, nil, []string{"fail low client-address client-address"}},
		{"Local", web + service("web", "type: LoadBalancer, externalTrafficPolicy: Local, selector: {app: web}") + fromClients, live(), nil},
		{"inside of the cluster", web + service("web", "selector: {app: web}") + fromClients, live(), nil},
		{"nodes are admitted", web + service("web", "type: NodePort, selector: {app: web}") + policy("w", selectsWeb+", ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/24}}]}]"), live(), nil},
	})
}
