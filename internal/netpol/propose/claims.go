package propose

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
)

// claims are what speaks for and against a draft besides the gate. Static
// evidence alone is not enough: somebody must have seen the pods talk.
func (d *drafter) claims(draft *Draft, m *made) []harden.Claim {
	w := m.subject.workload
	return []harden.Claim{
		d.networkRead(),
		d.enforcement(),
		d.selection(m.subject),
		d.explained(w, draft.Direction),
		d.seen(w, draft),
	}
}

// unimportant are resources that say nothing about connections.
var unimportant = []string{
	"nodes", harden.HorizontalPodAutoscalers, harden.VerticalPodAutoscalers, harden.LessonsResource, harden.VulnerabilityReports, harden.VulnerabilityManifests, harden.EngineResource,
}

func (d *drafter) networkRead() harden.Claim {
	var missing []string
	for _, u := range d.inv.Unread {
		if slices.Contains(unimportant, u.Resource) {
			continue
		}
		where := u.Resource
		if u.Namespace != "" {
			where += " of " + u.Namespace
		}
		missing = append(missing, fmt.Sprintf("%s (%s)", where, u.Why))
	}
	if len(missing) > 0 {
		return harden.Claim{Code: "E-SLICES", State: harden.Missing, Text: "Not all of the network could be read: " + enumerate(missing) + "."}
	}
	if !d.inv.Live() {
		return harden.Claim{Code: "E-SLICES", State: harden.Missing, Text: "Only files were read: who else runs in the cluster and calls, or is called, is not known."}
	}
	return harden.Claim{Code: "E-SLICES", State: harden.Holds, Time: d.inv.Now, Text: "Services, routes, webhooks, configuration and workloads of all namespaces were read."}
}

func (d *drafter) enforcement() harden.Claim {
	switch e := d.inv.Net.Engine; e.Enforces {
	case harden.Enforced:
		return harden.Claim{Code: "E-LIVE", State: harden.Holds, Time: d.inv.Now, Text: fmt.Sprintf("%s enforces policies: %s.", e.Name, e.Why)}
	case harden.NotEnforced:
		return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: fmt.Sprintf("Policies are not enforced (%s), so the policy would do nothing today, and what it would cut shows only later.", e.Why)}
	}
	return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "Whether policies are enforced cannot be told" + because(d.inv.Net.Engine.Why) + "."}
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

func (d *drafter) selection(s *subject) harden.Claim {
	if strays := d.strays(s); len(strays) > 0 {
		return harden.Claim{Code: "E-LIVE", State: harden.Missing, Text: "Labels of live pods differ from their templates, so the selector does not find exactly the pods of the workload: " + enumerate(strays) + "."}
	}
	c := harden.Claim{Code: "E-SPEC", State: harden.Holds, Time: d.inv.Now, Text: fmt.Sprintf("The selector finds the pods of %s and no others.", s.workload.Ref)}
	if len(s.twins) > 0 {
		var names []string
		for _, t := range s.twins {
			names = append(names, t.Ref.String())
		}
		c.Text = fmt.Sprintf("The selector finds the pods of %s and of %s, which needs the same connections.", s.workload.Ref, strings.Join(names, ", "))
	}
	return c
}

// explained tells whether everything that may name an address was read. What a
// Secret holds is not.
func (d *drafter) explained(w *harden.Workload, direction harden.Direction) harden.Claim {
	if direction == harden.Ingress {
		return harden.Claim{
			Code: "E-ENV", State: harden.Holds, Time: d.inv.Now, Limits: "callers that learn the address from a Secret or from other programs are not known",
			Text: "The environment, commands and configuration of all workloads were searched for its Services.",
		}
	}
	var dark []string
	note := func(format string, args ...any) {
		if s := fmt.Sprintf(format, args...); !slices.Contains(dark, s) {
			dark = append(dark, s)
		}
	}
	spec := &w.Template.Spec
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, e := range c.EnvFrom {
			switch {
			case e.SecretRef != nil:
				note("all variables of container %s from Secret %s", c.Name, e.SecretRef.Name)
			case e.ConfigMapRef != nil && !d.hasConfigMap(w.Ref.Namespace, e.ConfigMapRef.Name):
				note("all variables of container %s from ConfigMap %s", c.Name, e.ConfigMapRef.Name)
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil && !flows.Credential(e.Name) {
				note("variable %s of container %s from a Secret", e.Name, c.Name)
			}
		}
	}
	for _, v := range spec.Volumes {
		if v.ConfigMap != nil && !d.hasConfigMap(w.Ref.Namespace, v.ConfigMap.Name) {
			note("ConfigMap %s", v.ConfigMap.Name)
		}
		if v.Secret != nil {
			note("Secret %s", v.Secret.SecretName)
		}
	}
	if len(dark) > 0 {
		return harden.Claim{Code: "E-ENV", State: harden.Missing, Text: "Whom it connects to may stand in what was not read: " + enumerate(dark) + "."}
	}
	return harden.Claim{
		Code: "E-ENV", State: harden.Holds, Time: d.inv.Now, Limits: "addresses that are built into its images are not known",
		Text: "Its environment, commands and ConfigMaps were searched for hosts and addresses.",
	}
}

func (d *drafter) hasConfigMap(namespace, name string) bool {
	return slices.ContainsFunc(d.inv.Net.ConfigMaps, func(m *corev1.ConfigMap) bool { return m.Namespace == namespace && m.Name == name })
}

// fresh is how long what was seen counts.
const fresh = 24 * time.Hour

// seen tells whether somebody saw the pods talk: sockets of their containers, or
// imported connections.
func (d *drafter) seen(w *harden.Workload, draft *Draft) harden.Claim {
	sources := map[string]bool{}
	for _, f := range draft.Flows {
		for _, o := range f.Origins {
			if o.Code == "E-FLOWS" && o.Observed {
				sources[o.Text] = true
			}
		}
	}
	if len(sources) > 0 {
		recorded := d.recorded()
		if d.inv.Now.Sub(recorded) > recent {
			return harden.Claim{Code: "E-FLOWS", State: harden.Missing, Text: fmt.Sprintf("The recorded connections are of %s: record them anew.", recorded.Format(time.DateOnly))}
		}
		return harden.Claim{
			Code: "E-FLOWS", State: harden.Holds, Time: recorded, Limits: "rare connections may be missing from what was recorded",
			Text: "Its connections were " + enumerate(slices.Sorted(maps.Keys(sources))) + ".",
		}
	}
	var oldest time.Time
	for _, c := range listOf(w) {
		looked := false
		for _, p := range d.inv.ProbesOf(w, c) {
			if p.Known && p.Gap(harden.ProbeSockets) == "" && d.inv.Now.Sub(p.Time) <= fresh {
				looked = true
				if oldest.IsZero() || p.Time.Before(oldest) {
					oldest = p.Time
				}
			}
		}
		if !looked {
			return harden.Claim{Code: "E-PROC", State: harden.Missing, Text: "Nobody saw its pods talk: look into them (--probe), or import recorded connections (--flows)."}
		}
	}
	return harden.Claim{
		Code: "E-PROC", State: harden.Holds, Time: oldest, Limits: "connections that were not open at that moment",
		Text: "The open connections of its containers were looked at.",
	}
}

// recent is how long recorded connections count.
const recent = 30 * 24 * time.Hour

// recorded is when the newest of the imported connections was seen; now where they do not say.
func (d *drafter) recorded() time.Time {
	var newest time.Time
	for i := range d.inv.Flows {
		if t := d.inv.Flows[i].Time; t.After(newest) {
			newest = t
		}
	}
	if newest.IsZero() {
		return d.inv.Now
	}
	return newest
}

func listOf(w *harden.Workload) []harden.ContainerRef {
	var out []harden.ContainerRef
	for _, c := range harden.NewPodView(harden.Declared, w.Ref, &w.Meta, &w.Template.Spec, nil, nil).Containers() {
		if c.Ref.Kind != harden.InitContainer {
			out = append(out, c.Ref)
		}
	}
	return out
}
