package pod

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An init container that runs as root mostly gives a volume to the user of the
// others. The kubelet can do that instead, by fsGroup, where the volume
// honours it.

// givesVolumes adds to the fixes of an init container with user 0 what it does
// as root, and the way to do without it.
func givesVolumes(p *harden.Pass, f *harden.Finding, c harden.Container, fixes []harden.Fix) []harden.Fix {
	tool, ok := startOf(c, nil).has("chown", "chgrp", "chmod", "install")
	if !ok {
		fixes[0].Evidence = append(fixes[0].Evidence, missing("E-PROC", "Nobody looked at what this init container does: does it change the owner of a volume?"))
		return fixes
	}
	fixes[0].Evidence = append(fixes[0].Evidence, dated(p, "E-SPEC", harden.Refutes, p.Inventory.Now,
		fmt.Sprintf("The command of %s calls %s, which fails with \"Operation not permitted\" for a user other than root on files that are not its own.", c.Name, tool), ""))
	if instead, ok := fsGroupInstead(p, f, c); ok {
		fixes = append(fixes, instead)
	}
	return fixes
}

// chownGroup is a group number in the argument of chown or chgrp.
var chownGroup = regexp.MustCompile(`\bch(?:own|grp)\b(?:\s+-\S+)*\s+(?:(?:\d+|\w+)[:.])?(\d+)\s`)

// onlyOwners is a command that does nothing but change owners and modes.
var onlyOwners = regexp.MustCompile(`^\s*(?:(?:set -\w+|ch(?:own|grp|mod)\s[^;&|$` + "`" + `]*)\s*(?:;|&&|$)\s*)+$`)

// fsGroupInstead lets the kubelet do what the init container does, and takes
// that away, where it does nothing else and the number is known.
func fsGroupInstead(p *harden.Pass, f *harden.Finding, c harden.Container) (harden.Fix, bool) {
	text := strings.Join(argvOf(c, nil), " ")
	script := regexp.MustCompile(`^(?:\S*/)?(?:sh|bash|ash|busybox sh)\s+-\w*c\s+`).ReplaceAllString(text, "")
	match := chownGroup.FindStringSubmatch(script + " ")
	if usersAreGiven(p) || match == nil || !onlyOwners.MatchString(script) || podSecurity(p).FSGroup != nil {
		return harden.Fix{}, false
	}
	group, err := strconv.ParseInt(match[1], 10, 64)
	claims, claimed := honoursGroup(p, c)
	if err != nil || group == 0 || !claimed {
		return harden.Fix{}, false
	}
	return harden.Fix{
		Title: fmt.Sprintf("have the kubelet give the volumes to group %d, and remove init container %s", group, c.Name), Class: harden.Review, Evidence: claims,
		Changes: []harden.Change{{
			Target: f.Object, Verb: harden.Apply,
			Set: harden.SetPodSpec(f.Object, map[string]any{"securityContext": map[string]any{
				"fsGroup": group, "fsGroupChangePolicy": string(corev1.FSGroupChangeOnRootMismatch),
			}}).Set,
			Remove: []harden.Path{harden.PodSpecPath(f.Object, "initContainers", fieldpath.KeyByFields("name", c.Name))},
		}},
		Warning: "The kubelet changes the group of all files of a volume before the first start, which takes long on a large one; with OnRootMismatch it does so only once. " +
			"The files get the group, not the owner: a program that checks the owner of its data, such as postgres, is not content with that.",
	}, true
}

// honoursGroup judges the volumes that the container mounts. Claimed says that
// it mounts one whose group the kubelet may change.
func honoursGroup(p *harden.Pass, c harden.Container) (claims []harden.Claim, claimed bool) {
	for _, m := range c.VolumeMounts {
		i := slices.IndexFunc(p.Pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == m.Name })
		if i < 0 {
			continue // of a volumeClaimTemplate
		}
		switch v := &p.Pod.Spec.Volumes[i]; {
		case v.PersistentVolumeClaim != nil || v.Ephemeral != nil || v.CSI != nil:
			claimed = true
			claims = append(claims, missing("E-VOL", fmt.Sprintf("Nobody looked at the driver of volume %s: does it honour fsGroup, and how many files are there?", v.Name)))
		case v.HostPath != nil || v.NFS != nil:
			claims = append(claims, dated(p, "E-VOL", harden.Refutes, p.Inventory.Now, fmt.Sprintf("Volume %s is a %s, for which the kubelet does not change groups.", v.Name, volumeSource(v)), ""))
		case v.EmptyDir != nil:
			claimed = true
			claims = append(claims, seen(p, "E-VOL", fmt.Sprintf("Volume %s is an emptyDir, which gets the group.", v.Name), ""))
		}
	}
	return claims, claimed
}

// powerless says that an init container of user 0 cannot do what its command
// says, because its capabilities are dropped already.
func powerless(c harden.Container) string {
	tool, ok := startOf(c, nil).has("chown", "chgrp")
	if !ok || !drops(c, capAll) || adds(c, "CHOWN") {
		return ""
	}
	return fmt.Sprintf(" Its command calls %s, and all capabilities are dropped: user 0 without CHOWN may not change owners (\"Operation not permitted\").", tool)
}
