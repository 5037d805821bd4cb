package pod

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RunAsRootUser reports pods and containers that ask for user 0.
var RunAsRootUser = &harden.Fixer{
	ID:       "run-as-root-user",
	Title:    "runAsUser asks for root",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: running as non-root user", "CIS 5.2.7", "NSA non-root containers", "ATT&CK T1611", "Trivy KSV-0105", "Kubescape C-0013"),
	Reads:    harden.ReadsNothing,
	Check:    checkRunAsRootUser,
	Fix:      proposing("remove runAsUser: 0", fixRunAsRootUser),
	Doc: `**Fields** ` + "`securityContext.runAsUser`" + ` of the pod and of each container.

**Allowed** unset, or any number but 0. The pod's value counts even where every container overrides it.

Somebody asked for root on purpose: the image may well bring a user of its own that is overridden here.

**Fix** The 0 is taken away, and the user of the image applies again; where the image names its user by name, runAsUser and runAsGroup get its numbers. A person has to decide: root may be needed, and
if the image runs as root by itself, nothing is won until it gets another user. With runAsNonRoot: true in force the kubelet then refuses a root image.
For an init container that only changes owners a second fix sets fsGroup at the pod and removes it.

**Traps** An init container with runAsUser: 0 usually changes the owner of a volume. Where the volume honours fsGroup, ` + "`fsGroup`" + ` with
` + "`fsGroupChangePolicy: OnRootMismatch`" + ` does that without root; on a large volume the first start takes long (kubernetes/kubernetes#69699).
Root without CAP_CHOWN can change no owners: drop ALL breaks such an init container.

With ` + "`hostUsers: false`" + ` root is not root on the node, and Pod Security accepts it from 1.35 on. On OpenShift the user comes from the namespace: leave
runAsUser unset there. The field does not exist for Windows.
`,
}

func checkRunAsRootUser(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	if userNamespaceRelaxes(p) {
		return
	}
	if p.Pod.PodLevel && isZero(podSecurity(p).RunAsUser) {
		p.Report(harden.Finding{
			Field:  p.Pod.Field("securityContext.runAsUser"),
			Reason: "the pod asks for root: runAsUser is 0",
			Detail: "securityContext.runAsUser: 0 of the pod holds for every container that does not set its own.",
		})
	}
	for _, c := range p.Pod.Containers() {
		if isZero(security(c).RunAsUser) {
			p.Report(harden.Finding{
				Container: c.Ref, Field: c.Field + ".securityContext.runAsUser",
				Reason: "asks for root: runAsUser is 0",
				Detail: "The container's own securityContext.runAsUser is 0, which overrides the user of the pod and of the image." + powerless(c),
			})
		}
	}
}

func fixRunAsRootUser(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return []harden.Fix{{
			Title: "take runAsUser: 0 away from the pod", Class: harden.Review, Warning: zeroWarning,
			Evidence: append([]harden.Claim{missing("E-IMG-CONFIG", "Nobody looked into the images: which users do they bring?")}, rootNeedClaims()...),
			Changes:  []harden.Change{harden.RemoveFrom(f.Object, harden.PodSpecPath(f.Object, "securityContext", "runAsUser"))},
		}}
	}
	fixes := []harden.Fix{replaceZero(p, f, c)}
	if c.Ref.Kind == harden.InitContainer {
		fixes = givesVolumes(p, f, c, fixes)
	}
	return fixes
}

// replaceZero takes the container's 0 away, or puts the numbers of the image's
// user in its place where the image has a name for it. run-as-non-root does the same.
func replaceZero(p *harden.Pass, f *harden.Finding, c harden.Container) harden.Fix {
	s := imageStarterOf(p, c)
	fix := harden.Fix{
		Title: "take runAsUser: 0 away from " + c.Name, Class: harden.Review, Warning: zeroWarning, Evidence: slices.Clone(s.claims),
		Changes: []harden.Change{harden.RemoveFrom(f.Object, ownUserPath(f.Object, c))},
	}
	user := ownNumbers(p, s)
	switch above := podSecurity(p).RunAsUser; {
	case user != nil:
		fix.Title = fmt.Sprintf("run %s as user %d of its image in place of 0", c.Name, s.uid)
		fix.Changes = []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, user)}
		fix.Warning = fmt.Sprintf("User %d may lack rights that root had.", s.uid)
	case isZero(above):
		fix.Warning = "The pod asks for user 0 as well, and its value takes the place of this one: take both away."
	case above != nil:
		fix.Evidence = []harden.Claim{seen(p, "E-SPEC", fmt.Sprintf("The pod's runAsUser: %d takes its place.", *above), "")}
		fix.Warning = fmt.Sprintf("The container then runs as user %d of the pod, which may lack rights that root had.", *above)
	case s.known && s.root:
		fix.Warning = "The image is made to run as root as well: the container stays root until it gets another user."
	}
	fix.Evidence = append(fix.Evidence, rootNeedClaims()...)
	return fix
}
