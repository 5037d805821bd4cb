package namespace

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SystemNamespaceUser finds workloads that hide, or were put, among those of the cluster.
var SystemNamespaceUser = &harden.Fixer{
	ID:       "system-namespace-user",
	Title:    "runs in a namespace of the cluster itself",
	Area:     harden.AreaNamespace,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
A workload that is no known part of Kubernetes runs in kube-system, kube-public or
kube-node-lease.

Fields:

    metadata.namespace
    images of the pod template

Allowed: in kube-system what distributions, networks, volume drivers and autoscalers put there,
and agents for logs, metrics, scans and detection: known by the paths of their images or by
the registry that publishes nothing else (registry.k8s.io and those of the providers). Mirrors
of static pods are not looked at. In the other two nothing runs.

**Why it matters.** Policies, quotas and Pod Security mostly leave kube-system out, and its accounts
have rights over the whole cluster. It is where an attacker puts a pod that nobody asks
about, with a name that sounds like the others.

**The fix.** A person moves it to a namespace of its own, with no more rights than it needs.

**Traps.** A patch for a template, which names no image, is not judged. An image that was
renamed by a mirror may be a known part all the same, and one with a
known name may be none. Some vendors install here on purpose: waive those. Namespaces of
vendors are not judged: what belongs there, they alone know.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "namespaces"},
		{Standard: "ATT&CK", ID: "T1036.005"},
		{Standard: "ATT&CK", ID: "MS-TA9023"},
		{Standard: "Trivy", ID: "KSV-0037"},
	},
	Reads: harden.ReadsNothing,
	Check: checkSystemNamespaceUser,
	Fix:   byHand("move it to a namespace of its own", "Find out who put it there (kubectl get -o yaml shows managedFields and owners). If it is yours, apply it in a namespace of its own; if nobody knows it, treat it as an incident: keep its image and logs before you delete it."),
}

func checkSystemNamespaceUser(p *harden.Pass) {
	switch p.Object.Namespace {
	case "kube-system", "kube-public", "kube-node-lease":
	default:
		p.NotApplicable()
		return
	}
	if p.Workload.IsStatic() {
		return
	}
	images := repositories(p.Workload)
	if len(images) == 0 || slices.Contains(images, "") {
		p.NotApplicable()
		return
	}
	if p.Object.Namespace == "kube-system" && slices.ContainsFunc(images, isSystemImage) {
		return
	}
	p.Report(harden.Finding{
		Field: "metadata.namespace", Reason: "no known part of Kubernetes",
		Detail: harden.OneLine("In " + p.Object.Namespace + ", and its images are none of those known to belong there: " + few(images) + "."),
	})
}

func isSystemImage(repository string) bool {
	for _, registry := range systemRegistries {
		if strings.HasPrefix(repository, registry) {
			return true
		}
	}
	if strings.Contains(repository, ".dkr.ecr.") && strings.Contains(repository, "/eks/") {
		return true
	}
	for _, known := range [][]string{systemImages, detectionAgents, logAgents, alertAgents, scanAgents, provenanceAgents, benchmarkAgents, monitorAgents} {
		if isOf(repository, known) {
			return true
		}
	}
	return false
}
