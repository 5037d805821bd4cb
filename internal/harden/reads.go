package harden

import (
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Reads are the parts of an inventory that a Check looks up besides its subject,
// so that an engine need not ask again when something else changed. A part is a
// kind of Inventory.Others, or one of those below. What is not listed here may be
// read without saying so: Cluster, Scope, Clusterwide, Unread, Nodes, Facts and
// the engine of the network; when one of them changes everything is judged anew.
// The clock is read by Pass.Now and its likes.
//
// The subject of a Check about pods is a workload as it is declared, together with
// the way by which it is exposed (ExposureOf).
type Reads struct {
	Own       []schema.GroupKind // of the workload that is judged, besides what it declares and its Pods: PodStatus
	Namespace []schema.GroupKind // in the namespace of the subject alone
	Cluster   []schema.GroupKind // anywhere
}

// ReadsNothing is for a Check that looks at nothing but its subject, and
// ReadsPodStatus for one that looks at the status of its own pods besides.
var (
	ReadsNothing   = &Reads{}
	ReadsPodStatus = &Reads{Own: []schema.GroupKind{PodStatus}}
)

// InNamespace is for a Check that looks at the parts in the namespace of its subject.
func InNamespace(parts ...schema.GroupKind) *Reads { return &Reads{Namespace: parts} }

// InCluster is for a Check that looks at the parts wherever they are.
func InCluster(parts ...schema.GroupKind) *Reads { return &Reads{Cluster: parts} }

// AndInCluster adds parts that are looked at wherever they are.
func (r *Reads) AndInCluster(parts ...schema.GroupKind) *Reads {
	return &Reads{Own: r.Own, Namespace: r.Namespace, Cluster: parts}
}

// AndPodStatus adds the status of the own pods.
func (r *Reads) AndPodStatus() *Reads {
	return &Reads{Own: []schema.GroupKind{PodStatus}, Namespace: r.Namespace, Cluster: r.Cluster}
}

// Parts of an inventory that are no kind of the API.
var (
	// Frame is what may be read without saying so. With it all is judged anew, so
	// that what is derived of nothing else is handed on until then.
	Frame     = schema.GroupKind{Group: "inventory", Kind: "frame"}
	Templates = schema.GroupKind{Group: "inventory", Kind: "templates"} // workloads but for their pods
	// Pods are the live pods of workloads: metadata, spec, phase and addresses.
	// PodStatus is what else their status says.
	Pods      = schema.GroupKind{Group: "inventory", Kind: "pods"}
	PodStatus = schema.GroupKind{Group: "inventory", Kind: "pod status"}
	// ProxyWorkloads are the workloads that serve routes, with their pods: Inventory.Proxies.
	ProxyWorkloads = schema.GroupKind{Group: "inventory", Kind: "proxies"}
	// AnyObject is any kind of Inventory.Others.
	AnyObject     = schema.GroupKind{Group: "inventory", Kind: "objects"}
	Scalers       = schema.GroupKind{Group: "inventory", Kind: "scalers"}
	OtherPolicies = schema.GroupKind{Group: "inventory", Kind: "policies"} // Net.Policies
	NetCallees    = schema.GroupKind{Group: "inventory", Kind: "callees"}  // Net.Callees
	// NetLists are those of a Net that are there only when somebody looked at the network.
	NetLists = schema.GroupKind{Group: "inventory", Kind: "lists of the network"}

	KindNamespace      = schema.GroupKind{Kind: "Namespace"}
	KindServiceAccount = schema.GroupKind{Kind: "ServiceAccount"}
	KindNetworkPolicy  = schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}
)

// WorkloadParts are what is derived of that holds workloads.
var WorkloadParts = []schema.GroupKind{Templates, Pods, PodStatus}

// A clock is what a Check learnt of the time.
type clock struct {
	read  bool
	until time.Time // from when on the answers differ; zero: never
}

func (c *clock) note(until time.Time) {
	if !until.IsZero() && (c.until.IsZero() || until.Before(c.until)) {
		c.until = until
	}
	c.read = true
}

// Now is the time of the inventory. A Check that asks for it is called again
// whenever the time is another: Older and Days spare that.
func (p *Pass) Now() time.Time {
	p.clock.note(p.Inventory.Now)
	return p.Inventory.Now
}

// Older reports whether more than limit has gone by since t.
func (p *Pass) Older(t time.Time, limit time.Duration) bool {
	if p.Inventory.Now.Sub(t) > limit {
		p.clock.note(time.Time{})
		return true
	}
	p.clock.note(t.Add(limit + 1))
	return false
}

// Days is how many days ago t was, rounded towards zero.
func (p *Pass) Days(t time.Time) int {
	const day = 24 * time.Hour
	days := int(p.Inventory.Now.Sub(t) / day)
	next := t.Add(time.Duration(days+1) * day)
	if p.Inventory.Now.Before(t) {
		next = t.Add(time.Duration(days)*day + 1)
	}
	p.clock.note(next)
	return days
}

// Clock tells whether the Check asked for the time, and from when on it may say
// something else; a zero time is never, that of the inventory is at once.
func (p *Pass) Clock() (read bool, until time.Time) { return p.clock.read, p.clock.until }
