package pod

import (
	"fmt"

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
		fix := harden.Fix{Title: title, Evidence: []harden.Claim{userClaim(p, c)}, Changes: []harden.Change{set}}
		fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
		if podLevelNonRoot(p) {
			return []harden.Fix{podLevelFix(p, f), fix}
		}
		return []harden.Fix{fix}
	case verdictUnknownUser:
		return []harden.Fix{{
			Title: title, Class: harden.Review, Changes: []harden.Change{set},
			Evidence: []harden.Claim{missing("E-IMG-CONFIG", "Nobody looked into the image: is its USER a number other than 0?")},
			Warning:  "If the image's user is root or a name, the kubelet refuses to start the container.",
		}}
	}
	if p.Pod.Windows() || !isZero(effectiveRunAsUser(p, c)) {
		return []harden.Fix{{Title: title, Class: harden.Review, Manual: imageAdvice(p, f, c), Evidence: imageClaims(p, c)}}
	}
	return []harden.Fix{dropZero(p, f, c)}
}

// dropZero asks for a non-root user and takes the explicit 0 away in one
// change, because one without the other cannot start.
func dropZero(p *harden.Pass, f *harden.Finding, c harden.Container) harden.Fix {
	change := harden.RemoveFrom(f.Object, zeroPaths(p, f.Object, c)...)
	title := fmt.Sprintf("take runAsUser: 0 away from %s", c.Name)
	if f.Verdict != verdictContradiction {
		change.Set = harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"runAsNonRoot": true}).Set
		title = fmt.Sprintf("require a non-root user for %s and take runAsUser: 0 away", c.Name)
	}
	return harden.Fix{
		Title: title, Class: harden.Review, Changes: []harden.Change{change},
		Evidence: append(imageClaims(p, c), rootNeedClaims()...), Warning: zeroWarning,
	}
}

const zeroWarning = "Without runAsUser the image's own user applies; if that is root or a name, the kubelet refuses to start the container under runAsNonRoot: true."

// zeroPaths are where the 0 stands that is in force for the container, and the
// one of the pod that would take its place.
func zeroPaths(p *harden.Pass, object harden.Ref, c harden.Container) []harden.Path {
	var paths []harden.Path
	if security(c).RunAsUser != nil {
		paths = append(paths, harden.ContainerPath(object, c.Ref, "securityContext", "runAsUser"))
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
		claims = append(claims, userClaim(p, c))
	}
	return harden.Fix{
		Title: "require non-root users for all containers of the pod",
		Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{"runAsNonRoot": true}})},
	}
}

// userClaim is the proof that a container with verdict unenforced starts under
// runAsNonRoot: the kubelet compares just this value (verifyRunAsNonRoot).
func userClaim(p *harden.Pass, c harden.Container) harden.Claim {
	if p.Pod.Windows() {
		return seen(p, "E-SPEC", fmt.Sprintf("Container %s runs as %s by its spec: the kubelet compares this name.", c.Name, effectiveRunAsUserName(p, c)), "")
	}
	if uid := effectiveRunAsUser(p, c); uid != nil {
		return seen(p, "E-SPEC", fmt.Sprintf("Container %s has runAsUser: %d in force: the kubelet compares this number.", c.Name, *uid), "")
	}
	return imageClaims(p, c)[0]
}

// imageClaims say what is known about the user of the image.
func imageClaims(p *harden.Pass, c harden.Container) []harden.Claim {
	facts := imageOf(p, c)
	if facts == nil || !facts.Known {
		return []harden.Claim{missing("E-IMG-CONFIG", "Nobody looked into the image: is its USER a number other than 0?")}
	}
	claim := seen(p, "E-IMG-CONFIG", fmt.Sprintf("The USER of image %s is %q.", c.Image, facts.User), "A tag may move to an image with another user.")
	if kind, _ := harden.ParseImageUser(facts.User); kind != harden.ImageUserNonRoot {
		claim.State = harden.Refutes
	}
	return []harden.Claim{claim}
}

func rootNeedClaims() []harden.Claim {
	return []harden.Claim{
		missing("E-IMG-FS", "Nobody looked into the image: does it write to paths that only root may write to?"),
		missing("E-VOL", "Nobody looked into the volumes: may another user read and write them?"),
	}
}

func imageAdvice(p *harden.Pass, f *harden.Finding, c harden.Container) string {
	switch {
	case p.Pod.Windows():
		return "Set windowsOptions.runAsUserName to a user such as ContainerUser, check that the program works as that user, and add runAsNonRoot: true."
	case f.Verdict == verdictUnverifiable:
		return fmt.Sprintf("Look up the user of the image %s in its /etc/passwd, and set runAsUser and runAsGroup to the numbers there together with runAsNonRoot: true. The flag alone would keep the container from starting.", c.Image)
	}
	return fmt.Sprintf("The image %s is made to run as root, and would not start under runAsNonRoot: true. Give it a numeric USER, or set runAsUser and runAsGroup here, and make sure that the paths it writes to belong to that user.", c.Image)
}
