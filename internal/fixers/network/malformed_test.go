package network

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Files may hold what no server takes. Rules and fixes say what they can, and never panic.
func TestMalformedObjects(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 14))
	pick := func(all ...string) string { return all[rnd.IntN(len(all))] }
	selector := func() string {
		return pick("{}", "null", "{matchLabels: {app: a}}", "{matchLabels: {'': ''}}", "{matchLabels: {'a b': '***'}}", "{matchExpressions: [{key: app, operator: Near}]}", "{matchExpressions: [{}]}", "{matchExpressions: [{key: app, operator: In}]}")
	}
	port := func() string {
		return pick("{}", "{port: 0}", "{port: 80}", "{port: -1}", "{port: 443, endPort: 1}", "{port: http, endPort: 9}", "{port: ''}", "{port: http}", "{port: 70000, protocol: ICMP}", "{protocol: ''}", "{protocol: UDP, port: 53}")
	}
	peer := func() string {
		return pick("{}", "{podSelector: "+selector()+"}", "{namespaceSelector: "+selector()+"}", "{podSelector: "+selector()+", namespaceSelector: "+selector()+"}",
			"{ipBlock: {}}", "{ipBlock: {cidr: here}}", "{ipBlock: {cidr: 0.0.0.0/0, except: [nothing, '::/0', 0.0.0.0/0]}}", "{ipBlock: {cidr: '::ffff:10.0.0.1/96'}}", "{ipBlock: {cidr: 10.0.0.1/33}}", "{ipBlock: {cidr: 169.254.170.23/32}}", "{ipBlock: {cidr: '::/0'}}")
	}
	rule := func(peers string) string {
		return pick("{}", "{"+peers+": []}", "{"+peers+": ["+peer()+", "+peer()+"], ports: ["+port()+", "+port()+"]}", "{ports: ["+port()+"]}", "{"+peers+": ["+peer()+"]}")
	}
	suite := []*harden.Fixer{
		Unenforced, WebhookBlocked, MissingIngress, MissingEgress, NoDefaultDeny, AllowAll, ServicePort, DNSBlocked, MeshMTLSPermissive,
		BroadPeer, AndOr, NamedPort, HostNetworkSubject, APIServerEgress, CNILimits, Dangling, EnforceRace,
	}
	for range 40 {
		yaml := namespace + deployment("a", containers(pick("", "{}", "{name: http, containerPort: 80}", "{containerPort: -5, protocol: X}"))) + deployment("b", "") +
			"---\napiVersion: v1\nkind: Pod\nmetadata: {name: lone, namespace: shop}\nspec: {containers: []}\nstatus: {podIPs: [{ip: here}]}\n" +
			service("a", pick("", "selector: {app: a}", "selector: {app: a}, ports: [{}]", "type: Nothing, clusterIP: None, selector: {app: a}, ports: [{port: 80, targetPort: http}, {port: 443, targetPort: -1}]")) +
			"---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: i, namespace: shop}\nspec: {defaultBackend: {}, rules: [{}, {http: {paths: [{backend: {resource: {kind: x, name: z}}}]}}]}\n" +
			nodeAt("n", pick("10.0.0.1", "here"), "")
		for n := range 3 {
			types := pick("", "policyTypes: [], ", "policyTypes: [Ingress, Egress], ", "policyTypes: [Sideways], ")
			yaml += policy(fmt.Sprintf("p%d", n), "podSelector: "+strings.Replace(selector(), "null", "{}", 1)+", "+types+"ingress: ["+rule("from")+", "+rule("from")+"], egress: ["+rule("to")+"]")
		}
		engine := fixtest.Engine(harden.Engine{Name: pick("", harden.EngineVPCCNI, harden.EngineCilium), NodeLocalDNS: []string{pick("here", "169.254.20.10", "")}})
		callee := fixtest.Callee(harden.Callee{Namespace: "shop", Service: "a", Port: 443})
		opts := []fixtest.Option{engine, callee}
		if rnd.IntN(2) == 0 {
			opts = append(opts, fixtest.Whole(t, kubeDNS))
		}
		for _, fixer := range suite {
			for _, fixes := range fixtest.AllFixes(t, fixer, yaml, opts...) {
				for _, fix := range fixes {
					if fix.Title == "" || len(fix.Changes) == 0 && fix.Manual == "" {
						t.Fatalf("%s: a fix that says nothing: %+v\n%s", fixer.ID, fix, yaml)
					}
				}
			}
		}
	}
}
