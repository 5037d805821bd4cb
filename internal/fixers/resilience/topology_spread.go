package resilience

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// TopologySpread finds workloads whose pods all run in one zone of several.
var TopologySpread = &harden.Fixer{
	ID:       "topology-spread",
	Title:    "runs in one zone only",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
All pods of a workload sit in one zone, though the cluster has more, and nothing in the
template asks for anything else.

Fields:

    spec.template.spec.topologySpreadConstraints[].topologyKey
    spec.template.spec.affinity.podAntiAffinity
    spec.nodeName of the live pods, labels topology.kubernetes.io/zone of their nodes

Allowed: a constraint or an anti-affinity over zones, pods in two zones or more, one
replica, a nodeSelector or a required node affinity for a zone, a cluster of one zone.
Only a cluster can be judged: files do not tell where pods run.

**Why it matters.** Two replicas in one zone are one replica when that zone fails, and
whoever paid for several zones does not know.

**The fix.** A constraint for zones with whenUnsatisfiable: ScheduleAnyway is added, which
is a wish: no pod stays Pending for it. It is evidence when nodes in two zones take
pods. It takes effect as pods are replaced, which the change itself does.

**Traps.** Volumes of one zone hold their pods there whatever the template wishes.
Traffic between zones costs money and a little time.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "pod topology spread constraints", URL: "https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/"},
	},
	Reads: harden.InNamespace(harden.Scalers),
	Check: checkTopologySpread,
	Fix:   fixTopologySpread,
}

func checkTopologySpread(p *harden.Pass) {
	if !p.Inventory.Live() || p.Workload.Selector == nil || p.Inventory.LeastReplicas(p.Workload) < 2 {
		p.NotApplicable()
		return
	}
	if asksForZones(&p.Workload.Template.Spec) {
		return
	}
	if !p.Needs("", harden.KindNode) {
		return
	}
	zones := zonesOf(p.Inventory)
	if len(zones.open) < 2 {
		p.NotApplicable()
		return
	}
	in := map[string]int{}
	for _, pod := range p.Workload.Pods {
		zone := zones.of[pod.Spec.NodeName]
		if zone == "" {
			return // not scheduled yet, or on a node without a zone
		}
		in[zone]++
	}
	if len(in) != 1 || len(p.Workload.Pods) < 2 {
		return
	}
	for zone, n := range in {
		p.Report(harden.Finding{
			Field: p.Pod.Field("topologySpreadConstraints"), Reason: "all pods in zone " + zone,
			Detail: fmt.Sprintf("%d pods run in zone %s, of %d zones that take pods, and the template asks for no other.", n, zone, len(zones.open)),
		})
	}
}

// asksForZones reports whether the template says anything about zones.
func asksForZones(spec *corev1.PodSpec) bool {
	for _, c := range spec.TopologySpreadConstraints {
		if isZone(c.TopologyKey) {
			return true
		}
	}
	for key := range spec.NodeSelector {
		if isZone(key) {
			return true
		}
	}
	a := spec.Affinity
	if a == nil {
		return false
	}
	if n := a.NodeAffinity; n != nil && n.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, term := range n.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, e := range term.MatchExpressions {
				if isZone(e.Key) {
					return true
				}
			}
		}
	}
	if n := a.PodAntiAffinity; n != nil {
		for _, term := range n.RequiredDuringSchedulingIgnoredDuringExecution {
			if isZone(term.TopologyKey) {
				return true
			}
		}
		for _, term := range n.PreferredDuringSchedulingIgnoredDuringExecution {
			if isZone(term.PodAffinityTerm.TopologyKey) {
				return true
			}
		}
	}
	return false
}

func isZone(key string) bool {
	return key == corev1.LabelTopologyZone || key == corev1.LabelFailureDomainBetaZone
}

// zones are those of the nodes.
type zones struct {
	of   map[string]string // by node
	open []string          // in which a node takes pods that tolerate nothing; sorted
}

func zonesOf(inv *harden.Inventory) zones {
	return harden.Derive(inv, func(inv *harden.Inventory) zones {
		z := zones{of: map[string]string{}}
		open := map[string]bool{}
		for _, n := range inv.Nodes {
			zone := cmp.Or(n.Labels[corev1.LabelTopologyZone], n.Labels[corev1.LabelFailureDomainBetaZone])
			z.of[n.Name] = zone
			tainted := slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Effect != corev1.TaintEffectPreferNoSchedule })
			if zone != "" && !n.Spec.Unschedulable && !tainted {
				open[zone] = true
			}
		}
		z.open = slices.Sorted(maps.Keys(open))
		return z
	}, harden.Frame)
}

func fixTopologySpread(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("spread the pods over zones"); ok {
		return []harden.Fix{instead}
	}
	claims := []harden.Claim{{
		Code: "E-NODE", State: harden.Holds, Time: p.Inventory.Now,
		Text:   fmt.Sprintf("Nodes of %d zones take pods, and a wish (ScheduleAnyway) leaves none Pending.", len(zonesOf(p.Inventory).open)),
		Limits: "Volumes and node selectors may hold the pods where they are.",
	}}
	return []harden.Fix{{
		Title: "spread the pods over zones", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.SetPodSpec(p.Object, map[string]any{"topologySpreadConstraints": []any{map[string]any{
			"topologyKey": corev1.LabelTopologyZone, "whenUnsatisfiable": string(corev1.ScheduleAnyway), "maxSkew": int64(1),
			"labelSelector": harden.SelectorValue(p.Workload.Selector),
		}}})},
		Warning: "All pods are replaced, and traffic between zones may cost money.",
	}}
}
