package network

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestAllowAll(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	judge(t, AllowAll, []judgement{
		{"ingress", web + policy("w", selectsWeb+", ingress: [{}]"), nil, []string{"fail medium allow-all Ingress"}},
		{"empty from", web + policy("w", selectsWeb+", ingress: [{from: []}]"), nil, []string{"fail medium allow-all Ingress"}},
		{"both", web + policy("w", selectsWeb+", policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]"), live(), []string{"fail medium allow-all Ingress", "fail medium allow-all Egress"}},
		{"no rules at all", web + policy("w", selectsWeb+", policyTypes: [Ingress, Egress]"), nil, nil},
		{"ports", web + policy("w", selectsWeb+", ingress: [{ports: [{port: 80}]}]"), nil, nil},
		{"peers", web + policy("w", selectsWeb+", ingress: [{from: [{podSelector: {}}]}]"), nil, nil},
		{"rules of a direction that is not isolated", web + policy("w", selectsWeb+", policyTypes: [Egress], ingress: [{}]"), nil, nil},
		{"second of two rules, once", web + policy("w", selectsWeb+", ingress: [{ports: [{port: 80}]}, {}, {}]"), nil, []string{"fail medium allow-all Ingress"}},
	})
	f := fixtest.Only(t, AllowAll, web+policy("w", selectsWeb+", ingress: [{}]"))
	if f.Object.String() != "NetworkPolicy/w" || f.Object.Source.File == "" || !strings.Contains(f.Detail, "Deployment/web") {
		t.Errorf("object %+v, detail %q", f.Object, f.Detail)
	}
	if f := fixtest.Only(t, AllowAll, namespace+policy("w", selectsWeb+", ingress: [{}]"), fixtest.Live(), fixtest.Unreadable("pods", "forbidden")); !strings.Contains(f.Detail, "that were read") {
		t.Errorf("detail %q claims more than was read", f.Detail)
	}
}

func TestBroadPeer(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	egress := func(rule string) string {
		return web + policy("w", selectsWeb+", policyTypes: [Egress], egress: ["+rule+"]")
	}
	const private = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
	judge(t, BroadPeer, []judgement{
		{"all namespaces", web + policy("w", selectsWeb+", ingress: [{from: [{namespaceSelector: {}}]}]"), nil, []string{"fail low all-namespaces Ingress namespaces"}},
		{"all namespaces, empty podSelector", web + policy("w", selectsWeb+", ingress: [{from: [{namespaceSelector: {}, podSelector: {}}]}]"), nil, []string{"fail low all-namespaces Ingress namespaces"}},
		{"pods of all namespaces", web + policy("w", selectsWeb+", ingress: [{from: [{namespaceSelector: {}, podSelector: {matchLabels: {a: b}}}]}]"), nil, nil},
		{"DNS in all namespaces", egress("{to: [{namespaceSelector: {}}], ports: [{port: 53, protocol: UDP}, {port: 53}]}"), nil, nil},
		{"all addresses", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}"), nil, []string{"fail low any-address Egress 0.0.0.0/0"}},
		{"half of all addresses", egress("{to: [{ipBlock: {cidr: 128.0.0.0/1}}]}"), nil, []string{"fail low any-address Egress 128.0.0.0/1"}},
		{"all addresses in a cloud", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [" + private + "]}}]}"), live(fixtest.Engine(harden.Engine{Provider: "aws"})), []string{"fail medium any-address Egress 0.0.0.0/0"}},
		{"the internet", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [" + private + ", 169.254.169.254/32]}}]}"), nil, nil},
		{"the internet, by link-local", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [" + private + ", 169.254.0.0/16]}}]}"), nil, nil},
		{"one private range forgotten", egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 192.168.0.0/16, 169.254.169.254/32]}}]}"), live(fixtest.Engine(harden.Engine{Provider: "aws"})), []string{"fail low any-address Egress 0.0.0.0/0"}},
		{"all of IPv6", egress("{to: [{ipBlock: {cidr: '::/0'}}]}"), nil, []string{"fail low any-address Egress ::/0"}},
		{"IPv6 without local", egress("{to: [{ipBlock: {cidr: '::/0', except: ['fc00::/7']}}]}"), nil, nil},
		{"malformed", egress("{to: [{ipBlock: {cidr: everything}}, {ipBlock: {cidr: 0.0.0.0/0, except: [nothing, 0.0.0.0/0]}}]}"), nil, nil},
		{"ingress from everywhere", web + policy("w", selectsWeb+", ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), live(), []string{"fail low any-address Ingress 0.0.0.0/0"}},
		{"ingress at the edge", web + service("w", "type: LoadBalancer, selector: {app: web}") + policy("w", selectsWeb+", ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), live(), nil},
		{"Services not read", web + policy("w", selectsWeb+", ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}]"), live(fixtest.Unreadable(harden.Services, "forbidden")), []string{"unknown low unknown Ingress 0.0.0.0/0"}},
	})
	fix := fixesOf(t, BroadPeer, egress("{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}], ports: [{port: 443}]}, {ports: [{port: 53, protocol: UDP}]}"))
	want := []any{
		map[string]any{
			"to":    []any{map[string]any{"ipBlock": map[string]any{"cidr": "0.0.0.0/0", "except": []any{"10.0.0.0/8", "169.254.169.254/32", "172.16.0.0/12", "192.168.0.0/16"}}}},
			"ports": []any{map[string]any{"port": int64(443)}},
		},
		map[string]any{"ports": []any{map[string]any{"port": int64(53), "protocol": "UDP"}}},
	}
	if diff := cmp.Diff(want, rules(t, fix, "egress")); diff != "" || fix.Class != harden.Review {
		t.Errorf("class %s (-want +got):\n%s", fix.Class, diff)
	}
}

// T54: two peers are alternatives, one with both selectors is both.
func TestT54AndOr(t *testing.T) {
	web := namespace + deployment("web", containers(""))
	const monitoring, prometheus = "{namespaceSelector: {matchLabels: {team: ops}}}", "{podSelector: {matchLabels: {app: prometheus}}}"
	ingress := func(peers string) string { return web + policy("w", selectsWeb+", ingress: [{from: ["+peers+"]}]") }
	judge(t, AndOr, []judgement{
		{"or", ingress(monitoring + ", " + prometheus), nil, []string{"fail low or Ingress team=ops app=prometheus"}},
		{"or, the other way round", ingress(prometheus + ", " + monitoring), nil, []string{"fail low or Ingress team=ops app=prometheus"}},
		{"and", ingress("{namespaceSelector: {matchLabels: {team: ops}}, podSelector: {matchLabels: {app: prometheus}}}"), nil, nil},
		{"own namespace and another", ingress("{podSelector: {}}, " + monitoring), nil, nil},
		{"not neighbours", ingress(monitoring + ", {ipBlock: {cidr: 10.0.0.0/8}}, " + prometheus), nil, nil},
		{"empty peers", ingress("{}, {}"), nil, nil},
		{"egress", web + policy("w", selectsWeb+", egress: [{to: ["+monitoring+", "+prometheus+"]}]"), live(), []string{"fail low or Egress team=ops app=prometheus"}},
	})
	if f := fixtest.Only(t, AndOr, ingress(monitoring+", "+prometheus)); !strings.Contains(f.Detail, "likely") {
		t.Errorf("detail %q: nothing of its own namespace has the label", f.Detail)
	}
	if f := fixtest.Only(t, AndOr, ingress(monitoring+", "+prometheus)+deployment("prometheus", containers(""))); strings.Contains(f.Detail, "likely") {
		t.Errorf("detail %q: something of its own namespace has the label", f.Detail)
	}
	fix := fixesOf(t, AndOr, ingress("{ipBlock: {cidr: 10.0.0.0/8}}, "+monitoring+", "+prometheus))
	want := []any{map[string]any{"from": []any{
		map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/8"}},
		map[string]any{
			"namespaceSelector": map[string]any{"matchLabels": map[string]any{"team": "ops"}},
			"podSelector":       map[string]any{"matchLabels": map[string]any{"app": "prometheus"}},
		},
	}}}
	if diff := cmp.Diff(want, rules(t, fix, "ingress")); diff != "" || fix.Class != harden.Review {
		t.Errorf("class %s (-want +got):\n%s", fix.Class, diff)
	}
}

func TestHostNetworkSubject(t *testing.T) {
	agent := namespace + deployment("agent", "hostNetwork: true, "+containers("")) + deployment("web", containers(""))
	judge(t, HostNetworkSubject, []judgement{
		{"selected", agent + policy("a", "podSelector: {matchLabels: {app: agent}}"), nil, []string{"fail low host-network"}},
		{"the other one", agent + policy("a", selectsWeb), nil, nil},
		{"everything", agent + policy("a", "podSelector: {}"), live(), nil},
		{"by expression", agent + policy("a", "podSelector: {matchExpressions: [{key: app, operator: Exists}]}"), live(), []string{"fail low host-network"}},
	})
	for engine, want := range map[string]string{harden.EngineCilium: "nodeSelector", harden.EngineCalico: "HostEndpoint", "": "firewall"} {
		if fix := fixesOf(t, HostNetworkSubject, agent+policy("a", "podSelector: {matchLabels: {app: agent}}"), fixtest.Live(), enforcing(engine)); !strings.Contains(fix.Manual, want) || len(fix.Changes) > 0 {
			t.Errorf("%s: %q, want %q in it", engine, fix.Manual, want)
		}
	}
}
