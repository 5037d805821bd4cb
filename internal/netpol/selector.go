package netpol

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// tri is the answer to a question that may not be answerable.
type tri int8

const (
	no tri = iota
	maybe
	yes
)

func triOf(b bool) tri {
	if b {
		return yes
	}
	return no
}

// openness says which labels that a set does not hold may be there nevertheless.
type openness int8

const (
	closed     openness = iota // none: the labels are known
	ofTemplate                 // those that controllers add to the pods that they make
	unread                     // all
)

// labelSet are the labels of something, as far as they are known.
type labelSet struct {
	set  labels.Set
	open openness
	why  string // for unread: why they are not known
}

// added are the labels that Kubernetes' controllers put on pods of a template.
var added = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation",
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
	"job-name", "controller-uid",
}

func (l *labelSet) mayHave(key string) bool {
	switch l.open {
	case unread:
		return true
	case ofTemplate:
		return slices.Contains(added, key) || strings.HasPrefix(key, "batch.kubernetes.io/")
	}
	return false
}

// A selector is a compiled label selector. The zero value selects all.
type selector struct {
	requirements labels.Requirements
	bad          string // why it cannot be understood
}

func compileSelector(s *metav1.LabelSelector) selector {
	parsed, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return selector{bad: "its selector is malformed: " + harden.OneLine(err.Error())}
	}
	requirements, _ := parsed.Requirements()
	return selector{requirements: requirements}
}

// everything reports whether it selects whatever it is asked about.
func (s *selector) everything() bool { return len(s.requirements) == 0 && s.bad == "" }

// matches says whether the labels satisfy the selector, and why that is not known.
func (s *selector) matches(l *labelSet) (tri, string) {
	if s.bad != "" {
		return maybe, s.bad
	}
	result, why := yes, ""
	for i := range s.requirements {
		r := &s.requirements[i]
		if !l.set.Has(r.Key()) && l.mayHave(r.Key()) {
			result, why = maybe, l.why
			if why == "" {
				why = "label " + r.Key() + " is not known before the pods run"
			}
			continue
		}
		if !r.Matches(l.set) {
			return no, ""
		}
	}
	return result, why
}

// keys calls visit with every label key that is asked for.
func (s *selector) keys(visit func(string)) {
	for i := range s.requirements {
		visit(s.requirements[i].Key())
	}
}

// A space is a namespace.
type space struct {
	name   string
	labels labelSet
	blind  string // why its NetworkPolicies are not known
}

func (w *World) readSpaces() {
	w.spaces = map[string]*space{}
	for name, ns := range w.inv.Namespaces {
		set := labels.Merge(ns.Labels, labels.Set{corev1.LabelMetadataName: name})
		w.spaces[name] = &space{name: name, labels: labelSet{set: set}, blind: unreadPolicies(w.inv, name)}
	}
	for _, workload := range w.inv.Workloads {
		name := workload.Ref.Namespace
		w.spaces[name] = w.space(name)
	}
}

// space is the namespace of the name. Of one that was not read only that is known.
func (w *World) space(name string) *space {
	if s := w.spaces[name]; s != nil {
		return s
	}
	return &space{name: name, blind: unreadPolicies(w.inv, name), labels: labelSet{
		set: labels.Set{corev1.LabelMetadataName: name}, open: unread, why: "the labels of namespace " + name + " were not read",
	}}
}

// unreadPolicies tells why the NetworkPolicies of a namespace are not known, or "".
func unreadPolicies(inv *harden.Inventory, namespace string) string {
	if why := inv.Unreadable(harden.NetworkPolicies, namespace); why != "" {
		return "the NetworkPolicies of namespace " + namespace + " could not be read: " + why
	}
	if inv.Live() && !slices.Contains(inv.Scope, namespace) {
		return "the NetworkPolicies of namespace " + namespace + " were not looked at"
	}
	return ""
}
