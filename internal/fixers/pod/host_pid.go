package pod

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostPID reports pods that see the processes of their node.
var HostPID = &harden.Fixer{
	ID:       "host-pid",
	Title:    "pod sees the processes of its node",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: host namespaces", "CIS 5.2.3", "CIS EKS 4.2.2", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9013", "ATT&CK MS-TA9018", "Trivy KSV-0010", "Kubescape C-0275", "Kubescape C-0038"),
	Reads:    harden.ReadsPodStatus,
	Check:    checkHostPID,
	Fix:      proposing("set hostPID: false", fixHostPID),
	Doc: `**Fields** ` + "`hostPID`" + ` of the pod spec.

**Allowed** unset or ` + "`false`" + `.

The pod sees all processes of the node, with their command lines, and may send signals to those of its own user. Root reads their environment and their files through /proc/PID/root, Secrets
of other pods among them. Together with privileged or SYS_PTRACE it takes over any of them in one step: the severity is critical then, and so it is with a user that is known to be root.

**Fix** hostPID: false. A person has to decide: nobody looked whether the containers use processes of the node. Monitoring agents do.

**Traps** node-exporter uses hostPID to read the node's processes without being root, which is the harmless end of it. Debuggers and tools that call nsenter need it together with privileged.
The fix changes the process numbers in the pod: the first process becomes 1, and a program that does not reap its children then leaves zombies behind.

The API refuses the field for Windows.
`,
}

func checkHostPID(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	if !p.Pod.PodLevel || !p.Pod.Spec.HostPID {
		return
	}
	f := harden.Finding{
		Field:  p.Pod.Field("hostPID"),
		Reason: "sees all processes of the node",
		Detail: "hostPID is true: the pod sees every process of the node and may signal those of its own user.",
	}
	if why := reachesProcesses(p); why != "" {
		f.Severity, f.SeverityWhy = harden.Critical, why
	}
	p.Report(f)
}

// reachesProcesses says what lets a container take over processes that it sees.
func reachesProcesses(p *harden.Pass) string {
	for _, c := range p.Pod.Containers() {
		switch {
		case isPrivileged(c):
			return "container " + c.Name + " is privileged and can take over any process of the node"
		case adds(c, capSysPtrace):
			return "container " + c.Name + " adds SYS_PTRACE and can take over any process of the node"
		case userOf(p, c).verdict == verdictRoot && !userNamespace(p):
			return "container " + c.Name + " runs as root and reads the environment and files of any process of the node"
		}
	}
	return ""
}

func fixHostPID(_ *harden.Pass, f *harden.Finding) []harden.Fix {
	return []harden.Fix{{
		Title: "hide the node's processes from the pod", Class: harden.Review,
		Evidence: []harden.Claim{missing("E-PROC", "Nobody looked into the running containers: do they use processes of the node?")},
		Warning:  "Agents that read or signal processes of the node no longer find them.",
		Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"hostPID": false})},
	}}
}
