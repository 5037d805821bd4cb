package network

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// T49: a Service leads from 80 to 8080; the policy has to say 8080.
func TestT49ServicePort(t *testing.T) {
	web := namespace + deployment("web", containers("{name: http, containerPort: 8080}")) + service("web", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]")
	byName := namespace + deployment("web", containers("{name: http, containerPort: 8080}")) + service("web", "selector: {app: web}, ports: [{port: 80, targetPort: http}]")
	ingress := func(ports string) string {
		return policy("w", selectsWeb+", ingress: [{from: [{podSelector: {}}], ports: ["+ports+"]}]")
	}
	egress := func(peer, ports string) string {
		return policy("c", "podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{to: ["+peer+"], ports: ["+ports+"]}]")
	}
	const found80 = "fail medium service-port Ingress TCP/80"
	judge(t, ServicePort, []judgement{
		{"ingress", web + ingress("{port: 80}"), nil, []string{found80}},
		{"named target", byName + ingress("{port: 80}"), live(), []string{found80}},
		{"egress", web + egress("{podSelector: {matchLabels: {app: web}}}", "{port: 80}"), live(), []string{"fail medium service-port Egress TCP/80"}},
		{"egress to all pods", web + egress("{podSelector: {}}", "{port: 80}"), live(), []string{"fail medium service-port Egress TCP/80"}},
		{"the port of the pods", web + ingress("{port: 8080}"), nil, nil},
		{"both", web + ingress("{port: 80}, {port: 8080}"), nil, nil},
		{"a range with both", web + ingress("{port: 80, endPort: 9000}"), nil, nil},
		{"all ports of the protocol", web + ingress("{port: 80}, {protocol: TCP}"), nil, nil},
		{"another protocol", web + ingress("{port: 80, protocol: UDP}"), nil, nil},
		{"no Service has it", web + ingress("{port: 81}"), nil, nil},
		{"the container declares it", namespace + deployment("web", containers("{containerPort: 8080}, {containerPort: 80}")) + service("web", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]") + ingress("{port: 80}"), nil, nil},
		{"another Service leads to it", web + service("other", "selector: {app: web}, ports: [{port: 81, targetPort: 80}]") + ingress("{port: 80}"), nil, nil},
		{"target is the port", namespace + deployment("web", containers("")) + service("web", "selector: {app: web}, ports: [{port: 80}]") + ingress("{port: 80}"), nil, nil},
		{"target that no pod has", namespace + deployment("web", containers("")) + service("web", "selector: {app: web}, ports: [{port: 80, targetPort: http}]") + ingress("{port: 80}"), nil, nil},
		{"egress to addresses", web + egress("{ipBlock: {cidr: 10.0.0.0/8}}", "{port: 80}"), nil, nil},
		{"egress to anybody", web + policy("c", "podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [{ports: [{port: 80}]}]"), nil, nil},
		{"egress to a namespace that was not read", web + egress("{namespaceSelector: {matchLabels: {a: b}}}", "{port: 80}"), live(), nil},
		{
			"egress to a namespace of the whole cluster", namespace + egress("{namespaceSelector: {matchLabels: {a: b}}}", "{port: 80}"),
			live(fixtest.Whole(t, strings.ReplaceAll(inNamespaceOf("other", "a: b")+deployment("web", containers("{containerPort: 8080}"))+service("web", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]"), "namespace: shop", "namespace: other"))),
			[]string{"fail medium service-port Egress TCP/80"},
		},
		{"malformed", web + policy("w", "podSelector: {matchExpressions: [{key: app, operator: Near}]}, ingress: [{ports: [{port: 80}, {}]}]"), nil, nil},
	})

	fix := fixesOf(t, ServicePort, web+policy("w", selectsWeb+", ingress: [{from: [{podSelector: {}}], ports: [{port: 80}, {port: 9090}]}, {ports: [{port: 53, protocol: UDP}]}]"), fixtest.Live())
	want := []any{
		map[string]any{"from": []any{map[string]any{"podSelector": map[string]any{}}}, "ports": []any{map[string]any{"port": int64(8080)}, map[string]any{"port": int64(9090)}}},
		map[string]any{"ports": []any{map[string]any{"port": int64(53), "protocol": "UDP"}}},
	}
	if diff := cmp.Diff(want, rules(t, fix, "ingress")); diff != "" || fix.Class != harden.Evidence {
		t.Errorf("class %s (-want +got):\n%s", fix.Class, diff)
	}

	vpc := fixesOf(t, ServicePort, web+ingress("{port: 80}"), fixtest.Live(), enforcing(harden.EngineVPCCNI))
	if ports := rules(t, vpc, "ingress")[0].(map[string]any)["ports"].([]any); len(ports) != 2 || vpc.Warning == "" {
		t.Errorf("on the VPC CNI: ports %v, warning %q; want both ports and a warning", ports, vpc.Warning)
	}

	listens := fixtest.Probe("c", harden.Probe{Known: true, Listeners: []harden.Socket{{Protocol: "tcp", Address: "0.0.0.0", Port: 80}}})
	if fix := fixesOf(t, ServicePort, web+ingress("{port: 80}"), fixtest.Live(), listens); fix.Class != harden.Review || len(texts(fix.Evidence, harden.Refutes)) != 1 {
		t.Errorf("a process listens on the port, and the fix is %s: %+v", fix.Class, fix.Evidence)
	}
}

func TestServicePortAfterRepair(t *testing.T) {
	yaml := strings.TrimPrefix(namespace+deployment("web", containers("{containerPort: 8080}"))+service("web", "selector: {app: web}, ports: [{port: 80, targetPort: 8080}]")+policy("w", selectsWeb+", ingress: [{ports: [{port: 80}]}]"), "---\n")
	if left := fixtest.Run(t, ServicePort, fixtest.Repair(t, []*harden.Fixer{ServicePort}, yaml)); len(left) > 0 {
		t.Errorf("the fix leaves %v", found(left))
	}
}

func TestNamedPort(t *testing.T) {
	a := deployment("a", containers("{name: http, containerPort: 80}"))
	b := deployment("b", containers("{name: http, containerPort: 8080}"))
	all := policy("w", "podSelector: {}, ingress: [{ports: [{port: http}]}]")
	judge(t, NamedPort, []judgement{
		{"one number", namespace + a + all, nil, nil},
		{"T62 two numbers", namespace + a + b + all, nil, []string{"fail low different Ingress TCP/http"}},
		{"nobody has it", namespace + a + policy("w", "podSelector: {}, ingress: [{ports: [{port: grpc}]}]"), live(), []string{"fail low nothing Ingress TCP/grpc"}},
		{"another protocol", namespace + a + policy("w", "podSelector: {}, ingress: [{ports: [{port: http, protocol: UDP}]}]"), nil, []string{"fail low nothing Ingress UDP/http"}},
		{"a sidecar has it", namespace + deployment("a", "initContainers: [{name: i, image: i, restartPolicy: Always, ports: [{name: http, containerPort: 80}]}], "+containers("")) + all, nil, nil},
		{"an init container has it", namespace + deployment("a", "initContainers: [{name: i, image: i, ports: [{name: http, containerPort: 80}]}], "+containers("")) + all, nil, []string{"fail low nothing Ingress TCP/http"}},
		{"selects nothing", namespace + a + policy("w", "podSelector: {matchLabels: {app: z}}, ingress: [{ports: [{port: http}]}]"), nil, nil},
		{"egress", namespace + a + b + policy("w", "podSelector: {}, policyTypes: [Egress], egress: [{to: [{podSelector: {}}], ports: [{port: http}]}]"), live(), []string{"fail low different Egress TCP/http"}},
		{"egress to unread pods", namespace + a + b + policy("w", "podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}}], ports: [{port: http}]}]"), live(), []string{"fail low different Egress TCP/http"}},
		{"on the VPC CNI", namespace + a + all, live(enforcing(harden.EngineVPCCNI)), []string{"fail low engine Ingress TCP/http"}},
	})

	one := fixesOf(t, NamedPort, namespace+a+all, fixtest.Live(), enforcing(harden.EngineVPCCNI))
	if diff := cmp.Diff([]any{map[string]any{"ports": []any{map[string]any{"port": int64(80)}}}}, rules(t, one, "ingress")); diff != "" || one.Class != harden.Evidence {
		t.Errorf("class %s (-want +got):\n%s", one.Class, diff)
	}
	two := fixesOf(t, NamedPort, namespace+a+b+all)
	if two.Class != harden.Review || two.Warning == "" || len(rules(t, two, "ingress")[0].(map[string]any)["ports"].([]any)) != 2 {
		t.Errorf("T62: %+v, want a review with both numbers and a warning", two)
	}
	partly := fixesOf(t, NamedPort, namespace+a+deployment("c", containers(""))+all, fixtest.Live(), enforcing(harden.EngineVPCCNI))
	if partly.Class != harden.Review {
		t.Errorf("class %s although Deployment/c has no such port", partly.Class)
	}
	if none := fixesOf(t, NamedPort, namespace+deployment("c", containers(""))+all); len(none.Changes) > 0 || none.Manual == "" {
		t.Errorf("%+v, want text alone", none)
	}
}
