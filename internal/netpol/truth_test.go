package netpol_test

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol"
)

func check(t *testing.T, cases []truth) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			inv := c.inventory(t)
			w := netpol.New(inv)
			for _, line := range c.want {
				question, want, _ := strings.Cut(line, ": ")
				d := ask(t, inv, w, question)
				if got := says(d); got != want {
					t.Errorf("%s: got %s, want %s (%s)", question, got, want, d.Why)
				}
				if d.Why == "" {
					t.Errorf("%s: no reason", question)
				}
			}
		})
	}
}

func TestTruthOfNetworkPolicies(t *testing.T) {
	check(t, []truth{
		{name: "no policy", want: []string{
			"web/front shop/api tcp/8080: allowed", "shop/api internet tcp/443: allowed", "internet shop/api tcp/8080: allowed",
			"shop/api metadata tcp/80: allowed", "nodes shop/api tcp/8080: allowed", "ns:web ns:shop udp/0: allowed",
		}},
		{name: "no ingress rules deny all", policies: []string{`shop/p ` + denyIngress}, want: []string{
			"web/front shop/api tcp/8080: denied", "shop/db shop/api tcp/8080: denied", "shop/api web/front tcp/0: allowed",
			"internet shop/api tcp/8080: denied", "api-server shop/api tcp/8080: denied", "shop/api shop/api tcp/8080: allowed",
		}},
		{name: "an empty list of rules denies all", policies: []string{`shop/p {podSelector: {}, policyTypes: [Ingress], ingress: []}`}, want: []string{
			"web/front shop/api tcp/8080: denied",
		}},
		{name: "an empty rule admits all", policies: []string{`shop/p {podSelector: {}, policyTypes: [Ingress], ingress: [{}]}`}, want: []string{
			"web/front shop/api tcp/8080: allowed", "internet shop/api sctp/0: allowed", "load-balancer shop/api tcp/1: allowed",
		}},
		{name: "an empty from admits all, an empty ports too", policies: []string{`shop/p {podSelector: {}, ingress: [{from: [], ports: []}]}`}, want: []string{
			"internet shop/api udp/8080: allowed",
		}},
		{name: "T53 no policyTypes: ingress always, egress with egress rules", policies: []string{`shop/p {podSelector: {}, egress: [{ports: [{port: 443}]}]}`}, want: []string{
			"web/front shop/api tcp/8080: denied", "shop/api internet tcp/443: allowed", "shop/api internet tcp/80: denied",
		}},
		{name: "T53 no policyTypes and an empty egress: ingress alone", policies: []string{`shop/p {podSelector: {}, egress: []}`}, want: []string{
			"web/front shop/api tcp/8080: denied", "shop/api internet tcp/80: allowed",
		}},
		{name: "T53 egress alone", policies: []string{`shop/p {podSelector: {}, policyTypes: [Egress]}`}, want: []string{
			"web/front shop/api tcp/8080: allowed", "shop/api internet tcp/80: denied", "shop/api shop/db tcp/80: denied",
		}},
		{name: "T53 rules of a direction that policyTypes leaves out count for nothing", policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Ingress], ingress: [{}], egress: [{ports: [{port: 1}]}]}`,
		}, want: []string{"shop/api internet tcp/80: allowed"}},
		{name: "T52 matchExpressions", policies: []string{
			`shop/p {podSelector: {matchExpressions: [{key: app, operator: In, values: [api, x]}, {key: gone, operator: DoesNotExist}]}}`,
		}, want: []string{"web/front shop/api tcp/8080: denied", "web/front shop/db tcp/80: allowed"}},
		{name: "T52 NotIn selects what lacks the label", policies: []string{
			`shop/p {podSelector: {matchExpressions: [{key: colour, operator: NotIn, values: [red]}]}}`,
		}, want: []string{"web/front shop/api tcp/8080: denied"}},
		{name: "T52 Exists", policies: []string{`shop/p {podSelector: {matchExpressions: [{key: tier, operator: Exists}]}}`}, want: []string{
			"web/front shop/api tcp/8080: denied", "web/front shop/night tcp/0: allowed",
		}},
		{name: "T54 two items are OR", policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}, {podSelector: {matchLabels: {app: db}}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: allowed", "shop/db shop/api tcp/8080: allowed", "shop/night shop/api tcp/8080: denied"}},
		{name: "T54 one item is AND", policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}, podSelector: {matchLabels: {app: db}}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: denied", "shop/db shop/api tcp/8080: denied"}},
		{name: "podSelector alone means the own namespace", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{podSelector: {}}]}]}`,
		}, want: []string{"shop/db shop/api tcp/8080: allowed", "web/front shop/api tcp/8080: denied", "ns:web shop/api tcp/8080: denied", "ns:shop shop/api tcp/8080: allowed"}},
		{name: "an empty namespaceSelector means all pods, and nothing outside", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: allowed", "internet shop/api tcp/8080: denied"}},
		{name: "a namespace by its name", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: edge}}}]}]}`,
		}, want: []string{"edge/gate shop/api tcp/8080: allowed", "web/front shop/api tcp/8080: denied"}},
		{name: "labels of a namespace that was not read", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchLabels: {team: blue}}}]}]}`,
		}, want: []string{"edge/gate shop/api tcp/8080: unknown"}},
		{name: "policies add up", policies: []string{
			`shop/a ` + denyIngress, `shop/b {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{namespaceSelector: {}}], ports: [{port: 8080}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/9090: denied", "web/front shop/db tcp/80: denied"}},
		{name: "both sides count", policies: []string{
			`shop/in {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`, `web/out {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: 53, protocol: UDP}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: denied", "web/front shop/api udp/53: allowed", "edge/gate shop/api tcp/8080: allowed"}},
		{name: "a port is TCP unless it says otherwise", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: 8080}]}]}`}, want: []string{
			"web/front shop/api tcp/8080: allowed", "web/front shop/api udp/8080: denied", "web/front shop/api tcp/0: denied",
		}},
		{name: "SCTP, and a protocol without port", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{protocol: SCTP}]}]}`}, want: []string{
			"web/front shop/api sctp/7: allowed", "web/front shop/api sctp/0: allowed", "web/front shop/api tcp/7: denied",
		}},
		{name: "endPort", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: 8000, endPort: 8080}]}]}`}, want: []string{
			"web/front shop/api tcp/7999: denied", "web/front shop/api tcp/8000: allowed", "web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/8081: denied",
			"web/front shop/api tcp/0: denied",
		}},
		{name: "a range over all ports holds the one that nobody declared", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: 1, endPort: 65535}]}]}`}, want: []string{
			"web/front shop/api tcp/0: allowed", "web/front shop/api udp/0: denied",
		}},
		{name: "T62 a named port is another number in every pod", policies: []string{`shop/p {podSelector: {}, ingress: [{ports: [{port: http}]}]}`}, want: []string{
			"web/front shop/api tcp/8080: allowed", "web/front shop/api tcp/80: denied", "web/front shop/db tcp/80: allowed", "web/front shop/db tcp/8080: denied",
			"web/front shop/night tcp/80: denied", "web/front shop/api udp/8080: denied",
		}},
		{name: "T62 a named port of egress is that of the destination", policies: []string{`web/p {podSelector: {}, policyTypes: [Egress], egress: [{ports: [{port: http}]}]}`}, want: []string{
			"web/front shop/api tcp/8080: allowed", "web/front shop/db tcp/8080: denied", "web/front internet tcp/80: denied",
		}},
		{name: "ipBlock and except", policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8, 169.254.169.254/32]}}]}]}`,
		}, want: []string{
			"shop/api internet tcp/443: allowed", "shop/api metadata tcp/80: denied", "shop/api private tcp/443: partly", "shop/api 10.9.0.0/16 tcp/1: denied",
			"shop/api 8.8.8.8/32 tcp/1: allowed", "shop/api 0.0.0.0/0 tcp/1: partly", "shop/api 2001:db8::/32 tcp/1: denied", "shop/api shop/db tcp/80: denied",
		}},
		{name: "a part of the internet", policies: []string{`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 1.1.1.1/32}}]}]}`}, want: []string{
			"shop/api internet tcp/443: partly", "shop/api 1.1.1.1/32 tcp/443: allowed", "shop/api 1.1.1.0/24 tcp/443: partly", "shop/api private tcp/443: denied",
		}},
		{name: "addresses of pods and nodes are not those of strangers", policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 192.168.0.1/32}}, {ipBlock: {cidr: 10.1.0.7/32}}]}]}`,
		}, want: []string{"shop/api private tcp/1: denied", "shop/api nodes tcp/1: partly"}},
		{name: "T66 bits of the host count for nothing", policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 172.20.1.12/24, except: [172.20.1.129/25]}}]}]}`,
		}, want: []string{"shop/api 172.20.1.1/32 tcp/1: allowed", "shop/api 172.20.1.200/32 tcp/1: denied", "shop/api 172.20.2.1/32 tcp/1: denied"}},
		{name: "both families", engine: harden.Engine{IPv4: true, IPv6: true}, policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`,
		}, want: []string{"shop/api internet tcp/443: partly", "shop/api metadata tcp/80: partly", "shop/api 2001:db8::/32 tcp/1: denied"}},
		{name: "IPv6 with an exception", engine: harden.Engine{IPv6: true}, policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: "::/0", except: ["fd00:ec2::254/128"]}}]}]}`,
		}, want: []string{"shop/api internet tcp/443: allowed", "shop/api metadata tcp/80: denied", "shop/api private tcp/1: allowed"}},
		{name: "whether an ipBlock matches pods is up to the engine", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: unknown", "shop/night shop/api tcp/8080: unknown"}},
		{name: "an ipBlock without the pod does not match it", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.2.0.0/16}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: denied"}},
		{name: "an ipBlock that holds one of two replicas", more: pair, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: 10.6.0.0/16}}]}]}`,
		}, want: []string{"shop/pair shop/api tcp/8080: unknown"}},
		{name: "an ipBlock beside a selector that admits", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.1.0.0/16}}, {namespaceSelector: {}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: allowed"}},
		{name: "Cilium matches neither pods nor nodes by an ipBlock", engine: harden.Engine{Name: harden.EngineCilium}, policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Ingress, Egress], ingress: [{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: denied", "shop/api nodes tcp/10250: denied", "shop/api internet tcp/443: allowed"}},
		{name: "probes come from the own node", policies: []string{`shop/p ` + denyIngress}, want: []string{
			"nodes shop/api tcp/8080: partly", "192.168.0.1/32 shop/api tcp/8080: allowed", "192.168.0.2/32 shop/api tcp/8080: denied",
		}},
		{name: "T59 a pod on the host network as a peer: a selector is up to the engine", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {}}]}]}`,
		}, want: []string{"web/proxy shop/api tcp/8080: unknown", "web/proxy shop/db tcp/80: allowed"}},
		{name: "T59 a pod on the host network as a peer: nothing matches it", policies: []string{`shop/p ` + denyIngress}, want: []string{
			"web/proxy shop/api tcp/8080: denied",
		}},
		{name: "T59 a pod on the host network as a peer: the block of the nodes", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.0/24}}]}]}`,
		}, want: []string{"web/proxy shop/api tcp/8080: allowed", "nodes shop/api tcp/8080: allowed"}},
		{name: "a pod on the host network as subject", policies: []string{`web/p {podSelector: {}, policyTypes: [Ingress, Egress]}`}, want: []string{
			"web/proxy shop/api tcp/8080: unknown", "shop/api web/proxy tcp/8443: unknown", "web/front shop/api tcp/8080: denied",
		}},
		{name: "a pod on the host network that nothing selects", policies: []string{`web/p {podSelector: {matchLabels: {app: front}}}`}, want: []string{
			"shop/api web/proxy tcp/8443: allowed",
		}},
		{name: "T67 what does not run is judged by its template", policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{podSelector: {matchLabels: {app: night}}}]}]}`,
		}, want: []string{"shop/night shop/api tcp/8080: allowed", "shop/db shop/api tcp/8080: denied"}},
		{name: "labels that only running pods have", policies: []string{
			`shop/p {podSelector: {matchExpressions: [{key: batch.kubernetes.io/job-name, operator: Exists}]}, policyTypes: [Egress]}`,
		}, want: []string{"shop/night shop/api tcp/8080: unknown", "shop/db shop/api tcp/8080: allowed"}},
		{name: "labels that only running pods of a Deployment have", more: idle, policies: []string{
			`shop/p {podSelector: {matchExpressions: [{key: pod-template-hash, operator: Exists}]}, policyTypes: [Egress]}`,
		}, want: []string{"shop/idle internet tcp/443: unknown"}},
		{name: "sidecars have ports, other init containers have none; a name with two numbers is up to the engine", more: idle, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: idle}}, ingress: [{ports: [{port: side}, {port: setup}, {port: twice}]}]}`,
		}, want: []string{"shop/api shop/idle tcp/15020: allowed", "shop/api shop/idle tcp/15021: denied", "shop/api shop/idle tcp/7001: unknown", "shop/api shop/idle tcp/7002: unknown"}},
		{name: "the API server of GKE calls through a tunnel", more: apiServer, engine: harden.Engine{Provider: "gce"}, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: 172.18.0.2/32}}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, ingress: [{ports: [{port: 80}]}]}`,
		}, want: []string{"api-server shop/api tcp/8080: unknown", "api-server shop/db tcp/80: allowed"}},
		{name: "the API server at an unknown address", policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 0.0.0.0/0}}], ports: [{port: 6443}]}]}`,
		}, want: []string{"shop/api api-server tcp/6443: unknown", "shop/db api-server tcp/6443: allowed", "shop/db api-server tcp/443: denied"}},
		{name: "T63 the API server at the addresses of its endpoints", more: apiServer, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 10.96.0.1/32}}], ports: [{port: 443}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 172.18.0.2/32}}], ports: [{port: 6443}]}]}`,
		}, want: []string{"shop/api api-server tcp/6443: denied", "shop/db api-server tcp/6443: allowed", "api-server shop/api tcp/8080: allowed"}},
		{name: "T63 the VPC CNI sees the Service of the API server as well", more: apiServer, engine: harden.Engine{Name: harden.EngineVPCCNI}, policies: []string{
			`shop/q {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 172.18.0.2/32}}], ports: [{port: 6443}]}]}`,
			`shop/r {podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{ipBlock: {cidr: 172.18.0.2/32}}], ports: [{port: 6443}]}, {to: [{ipBlock: {cidr: 10.96.0.1/32}}], ports: [{port: 443}]}]}`,
		}, want: []string{"shop/db api-server tcp/6443: partly", "shop/api api-server tcp/6443: allowed"}},
		{name: "DNS that may not be read has the labels of convention", policies: []string{
			`shop/p {podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}], ports: [{port: 53, protocol: UDP}]}]}`,
		}, want: []string{"shop/api dns udp/53: allowed", "shop/api dns tcp/53: denied"}},
		{name: "T50 DNS behind a cache on the node", engine: harden.Engine{NodeLocalDNS: []string{"169.254.20.10"}}, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}, {ipBlock: {cidr: 169.254.20.10/32}}]}]}`,
		}, want: []string{"shop/api dns udp/53: partly", "shop/db dns udp/53: allowed"}},
		{name: "a malformed selector says nothing for sure", policies: []string{
			`shop/p {podSelector: {matchExpressions: [{key: app, operator: Like, values: [x]}]}}`,
		}, want: []string{"web/front shop/api tcp/8080: unknown", "shop/api web/front tcp/80: allowed"}},
		{name: "a malformed selector of a peer", policies: []string{
			`shop/p {podSelector: {}, ingress: [{from: [{namespaceSelector: {matchExpressions: [{key: app, operator: In}]}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: unknown"}},
		{name: "malformed blocks, ports and peers", policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: x}}, {}], ports: [{port: 8080}]}, {ports: [{port: 0}, {endPort: 7}, {port: http, endPort: 9}, {port: 9, endPort: 8}, {protocol: ICMP}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 1.2.3.0/24, except: [nonsense]}}]}, {from: [{ipBlock: {cidr: 1.2.3.0/24}, podSelector: {}}]}]}`,
		}, want: []string{"web/front shop/api tcp/8080: unknown", "internet shop/db tcp/80: unknown"}},
		{name: "policies that could not be read", unread: harden.NetworkPolicies, want: []string{
			"web/front shop/api tcp/8080: unknown", "shop/api internet tcp/443: unknown",
		}},
		{name: "T68 pods of a rollout that differ", more: rolling, policies: []string{
			`shop/p {podSelector: {matchLabels: {track: new}}}`,
		}, want: []string{"web/front shop/rolling tcp/80: unknown"}},
		{name: "T68 pods of a rollout that policies do not tell apart", more: rolling, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: rolling}}}`,
		}, want: []string{"web/front shop/rolling tcp/80: denied"}},
		{name: "pods that end or have ended do not count", more: rolling, policies: []string{
			`shop/p {podSelector: {matchLabels: {track: gone}}}`,
		}, want: []string{"web/front shop/rolling tcp/80: allowed"}},
		{name: "policies of namespaces outside of the scope were not looked at", live: []string{"shop"}, policies: []string{`shop/p {podSelector: {matchLabels: {app: db}}}`}, want: []string{
			"web/front shop/api tcp/8080: unknown", "shop/api web/front tcp/1: unknown", "web/front shop/db tcp/80: denied", "shop/api internet tcp/1: allowed",
		}},
		{name: "T59 a pod on the host network that does not run is on any node", more: daemon, policies: []string{
			`shop/p {podSelector: {matchLabels: {app: api}}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.0/24}}]}]}`,
			`shop/q {podSelector: {matchLabels: {app: db}}, ingress: [{from: [{ipBlock: {cidr: 192.168.0.1/32}}]}]}`,
		}, want: []string{"web/agent shop/api tcp/8080: allowed", "web/agent shop/db tcp/80: unknown"}},
		{name: "a namespace taken together", policies: []string{`shop/p {podSelector: {matchLabels: {app: api}}}`}, want: []string{
			"web/front ns:shop tcp/80: partly", "ns:shop ns:web tcp/80: allowed",
		}},
		{name: "what was not read", want: []string{"web/front shop/missing tcp/80: unknown", "shop/api 10.0.0.0/99 tcp/1: unknown", "shop/api shop/db icmp/1: unknown"}},
	})
}
