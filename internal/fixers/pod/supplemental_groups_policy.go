package pod

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SupplementalGroupsPolicy reports containers that get groups from their image.
var SupplementalGroupsPolicy = &harden.Fixer{
	ID:       "supplemental-groups-policy",
	Title:    "the image adds groups to the processes",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The image puts the user of the container into more groups than the pod says.

Fields:

    spec.securityContext.supplementalGroupsPolicy
    spec.securityContext.runAsUser, and that of each container
    /etc/passwd and /etc/group of the image

Allowed: Strict; and anything where the image lists no group for the user. The rule does not
apply until somebody asks for images to be looked into, to Windows, and to clusters
before 1.33.

**Why it matters.** With Merge, the default, the groups of the pod are those of its spec and
those that /etc/group of the image lists: a pod that was reviewed, and admitted by a
policy that bounds its groups, gets others from whoever builds the image. With volumes
that are shared by group ids, that is access to the data of somebody else.

**The fix.** supplementalGroupsPolicy: Strict. A person has to decide: the program may read
files of its image through such a group.

**Traps.** Runtimes have to support it (containerd 2.0, CRI-O 1.31), and the node says so in
status.features; others refuse the pod. Groups of root are listed as well.
`,
	Refs:  refs("Kubernetes KEP-3619"),
	Reads: harden.ReadsPodStatus,
	Check: func(p *harden.Pass) {
		policy := podSecurity(p).SupplementalGroupsPolicy
		if len(p.Inventory.Images) == 0 || !p.Pod.PodLevel || p.Pod.Windows() || !policyAtLeast(p, strictGroups) {
			p.NotApplicable()
			return
		}
		if policy != nil && *policy == corev1.SupplementalGroupsPolicyStrict {
			return
		}
		for _, c := range p.Pod.Containers() {
			if groups := imageGroups(p, c); len(groups) > 0 {
				list := strings.Join(groups, ", ")
				p.Report(harden.Finding{
					Container: c.Ref, Field: p.Pod.Field("securityContext.supplementalGroupsPolicy"),
					Reason: oneRow("the image adds it to the group " + list),
					Detail: fmt.Sprintf("/etc/group of the image lists the user of the container in %s, and supplementalGroupsPolicy is not Strict.", list),
				})
			}
		}
	},
	Fix: proposing("set supplementalGroupsPolicy: Strict", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "give the pod no groups but its own", Class: harden.Review,
			Evidence: []harden.Claim{strictNodes(p), missing("E-PROC", "Nobody looked whether the program reads files through these groups.")},
			Changes:  []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{"supplementalGroupsPolicy": string(corev1.SupplementalGroupsPolicyStrict)}})},
			Warning:  "Files that only these groups may read are out of reach then; nodes whose runtime does not support the field refuse the pod.",
		}}
	}),
}

// strictGroups is the first minor version with the field by default (KEP-3619, beta).
const strictGroups = 33

// imageGroups are the groups, as NAME (NUMBER), that the images list for the user
// of the container besides its own.
func imageGroups(p *harden.Pass, c harden.Container) []string {
	images, gap := filesOf(p, c)
	if gap != "" {
		return nil
	}
	var list []string
	for _, i := range images {
		user := i.User
		if uid := effectiveRunAsUser(p, c); uid != nil {
			user = fmt.Sprint(*uid)
		}
		uid, gid, ok := i.Files.ResolveUser(user)
		at := slices.IndexFunc(i.Files.Users, func(u harden.ImageUserEntry) bool { return u.UID == uid })
		if !ok || at < 0 {
			continue
		}
		for _, g := range i.Files.Groups {
			if text := fmt.Sprintf("%s (%d)", g.Name, g.GID); g.GID != gid && slices.Contains(g.Members, i.Files.Users[at].Name) && !slices.Contains(list, text) {
				list = append(list, text)
			}
		}
	}
	return list
}

// strictNodes says whether the runtimes of all nodes of the pod support the field.
func strictNodes(p *harden.Pass) harden.Claim {
	nodes := nodesFor(p)
	for _, n := range nodes {
		if n.Status.Features == nil || !isTrue(n.Status.Features.SupplementalGroupsPolicy) {
			return dated(p, "E-NODE", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Node %s does not say that its runtime supports supplementalGroupsPolicy.", n.Name), "")
		}
	}
	if len(nodes) == 0 {
		return missing("E-NODE", "No node of the pod is known: do their runtimes support supplementalGroupsPolicy?")
	}
	return seen(p, "E-NODE", "Every node that the pod may run on says that its runtime supports supplementalGroupsPolicy.", "Nodes that are added later.")
}
