package network

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// T70: the same objects in any order give the same findings, to the word.
func TestT70OrderDoesNotMatter(t *testing.T) {
	docs := []string{
		namespace, deployment("a", containers("{name: http, containerPort: 80}")), deployment("b", containers("{name: http, containerPort: 8080}")), deployment("c", "hostNetwork: true, "+containers("")),
		service("a", "selector: {app: a}, ports: [{port: 443, targetPort: http}]"), service("b", "selector: {app: b}, ports: [{port: 443, targetPort: http}]"), service("b2", "type: NodePort, selector: {app: b}, ports: [{port: 443, targetPort: 8080}]"),
		policy("open", "podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{to: [{podSelector: {}}], ports: [{port: http}, {port: 443}]}]"),
		policy("open2", "podSelector: {}, ingress: [{}, {from: [{ipBlock: {cidr: 203.0.113.0/24}}], ports: [{port: 443}, {port: http}]}]"),
		policy("host", "podSelector: {matchExpressions: [{key: app, operator: In, values: [a, b, c]}]}, ingress: [{from: [{namespaceSelector: {}}, {podSelector: {matchLabels: {x: y}}}]}]"),
		policy("none", "podSelector: {matchLabels: {app: z}}, ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"),
	}
	suite := []*harden.Fixer{
		Unenforced, WebhookBlocked, MissingIngress, MissingEgress, NoDefaultDeny, AllowAll, ServicePort, DNSBlocked, MeshMTLSPermissive,
		BroadPeer, AndOr, NamedPort, HostNetworkSubject, APIServerEgress, CNILimits, Dangling, EnforceRace,
	}
	said := func() map[string]string {
		all := map[string]string{}
		for _, fixer := range suite {
			for _, f := range fixtest.Run(t, fixer, strings.Join(docs, ""), fixtest.Live(), enforcing(harden.EngineVPCCNI)) {
				all[f.ID()] = strings.Join([]string{f.Status.String(), f.Severity.String(), f.SeverityWhy, f.Verdict, f.Reason, f.Detail}, " | ")
			}
		}
		return all
	}
	want := said()
	if len(want) < 15 {
		t.Fatalf("only %d findings: the objects show too little", len(want))
	}
	rnd := rand.New(rand.NewPCG(7, 70))
	for range 20 {
		rnd.Shuffle(len(docs), func(i, j int) { docs[i], docs[j] = docs[j], docs[i] })
		if diff := cmp.Diff(want, said()); diff != "" {
			t.Fatal(diff)
		}
	}
}
