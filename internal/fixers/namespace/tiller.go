package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Tiller finds the server of Helm 2.
var Tiller = &harden.Fixer{
	ID:       "tiller",
	Title:    "runs the server of Helm 2",
	Area:     harden.AreaNamespace,
	Severity: harden.Critical,
	Subject:  harden.SubjectWorkload,
	Doc: `
Tiller, the part of Helm 2 that ran in the cluster, is still there.

Fields:

    images of the pod template: helm/tiller, kubernetes-helm/tiller

Allowed: none. Helm 3 and later have no such part.

**Why it matters.** It does whatever it is told on a port that asks nobody who he is, mostly with
the rights of a cluster administrator. Any pod that reaches the port owns the cluster. It has
had no fixes since November 2020.

**The fix.** A person migrates the releases to Helm 3 and removes it; the text says how.

**Traps.** Releases that are not migrated are not deleted with it, but nothing manages them then.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0102"},
	},
	Reads: harden.ReadsNothing,
	Check: func(p *harden.Pass) {
		for _, c := range p.Pod.Containers() {
			if isOf(repositoryOf(c.Image), []string{"helm/tiller", "kubernetes-helm/tiller"}) {
				p.Report(harden.Finding{Container: c.Ref, Field: c.Field + ".image", Reason: "is Tiller", Detail: "The image is " + harden.OneLine(c.Image) + ": the server of Helm 2, which obeys whoever reaches its port."})
			}
		}
	},
	Fix: byHand("remove Tiller", "Migrate the releases with the plugin 2to3 of Helm 3 (helm 2to3 convert RELEASE), then remove Tiller: helm 2to3 cleanup, or delete its Deployment, Service, ServiceAccount and ClusterRoleBinding."),
}
