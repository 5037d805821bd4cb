package pod

import (
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// LowUID reports containers whose user may be one of the node's.
var LowUID = &harden.Fixer{
	ID:       "low-uid",
	Title:    "the user of the container may be one of the node's",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Off:      true,
	Refs:     refs("Trivy KSV-0020", "Trivy KSV-0021"),
	Doc: `
The number of the container's user is 10000 or less, or nobody says what it is.

Fields:

    spec.securityContext.runAsUser
    spec.containers[].securityContext.runAsUser   (init and ephemeral containers too)
    User in the config of the image, where images were looked into

Allowed: above 10000, and any in a pod with hostUsers: false.

**Why it matters.** Numbers are the same in the container and on the node. Low ones are those
of accounts of the node: a process that gets out of its container, or a file that it
leaves on the node, has the rights of that account.

**The fix.** By hand: numbers above 10000 are used by nobody else. Files of the image and of
volumes have to belong to the new number, or to a group that the pod has.

**Traps.** The rule is off unless it is switched on: run-as-non-root says what matters, and
most images have a user such as 1000 or 65532, whose account no node has. On OpenShift
the numbers come from the namespace. Windows has no numbers.
`,
	Reads: harden.InNamespace(harden.KindNamespace).AndPodStatus(),
	Check: func(p *harden.Pass) {
		if userNamespace(p) || usersAreGiven(p) {
			p.NotApplicable()
			return
		}
		for _, c := range linuxContainers(p, anyContainer) {
			f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.runAsUser"}
			switch s := starterOf(p, c); {
			case s.known && s.uid > lowUID:
				continue
			case s.known:
				f.Reason = fmt.Sprintf("runs as user %d", s.uid)
				f.Detail = fmt.Sprintf("User %d is %d or less, the range in which nodes have accounts.", s.uid, lowUID)
			default:
				f.Reason, f.Detail = "nothing says which user it runs as", "runAsUser is not set, and the user of the image is not known."
			}
			p.Report(f)
		}
	},
	Fix: proposing("run as a user above 10000", func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "run as a user above 10000", Class: harden.Review,
			Manual: "Give the image a user above 10000, with files that it may read, or set runAsUser and runAsGroup to such a number after a look at who owns the files that the program uses.",
		}}
	}),
}

// lowUID is the last number that may be an account of the node.
const lowUID = 10000
