// Package engine recognises who enforces NetworkPolicies in a cluster. It is pure.
package engine

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Seen is what tells the engine. A nil list was not read, and Unread says why.
type Seen struct {
	DaemonSets []appsv1.DaemonSet // of all namespaces, or of those of Namespaces that may be read
	ConfigMaps []corev1.ConfigMap // those that ConfigMaps asks for, as far as they exist
	Nodes      []*corev1.Node
	PodIPs     []corev1.PodIP // of a pod that is not on the network of its node
	Version    string         // of the server, such as v1.37.2+k3s1
	Groups     []string       // API groups that the server has
	// PolicyEndpoints says that there are some, as the policy controller of Amazon makes them.
	PolicyEndpoints bool
	Unread          []harden.Unread // of DaemonSets and ConfigMaps
}

// Namespaces are where engines live, as their documentation installs them.
var Namespaces = []string{
	kubeSystem, "calico-system", "cilium", "cilium-system", "kube-flannel", "kube-router", "openshift-ovn-kubernetes", "openshift-sdn", "ovn-kubernetes",
}

const kubeSystem = "kube-system"

// ConfigMaps are those that tell more of what was seen.
func ConfigMaps(s Seen) []types.NamespacedName {
	var out []types.NamespacedName
	for i := range s.DaemonSets {
		if d := &s.DaemonSets[i]; isCilium(d) {
			out = append(out, types.NamespacedName{Namespace: d.Namespace, Name: ciliumConfig})
		}
	}
	if slices.Contains(s.Groups, eksGroup) {
		out = append(out, types.NamespacedName{Namespace: kubeSystem, Name: vpcConfig})
	}
	return slices.Compact(out)
}

// Detect says who enforces policies, that nobody does, or that it cannot be
// told. That nobody does is said of what is known not to, and only where every
// place was looked into in which another engine could be.
func Detect(s Seen) harden.Engine {
	e := s.decide()
	e.Provider = s.provider()
	e.IPv4, e.IPv6 = s.families()
	e.NodeLocalDNS = s.nodeLocalDNS()
	return e
}

// A verdict is what one sign says.
type verdict struct {
	engine   string
	enforces harden.Enforcement
	why      string
	strict   bool
}

// decide weighs the signs: one engine that enforces is enough, whatever others
// do not; and what is not known counts more than what does not enforce.
func (s *Seen) decide() harden.Engine {
	all := s.verdicts()
	for _, wanted := range []harden.Enforcement{harden.Enforced, harden.EnforcementUnknown, harden.NotEnforced} {
		for _, v := range all {
			if v.enforces != wanted {
				continue
			}
			if why := s.unread(daemonSets); wanted == harden.NotEnforced && why != "" {
				v.enforces, v.why = harden.EnforcementUnknown, v.why+", but another engine may be where DaemonSets could not be read: "+why
			}
			return harden.Engine{Name: v.engine, Enforces: v.enforces, Why: v.why, Strict: v.strict}
		}
	}
	return s.nothingSeen()
}

const daemonSets = "daemonsets.apps"

func (s *Seen) unread(resource string) string {
	for _, u := range s.Unread {
		if u.Resource == resource {
			return harden.OneLine(u.Why)
		}
	}
	return ""
}

func (s *Seen) verdicts() []verdict {
	var out []verdict
	for _, k := range engines {
		for i := range s.DaemonSets {
			if d := &s.DaemonSets[i]; runs(d) && k.is(d) {
				out = append(out, k.judge(s, d))
			}
		}
	}
	return append(append(out, s.autoMode()...), s.k3s()...)
}

// nothingSeen concludes from the absence of all signs.
func (s *Seen) nothingSeen() harden.Engine {
	if why := s.unread(daemonSets); why != "" || s.DaemonSets == nil {
		if why == "" {
			why = "they were not read"
		}
		for _, g := range groupEngines {
			if slices.Contains(s.Groups, g.group) {
				return harden.Engine{Name: g.engine, Why: fmt.Sprintf("the server has the API group %s, but whether the engine runs cannot be told: its DaemonSet could not be read: %s", g.group, why)}
			}
		}
		return harden.Engine{Why: "DaemonSets, by which an engine is recognised, could not be read: " + why}
	}
	for i := range s.DaemonSets {
		if d := &s.DaemonSets[i]; runs(d) && installsPlugin(d) {
			return harden.Engine{Why: fmt.Sprintf("%s installs a network plugin that is not known here", title(d))}
		}
	}
	if len(s.Nodes) == 0 {
		return harden.Engine{Why: "no DaemonSet of an engine was found, and Nodes, which may have one of their own, were not read"}
	}
	for _, n := range s.Nodes {
		if n.Labels[virtualNode] == "true" {
			return harden.Engine{Why: "this is a virtual cluster: its policies count where the cluster around it enforces them"}
		}
	}
	name := ""
	if p := s.provider(); p == "gce" || p == "azure" {
		name = harden.EngineKubenet
	}
	return harden.Engine{Name: name, Enforces: harden.NotEnforced, Why: "no DaemonSet of an engine is in the cluster and none installs a network plugin: bridges and routes of nodes alone do not enforce policies"}
}

// virtualNode marks the Nodes that a virtual cluster of vcluster shows.
const virtualNode = "vcluster.loft.sh/fake-node"

// groupEngines are API groups that come with an engine.
var groupEngines = []struct{ group, engine string }{
	{"cilium.io", harden.EngineCilium},
	{"crd.projectcalico.org", harden.EngineCalico},
	{"operator.tigera.io", harden.EngineCalico},
	{"crd.antrea.io", harden.EngineAntrea},
	{"k8s.ovn.org", harden.EngineOVN},
	{"kubeovn.io", harden.EngineKubeOVN},
	{eksGroup, harden.EngineVPCCNI},
}

// installsPlugin reports whether a DaemonSet writes where kubelets look for
// network plugins, and is none of those that only add to another plugin.
func installsPlugin(d *appsv1.DaemonSet) bool {
	for _, part := range []string{"multus", "istio-cni", "linkerd-cni", "kuma-cni", "whereabouts", "sriov", "azure-cns", "netd"} {
		if strings.Contains(d.Name, part) {
			return false
		}
	}
	return slices.ContainsFunc(d.Spec.Template.Spec.Volumes, func(v corev1.Volume) bool {
		return v.HostPath != nil && (strings.HasPrefix(v.HostPath.Path, "/etc/cni/net.d") || strings.HasPrefix(v.HostPath.Path, "/opt/cni"))
	})
}

// runs reports whether a DaemonSet is for Linux nodes and, as far as its
// controller has said so, for at least one.
func runs(d *appsv1.DaemonSet) bool {
	return d.Spec.Template.Spec.NodeSelector[corev1.LabelOSStable] != "windows" &&
		(d.Status.ObservedGeneration == 0 || d.Status.DesiredNumberScheduled > 0)
}

func title(d *appsv1.DaemonSet) string {
	return harden.OneLine("DaemonSet " + d.Namespace + "/" + d.Name)
}
