package controlplane

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// KubeletConfig finds kubelets whose configuration lets others in.
var KubeletConfig = &harden.Fixer{
	ID:       "kubelet-config",
	Title:    "kubelet is configured too openly",
	Area:     harden.AreaControlPlane,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindNode},
	Doc: `
The kubelet of a node lets others in, or leaves a limit out.

Fields (of the KubeletConfiguration, as the kubelet itself shows it at /configz):

    authentication.anonymous.enabled   allowed: false
    authorization.mode                 allowed: Webhook
    readOnlyPort                       allowed: 0
    rotateCertificates                 allowed: true
    podPidsLimit                       allowed: more than 0
    seccompDefault                     allowed: true

There is one finding per field and node.

**Why it matters.** Who talks to a kubelet that takes anonymous requests or allows everything runs
commands in every container of the node. The read-only port tells all pods with their environment to whoever
asks. A client certificate that is not rotated ends, or is made to last for years (medium). Without a limit of
processes one pod takes the node down (low). Without seccompDefault no system call is filtered unless each pod
asks for it (low).

**The fix.** A person edits the file on the node (/var/lib/kubelet/config.yaml with kubeadm) or the node
group. The API cannot change it, so there is text only.

**Traps.** It is known only where somebody looked: kubelets are asked through the API server, which takes the
right to get nodes/proxy, and nobody does so unasked. Nodes that were not looked at are not judged, and those that
did not answer are unknown. On EKS Auto, GKE Autopilot and the like the provider owns the file.
`,
	Refs: []harden.Reference{
		{Standard: "CIS", ID: "4.2.1"},
		{Standard: "CIS", ID: "4.2.2"},
		{Standard: "CIS", ID: "4.2.4"},
		{Standard: "CIS", ID: "4.2.10"},
		{Standard: "CIS", ID: "4.2.13"},
		{Standard: "NSA", ID: "control plane"},
		{Standard: "Kubescape", ID: "C-0069"},
		{Standard: "Kubescape", ID: "C-0070"},
		{Standard: "Kubescape", ID: "C-0172"},
		{Standard: "Kubescape", ID: "C-0173"},
		{Standard: "Kubescape", ID: "C-0175"},
		{Standard: "Kubescape", ID: "C-0182"},
		{Standard: "Kubescape", ID: "C-0284"},
	},
	Reads: harden.ReadsNothing,
	Check: checkKubeletConfig,
	Fix:   fixKubeletConfig,
}

// A kubeletSetting is one field that is judged.
type kubeletSetting struct {
	field, want string
	severity    harden.Severity
	wrong       func(*harden.Kubelet) bool
	is          func(*harden.Kubelet) any
	means       string
}

var kubeletSettings = []kubeletSetting{
	{
		"authentication.anonymous.enabled", "false", harden.High,
		func(k *harden.Kubelet) bool { return k.AnonymousAuth }, func(k *harden.Kubelet) any { return k.AnonymousAuth },
		"requests without credentials are taken",
	},
	{
		"authorization.mode", "Webhook", harden.High,
		func(k *harden.Kubelet) bool { return k.AuthorizationMode == "AlwaysAllow" }, func(k *harden.Kubelet) any { return k.AuthorizationMode },
		"whoever is authenticated may do everything, such as run commands in containers",
	},
	{
		"readOnlyPort", "0", harden.High,
		func(k *harden.Kubelet) bool { return k.ReadOnlyPort != 0 }, func(k *harden.Kubelet) any { return k.ReadOnlyPort },
		"the port tells all pods of the node, with their environment, to whoever asks",
	},
	{
		"rotateCertificates", "true", harden.Medium,
		func(k *harden.Kubelet) bool { return !k.RotateCertificates }, func(k *harden.Kubelet) any { return k.RotateCertificates },
		"the client certificate of the node is never renewed",
	},
	{
		"podPidsLimit", "4096, or what your pods need", harden.Low,
		func(k *harden.Kubelet) bool { return k.PodPidsLimit <= 0 }, func(k *harden.Kubelet) any { return k.PodPidsLimit },
		"one pod may take all processes that the node can have",
	},
	{
		"seccompDefault", "true", harden.Low,
		func(k *harden.Kubelet) bool { return !k.SeccompDefault }, func(k *harden.Kubelet) any { return k.SeccompDefault },
		"the system calls of pods that ask for no profile are not filtered",
	},
}

func checkKubeletConfig(p *harden.Pass) {
	k := p.Inventory.Kubelets[p.Object.Name]
	switch {
	case k == nil:
		p.NotApplicable()
		return
	case !k.Known:
		p.Unknown("the configuration of the kubelet could not be read: " + harden.OneLine(k.Why))
		return
	}
	for _, s := range kubeletSettings {
		if !s.wrong(k) {
			continue
		}
		f := harden.Finding{
			Discriminator: s.field, Field: s.field + " of the KubeletConfiguration", Reason: "kubelet: " + s.field,
			Detail: fmt.Sprintf("%s is %v: %s.", s.field, s.is(k), s.means),
		}
		if s.severity != p.Fixer.Severity {
			f.Severity, f.SeverityWhy = s.severity, "it does not let anybody in by itself"
		}
		p.Report(f)
	}
}

func fixKubeletConfig(p *harden.Pass, f *harden.Finding) []harden.Fix {
	for _, s := range kubeletSettings {
		if s.field != f.Discriminator {
			continue
		}
		return []harden.Fix{{
			Title: "set " + s.field + " of the kubelet", Class: harden.Review,
			Manual: fmt.Sprintf("On node %q, in the configuration of the kubelet (/var/lib/kubelet/config.yaml with kubeadm; the node group, launch template or node class elsewhere), set %s: %s, and restart the kubelet. "+
				"With kubeadm change ConfigMap kube-system/kubelet-config too, or new nodes get the old value.", p.Object.Name, s.field, s.want),
			Warning: "A kubelet that does not start takes its node away: change one node after the other.",
		}}
	}
	return nil
}
