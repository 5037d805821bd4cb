package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// ImageScanner finds clusters in which nothing scans what runs.
var ImageScanner = &harden.Fixer{
	ID:       "image-scanner",
	Title:    "nothing scans the images that run",
	Area:     harden.AreaNamespace,
	Severity: harden.Info,
	Subject:  harden.SubjectCluster,
	Doc: `
No scanner for the images of the cluster is seen.

Fields:

    images of all pod templates
    API groups aquasecurity.github.io and spdx.softwarecomposition.kubescape.io

Allowed: Trivy Operator, Kubescape, NeuVector, Snyk, Anchore, StackRox, Sysdig, Aqua, Prisma
Cloud, Wiz, Microsoft Defender, Quay's operator, Clair, Harbor's scanner; or their reports as
objects of the API.

**Why it matters.** An image that was clean when it was built is not so a month later. Scanning
at the build does not tell what runs; only somebody who looks at the cluster knows.

**The fix.** Detection only: which product fits is a decision of people. This program scans
too: kubectl harden images.

**Traps.** Scans in the registry (ECR, Artifact Registry, Docker Hub) or in a pipeline are not seen
from here. Waive the finding where they cover all that runs, and somebody reads them.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "image scanning"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods, harden.AnyObject),
	Check: presence{
		agents: scanAgents,
		elsewise: func(inv *harden.Inventory) string {
			for _, group := range []string{"aquasecurity.github.io", "spdx.softwarecomposition.kubescape.io"} {
				if inv.Cluster.Groups[group] {
					return group
				}
			}
			return ""
		},
		reason: "no image scanner seen",
		detail: "No workload runs a scanner that is known here, and the server has no reports of one. Scans in a registry or pipeline cannot be seen.",
	}.check,
	Fix: byHand("scan what runs", "Run a scanner in the cluster, such as Trivy Operator or Kubescape, or turn on scanning in the registry and look at its findings by what runs."),
}
