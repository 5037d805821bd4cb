package pod

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	capAll            = "ALL"
	capNetRaw         = "NET_RAW"
	capNetBindService = "NET_BIND_SERVICE"
	capSysAdmin       = "SYS_ADMIN"
	capSysPtrace      = "SYS_PTRACE"
)

// baselineCapabilities may be added under Pod Security baseline
// (check_capabilities_baseline.go upstream).
var baselineCapabilities = []string{
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD",
	capNetBindService, "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

// defaultCapabilities are what containerd gives a container that says nothing;
// CRI-O gives a part of these.
var defaultCapabilities = append([]string{capNetRaw}, baselineCapabilities...)

// capabilityName is the plain name: upper case, without the prefix CAP_.
func capabilityName(c corev1.Capability) string {
	return strings.TrimPrefix(strings.ToUpper(string(c)), "CAP_")
}

func addedCapabilities(c harden.Container) []corev1.Capability {
	if caps := security(c).Capabilities; caps != nil {
		return caps.Add
	}
	return nil
}

func droppedCapabilities(c harden.Container) []corev1.Capability {
	if caps := security(c).Capabilities; caps != nil {
		return caps.Drop
	}
	return nil
}

// drops reports whether the runtime drops the capability: runtimes ignore
// letter case, and containerd knows no prefix CAP_.
func drops(c harden.Container, name string) bool {
	return slices.ContainsFunc(droppedCapabilities(c), func(d corev1.Capability) bool { return strings.EqualFold(string(d), name) })
}

// adds reports whether the capability is added, in any spelling.
func adds(c harden.Container, name string) bool {
	return slices.ContainsFunc(addedCapabilities(c), func(a corev1.Capability) bool { return capabilityName(a) == name })
}

// isDangerousAdd tells the entries of an add list that dangerous-capabilities
// reports, in any spelling. What else Pod Security baseline refuses, because it
// compares exactly, is reported by capability-name-form.
func isDangerousAdd(c corev1.Capability) bool {
	name := capabilityName(c)
	return name == capAll || isKernelCapability(name) && !slices.Contains(baselineCapabilities, name)
}

// isRestrictedAdd tells the entries that added-capabilities-restricted reports:
// what baseline accepts and restricted does not.
func isRestrictedAdd(c corev1.Capability) bool {
	return slices.Contains(baselineCapabilities, string(c)) && string(c) != capNetBindService
}

// The lists add and drop are atomic: whoever sets one sets all of it. Fixes of
// several findings on one container are merged, so fixes that touch the same
// list must want the same value, or only one of them could be made. That is why
// the first fix of each finding about added capabilities leaves what restricted
// accepts (each entry it takes away has a finding of its own), and the first fix
// of each finding about dropped ones drops ALL. Where that is more than the
// finding asks for, a second fix does just what it asks for.

// capabilityLists is a change of the two lists: nil leaves one alone, and an
// empty list of added capabilities goes away as a whole.
func capabilityLists(object harden.Ref, c harden.Container, drop, add []string) harden.Change {
	lists := map[string]any{}
	change := harden.Change{Target: object, Verb: harden.Apply}
	if drop != nil {
		lists["drop"] = anyList(drop)
	}
	switch {
	case len(add) > 0:
		lists["add"] = anyList(add)
	case add != nil:
		change.Remove = []harden.Path{harden.ContainerPath(object, c.Ref, "securityContext", "capabilities", "add")}
	}
	if len(lists) > 0 {
		change.Set = harden.SetSecurityContext(object, c.Ref, map[string]any{"capabilities": lists}).Set
	}
	return change
}

// restrictedAdds is what restricted accepts of the add list, in its spelling.
func restrictedAdds(c harden.Container) []string {
	if adds(c, capNetBindService) {
		return []string{capNetBindService}
	}
	return []string{}
}

// addsWithout is the add list without the entries that go; a harmless
// capability in another spelling stays, in the right one.
func addsWithout(c harden.Container, goes func(corev1.Capability) bool) []string {
	names := []string{}
	for _, a := range addedCapabilities(c) {
		name := string(a)
		if goes(a) {
			if name = capabilityName(a); name == string(a) || !slices.Contains(baselineCapabilities, name) {
				continue
			}
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// dropAll is the drop list that drops everything. A runtime takes ALL first,
// then adds, then drops the rest: entries that are dropped and added at once
// would come back if they were not kept, and nothing else need be.
func dropAll(c harden.Container) []string {
	names := []string{capAll}
	for _, d := range droppedCapabilities(c) {
		added := slices.ContainsFunc(addedCapabilities(c), func(a corev1.Capability) bool { return strings.EqualFold(string(a), string(d)) })
		if added && !strings.EqualFold(string(d), capAll) {
			names = append(names, string(d))
		}
	}
	return names
}

// fewerAdds proposes to take entries of the add list away: first down to what
// restricted accepts, then, where that is something else, just those that go.
func fewerAdds(f *harden.Finding, c harden.Container, goes func(corev1.Capability) bool, claims ...harden.Claim) []harden.Fix {
	propose := func(title string, left []string) harden.Fix {
		return harden.Fix{
			Title: title, Class: harden.Review, Evidence: claims,
			Warning: "What needs a capability that is gone fails with \"Operation not permitted\".",
			Changes: []harden.Change{capabilityLists(f.Object, c, nil, left)},
		}
	}
	all, some := restrictedAdds(c), addsWithout(c, goes)
	fixes := []harden.Fix{propose("for "+c.Name+addsTitle(c, all), all)}
	if !slices.Equal(all, some) {
		fixes = append(fixes, propose("for "+c.Name+addsTitle(c, some), some))
	}
	return fixes
}

// addsTitle names what is no longer added when only left is.
func addsTitle(c harden.Container, left []string) string {
	gone := capabilityNames(addedCapabilities(c), func(a corev1.Capability) bool { return !slices.Contains(left, string(a)) })
	title := ", no longer add " + strings.Join(gone, ", ")
	if len(left) > 0 {
		title += ", and still add " + strings.Join(left, ", ")
	}
	return title
}

func capabilityNames(list []corev1.Capability, keep func(corev1.Capability) bool) []string {
	var names []string
	for _, c := range list {
		if keep(c) {
			names = append(names, string(c))
		}
	}
	return names
}

func anyList(names []string) []any {
	list := make([]any, len(names))
	for i, n := range names {
		list[i] = n
	}
	return list
}
