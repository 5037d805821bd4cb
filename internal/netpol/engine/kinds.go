package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A known is an engine and how its DaemonSet is recognised: by the name of a
// container, which distributions keep when they rename the rest, or its own name.
type known struct {
	engine    string
	names     []string
	container string
	namespace string // if any: only there
	judge     func(*Seen, *appsv1.DaemonSet) verdict
}

func (k *known) is(d *appsv1.DaemonSet) bool {
	return (k.namespace == "" || k.namespace == d.Namespace) && (slices.Contains(k.names, d.Name) || k.container != "" && containerOf(d, k.container) != nil)
}

// engines in the order in which they are asked. Those that enforce beside
// another plugin (Calico beside flannel, which is canal; Cilium and Calico beside
// the plugin of a cloud) come before those that may be that other.
var engines = []known{
	{harden.EngineCilium, []string{"cilium", "anetd"}, "cilium-agent", "", judgeCilium},
	{harden.EngineCalico, []string{"calico-node", "canal"}, "calico-node", "", always(harden.EngineCalico)},
	{harden.EngineAntrea, []string{"antrea-agent"}, "antrea-agent", "", always(harden.EngineAntrea)},
	{harden.EngineOVN, []string{"ovnkube-node"}, "ovnkube-controller", "", always(harden.EngineOVN)},
	{harden.EngineKubeOVN, []string{"kube-ovn-cni"}, "", "", always(harden.EngineKubeOVN)},
	{harden.EngineOpenShiftSDN, []string{"sdn"}, "", "openshift-sdn", judgeOpenShiftSDN},
	{harden.EngineKubeRouter, []string{"kube-router"}, "kube-router", "", judgeKubeRouter},
	{harden.EngineWeave, []string{"weave-net"}, "weave", "", judgeWeave},
	{harden.EngineAzure, []string{"azure-npm"}, "azure-npm", "", always(harden.EngineAzure)},
	{harden.EngineRomana, []string{"romana-agent"}, "romana-agent", "", always(harden.EngineRomana)},
	{harden.EngineKubeNetworkPolicies, []string{"kube-network-policies"}, "kube-network-policies", "", always(harden.EngineKubeNetworkPolicies)},
	{harden.EngineVPCCNI, []string{"aws-node"}, "", "", judgeVPCCNI},
	{harden.EngineKindnet, []string{"kindnet"}, "kindnet-cni", "", judgeKindnet},
	{harden.EngineFlannel, []string{"kube-flannel-ds", "kube-flannel"}, "kube-flannel", "", never(harden.EngineFlannel)},
}

func always(engine string) func(*Seen, *appsv1.DaemonSet) verdict {
	return func(_ *Seen, d *appsv1.DaemonSet) verdict {
		return verdict{engine: engine, enforces: harden.Enforced, why: title(d)}
	}
}

func never(engine string) func(*Seen, *appsv1.DaemonSet) verdict {
	return func(_ *Seen, d *appsv1.DaemonSet) verdict {
		return verdict{engine: engine, enforces: harden.NotEnforced, why: title(d) + ": " + engine + " does not enforce policies"}
	}
}

func containerOf(d *appsv1.DaemonSet, name string) *corev1.Container {
	list := d.Spec.Template.Spec.Containers
	i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

// flag is the value of a flag of a container, -name=value or -name value, with
// one dash or two; "true" for one without a value that is no other flag's.
func flag(c *corev1.Container, name string) (value string, ok bool) {
	words := slices.Concat(c.Command, c.Args)
	for i, w := range words {
		bare, has := strings.CutPrefix(w, "-")
		bare = strings.TrimPrefix(bare, "-")
		n, v, given := strings.Cut(bare, "=")
		switch {
		case !has || n != name:
		case given:
			return v, true
		case i+1 < len(words) && !strings.HasPrefix(words[i+1], "-"):
			return words[i+1], true
		default:
			return "true", true
		}
	}
	return "", false
}

// configMap is one of those that were read; nil where it is not there.
func (s *Seen) configMap(namespace, name string) *corev1.ConfigMap {
	for i := range s.ConfigMaps {
		if c := &s.ConfigMaps[i]; c.Namespace == namespace && c.Name == name {
			return c
		}
	}
	return nil
}

// ciliumConfig holds the settings of agents; enable-policy is default, always or
// never (Cilium documentation, "Policy Enforcement Modes").
const ciliumConfig = "cilium-config"

func isCilium(d *appsv1.DaemonSet) bool {
	return slices.ContainsFunc(engines, func(k known) bool { return k.engine == harden.EngineCilium && k.is(d) })
}

func judgeCilium(s *Seen, d *appsv1.DaemonSet) verdict {
	v := verdict{engine: harden.EngineCilium, enforces: harden.Enforced, why: title(d)}
	if d.Name == "anetd" {
		v.why += " (GKE Dataplane V2)"
	}
	mode := ""
	if c := containerOf(d, "cilium-agent"); c != nil {
		mode, _ = flag(c, "enable-policy")
	}
	if c := s.configMap(d.Namespace, ciliumConfig); c != nil {
		mode = cmp.Or(mode, c.Data["enable-policy"])
	}
	switch why := s.unread(harden.ConfigMaps); {
	case mode == "never":
		v.enforces, v.why = harden.NotEnforced, v.why+" with enable-policy=never"
	case mode == "" && why != "":
		v.enforces, v.why = harden.EnforcementUnknown, v.why+", but whether enable-policy is never cannot be told: "+why
	}
	return v
}

// judgeKubeRouter looks at --run-firewall, which is on by default.
func judgeKubeRouter(_ *Seen, d *appsv1.DaemonSet) verdict {
	if c := containerOf(d, "kube-router"); c != nil {
		if v, ok := flag(c, "run-firewall"); ok && v == "false" {
			return verdict{engine: harden.EngineKubeRouter, enforces: harden.NotEnforced, why: title(d) + " with --run-firewall=false"}
		}
	}
	return always(harden.EngineKubeRouter)(nil, d)
}

// judgeWeave looks for the policy controller, a container of its own.
func judgeWeave(_ *Seen, d *appsv1.DaemonSet) verdict {
	if containerOf(d, "weave-npc") == nil {
		return verdict{engine: harden.EngineWeave, enforces: harden.NotEnforced, why: title(d) + " without the container weave-npc"}
	}
	return always(harden.EngineWeave)(nil, d)
}

// judgeOpenShiftSDN cannot tell the mode (NetworkPolicy by default; Multitenant
// and Subnet ignore policies): it is in a configuration of the operator.
func judgeOpenShiftSDN(_ *Seen, d *appsv1.DaemonSet) verdict {
	return verdict{engine: harden.EngineOpenShiftSDN, why: title(d) + ": it enforces policies in its mode NetworkPolicy, and the mode was not read"}
}

// kindnetTag is how images of kindnetd are named since 2020: v20240813-c6f155d6.
var kindnetTag = regexp.MustCompile(`/kindnetd:v(20\d{6})-`)

// kindnetSince is the first image with network policies; kind 0.24.0 has a later
// one (kubernetes-sigs/kind, images/kindnetd, July 2024).
const kindnetSince = "20240719"

func judgeKindnet(_ *Seen, d *appsv1.DaemonSet) verdict {
	v := verdict{engine: harden.EngineKindnet}
	image := ""
	for _, c := range d.Spec.Template.Spec.Containers {
		if strings.Contains(c.Image, "/kindnetd:") {
			image = c.Image
		}
	}
	what := harden.OneLine(title(d) + " with image " + cmp.Or(image, "unknown"))
	switch m := kindnetTag.FindStringSubmatch(image); {
	case m == nil:
		v.why = what + ": kindnet enforces policies since July 2024, and this image does not say of when it is"
	case m[1] >= kindnetSince:
		v.enforces, v.why = harden.Enforced, what
	default:
		v.enforces, v.why = harden.NotEnforced, what+", which is older than the first that enforces policies (kind 0.24)"
	}
	return v
}

// isK3s reports whether a version is one of k3s.
func isK3s(version string) bool { return strings.Contains(version, "+k3s") }

// k3s carries its policy controller within; servers say by an annotation with
// which arguments they were started (k3s-io/k3s, pkg/nodeconfig).
func (s *Seen) k3s() []verdict {
	v := verdict{engine: harden.EngineK3s}
	if len(s.Nodes) == 0 {
		if !isK3s(s.Version) {
			return nil
		}
		v.why = "k3s enforces policies unless it is told not to, and Nodes, which say so, were not read"
		return []verdict{v}
	}
	found, servers := false, false
	for _, n := range s.Nodes {
		if !isK3s(n.Status.NodeInfo.KubeletVersion) {
			continue
		}
		found = true
		var args []string
		if json.Unmarshal([]byte(n.Annotations["k3s.io/node-args"]), &args) != nil || len(args) == 0 || args[0] != "server" {
			continue
		}
		servers = true
		if off, ok := flag(&corev1.Container{Args: args}, "disable-network-policy"); ok && off != "false" {
			v.enforces, v.why = harden.NotEnforced, fmt.Sprintf("node %s runs k3s with --disable-network-policy", harden.OneLine(n.Name))
			return []verdict{v}
		}
	}
	switch {
	case !found:
		return nil
	case !servers:
		v.why = "k3s enforces policies unless a server is told not to, and no Node says how a server was started"
	default:
		v.enforces, v.why = harden.Enforced, "k3s with its own policy controller"
	}
	return []verdict{v}
}
