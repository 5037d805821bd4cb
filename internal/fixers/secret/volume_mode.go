package secret

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// VolumeMode finds files of Secrets that other users of the pod may read.
var VolumeMode = &harden.Fixer{
	ID:       "secret-volume-mode",
	Title:    "lets every user of the pod read a Secret",
	Area:     harden.AreaSecret,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The files of a Secret may be read by everybody, in a pod that runs as several users.

Fields:

    spec.volumes[].secret.defaultMode, spec.volumes[].secret.items[].mode
    spec.volumes[].projected.defaultMode, its sources[].secret.items[].mode
    spec.containers[].securityContext.runAsUser, spec.shareProcessNamespace

Allowed: modes without a right for others (0400, 0440), or a pod whose containers run
as one user, or a volume that is mounted in containers of one user. Only users that
the manifest names are compared. Without a mode it is 0644.

**Why it matters.** Users keep processes of one pod apart. A file that all of them
may read undoes that: the helper that was given another user on purpose, or the
process that was taken over, has the key all the same. With shareProcessNamespace the
files of other containers are in reach too, under /proc/PID/root.

**The fix.** With fsGroup the mode 0440 suffices, and is proposed where the pod has
one: the kubelet gives the files to that group, and every process is in it. Otherwise
by hand, since a group has to be chosen.

**Traps.** Mode 0400 without fsGroup belongs to root: a process of another user
cannot read it. Some programs, such as ssh, refuse files that a group may read.
JSON has no octal numbers: 0440 is 288 there.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "Secret files permissions", URL: "https://kubernetes.io/docs/concepts/configuration/secret/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkVolumeMode,
	Fix:   fixVolumeMode,
}

// others are the bits of a mode for everybody else.
const others = 0o007

func checkVolumeMode(p *harden.Pass) {
	if p.Pod.Windows() {
		p.NotApplicable()
		return
	}
	spec := p.Pod.Spec
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		names := volumeSecrets(v)
		if len(names) == 0 || fileModes(v)&others == 0 {
			continue
		}
		users, mounted := usersOf(spec, func(c *corev1.Container) bool { return mounts(c, v.Name) })
		if !mounted {
			continue
		}
		why := "containers of different users mount it"
		if len(users) < 2 {
			all, _ := usersOf(spec, func(*corev1.Container) bool { return true })
			if spec.ShareProcessNamespace == nil || !*spec.ShareProcessNamespace || len(all) < 2 {
				continue
			}
			why = "containers of different users share their processes"
		}
		p.Report(harden.Finding{
			Discriminator: v.Name, Field: p.Pod.Field("volumes[" + v.Name + "]"), Reason: fmt.Sprintf("volume %s has mode %04o", v.Name, fileModes(v)),
			Detail: fmt.Sprintf("The files of Secret %s in volume %s have mode %04o, and %s.", names[0], v.Name, fileModes(v), why),
		})
	}
}

// fileModes are all bits that some file of the volume has.
func fileModes(v *corev1.Volume) int32 {
	mode := func(defaultMode *int32, items []corev1.KeyToPath) int32 {
		standard := corev1.SecretVolumeSourceDefaultMode
		if defaultMode != nil {
			standard = *defaultMode
		}
		if len(items) == 0 {
			return standard
		}
		all := int32(0)
		for _, item := range items {
			if item.Mode != nil {
				all |= *item.Mode
			} else {
				all |= standard
			}
		}
		return all
	}
	if v.Secret != nil {
		return mode(v.Secret.DefaultMode, v.Secret.Items)
	}
	all := int32(0)
	for _, s := range v.Projected.Sources {
		if s.Secret != nil {
			all |= mode(v.Projected.DefaultMode, s.Secret.Items)
		}
	}
	return all
}

func mounts(c *corev1.Container, volume string) bool {
	for _, m := range c.VolumeMounts {
		if m.Name == volume {
			return true
		}
	}
	return false
}

// usersOf are the users that the manifest names for the chosen containers, and
// whether there is such a container at all.
func usersOf(spec *corev1.PodSpec, chosen func(*corev1.Container) bool) (users map[int64]bool, chose bool) {
	users = map[int64]bool{}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			c := &list[i]
			if !chosen(c) {
				continue
			}
			chose = true
			switch {
			case c.SecurityContext != nil && c.SecurityContext.RunAsUser != nil:
				users[*c.SecurityContext.RunAsUser] = true
			case spec.SecurityContext != nil && spec.SecurityContext.RunAsUser != nil:
				users[*spec.SecurityContext.RunAsUser] = true
			}
		}
	}
	return users, chose
}

func fixVolumeMode(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if instead, ok := f.OutOfReach("set defaultMode: 0440 and fsGroup"); ok {
		return []harden.Fix{instead}
	}
	fix := harden.Fix{
		Title: "let only the group of the pod read the files", Class: harden.Review,
		Warning: "The pods restart, and a process that is in another group than fsGroup cannot read the files.",
	}
	spec := p.Pod.Spec
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		if v.Name != f.Discriminator || v.Secret == nil || hasModes(v.Secret.Items) || spec.SecurityContext == nil || spec.SecurityContext.FSGroup == nil {
			continue
		}
		source := map[string]any{"name": v.Name, "secret": map[string]any{"defaultMode": int64(0o440)}}
		fix.Changes = []harden.Change{harden.SetPodSpec(p.Object, map[string]any{"volumes": []any{source}})}
		fix.Evidence = []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: fmt.Sprintf("The pod has fsGroup %d: the kubelet gives the files to that group, and all its processes are in it.", *spec.SecurityContext.FSGroup)}}
		return []harden.Fix{fix}
	}
	fix.Manual = "Choose a group, set securityContext.fsGroup of the pod to it, and set defaultMode of " + f.Field + " (and the mode of its items) to 0440."
	return []harden.Fix{fix}
}

func hasModes(items []corev1.KeyToPath) bool {
	for _, item := range items {
		if item.Mode != nil {
			return true
		}
	}
	return false
}
