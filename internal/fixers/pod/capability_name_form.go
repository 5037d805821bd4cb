package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// CapabilityNameForm reports capabilities that are written in a way that Pod
// Security or a runtime does not understand.
var CapabilityNameForm = &harden.Fixer{
	ID:       "capability-name-form",
	Title:    "names a capability in a form that is not understood",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS baseline: capabilities", "PSS restricted: capabilities", "Trivy KSV-0003"),
	Reads:    harden.ReadsNothing,
	Check:    checkCapabilityNames,
	Fix:      proposing("write the capabilities in capitals and without CAP_", fixCapabilityNames),
	Doc: `
A list of capabilities holds a name in the wrong form, a name that no kernel knows, or
more than ALL.

Fields:

    spec.containers[].securityContext.capabilities.add    (init and ephemeral containers too)
    spec.containers[].securityContext.capabilities.drop

Allowed: names of the kernel, in capitals and without the prefix CAP_, such as
NET_BIND_SERVICE; in drop, ALL by itself.

**Why it matters.** Pod Security compares exactly, and refuses CAP_CHOWN and chown
alike. containerd puts CAP_ in front of what it finds, and ignores CAP_CAP_CHOWN: what
was meant to be added or dropped is not. CRI-O understands the prefix, so the same
pod has other rights on other nodes. The API accepts any text, and nobody is told.

The verdicts: *spelling*; *unknown*, for a name that the kernel does not have;
*redundant* (advice), where drop holds ALL and others besides.

**The fix.** The list is written anew, with the same set in it. For a name with CAP_
or one that is unknown a person decides: what had no effect may have one then. Where
another rule finds fault with the same list, or would once it is written in the right
form, the first fix is that rule's, because a list is replaced as a whole.

**Traps.** An entry beside ALL is no waste where it is added as well: a runtime drops
all, adds, and then drops the rest. Lower-case all alone is found by
drop-all-capabilities, and a dangerous capability in any spelling by
dangerous-capabilities; neither is said again here.
`,
}

// Verdicts of capability-name-form.
const (
	verdictSpelling  = "spelling"
	verdictUnknown   = "unknown"
	verdictRedundant = "redundant"
)

func isKernelCapability(name string) bool { return slices.Contains(kernelCapabilities, name) }

// isOddAdd tells the entries of an add list that capability-name-form reports:
// harmless ones in another spelling, and those that are none.
func isOddAdd(c corev1.Capability) bool {
	name := capabilityName(c)
	return name != string(c) && slices.Contains(baselineCapabilities, name) || name != capAll && !isKernelCapability(name)
}

// oddDrops are the entries of the drop list that capability-name-form reports.
// A list with "all" is left to drop-all-capabilities, which writes it anew.
func oddDrops(c harden.Container) []corev1.Capability {
	dropped := droppedCapabilities(c)
	switch {
	case slices.Contains(dropped, capAll):
		return slices.DeleteFunc(slices.Clone(dropped), func(d corev1.Capability) bool { return slices.Contains(dropAll(c), string(d)) })
	case drops(c, capAll):
		return nil
	}
	return slices.DeleteFunc(slices.Clone(dropped), func(d corev1.Capability) bool { return isKernelCapability(string(d)) })
}

func checkCapabilityNames(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		added, dropped := capabilityNames(addedCapabilities(c), isOddAdd), capabilityNames(oddDrops(c), anyCapability)
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.capabilities"}
		all := slices.Contains(droppedCapabilities(c), capAll)
		odd := added
		if !all {
			odd = slices.Concat(added, dropped)
		}
		switch list := strings.Join(odd, ", "); {
		case slices.ContainsFunc(odd, func(s string) bool { return !isKernelCapability(capabilityName(corev1.Capability(s))) }):
			f.Verdict, f.Reason = verdictUnknown, "names what is no capability: "+list
			f.Detail = fmt.Sprintf("Of %s the kernel does not know every one. Runtimes ignore what they do not know, or refuse to start the container.", list)
		case len(odd) > 0:
			f.Verdict, f.Reason = verdictSpelling, "names capabilities in another form: "+list
			f.Detail = fmt.Sprintf("%s: names are written in capitals and without CAP_. Pod Security compares exactly, and containerd finds no capability with a doubled prefix.", list)
		case len(dropped) > 0:
			f.Verdict, f.Severity, f.SeverityWhy = verdictRedundant, harden.Info, "ALL drops the others as well"
			f.Reason = "drops ALL and others besides: " + strings.Join(dropped, ", ")
			f.Detail = fmt.Sprintf("capabilities.drop holds ALL, so that %s say nothing.", strings.Join(dropped, ", "))
		default:
			continue
		}
		f.Reason = oneRow(f.Reason)
		p.Report(f)
	}
}

func fixCapabilityNames(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	var drop, add []string
	if len(oddDrops(c)) > 0 {
		drop = plainDrops(c)
	}
	odd := slices.ContainsFunc(addedCapabilities(c), isOddAdd)
	if odd {
		add = addsWithout(c, isOddAdd)
	}
	claims := nameClaims(p, c)
	fixes := []harden.Fix{{
		Title: "write the capabilities of " + c.Name + " in the right form", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
		Changes: []harden.Change{capabilityLists(f.Object, c, drop, add)},
	}}
	if odd && !slices.Equal(add, restrictedAdds(c)) && slices.ContainsFunc(addedCapabilities(c), func(a corev1.Capability) bool {
		return isDangerousAdd(a) || isRestrictedAdd(a) || isRestrictedAdd(corev1.Capability(capabilityName(a)))
	}) {
		less := fewerAdds(f, c, isOddAdd, addClaim)[0]
		less.Changes = []harden.Change{capabilityLists(f.Object, c, drop, restrictedAdds(c))}
		fixes = slices.Insert(fixes, 0, less)
	}
	if !odd && !isPrivileged(c) && !drops(c, capAll) {
		fixes = slices.Insert(fixes, 0, dropAllFixes(p, f, c)[0])
	}
	return fixes
}

// plainDrops is the drop list in the right form, without what is no capability.
func plainDrops(c harden.Container) []string {
	if slices.Contains(droppedCapabilities(c), capAll) {
		return dropAll(c)
	}
	names := []string{}
	for _, d := range droppedCapabilities(c) {
		if name := capabilityName(d); isKernelCapability(name) && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// nameClaims say whether the set stays the same: it does where only letter case
// changes or what is dropped anyway goes.
func nameClaims(p *harden.Pass, c harden.Container) []harden.Claim {
	odd := slices.DeleteFunc(slices.Clone(addedCapabilities(c)), func(a corev1.Capability) bool { return !isOddAdd(a) })
	if !slices.Contains(droppedCapabilities(c), capAll) {
		odd = append(odd, oddDrops(c)...)
	}
	other := capabilityNames(odd, func(a corev1.Capability) bool {
		return strings.ToUpper(string(a)) != capabilityName(a) || !isKernelCapability(capabilityName(a))
	})
	if len(other) > 0 {
		return []harden.Claim{missing("E-NODE", fmt.Sprintf("Whether the runtimes of the nodes understand %s today is not known: CRI-O does without the prefix, containerd does not.", strings.Join(other, ", ")))}
	}
	return []harden.Claim{seen(p, "E-SPEC", "containerd and CRI-O compare names without regard to letter case, and ALL drops all: the same set is in force afterwards.", "Other runtimes.")}
}

// oneRow shortens what was made of a list of names to what a row of a table holds.
func oneRow(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + " …"
}
