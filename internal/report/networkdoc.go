package report

import (
	"fmt"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type networkReport struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Summary    networkSummary `json:"summary"`
	Peers      []peerDoc      `json:"peers"`
	Cells      []cellDoc      `json:"cells"`
	Flows      []flowDoc      `json:"flows"`
	Phases     []phaseDoc     `json:"phases"`
	NotChecked []unreadDoc    `json:"notChecked"`
}

type networkSummary struct {
	Context    string     `json:"context,omitempty"`
	Server     string     `json:"server,omitempty"`
	Namespaces []string   `json:"namespaces"`
	Engine     engineDoc  `json:"engine"`
	Now        reachDoc   `json:"now"`
	Proposed   reachDoc   `json:"proposed"`
	Time       *time.Time `json:"time,omitempty"`
}

type engineDoc struct {
	Name         string             `json:"name,omitempty"`
	Enforces     harden.Enforcement `json:"enforces"`
	Why          string             `json:"why,omitempty"`
	Provider     string             `json:"provider,omitempty"`
	IPv4         bool               `json:"ipv4"`
	IPv6         bool               `json:"ipv6"`
	NodeLocalDNS []string           `json:"nodeLocalDNS,omitempty"`
}

type reachDoc struct {
	Allowed int `json:"allowed"`
	Denied  int `json:"denied"`
	Unknown int `json:"unknown"`
}

// A peer is referred to by its id, which is unique in a report.
type peerDoc struct {
	ID        string          `json:"id"`
	Kind      harden.PeerKind `json:"kind"`
	Workload  *objectDoc      `json:"workload,omitempty"`
	Namespace string          `json:"namespace,omitempty"`
	CIDR      string          `json:"cidr,omitempty"`
}

type portDoc struct {
	Protocol corev1.Protocol `json:"protocol"`
	Port     int32           `json:"port"` // 0: one that nobody declared
}

type cellDoc struct {
	From string `json:"from"`
	To   string `json:"to"`
	portDoc
	Now            harden.Reach `json:"now"`
	Proposed       harden.Reach `json:"proposed"`
	NowPartly      bool         `json:"nowPartly,omitempty"`
	ProposedPartly bool         `json:"proposedPartly,omitempty"`
	Needed         bool         `json:"needed"`
}

type flowDoc struct {
	From string `json:"from"`
	To   string `json:"to"`
	portDoc
	Confidence harden.Confidence `json:"confidence"`
	Required   bool              `json:"required"`
	Host       string            `json:"host,omitempty"`
	Volatile   string            `json:"volatile,omitempty"`
	Origins    []originDoc       `json:"origins"`
}

type originDoc struct {
	Code     string `json:"code"`
	Text     string `json:"text"`
	Observed bool   `json:"observed"`
}

type phaseDoc struct {
	Namespace string                       `json:"namespace"`
	Name      harden.NetworkPhaseName      `json:"name"`
	Done      bool                         `json:"done"`
	Findings  []string                     `json:"findings"` // identities, as in a ScanReport
	Policies  []*unstructured.Unstructured `json:"policies"`
	Refused   []string                     `json:"refused"`
	Warnings  []string                     `json:"warnings"`
}

// JSON writes a NetworkReport.
func (r *Network) JSON(w io.Writer) error { return writeJSON(w, r.document()) }

func (r *Network) document() networkReport {
	v := r.View
	before, after := v.Counts()
	doc := networkReport{
		APIVersion: APIVersion, Kind: "NetworkReport",
		Summary: networkSummary{
			Context: r.Cluster.Context, Server: r.Cluster.Server, Namespaces: append([]string{}, v.Namespaces...), Engine: engineOf(v.Engine),
			Now: reachDoc(before), Proposed: reachDoc(after), Time: when(v.Time),
		},
		Peers: []peerDoc{}, Cells: []cellDoc{}, Flows: []flowDoc{}, Phases: []phaseDoc{}, NotChecked: unreadDocs(v.Unread),
	}
	ids := newPeerIDs(v)
	for _, p := range v.Peers {
		doc.Peers = append(doc.Peers, peerOf(p, ids))
	}
	for _, i := range r.cells() {
		c := &v.Cells[i]
		doc.Cells = append(doc.Cells, cellDoc{
			From: ids.of(v.Peers[c.From]), To: ids.of(v.Peers[c.To]), portDoc: portDoc{c.Port.Protocol, c.Port.Number},
			Now: c.Before, Proposed: c.After, NowPartly: c.BeforePartly, ProposedPartly: c.AfterPartly, Needed: v.Needed(c),
		})
	}
	for i := range v.Flows {
		if f := &v.Flows[i]; r.chosen(f.From) || r.chosen(f.To) {
			doc.Flows = append(doc.Flows, flowOf(f, ids))
		}
	}
	for _, p := range r.shownPhases() {
		doc.Phases = append(doc.Phases, phaseOf(p))
	}
	return doc
}

func engineOf(e harden.Engine) engineDoc {
	return engineDoc{Name: e.Name, Enforces: e.Enforces, Why: e.Why, Provider: e.Provider, IPv4: e.IPv4, IPv6: e.IPv6, NodeLocalDNS: e.NodeLocalDNS}
}

// peerIDs are the names that more than one peer has: workloads of one name in
// several files, which their place tells apart.
type peerIDs map[string]bool

func newPeerIDs(v *harden.NetworkView) peerIDs {
	seen, ids := map[string]bool{}, peerIDs{}
	for _, p := range v.Peers {
		if seen[p.String()] {
			ids[p.String()] = true
		}
		seen[p.String()] = true
	}
	return ids
}

func (ids peerIDs) of(p harden.Peer) string {
	if ids[p.String()] {
		return p.String() + " " + p.Workload.Source.String()
	}
	return p.String()
}

func peerOf(p harden.Peer, ids peerIDs) peerDoc {
	d := peerDoc{ID: ids.of(p), Kind: p.Kind, Namespace: p.Namespace, CIDR: p.CIDR}
	if p.Kind == harden.PeerWorkload {
		w := objectOf(p.Workload)
		d.Workload = &w
	}
	return d
}

func flowOf(f *harden.Flow, ids peerIDs) flowDoc {
	d := flowDoc{
		From: ids.of(f.From), To: ids.of(f.To), portDoc: portDoc{f.Port.Protocol, f.Port.Number}, Confidence: f.Confidence, Required: f.Required(),
		Host: f.Host, Volatile: f.Volatile, Origins: []originDoc{},
	}
	for _, o := range f.Origins {
		d.Origins = append(d.Origins, originDoc(o))
	}
	return d
}

func phaseOf(p *harden.NetworkPhase) phaseDoc {
	d := phaseDoc{
		Namespace: p.Namespace, Name: p.Name, Done: p.Done, Findings: []string{}, Policies: append([]*unstructured.Unstructured{}, p.Policies...),
		Refused: append([]string{}, p.Refused...), Warnings: append([]string{}, p.Warnings...),
	}
	for _, f := range p.Findings {
		d.Findings = append(d.Findings, f.ID())
	}
	return d
}

// YAML writes the policies that are proposed, one document each and phase after
// phase, ready for `kubectl apply`. Everything else is in comments.
func (r *Network) YAML(w io.Writer) error {
	out := &errWriter{w: w}
	comment(out, engineWords(r.View.Engine))
	for _, p := range r.shownPhases() {
		stepHead(out, p)
		for _, u := range p.Policies {
			b, err := yaml.Marshal(u.Object)
			if err != nil {
				return fmt.Errorf("encoding %s %q: %w", u.GetKind(), u.GetName(), err)
			}
			fmt.Fprintf(out, "---\n%s", b)
		}
	}
	return out.err
}

// Step writes in comments what a phase of a proposal makes, before its plan.
func Step(w io.Writer, p *harden.NetworkPhase) error {
	out := &errWriter{w: w}
	stepHead(out, p)
	return out.err
}

func stepHead(w io.Writer, p *harden.NetworkPhase) {
	comment(w, fmt.Sprintf("%s in %s: %s", p.Name, harden.OneLine(p.Namespace), phaseWords(p)))
	for _, why := range folded(p.Refused) {
		comment(w, "  not proposed: "+why)
	}
	for _, text := range folded(p.Warnings) {
		comment(w, "  warning: "+text)
	}
}
