package pod

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostIPC reports pods that share the interprocess communication of their node.
var HostIPC = &harden.Fixer{
	ID:       "host-ipc",
	Title:    "pod shares the IPC of its node",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: host namespaces", "CIS 5.2.4", "CIS EKS 4.2.3", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9013", "ATT&CK MS-TA9018", "Trivy KSV-0008", "Kubescape C-0276", "Kubescape C-0038"),
	Reads:    harden.ReadsNothing,
	Check:    checkHostIPC,
	Fix:      proposing("set hostIPC: false", fixHostIPC),
	Doc: `**Fields** ` + "`hostIPC`" + ` of the pod spec.

**Allowed** unset or ` + "`false`" + `.

The pod shares System V shared memory, semaphores and message queues, POSIX message queues and /dev/shm with the node and with every other pod that asks for it. It can read and change what others keep
there, such as the buffers of a database.

**Fix** hostIPC: false. A person has to decide: nobody looked whether the containers use shared memory of the node.

**Traps** Programs that talk through shared memory across pods (some GPU and trading software) need it; containers of one pod do not, they share their IPC anyway. A program that only
wants a larger /dev/shm is served by an emptyDir with medium: Memory, mounted there.

The API refuses the field for Windows.
`,
}

func checkHostIPC(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	if p.Pod.PodLevel && p.Pod.Spec.HostIPC {
		p.Report(harden.Finding{
			Field:  p.Pod.Field("hostIPC"),
			Reason: "shares memory and queues with the node",
			Detail: "hostIPC is true: shared memory, semaphores and message queues of the node are within reach.",
		})
	}
}

func fixHostIPC(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "give the pod shared memory of its own", Class: harden.Review,
		Evidence: []harden.Claim{missing("E-PROC", "Nobody looked into the running containers: do they use shared memory or queues of the node?")},
		Warning:  "Programs that talk to others through the node's shared memory lose them.",
		Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"hostIPC": false})},
	}}
}
