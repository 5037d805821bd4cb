package session

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/podsecurity"
)

// brings lists the fixers that bring a control, by the id of upstream's check.
var brings = map[string][]string{
	"allowPrivilegeEscalation":   {"allow-privilege-escalation"},
	"appArmorProfile":            {"apparmor-unconfined"},
	"capabilities_baseline":      {"dangerous-capabilities", "capability-name-form"},
	"capabilities_restricted":    {"drop-all-capabilities", "added-capabilities-restricted", "dangerous-capabilities", "capability-name-form"},
	"hostNamespaces":             {"host-network", "host-pid", "host-ipc"},
	"hostPathVolumes":            {"host-path-volume", "host-path-sensitive", "runtime-socket-mount"},
	"hostPorts":                  {"host-port"},
	"hostProbesAndHostLifecycle": {"probe-or-lifecycle-host"},
	"privileged":                 {"privileged-container"},
	"procMount":                  {"proc-mount-unmasked"},
	"procMount_restricted":       {"proc-mount-unmasked"},
	"restrictedVolumes":          {"restricted-volume-types", "host-path-volume", "git-repo-volume"},
	"runAsNonRoot":               {"run-as-non-root"},
	"runAsUser":                  {"run-as-root-user"},
	"seLinuxOptions":             {"selinux-options-custom"},
	"seccompProfile_baseline":    {"seccomp-unconfined"},
	"seccompProfile_restricted":  {"seccomp-profile-missing", "seccomp-unconfined"},
	"sysctls":                    {"unsafe-sysctls"},
	"windowsHostProcess":         {"windows-host-process"},
}

// podSecurity judges the workloads of the findings before and after the plan.
// Those about the network are none of its business: they change no pod.
func podSecurity(inv *harden.Inventory, findings []*harden.Finding, p *harden.Plan) ([]harden.PodSecurity, error) {
	after := map[harden.Key]*harden.ObjectPlan{}
	for _, op := range p.Objects {
		after[op.Target.Key()] = op
	}
	findings = slices.DeleteFunc(slices.Clone(findings), func(f *harden.Finding) bool { return f.Fixer.Area == harden.AreaNetwork })
	var levels []harden.PodSecurity
	for _, w := range present(inv, harden.WorkloadsOf(findings)) {
		template := w.Template
		was := podsecurity.Evaluate(&template.ObjectMeta, &template.Spec, inv.Cluster.Minor)
		if op := after[w.Ref.Key()]; op != nil && op.After != nil && (p.InSource || op.Delivery == harden.DeliverLive) {
			next, err := templateOf(op.After)
			if err != nil {
				return nil, err
			}
			template = *next
		}
		is := podsecurity.Evaluate(&template.ObjectMeta, &template.Spec, inv.Cluster.Minor)
		level := harden.PodSecurity{Object: w.Ref, Before: was.Level, After: is.Level}
		for _, c := range is.Forbidden {
			level.Open = append(level.Open, harden.PodSecurityControl{Level: c.Level, ID: c.ID, Reason: c.Reason, Why: whyOpen(p, w.Ref, c.ID)})
		}
		levels = append(levels, level)
	}
	return levels, nil
}

func templateOf(u *unstructured.Unstructured) (*corev1.PodTemplateSpec, error) {
	data, _, err := unstructured.NestedMap(u.Object, harden.TemplatePath(u.GetKind())...)
	if err != nil {
		return nil, fmt.Errorf("reading the pod template of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	template := &corev1.PodTemplateSpec{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(data, template); err != nil {
		return nil, fmt.Errorf("reading the pod template of %s %q: %w", u.GetKind(), u.GetName(), err)
	}
	return template, nil
}

// whyOpen is why the plan does not bring a control to an object.
func whyOpen(p *harden.Plan, ref harden.Ref, control string) string {
	var reasons []string
	for _, l := range p.LeftOut {
		if l.Finding.Object.Key() != ref.Key() || !slices.Contains(brings[control], l.Finding.Fixer.ID) {
			continue
		}
		why := l.Finding.Fixer.ID + ": " + l.Why
		if l.Fix != nil {
			if against := against(l.Fix); against != "" {
				why += " (" + against + ")"
			}
		}
		if !slices.Contains(reasons, why) {
			reasons = append(reasons, why)
		}
	}
	for _, op := range p.Objects {
		if op.Target.Key() == ref.Key() && op.Delivery != harden.DeliverLive && !p.InSource {
			reasons = append(reasons, "the patch is not applied live: "+op.DeliveryWhy)
		}
	}
	if len(reasons) == 0 {
		return "no fix for it was asked for"
	}
	return strings.Join(reasons, "; ")
}

// against is what keeps a fix from being proven.
func against(fix *harden.Fix) string {
	var missing []string
	for _, c := range fix.Evidence {
		switch {
		case c.State == harden.Refutes:
			return c.Code + ": " + c.Text
		case c.State == harden.Missing && !slices.Contains(missing, c.Code):
			missing = append(missing, c.Code)
		}
	}
	if len(missing) == 0 {
		return ""
	}
	return "missing " + strings.Join(missing, ", ")
}
