package cloud

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// VersionSkew finds nodes that were left behind.
var VersionSkew = &harden.Fixer{
	ID:       "node-version-skew",
	Title:    "node runs a kubelet or a runtime that is out of support",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindNode},
	Doc: `
The kubelet is too far from the API server, or the container runtime gets no more fixes.

Fields:

    status.nodeInfo.kubeletVersion, against the version of the server
    status.nodeInfo.containerRuntimeVersion

Allowed: a kubelet of the server's minor version or up to three older (two before 1.28), and none newer; a
containerd that its project still patches. There is one finding for the kubelet and one for the runtime.

**Why it matters.** Outside of the skew nothing was tested: fields are dropped in silence, security fields among
them. A runtime without fixes is the wall that a container would have to break.

**The fix.** The node is replaced or upgraded: there is text only.

**Traps.** Clouds patch the containerd of their images for longer than its project: there it is one lower. The last
days of containerd's versions are a table in this program. The versions of CRI-O are those of Kubernetes. Nodes of
Fargate follow when their pod restarts.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "upgrading and application security practices"},
		{Standard: "Kubernetes", ID: "Version skew policy", URL: "https://kubernetes.io/releases/version-skew-policy/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkVersionSkew,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		what := "the version of the control plane"
		if f.Discriminator == "runtime" {
			what = "a runtime that is still patched"
		}
		return byHand("replace the node", fmt.Sprintf("Bring the node group or node class of %q to an image with %s, then kubectl drain %s --ignore-daemonsets and replace it.", p.Object.Name, what, p.Object.Name),
			"The pods of the node start elsewhere.")
	},
}

func checkVersionSkew(p *harden.Pass) {
	if !p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	info := harden.Content[*corev1.Node](p.Item).Status.NodeInfo
	kubelet, server := minorOf(info.KubeletVersion), serverMinor(p.Inventory)
	if kubelet == 0 || server == 0 {
		p.Unknown("the version of the kubelet or of the server is not known")
		return
	}
	oldest := server - 3
	if server < 28 {
		oldest = server - 2
	}
	f := harden.Finding{Discriminator: "kubelet", Field: "status.nodeInfo.kubeletVersion"}
	switch {
	case kubelet < oldest:
		f.Reason = fmt.Sprintf("kubelet 1.%d is too old for server 1.%d", kubelet, server)
		f.Detail = fmt.Sprintf("The kubelet is %s; a server of 1.%d works with 1.%d and newer.", harden.OneLine(info.KubeletVersion), server, oldest)
		p.Report(f)
	case kubelet > server:
		f.Reason = fmt.Sprintf("kubelet 1.%d is newer than server 1.%d", kubelet, server)
		f.Detail = fmt.Sprintf("The kubelet is %s, and no kubelet may be newer than the server.", harden.OneLine(info.KubeletVersion))
		p.Report(f)
	}
	name, version := runtimeOf(info.ContainerRuntimeVersion)
	end, known := containerdEnds[version]
	if name != "containerd" || !known || !over(end, p.Now()) {
		return
	}
	f = harden.Finding{
		Discriminator: "runtime", Field: "status.nodeInfo.containerRuntimeVersion", Reason: "containerd " + version + " is out of support",
		Detail: fmt.Sprintf("The node runs %s, which its project patched until %s.", harden.OneLine(info.ContainerRuntimeVersion), day(end)),
	}
	if who := distribution(p.Inventory); who != "" {
		f.Severity, f.SeverityWhy = harden.Low, who+" may patch it for longer"
	}
	p.Report(f)
}
