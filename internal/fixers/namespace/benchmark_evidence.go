package namespace

import (
	"slices"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// BenchmarkEvidence finds clusters that nobody checked against a benchmark of late.
var BenchmarkEvidence = &harden.Fixer{
	ID:       "benchmark-evidence",
	Title:    "no run of a benchmark is seen",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
Nothing tells that the cluster was checked against the CIS benchmark in the last 90 days.

Fields:

    Jobs and CronJobs with the image of kube-bench, metadata.creationTimestamp of a Job
    ClusterComplianceReport (aquasecurity.github.io)
    images of all pod templates: Trivy Operator, Kubescape, StackRox, NeuVector, Sysdig,
    OpenShift's Compliance Operator

Allowed: any of these; a Job of the last 90 days.

**Why it matters.** Half of the benchmark is files and flags on the nodes, which the API does not
show. Somebody has to look there now and then.

**The fix.** Detection only. The text says how to run one.

**Traps.** Runs from outside, by a provider or an auditor, are not seen from here.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "security checklist", URL: "https://kubernetes.io/docs/concepts/security/security-checklist/"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.KindNamespace, harden.AnyObject),
	Check: checkBenchmarkEvidence,
	Fix:   byHand("run a benchmark on the nodes", "Run kube-bench as a Job on a node of each kind (its repository has job.yaml, job-eks.yaml and others), or as a CronJob, and keep what it says. On managed control planes only the nodes' part applies."),
}

const benchmarkAge = 90 * 24 * time.Hour

func checkBenchmarkEvidence(p *harden.Pass) {
	if have(p.Inventory, harden.KindClusterComplianceReport) != "" {
		return
	}
	workloads := slices.DeleteFunc(running(p.Inventory, benchmarkAgents), func(w *harden.Workload) bool {
		created := w.Meta.CreationTimestamp.Time
		return w.Ref.Kind == "Job" && !created.IsZero() && p.Older(created, benchmarkAge)
	})
	if len(workloads) > 0 {
		return
	}
	if why := p.Inventory.UnreadWorkloads(""); why != "" {
		p.Unknown("None was seen, but " + why + ".")
		return
	}
	p.Report(harden.Finding{Reason: "no benchmark in 90 days seen", Detail: "No kube-bench and no operator that runs benchmarks is among the workloads, and there is no compliance report."})
}
