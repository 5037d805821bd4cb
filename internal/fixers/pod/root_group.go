package pod

import (
	"fmt"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RootGroup reports pods and containers that ask for group 0.
var RootGroup = &harden.Fixer{
	ID:       "root-group",
	Title:    "processes are in the group of root",
	Area:     harden.AreaPod,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
A pod or container asks for group 0, which is root's.

Fields:

    spec.securityContext.{runAsGroup,fsGroup,supplementalGroups}
    spec.containers[].securityContext.runAsGroup   (init and ephemeral containers too)

Allowed: unset, or numbers other than 0. An unset runAsGroup is no failure, although a
user that the image's passwd does not know then gets group 0.

**Why it matters.** Much of what lies in an image and on a node belongs to group 0, and
some of it may be written by the group. A process that is no root user but in its group
may change what it was meant only to run.

**The fix.** runAsGroup becomes the number of the user that is in force, or of the group
that the image gives it. Group 0 is taken out of supplementalGroups, and an fsGroup of 0
is taken away. A person has to decide: files may be readable through that group alone.

**Traps.** On OpenShift every pod gets a random user in group 0, and images are built for
that: there it is expected. A volume whose files the kubelet gave to group 0 keeps them so
until it is mounted with another fsGroup. Windows has no groups of this kind.
`,
	Refs:  refs("Trivy KSV-0116", "Kubescape C-0013"),
	Reads: harden.InNamespace(harden.KindNamespace),
	Check: checkRootGroup,
	Fix:   proposing("leave group 0", fixRootGroup),
}

const (
	groupRun          = "runAsGroup"
	groupFS           = "fsGroup"
	groupSupplemental = "supplementalGroups"
)

func checkRootGroup(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	report := func(f harden.Finding) {
		if usersAreGiven(p) {
			f.Status = harden.StatusExpected
			f.Excuse = &harden.Excuse{Reason: "On OpenShift pods run in group 0, and images are built for that.", Source: "rule root-group"}
		}
		p.Report(f)
	}
	sc := podSecurity(p)
	if p.Pod.PodLevel {
		if isZero(sc.RunAsGroup) && takesPodGroup(p) {
			report(harden.Finding{
				Discriminator: groupRun, Field: p.Pod.Field("securityContext." + groupRun),
				Reason: "the pod asks for group 0: runAsGroup", Detail: "securityContext.runAsGroup: 0 of the pod holds for every container that does not set its own.",
			})
		}
		if isZero(sc.FSGroup) {
			report(harden.Finding{
				Discriminator: groupFS, Field: p.Pod.Field("securityContext." + groupFS),
				Reason: "the pod asks for group 0: fsGroup", Detail: "securityContext.fsGroup is 0: all containers are in root's group, and volumes are given to it.",
			})
		}
		if slices.Contains(sc.SupplementalGroups, 0) {
			report(harden.Finding{
				Discriminator: groupSupplemental, Field: p.Pod.Field("securityContext." + groupSupplemental),
				Reason: "the pod asks for group 0: supplementalGroups", Detail: "securityContext.supplementalGroups holds 0: all containers are in root's group.",
			})
		}
	}
	for _, c := range p.Pod.Containers() {
		if isZero(security(c).RunAsGroup) {
			report(harden.Finding{
				Container: c.Ref, Discriminator: groupRun, Field: c.Field + ".securityContext." + groupRun,
				Reason: "asks for group 0: runAsGroup", Detail: "The container's own securityContext.runAsGroup is 0.",
			})
		}
	}
}

// takesPodGroup reports whether a container has the runAsGroup of the pod in force.
func takesPodGroup(p *harden.Pass) bool {
	return slices.ContainsFunc(p.Pod.Containers(), func(c harden.Container) bool { return security(c).RunAsGroup == nil })
}

func fixRootGroup(p *harden.Pass, f *harden.Finding) []harden.Fix {
	fix := harden.Fix{
		Class:    harden.Review,
		Evidence: []harden.Claim{missing("E-VOL", "Nobody looked at the files that the processes use: may they read and write them without group 0?")},
		Warning:  "Files that only root's group may read or write are out of reach then.",
	}
	switch f.Discriminator {
	case groupFS:
		fix.Title = "take fsGroup: 0 away"
		fix.Changes = []harden.Change{harden.RemoveFrom(f.Object, harden.PodSpecPath(f.Object, "securityContext", groupFS))}
	case groupSupplemental:
		fix.Title = "take 0 out of supplementalGroups"
		fix.Changes = []harden.Change{withoutGroup0(p, f.Object)}
	default:
		group := ownGroup(p, f)
		if group <= 0 {
			return []harden.Fix{{
				Title: "give the processes a group of their own", Class: harden.Review, Evidence: fix.Evidence,
				Manual: "Choose a group other than 0 that may read what the container needs, and set it as runAsGroup next to a runAsUser other than 0.",
			}}
		}
		fix.Title = fmt.Sprintf("set runAsGroup: %d", group)
		set := map[string]any{groupRun: group}
		if f.Container.IsZero() {
			fix.Changes = []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": set})}
		} else {
			fix.Changes = []harden.Change{harden.SetSecurityContext(f.Object, f.Container, set)}
		}
	}
	return []harden.Fix{fix}
}

func withoutGroup0(p *harden.Pass, object harden.Ref) harden.Change {
	var left []any
	for _, g := range podSecurity(p).SupplementalGroups {
		if g != 0 {
			left = append(left, g)
		}
	}
	if left == nil {
		return harden.RemoveFrom(object, harden.PodSpecPath(object, "securityContext", groupSupplemental))
	}
	return harden.SetPodSpec(object, map[string]any{"securityContext": map[string]any{groupSupplemental: left}})
}

// ownGroup is the group to run as: that of the image for its own user, else the
// number of the user in force; 0 where neither is known or they differ.
func ownGroup(p *harden.Pass, f *harden.Finding) int64 {
	var group int64
	for _, c := range p.Pod.Containers() {
		if !f.Container.IsZero() && f.Container != c.Ref || f.Container.IsZero() && security(c).RunAsGroup != nil {
			continue
		}
		one := groupOf(p, c)
		if one <= 0 || group != 0 && one != group {
			return 0
		}
		group = one
	}
	return group
}

func groupOf(p *harden.Pass, c harden.Container) int64 {
	uid := effectiveRunAsUser(p, c)
	if s := imageStarterOf(p, c); s.known && s.agree && s.gid > 0 && (uid == nil || *uid == s.uid) {
		return s.gid
	}
	if uid != nil {
		return *uid
	}
	return 0
}
