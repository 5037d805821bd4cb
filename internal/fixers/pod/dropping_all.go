package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A dropping is what speaks for and against dropping all capabilities of one container.
type dropping struct {
	best   harden.Class
	claims []harden.Claim
	needed []string // capabilities to add, so that what works goes on
	// certain says that they are needed; otherwise they may be.
	certain bool
	warning string
}

const dropWarning = "A process that uses a default capability (changing owners or users, binding a port below 1024, ping) fails with \"Operation not permitted\"."

// droppingAll judges by what the kernel does: Kubernetes sets no ambient
// capabilities, so a process that is not root gets a capability only from a
// file, and root holds what its bounding set allows.
func droppingAll(p *harden.Pass, c harden.Container) dropping {
	if claim, ok := nothingLeft(p, c); ok {
		return dropping{best: harden.Safe, claims: []harden.Claim{claim}}
	}
	s := starterOf(p, c)
	d := dropping{best: harden.Evidence, warning: dropWarning}
	switch {
	case !s.known:
		d.ofUnknown(p, c, s)
	case s.root:
		d.ofRoot(p, c, s)
	default:
		d.ofOthers(p, c, s)
	}
	for _, l := range containerLessons(p, c, harden.LessonNeedsCapability) {
		d.learn(p, l)
	}
	if len(d.needed) > 0 && d.certain && !canAdd(c, d.needed) {
		text := fmt.Sprintf("It needs %s, and its list of added capabilities is somebody else's: add them there first.", strings.Join(d.needed, ", "))
		d.claims = append(d.claims, dated(p, "E-SPEC", harden.Refutes, p.Inventory.Now, text, ""))
	}
	return d
}

// learn adds what a failed rollout showed, within what baseline accepts.
func (d *dropping) learn(p *harden.Pass, l harden.Lesson) {
	name := capabilityName(corev1.Capability(l.Value))
	if !slices.Contains(baselineCapabilities, name) {
		d.claims = append(d.claims, learnt(p, harden.Refutes, l, "it was seen to need "+name+", which Pod Security baseline refuses"))
		return
	}
	d.need(name)
	d.certain = true
	if name != capNetBindService {
		d.best = harden.Review
	}
	d.claims = append(d.claims, learnt(p, harden.Holds, l, "it was seen to need "+name+", which is added"))
}

// nothingLeft reports whether everything is dropped already, by admission or by
// a runtime that gives nothing.
func nothingLeft(p *harden.Pass, c harden.Container) (harden.Claim, bool) {
	probes, gap := probesOf(p, c)
	if gap != "" {
		return harden.Claim{}, false
	}
	if _, all := everyProcess(probes, func(proc harden.Process) bool { return proc.Held == 0 && proc.Bounding == 0 }); !all {
		return harden.Claim{}, false
	}
	return probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, the bounding set of %s is empty already: there is nothing to drop.", pods(probes), count(probes)), ""), true
}

func (d *dropping) need(names ...string) {
	for _, n := range names {
		if !slices.Contains(d.needed, n) {
			d.needed = append(d.needed, n)
		}
	}
	slices.Sort(d.needed)
}

// canAdd reports whether the list of added capabilities has them, or may be
// written: others want it without what restricted refuses.
func canAdd(c harden.Container, names []string) bool {
	free := !slices.ContainsFunc(addedCapabilities(c), func(a corev1.Capability) bool { return string(a) != capNetBindService })
	return free || !slices.ContainsFunc(names, func(n string) bool { return !adds(c, n) })
}

// added is the list of added capabilities that the fix writes; nil leaves it alone.
func (d *dropping) added(c harden.Container) []string {
	missing := slices.DeleteFunc(slices.Clone(d.needed), func(n string) bool { return adds(c, n) })
	if len(missing) == 0 || !canAdd(c, d.needed) {
		return nil
	}
	return slices.Sorted(slices.Values(slices.Concat(missing, capabilityNames(addedCapabilities(c), anyCapability))))
}

// ofUnknown asks for everything: who runs decides what is needed.
func (d *dropping) ofUnknown(p *harden.Pass, c harden.Container, s starter) {
	_, procGap := probesOf(p, c)
	if procGap != "" {
		d.claims = append(d.claims, ask("E-PROC", procGap, "which capabilities do its processes hold?"))
	} else {
		d.claims = append(d.claims, heldClaim(p, c, nil))
	}
	d.claims = append(d.claims, s.claims...)
	if _, gap := imagesOf(p, c); gap != "" {
		d.claims = append(d.claims, ask("E-IMG-FS", gap, "does it have file capabilities or setuid files, and does its entrypoint change owners or users?"))
	}
	if !s.named {
		d.needByText(p, c)
	}
	d.lowPortOfRoot(p, c, false)
}

// ofRoot reads from the start what root will do. That is no proof: what a
// process of root uses cannot be seen.
func (d *dropping) ofRoot(p *harden.Pass, c harden.Container, s starter) {
	d.best = harden.Review
	for _, claim := range s.claims {
		// That the image starts as root is no reason against: it is why things are added.
		claim.State = harden.Holds
		d.claims = append(d.claims, claim)
	}
	d.needByText(p, c)
	if probes, gap := probesOf(p, c); gap == "" {
		if _, none := everyProcess(probes, func(proc harden.Process) bool { return proc.Held == 0 }); none {
			d.claims = append(d.claims, probeClaim(p, harden.Holds, probes, fmt.Sprintf("In %s, %s hold no capability now: root gave its rights up after the start.", pods(probes), count(probes)),
				"What it used before."))
		}
	}
	d.claims = append(d.claims, missing("E-CANARY", "What root uses of its capabilities cannot be seen from outside: only a start without them tells."))
	d.lowPortOfRoot(p, c, true)
	d.warning += " The first start with an empty volume does more than a restart: try both."
}

// needByText adds what the command, the entrypoint and familiar images are known to need as root.
func (d *dropping) needByText(p *harden.Pass, c harden.Container) {
	images, gap := imagesOf(p, c)
	if gap != "" {
		d.needsOf(p, startOf(c, nil), "The command of container "+c.Name, "E-SPEC", nil)
		return
	}
	for _, i := range images {
		if f, ok := familiarOf(c, i.ImageFacts); ok {
			d.need(f.capabilities...)
			d.certain = true
			d.claims = append(d.claims, imageClaim(p, "E-CATALOGUE", harden.Holds, []known{i}, fmt.Sprintf("Image %s is %s, which needs %s when it starts as root (%s).", i.name, f.name, strings.Join(f.capabilities, ", "), f.source), "Versions that do otherwise."))
		}
		what, code := "The entrypoint of image "+i.name, "E-IMG-FS"
		if i.Files == nil {
			d.claims = append(d.claims, missing("E-IMG-FS", fmt.Sprintf("The files of image %s were not read%s: does its entrypoint change owners or users?", i.name, because(i.FilesWhy))))
			what, code = "The command of container "+c.Name, "E-SPEC"
		}
		start := startOf(c, i.ImageFacts)
		d.needsOf(p, start, what, code, []known{i})
		d.needByFile(p, start, i)
	}
}

// needByFile adds the file capabilities of programs that the entrypoint names:
// also root cannot start them without.
func (d *dropping) needByFile(p *harden.Pass, s *start, i known) {
	if s.files == nil {
		return
	}
	if named, _ := s.privileged(); slices.ContainsFunc(named, func(at string) bool { return s.files.Programs[at].Effective }) {
		claim, capabilities := dropFileClaim(p, s, i)
		d.claims = append(d.claims, claim)
		d.need(capabilities...)
		d.certain = d.certain || len(capabilities) > 0
	}
}

func (d *dropping) needsOf(p *harden.Pass, s *start, what, code string, images []known) {
	var tools, capabilities []string
	for _, n := range s.needs() {
		d.need(n.capability)
		capabilities = append(capabilities, n.capability)
		if !slices.Contains(tools, n.program) {
			tools = append(tools, n.program)
		}
	}
	if len(tools) > 0 {
		d.certain = true
		d.claims = append(d.claims, imageClaim(p, code, harden.Holds, images, fmt.Sprintf("%s calls %s, for which root needs %s: they are added.", what, strings.Join(tools, ", "), strings.Join(capabilities, ", ")),
			"Programs that do such things by themselves."))
	}
}

// lowPortOfRoot adds NET_BIND_SERVICE for root, or who may be root, unless any
// user may bind the port.
func (d *dropping) lowPortOfRoot(p *harden.Pass, c harden.Container, root bool) {
	low := lowPorts(p, c)
	if len(low) == 0 {
		return
	}
	binds := anyUserBinds(p, low[0].number)
	if binds.State == harden.Holds {
		d.claims = append(d.claims, binds)
		return
	}
	d.need(capNetBindService)
	if root {
		d.certain = true
		d.claims = append(d.claims, seen(p, "E-PORTS", fmt.Sprintf("The container uses port %s, for which NET_BIND_SERVICE is added.", low), ""))
		return
	}
	d.claims = append(d.claims, missing("E-PORTS", fmt.Sprintf("The container uses port %s: may its user bind it without NET_BIND_SERVICE on these nodes?", low)))
}

// ofOthers is for containers that start as another user than root.
func (d *dropping) ofOthers(p *harden.Pass, c harden.Container, s starter) {
	d.claims = slices.Clone(s.claims)
	var byFile []string
	images, gap := filesOf(p, c)
	for _, i := range images {
		claim, capabilities := dropFileClaim(p, startOf(c, i.ImageFacts), i)
		d.claims = append(d.claims, claim)
		byFile = append(byFile, capabilities...)
	}
	d.need(byFile...)
	d.certain = len(byFile) > 0
	if slices.ContainsFunc(byFile, func(n string) bool { return n != capNetBindService }) {
		d.best = harden.Review
	}
	probes, procGap := probesOf(p, c)
	if procGap == "" {
		d.claims = append(d.claims, heldClaim(p, c, byFile))
	}
	if gap != "" {
		_, free := everyProcess(probes, func(proc harden.Process) bool { return !proc.NoNewPrivs })
		switch {
		case procGap != "":
			d.claims = append(d.claims, ask("E-IMG-FS", gap, "does it have file capabilities or setuid files, and does its entrypoint change owners or users?"),
				ask("E-PROC", procGap, "which capabilities do its processes hold?"))
		case !free:
			// A process with no_new_privs does not show that its file has capabilities, and still would not start without them.
			d.claims = append(d.claims, ask("E-IMG-FS", gap, "does its program have a file capability, without which it does not start?"))
		}
	}
	d.lowPortOfOthers(p, c, byFile)
}

// lowPortOfOthers asks how another user than root binds a port below 1024.
func (d *dropping) lowPortOfOthers(p *harden.Pass, c harden.Container, byFile []string) {
	low := lowPorts(p, c)
	switch {
	case len(low) == 0:
		d.claims = append(d.claims, seen(p, "E-PORTS", "No port below 1024 is declared, exposed by the image, or was seen open.", "Ports that are opened at other times."))
		return
	case slices.Contains(byFile, capNetBindService) && !isFalse(security(c).AllowPrivilegeEscalation):
		d.claims = append(d.claims, seen(p, "E-PORTS", fmt.Sprintf("Port %s is bound by the file capability, which stays.", low), "allowPrivilegeEscalation: false takes it."))
		return
	}
	binds := anyUserBinds(p, low[0].number)
	if binds.State == harden.Refutes && slices.Contains(byFile, capNetBindService) {
		binds.Text = fmt.Sprintf("It will not bind port %s: allowPrivilegeEscalation: false keeps the file capability from it, and an added NET_BIND_SERVICE reaches only root. "+
			"Use a port above 1023, or the sysctl %s. %s", low, portSysctl, binds.Text)
	}
	d.claims = append(d.claims, binds)
}
