package harden

import (
	"cmp"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Reach says whether a connection may be opened.
type Reach uint8

// Reaches. ReachUnknown is never folded into the others: what was not read, what
// the engine decides for itself and what policies of another kind may say is unknown.
const (
	ReachDenied Reach = iota
	ReachAllowed
	ReachUnknown
)

var reachNames = []string{"denied", "allowed", "unknown"}

func (r Reach) String() string { return name(reachNames, int(r)) }

// MarshalText writes the name.
func (r Reach) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Direction is the side of a connection that a rule is about.
type Direction string

// Directions, as in spec.policyTypes of a NetworkPolicy.
const (
	Ingress Direction = "Ingress"
	Egress  Direction = "Egress"
)

// PeerKind says what one end of a connection is.
type PeerKind string

// Peer kinds.
const (
	PeerWorkload     PeerKind = "workload"  // the pods of one workload
	PeerNamespace    PeerKind = "namespace" // all pods of a namespace, taken together
	PeerInternet     PeerKind = "internet"  // addresses that are not private (RFC 1918, RFC 4193) nor link-local
	PeerPrivate      PeerKind = "private"   // private addresses that are no pod, node or Service known
	PeerMetadata     PeerKind = "metadata"  // the metadata service of the cloud
	PeerAPIServer    PeerKind = "api-server"
	PeerDNS          PeerKind = "dns" // the DNS of the cluster, as far as it is no workload that was read
	PeerNodes        PeerKind = "nodes"
	PeerLoadBalancer PeerKind = "load-balancer" // who comes through a load balancer or a node port
	PeerAddress      PeerKind = "address"       // one block of addresses, in CIDR
)

// A Peer is one end of a connection. Peers are comparable and identify themselves.
type Peer struct {
	Kind      PeerKind
	Workload  Ref    // for PeerWorkload; without UID
	Namespace string // for PeerNamespace; of the workload for PeerWorkload
	CIDR      string // for PeerAddress: a masked prefix such as 10.1.0.0/16
}

// WorkloadPeer is the peer that the pods of a workload are.
func WorkloadPeer(r Ref) Peer {
	r.UID = ""
	return Peer{Kind: PeerWorkload, Workload: r, Namespace: r.Namespace}
}

// String is for people: NAMESPACE/KIND/NAME, ns:NAMESPACE, a CIDR, or the kind.
func (p Peer) String() string {
	switch p.Kind {
	case PeerWorkload:
		return p.Workload.Long()
	case PeerNamespace:
		return "ns:" + p.Namespace
	case PeerAddress:
		return p.CIDR
	}
	return string(p.Kind)
}

// ComparePeers orders workloads by namespace, kind and name, then namespaces,
// then the others.
func ComparePeers(a, b Peer) int {
	return cmp.Or(
		cmp.Compare(peerRank[a.Kind], peerRank[b.Kind]),
		cmp.Compare(a.Namespace, b.Namespace),
		cmp.Compare(a.Workload.Kind, b.Workload.Kind),
		cmp.Compare(a.Workload.Name, b.Workload.Name),
		cmp.Compare(a.Workload.Source.File, b.Workload.Source.File),
		cmp.Compare(a.Workload.Source.Line, b.Workload.Source.Line),
		cmp.Compare(a.CIDR, b.CIDR),
	)
}

var peerRank = map[PeerKind]int{
	PeerWorkload: 0, PeerNamespace: 1, PeerDNS: 2, PeerAPIServer: 3, PeerMetadata: 4, PeerNodes: 5, PeerLoadBalancer: 6, PeerPrivate: 7, PeerInternet: 8, PeerAddress: 9,
}

// A Port is a port of the end that is connected to, after any translation by a
// Service: what the process listens on.
type Port struct {
	Protocol corev1.Protocol
	Number   int32 // 1 to 65535; 0 stands for a port that nobody declared
}

// String is PROTOCOL/NUMBER in lower case, such as tcp/8080.
func (p Port) String() string {
	protocol := "tcp"
	switch p.Protocol {
	case corev1.ProtocolUDP:
		protocol = "udp"
	case corev1.ProtocolSCTP:
		protocol = "sctp"
	}
	if p.Number == 0 {
		return protocol + "/other"
	}
	return protocol + "/" + strconv.Itoa(int(p.Number))
}

// ComparePorts orders by number, then protocol; the undeclared port is last.
func ComparePorts(a, b Port) int {
	last := func(p Port) int32 {
		if p.Number == 0 {
			return 1 << 20
		}
		return p.Number
	}
	return cmp.Or(cmp.Compare(last(a), last(b)), cmp.Compare(a.Protocol, b.Protocol))
}

// A Decision is whether a connection may be opened, and what says so.
type Decision struct {
	Reach Reach
	// Partly says that Reach is ReachAllowed for a part of the peer only: for some
	// pods of a namespace, or some addresses of the internet.
	Partly bool
	// Why is for people, egress before ingress, such as: "NetworkPolicy shop/api,
	// ingress rule 2" or "no policy isolates it".
	Why string
	// By are the policies and rules that decide: those that admit, or those that
	// isolate without admitting. Empty when none selects either end.
	By []PolicyRule
}

// A PolicyRule is one rule of a policy.
type PolicyRule struct {
	Policy    Ref
	Direction Direction
	// Rule counts from 1 as the rules stand in the policy. 0: the policy isolates,
	// and no rule of it admits.
	Rule int
}

// Confidence says how sure it is that a flow is needed.
type Confidence int

// Confidences.
const (
	ConfidenceLow    Confidence = iota // a guess by name: listed, never allowed by a proposal
	ConfidenceMedium                   // declared or observed
	ConfidenceHigh                     // declared and observed
)

var confidenceNames = []string{"low", "medium", "high"}

func (c Confidence) String() string { return name(confidenceNames, int(c)) }

// MarshalText writes the name.
func (c Confidence) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A FlowOrigin is why a flow is thought to be needed.
type FlowOrigin struct {
	Code     string // as in the catalogue of evidence: E-SLICES, E-ENV, E-FLOWS, E-PORTS, E-LIVE …
	Text     string // such as: env CACHE_ADDR of container api is "cache:6379"
	Observed bool   // seen happening, not only declared
}

// A Flow is a connection that is needed, or seems to be.
type Flow struct {
	From, To   Peer
	Port       Port
	Origins    []FlowOrigin // at least one
	Confidence Confidence
	// Volatile says why the addresses of the far end may change under the policy; optional.
	Volatile string
	// Host is the name that was asked for, where the far end lies outside of the cluster.
	Host string
}

// Required reports whether proposals must allow the flow.
func (f *Flow) Required() bool { return f.Confidence >= ConfidenceMedium }

// CompareFlows orders by ends, then port, then host.
func CompareFlows(a, b Flow) int {
	return cmp.Or(ComparePeers(a.From, b.From), ComparePeers(a.To, b.To), ComparePorts(a.Port, b.Port), cmp.Compare(a.Host, b.Host))
}

// An ObservedFlow is a connection that was seen by something else, such as
// Hubble, and imported.
type ObservedFlow struct {
	From, To ObservedEnd
	Port     Port
	Source   string // where it was read: file and what it is
	Time     time.Time
}

// An ObservedEnd is one end as the source names it: a pod, a workload, or an address.
type ObservedEnd struct {
	Namespace string
	Pod       string
	Kind      string // of a workload; may be empty beside a name
	Workload  string
	Labels    map[string]string
	Address   string // IP; empty when not known
	Name      string // DNS name, where the source knows it
	// Reserved is what the source calls an end that is no pod: world, host,
	// remote-node, kube-apiserver, or empty.
	Reserved string
}

// A NetworkView is who can talk to whom in some namespaces, before and after
// what is proposed for them.
type NetworkView struct {
	Namespaces []string // that are looked at, sorted
	Engine     Engine
	Peers      []Peer        // rows and columns of the matrix, in the order of ComparePeers
	Cells      []NetworkCell // ordered by From, To (as in Peers) and Port
	Flows      []Flow        // all that are known of the namespaces, required or not, in the order of CompareFlows
	Phases     []NetworkPhase
	Unread     []Unread // what could not be read for it
	Time       time.Time
	// Explain decides any connection, also one that is not in Cells.
	Explain func(from, to Peer, port Port) (before, after Decision) `json:"-"`
}

// A NetworkCell is one port of one peer, seen from another. At least one of the
// two lies in the namespaces that are looked at.
type NetworkCell struct {
	From, To      int32 // indexes of NetworkView.Peers
	Port          Port
	Before, After Reach
	// BeforePartly and AfterPartly are as in Decision.
	BeforePartly, AfterPartly bool
	Flow                      int32 // index of NetworkView.Flows plus 1; 0: no flow is known
}

// Changed reports whether the proposal makes a difference.
func (c *NetworkCell) Changed() bool {
	return c.Before != c.After || c.BeforePartly != c.AfterPartly
}

// NetworkCounts are how many cells are allowed, denied and unknown.
type NetworkCounts struct{ Allowed, Denied, Unknown int }

// Counts are those of all cells, before and after.
func (v *NetworkView) Counts() (before, after NetworkCounts) {
	for i := range v.Cells {
		before.add(v.Cells[i].Before)
		after.add(v.Cells[i].After)
	}
	return before, after
}

func (n *NetworkCounts) add(r Reach) {
	switch r {
	case ReachAllowed:
		n.Allowed++
	case ReachDenied:
		n.Denied++
	case ReachUnknown:
		n.Unknown++
	}
}

// A NetworkPhase is a step of a proposal that is applied and undone as one.
type NetworkPhase struct {
	Namespace string
	Name      NetworkPhaseName
	// Findings are repaired by it, with the fixes that the phase is made of.
	Findings []*Finding
	// Policies are the objects that it makes, as they are sent: NetworkPolicies,
	// and policies of the engine where the standard kind cannot say it.
	Policies []*unstructured.Unstructured
	// Refused says, for people, why the phase or a part of it is not proposed.
	Refused []string
	// Warnings are what a person should know before applying it.
	Warnings []string
	// Done says that nothing is left to do for it.
	Done bool
}

// NetworkPhaseName is a phase, in the order of NetworkPhases.
type NetworkPhaseName string

// Phases.
const (
	PhaseIngress     NetworkPhaseName = "ingress"
	PhaseEgress      NetworkPhaseName = "egress"
	PhaseDefaultDeny NetworkPhaseName = "default-deny"
)

// NetworkPhases lists the phases in the order in which they are applied.
func NetworkPhases() []NetworkPhaseName {
	return []NetworkPhaseName{PhaseIngress, PhaseEgress, PhaseDefaultDeny}
}

// Engine is who enforces NetworkPolicies in a cluster.
type Engine struct {
	Name     string // one of the Engine constants; empty when none was recognised
	Enforces Enforcement
	Why      string // what it was recognised by, or why it cannot be told
	// Provider is aws, gce, azure or another prefix of the nodes' providerID; empty when not known.
	Provider string
	// IPv6 says that the cluster gives IPv6 addresses to pods, IPv4 that it gives IPv4 ones.
	IPv4, IPv6 bool
	// Strict is NETWORK_POLICY_ENFORCING_MODE=strict of the VPC CNI.
	Strict bool
	// NodeLocalDNS are the addresses that NodeLocal DNSCache listens on; empty without it.
	NodeLocalDNS []string
}

// Engines.
const (
	EngineCilium     = "Cilium"
	EngineCalico     = "Calico"
	EngineVPCCNI     = "Amazon VPC CNI"
	EngineAntrea     = "Antrea"
	EngineOVN        = "OVN-Kubernetes"
	EngineKubeRouter = "kube-router"
	EngineWeave      = "Weave Net"
	EngineAzure      = "Azure NPM"
	EngineRomana     = "Romana"
	EngineK3s        = "k3s"
	EngineKindnet    = "kindnet"
	EngineFlannel    = "flannel"
	EngineKubenet    = "kubenet"

	EngineKubeOVN             = "Kube-OVN"
	EngineOpenShiftSDN        = "OpenShift SDN"
	EngineKubeNetworkPolicies = "kube-network-policies"
)

// Enforcement is whether NetworkPolicies do anything.
type Enforcement int

// Enforcements.
const (
	EnforcementUnknown Enforcement = iota
	Enforced
	NotEnforced
)

var enforcementNames = []string{"unknown", "enforced", "not enforced"}

func (e Enforcement) String() string { return name(enforcementNames, int(e)) }

// MarshalText writes the name.
func (e Enforcement) MarshalText() ([]byte, error) { return []byte(e.String()), nil }
