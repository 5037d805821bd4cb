package pod

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func fixRunAsNonRoot(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if f.Verdict == verdictPodLevelFalse {
		return fixPodLevelFalse(p, f)
	}
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	set := harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"runAsNonRoot": true})
	title := "require a non-root user for " + c.Name
	switch f.Verdict {
	case verdictUnenforced:
		fix := harden.Fix{Title: title, Evidence: userClaims(p, c), Changes: []harden.Change{set}}
		fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
		if podLevelNonRoot(p) {
			return []harden.Fix{podLevelFix(p, f), fix}
		}
		return []harden.Fix{fix}
	case verdictUnknownUser:
		return []harden.Fix{{
			Title: title, Class: harden.Review, Changes: []harden.Change{set}, Evidence: imageStarterOf(p, c).claims,
			Warning: "If the image's user is root or a name, the kubelet refuses to start the container.",
		}}
	}
	switch {
	case p.Pod.Windows():
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: windowsAdvice, Evidence: []harden.Claim{ask("E-IMG-CONFIG", "Nobody looked into the image", "is it made for another user than ContainerAdministrator?")}}}
	case isZero(effectiveRunAsUser(p, c)):
		return []harden.Fix{dropZero(p, f, c)}
	case f.Verdict == verdictUnverifiable:
		return []harden.Fix{nameTheNumbers(p, f, c)}
	}
	return leaveRoot(p, f, c)
}

const windowsAdvice = "Set windowsOptions.runAsUserName to a user such as ContainerUser, check that the program works as that user, and add runAsNonRoot: true."

// nameTheNumbers says in numbers what the image says by name: the kubelet
// refuses a name under runAsNonRoot. The process is the same user as before, so
// that nothing changes for files and volumes.
func nameTheNumbers(p *harden.Pass, f *harden.Finding, c harden.Container) harden.Fix {
	s := imageStarterOf(p, c)
	fix := harden.Fix{Title: "require the image's own user for " + c.Name + ", in numbers", Class: harden.Review, Evidence: s.claims}
	switch {
	case usersAreGiven(p):
		fix.Manual = "This cluster gives pods their user ids (security context constraints): let the pod be admitted under a constraint that does, such as restricted-v2, and add runAsNonRoot: true. Name no user here."
		return fix
	case !s.known:
		fix.Manual = fmt.Sprintf("Look up the user of the image %s in its /etc/passwd, and set runAsUser and runAsGroup to the numbers there together with runAsNonRoot: true. The flag alone would keep the container from starting.", c.Image)
		return fix
	case !s.agree:
		fix.Manual = fmt.Sprintf("The images that the pods of %s run (%s) have different users. Bring them to one image first.", p.Object, c.Image)
		return fix
	}
	if probes, gap := probesOf(p, c); gap == "" {
		fix.Evidence = append(fix.Evidence, sameUserClaim(p, probes, s))
	}
	fix.Title = fmt.Sprintf("require user %d for %s, which is the image's own", s.uid, c.Name)
	fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
	fix.Changes = []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"runAsNonRoot": true, "runAsUser": s.uid, "runAsGroup": s.gid})}
	fix.Warning = "An image that comes later and gives the name another number keeps the number that is set here."
	return fix
}

func sameUserClaim(p *harden.Pass, probes []*harden.Probe, s starter) harden.Claim {
	other, all := everyProcess(probes, func(proc harden.Process) bool { return proc.UID == s.uid })
	if !all {
		return probeClaim(p, harden.Refutes, probes, fmt.Sprintf("In %s, process %s (%d) runs as user %d.", pods(probes), other.Command, other.PID, other.UID), "")
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s run as user %d already.", pods(probes), count(probes), s.uid), "Processes that run at other times.")
}

// leaveRoot is for images that start as root. Which other user could be meant
// is not guessed; only where all processes were seen to run as one other user,
// it is offered.
func leaveRoot(p *harden.Pass, f *harden.Finding, c harden.Container) []harden.Fix {
	s := imageStarterOf(p, c)
	advice := harden.Fix{
		Title: "require a non-root user for " + c.Name, Class: harden.Review, Evidence: s.claims,
		Manual: fmt.Sprintf("The image %s is made to run as root, and would not start under runAsNonRoot: true. Give it a numeric USER, or set runAsUser and runAsGroup here, and make sure that the paths it writes to belong to that user.", c.Image),
	}
	if usersAreGiven(p) {
		advice.Manual = fmt.Sprintf("The image %s is made to run as root. This cluster gives pods their user ids: make the image work as any user of group 0, and name no user here.", c.Image)
		return []harden.Fix{advice}
	}
	probes, gap := probesOf(p, c)
	if gap != "" {
		advice.Evidence = append(advice.Evidence, ask("E-PROC", gap, "does it stay root, or does it become another user?"))
		return []harden.Fix{advice}
	}
	if root, all := everyProcess(probes, func(proc harden.Process) bool { return proc.UID != 0 }); !all {
		advice.Evidence = append(advice.Evidence, probeClaim(p, harden.Refutes, probes, fmt.Sprintf("In %s, process %s (%d) runs as root.", pods(probes), root.Command, root.PID), ""))
		return []harden.Fix{advice}
	}
	first := probes[0].Processes[0]
	if other, all := everyProcess(probes, func(proc harden.Process) bool { return proc.UID == first.UID && proc.GID == first.GID }); !all {
		text := fmt.Sprintf("In %s no process is root, but they are different users: %s is %d, %s is %d.", pods(probes), first.Command, first.UID, other.Command, other.UID)
		advice.Evidence = append(advice.Evidence, probeClaim(p, harden.Refutes, probes, text, ""))
		return []harden.Fix{advice}
	}
	return []harden.Fix{startAs(p, f, c, probes, s), advice}
}

// startAs skips the time as root of an image that becomes another user by itself.
func startAs(p *harden.Pass, f *harden.Finding, c harden.Container, probes []*harden.Probe, s starter) harden.Fix {
	proc := probes[0].Processes[0]
	text := fmt.Sprintf("In %s, %s run as user %d and group %d: the entrypoint starts as root and becomes that user.", pods(probes), count(probes), proc.UID, proc.GID)
	claims := slices.Clone(s.claims)
	for i := range claims {
		// The image's own user is what the fix replaces.
		claims[i].State = harden.Holds
	}
	claims = append(claims,
		probeClaim(p, harden.Holds, probes, text, "What the entrypoint does before, as root."),
		missing("E-IMG-FS", "Nobody can tell from here whether the entrypoint works without root: what does it change the owner of?"),
		missing("E-VOL", fmt.Sprintf("Nobody looked into the volumes: do their files belong to user %d?", proc.UID)))
	return harden.Fix{
		Title: fmt.Sprintf("start %s as user %d, which it becomes anyway", c.Name, proc.UID), Class: harden.Review, Evidence: claims,
		Changes: []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"runAsNonRoot": true, "runAsUser": proc.UID, "runAsGroup": proc.GID})},
		Warning: fmt.Sprintf("What the entrypoint did as root, such as giving a volume to user %d, is not done any more: a new volume may need fsGroup: %d with fsGroupChangePolicy: OnRootMismatch at the pod.", proc.UID, proc.GID),
	}
}

// dropZero asks for a non-root user and replaces the explicit 0 in one change,
// because one without the other cannot start.
func dropZero(p *harden.Pass, f *harden.Finding, c harden.Container) harden.Fix {
	s := imageStarterOf(p, c)
	evidence := append(slices.Clone(s.claims), rootNeedClaims()...)
	if s.known && s.root && !podHasUser(p) {
		return harden.Fix{
			Title: "require a non-root user for " + c.Name, Class: harden.Review, Evidence: evidence,
			Manual: fmt.Sprintf("runAsUser: 0 is in force, and the image %s is made to run as root as well. Set runAsUser and runAsGroup to a user that it works as.", c.Image),
		}
	}
	change := harden.RemoveFrom(f.Object, zeroPaths(p, f.Object, c)...)
	fields := map[string]any{}
	title := fmt.Sprintf("take runAsUser: 0 away from %s", c.Name)
	if f.Verdict != verdictContradiction {
		fields["runAsNonRoot"] = true
		title = fmt.Sprintf("require a non-root user for %s and take runAsUser: 0 away", c.Name)
	}
	if user := ownNumbers(p, s); user != nil {
		change.Remove = slices.DeleteFunc(change.Remove, func(path harden.Path) bool { return path.Equals(ownUserPath(f.Object, c)) })
		fields["runAsUser"], fields["runAsGroup"] = user["runAsUser"], user["runAsGroup"]
		title = fmt.Sprintf("run %s as user %d of its image in place of 0", c.Name, s.uid)
	}
	if len(fields) > 0 {
		change.Set = harden.SetSecurityContext(f.Object, c.Ref, fields).Set
	}
	return harden.Fix{Title: title, Class: harden.Review, Changes: []harden.Change{change}, Evidence: evidence, Warning: zeroWarning}
}

// ownNumbers are the user and group of an image that names its user by name:
// without numbers in the spec the kubelet would refuse to start it. Nil where
// the image's own USER is good enough, or must not be named.
func ownNumbers(p *harden.Pass, s starter) map[string]any {
	if !s.known || s.root || !s.named || !s.agree || usersAreGiven(p) || podHasUser(p) {
		return nil
	}
	return map[string]any{"runAsUser": s.uid, "runAsGroup": s.gid}
}

// podHasUser reports whether the pod has a user other than root for containers that name none.
func podHasUser(p *harden.Pass) bool {
	above := podSecurity(p).RunAsUser
	return above != nil && *above != 0
}

func ownUserPath(object harden.Ref, c harden.Container) harden.Path {
	return harden.ContainerPath(object, c.Ref, "securityContext", "runAsUser")
}

const zeroWarning = "Without runAsUser the image's own user applies; if that is root or a name, the kubelet refuses to start the container under runAsNonRoot: true."

// zeroPaths are where the 0 stands that is in force for the container, and the
// one of the pod that would take its place.
func zeroPaths(p *harden.Pass, object harden.Ref, c harden.Container) []harden.Path {
	var paths []harden.Path
	if security(c).RunAsUser != nil {
		paths = append(paths, ownUserPath(object, c))
	}
	if isZero(podSecurity(p).RunAsUser) {
		paths = append(paths, harden.PodSpecPath(object, "securityContext", "runAsUser"))
	}
	return paths
}

// fixPodLevelFalse replaces the pod's false by true where that changes nothing,
// because every container says true itself, and takes it away otherwise: unset
// means the same as false to the kubelet, and each container is judged by itself.
func fixPodLevelFalse(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if podLevelNonRoot(p) {
		return []harden.Fix{podLevelFix(p, f)}
	}
	own := !injectedContainers(p)
	for _, c := range p.Pod.Containers() {
		own = own && isTrue(security(c).RunAsNonRoot)
	}
	if own {
		return []harden.Fix{{
			Title: "say runAsNonRoot: true at the pod too", Class: harden.Evidence,
			Evidence: []harden.Claim{seen(p, "E-SPEC", "Every container sets runAsNonRoot: true itself, which is what counts.", "A container that is injected later inherits the pod's value.")},
			Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{"runAsNonRoot": true}})},
		}}
	}
	return []harden.Fix{{
		Title: "take runAsNonRoot: false away from the pod", Class: harden.Safe,
		Evidence: []harden.Claim{seen(p, "E-SPEC", "Unset means the same as false to the kubelet.", "")},
		Changes:  []harden.Change{harden.RemoveFrom(f.Object, harden.PodSpecPath(f.Object, "securityContext", "runAsNonRoot"))},
	}}
}

// podLevelNonRoot reports whether the pod is the place for runAsNonRoot: true:
// no container says anything itself, and each is proven. A single container
// that is not, or one that is injected, would inherit what nobody proved for it.
func podLevelNonRoot(p *harden.Pass) bool {
	if !p.Pod.PodLevel || injectedContainers(p) {
		return false
	}
	for _, c := range p.Pod.Containers() {
		if security(c).RunAsNonRoot != nil || userOf(p, c).verdict != verdictUnenforced {
			return false
		}
	}
	return len(p.Pod.Containers()) > 1
}

func podLevelFix(p *harden.Pass, f *harden.Finding) harden.Fix {
	var claims []harden.Claim
	for _, c := range p.Pod.Containers() {
		claims = append(claims, userClaims(p, c)...)
	}
	return harden.Fix{
		Title: "require non-root users for all containers of the pod",
		Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{"runAsNonRoot": true}})},
	}
}

// userClaims are the proof that a container with verdict unenforced starts under
// runAsNonRoot: the kubelet compares just this value (verifyRunAsNonRoot).
func userClaims(p *harden.Pass, c harden.Container) []harden.Claim {
	if p.Pod.Windows() {
		return []harden.Claim{seen(p, "E-SPEC", fmt.Sprintf("Container %s runs as %s by its spec: the kubelet compares this name.", c.Name, effectiveRunAsUserName(p, c)), "")}
	}
	return starterOf(p, c).claims
}

func rootNeedClaims() []harden.Claim {
	return []harden.Claim{
		missing("E-IMG-FS", "Nobody looked into the image: does it write to paths that only root may write to?"),
		missing("E-VOL", "Nobody looked into the volumes: may another user read and write them?"),
	}
}
