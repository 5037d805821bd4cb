package controlplane

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// The components whose pods the kubelet of a control plane node mirrors into
// kube-system, by the value of their label "component" (kubeadm, kind, RKE2).
const (
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	etcd              = "etcd"
)

// A process is one component of the control plane, with the flags it starts with.
type process struct {
	name  string
	ref   harden.ContainerRef
	field string // path of what it starts with, for people
	flags map[string]string
	env   map[string]string
}

// toggles are the flags that take a value by = alone: a word after them is not theirs.
var toggles = []string{
	"anonymous-auth", "profiling", "service-account-extend-token-expiration",
	"client-cert-auth", "peer-client-cert-auth", "auto-tls", "peer-auto-tls",
}

// find is the process of one of the components that the workload is. Where it
// is none of them the rule does not apply, and where its flags do not show the
// verdict is unknown; both are reported.
func find(p *harden.Pass, components ...string) (*process, bool) {
	labels := p.Workload.Template.Labels
	name := labels["component"]
	if p.Object.Kind != "Pod" || p.Object.Namespace != "kube-system" || !slices.Contains(components, name) || p.Inventory.Live() && !p.Workload.IsStatic() {
		p.NotApplicable()
		return nil, false
	}
	for _, c := range p.Pod.Containers() {
		if c.Ref.Kind != harden.AppContainer || c.Name != name && len(p.Pod.Containers()) > 1 {
			continue
		}
		words := slices.Concat(c.Command, c.Args)
		at := slices.IndexFunc(words, func(w string) bool { return path.Base(w) == name })
		switch {
		case at < 0 && len(c.Command) > 0, len(words) == 0:
			p.Unknown(fmt.Sprintf("container %q does not start %s directly, so that its flags cannot be told", c.Name, name))
			return nil, false
		case at > 0 && slices.Contains(words[:at], "-c"):
			p.Unknown(fmt.Sprintf("container %q starts %s by a shell, so that its flags cannot be told", c.Name, name))
			return nil, false
		}
		proc := &process{name: name, ref: c.Ref, field: c.Field + ".command", flags: parse(words[at+1:]), env: map[string]string{}}
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				proc.env[e.Name] = e.Value
			}
		}
		return proc, true
	}
	p.Unknown(fmt.Sprintf("the pod has no container %q", name))
	return nil, false
}

// parse reads flags as --name=value and as --name value, the last one of a name
// wins. A name without a value is "true", and _ in names is the same as -
// (k8s.io/component-base/cli/flag).
func parse(words []string) map[string]string {
	flags := map[string]string{}
	for i := 0; i < len(words); i++ {
		word := words[i]
		if !strings.HasPrefix(word, "-") {
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimLeft(word, "-"), "=")
		name = strings.ReplaceAll(name, "_", "-")
		if !hasValue {
			value = "true"
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "-") && !slices.Contains(toggles, name) {
				i++
				value = words[i]
			}
		}
		flags[name] = value
	}
	return flags
}

// has reports whether the flag is there with a value.
func (c *process) has(flag string) bool { return c.flags[flag] != "" }

// is reports whether a flag that is on or off says so explicitly.
func (c *process) is(flag string, on bool) bool {
	switch strings.ToLower(c.flags[flag]) {
	case "true", "t", "1":
		return on
	case "false", "f", "0":
		return !on
	}
	return false
}

// list is the value of a flag that holds several.
func (c *process) list(flag string) []string {
	var out []string
	for item := range strings.SplitSeq(c.flags[flag], ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}

// say is --flag=value, or that the flag is not set.
func (c *process) say(flag string) string {
	value, ok := c.flags[flag]
	if !ok {
		return "--" + flag + " is not set"
	}
	return "--" + flag + "=" + harden.OneLine(value)
}

// report adds a finding about flags of the process.
func (c *process) report(p *harden.Pass, f harden.Finding) {
	f.Container, f.Field = c.ref, c.field
	p.Report(f)
}

// byHand is the fix of all rules here: what to write into the file that the
// kubelet runs the component from.
func byHand(p *harden.Pass, title, text string) []harden.Fix {
	name := p.Workload.Template.Labels["component"]
	where := "On the control plane node"
	if node := p.Workload.Template.Spec.NodeName; node != "" {
		where = fmt.Sprintf("On node %q", node)
	}
	return []harden.Fix{{
		Title: title, Class: harden.Review,
		Manual: fmt.Sprintf("%s, in /etc/kubernetes/manifests/%s.yaml (or where the staticPodPath of its kubelet leads): %s "+
			"The kubelet restarts the pod when the file changes. Say the same in the configuration of what installed the cluster "+
			"(the extraArgs of kubeadm's ClusterConfiguration), or its next upgrade takes it back.", where, name, text),
		Warning: "A component that does not start takes the control plane down: change one node after the other, and keep a copy of the file outside of that directory.",
	}}
}
