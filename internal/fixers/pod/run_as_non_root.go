package pod

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RunAsNonRoot reports containers that are not both proven and forced to run as
// another user than root.
var RunAsNonRoot = &harden.Fixer{
	ID:       "run-as-non-root",
	Title:    "container is not forced to run as a non-root user",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: running as non-root", "CIS 5.2.7", "NSA non-root containers", "ATT&CK T1611", "ATT&CK MS-TA9018", "Trivy KSV-0012", "Trivy KSV-0105", "Kubescape C-0013"),
	Reads:    harden.ReadsPodStatus,
	Check:    checkRunAsNonRoot,
	Fix:      proposing("set runAsNonRoot: true", fixRunAsNonRoot),
	Doc: `**Fields** ` + "`securityContext.runAsNonRoot`" + ` of the pod and of each container; the container's value wins.

**Allowed** ` + "`true`" + `, at the container or inherited from the pod. The pod's value must not be ` + "`false`" + `, even where every container overrides it.

A process that is user 0 in its container is user 0 on the node: most bugs of a runtime or a kernel then end in a takeover of the node. With runAsNonRoot the
kubelet compares the user before it starts the container, and refuses 0.

The user is runAsUser if it is set anywhere, else the USER of the image. The verdicts:

- *contradiction*: runAsNonRoot is true and runAsUser is 0; the container can never start (CreateContainerConfigError).
- *root*: the user is 0. *unverifiable*: the image names its user by name, and the kubelet cannot know its number. *unknown-user*: nobody looked into the image.
- *unenforced*: the user is another number than 0, but a new image could change that.
- *pod-level-false*: the pod says false, which Pod Security refuses whatever the containers say.

**Fix** runAsNonRoot: true at the container, or at the pod when no container sets it and all are proven. It is proven where a runAsUser above 0 is in force, because
that is the number the kubelet compares. It is left to a person where the image decides: a root image, or one with a named user, would not start.

**Traps** A pod-level true does not help a container that says false (aquasecurity/defsec#1131). For an image with USER nobody the flag alone is not enough
(prometheus/statsd_exporter#406): set runAsUser and runAsGroup to its numbers as well. A user without a group in the image's passwd gets group 0.
With ` + "`hostUsers: false`" + ` root is not root on the node; Pod Security accepts it from 1.35 on. On Windows the flag refuses ContainerAdministrator.
`,
}

// Verdicts of run-as-non-root.
const (
	verdictContradiction = "contradiction"
	verdictRoot          = "root"
	verdictUnverifiable  = "unverifiable"
	verdictUnknownUser   = "unknown-user"
	verdictUnenforced    = "unenforced"
	verdictPodLevelFalse = "pod-level-false"
)

func checkRunAsNonRoot(p *harden.Pass) {
	relaxed := userNamespaceRelaxes(p)
	for _, c := range p.Pod.Containers() {
		u := userOf(p, c)
		if u.verdict == "" || relaxed && u.verdict != verdictContradiction {
			continue
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.runAsNonRoot",
			Verdict: u.verdict, Reason: u.reason, Detail: u.detail,
		}
		switch u.verdict {
		case verdictUnknownUser, verdictUnverifiable:
			f.Severity, f.SeverityWhy = harden.Medium, "nobody knows that it is root"
		case verdictUnenforced:
			f.Severity, f.SeverityWhy = harden.Low, "it is not root now; only nothing keeps it so"
		case verdictRoot:
			if userNamespace(p) {
				f.Severity, f.SeverityWhy = harden.Medium, "in its user namespace (hostUsers: false) root is not root of the node"
			}
		}
		p.Report(f)
	}
	if p.Pod.PodLevel && isFalse(podSecurity(p).RunAsNonRoot) && !relaxed {
		p.Report(harden.Finding{
			Field: p.Pod.Field("securityContext.runAsNonRoot"), Verdict: verdictPodLevelFalse,
			Severity: harden.Low, SeverityWhy: "what the containers run as is judged for each of them",
			Reason: "the pod says runAsNonRoot: false",
			Detail: "Pod Security (restricted) refuses runAsNonRoot: false at the pod even where every container says true, and a container that is added later inherits it.",
		})
	}
}

// A user is what is known about the user of a container, as far as it is wrong.
type user struct {
	verdict, reason, detail string
}

func userOf(p *harden.Pass, c harden.Container) user {
	enforced := isTrue(effectiveRunAsNonRoot(p, c))
	if p.Pod.Windows() {
		return windowsUserOf(effectiveRunAsUserName(p, c), enforced)
	}
	uid := effectiveRunAsUser(p, c)
	switch {
	case enforced && isZero(uid):
		return user{
			verdictContradiction, "cannot start: runAsNonRoot is true, runAsUser is 0",
			"The kubelet refuses to start the container (CreateContainerConfigError): runAsNonRoot: true and runAsUser: 0 are both in force.",
		}
	case enforced:
		return user{}
	case isZero(uid):
		return user{verdictRoot, "runs as root: runAsUser is 0", "runAsUser: 0 is in force, and runAsNonRoot is not true."}
	case uid != nil:
		return user{
			verdictUnenforced, fmt.Sprintf("runs as user %d, which nothing enforces", *uid),
			fmt.Sprintf("runAsUser: %d is in force. Without runAsNonRoot: true a later change to 0, or its removal, goes unnoticed.", *uid),
		}
	}
	return imageUserOf(p, c)
}

// imageUserOf is the worst that the images of the container say.
func imageUserOf(p *harden.Pass, c harden.Container) user {
	images, gap := imagesOf(p, c)
	if gap != "" {
		return user{
			verdictUnknownUser, "may run as root: the image decides",
			"Neither runAsNonRoot nor runAsUser is set: the container runs as the USER of its image, which is root unless the image says otherwise. " + gap + ".",
		}
	}
	worst := user{}
	for _, i := range images {
		u := userOfImage(p, i)
		switch {
		case u.root:
			return user{
				verdictRoot, "runs as root: so the image says",
				fmt.Sprintf("The USER of image %s is %q, which is root, and nothing in the pod says otherwise.", i.name, i.User),
			}
		case u.named:
			worst = user{
				verdictUnverifiable, fmt.Sprintf("the image's user %q cannot be verified", i.User),
				fmt.Sprintf("Image %s names its user by name. Only the image's /etc/passwd knows its number, and the kubelet does not look there.", i.name),
			}
		case worst.verdict == "":
			worst = user{
				verdictUnenforced, fmt.Sprintf("runs as user %d of the image, which nothing enforces", u.uid),
				fmt.Sprintf("The USER of image %s is %q. Without runAsNonRoot: true a later image may run as root.", i.name, i.User),
			}
		}
	}
	return worst
}

func windowsUserOf(name string, enforced bool) user {
	admin := strings.EqualFold(name, windowsAdmin)
	switch {
	case enforced && admin:
		return user{
			verdictContradiction, "cannot start: runAsNonRoot is true, runAsUserName is ContainerAdministrator",
			"The kubelet refuses to start the container: both are in force.",
		}
	case enforced:
		return user{}
	case admin:
		return user{verdictRoot, "runs as ContainerAdministrator", "windowsOptions.runAsUserName is ContainerAdministrator, and runAsNonRoot is not true."}
	case name != "":
		return user{
			verdictUnenforced, fmt.Sprintf("runs as %s, which nothing enforces", name),
			fmt.Sprintf("windowsOptions.runAsUserName is %q; runAsNonRoot: true keeps it from becoming ContainerAdministrator.", name),
		}
	}
	return user{
		verdictUnknownUser, "may run as ContainerAdministrator: the image decides",
		"Neither runAsNonRoot nor windowsOptions.runAsUserName is set.",
	}
}
