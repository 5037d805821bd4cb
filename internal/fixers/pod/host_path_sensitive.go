package pod

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// HostPathSensitive finds mounts of the node that can be written, or that show
// what no pod should see.
var HostPathSensitive = &harden.Fixer{
	ID:       "host-path-sensitive",
	Title:    "can write to the node or see its secrets",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A hostPath volume is dangerous when a container may write to it, and when it
shows a path that holds the keys of the node.

Fields:

    spec.volumes[].hostPath.path
    spec.containers[].volumeMounts[].{readOnly,subPath}   (init and ephemeral containers too)

Allowed: mounts with readOnly: true of paths that are not sensitive. Sensitive
are /, /etc, /home, /var, /var/lib, /var/log, /run, /var/run, /proc, /sys, /dev,
/boot, /lib/modules; and with all below them /root, /etc/kubernetes,
/etc/rancher, /proc, /var/lib/kubelet, /var/lib/docker, /var/lib/containerd,
/var/lib/etcd and /var/lib/rancher. A subPath counts as part of the path.

**Why it matters.** Who writes to /etc, /root or a kubelet directory of the node
runs code on it as root a moment later. Who reads /etc/kubernetes or
/var/lib/kubelet holds the node's credentials and every mounted Secret of the
node's other pods.

There is one finding for the sensitive path (verdict sensitive-path) and one for
writing (verdict writable; critical when the path is sensitive as well), since
they are repaired in different ways.

**The fix.** For writing: the mounts become read-only. A process that writes there
then fails with "Read-only file system", so somebody has to know that none does.
For a sensitive path there is only advice: mount the narrowest path that serves.

**Traps.** One writable mount among several read-only ones is enough. readOnly does
not protect what is mounted below the path on the node, unless
recursiveReadOnly is set (Kubernetes 1.33), nor a socket or a device: connecting
and writing to those still works. /var/log even read-only lets a reader of logs
follow symbolic links. A privileged container can remount anything.
PersistentVolumes that are a hostPath are not read here, and a single device is the
matter of block-device-access.
`,
	Refs:  refs("PSS baseline: HostPath volumes", "CIS 5.2.12", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK T1552.001", "ATT&CK T1543", "ATT&CK MS-TA9013", "Trivy KSV-0121", "Kubescape C-0045"),
	Reads: harden.ReadsNothing,
	Check: checkHostPathSensitive,
	Fix:   proposing("mount less of the node, read-only", fixHostPathSensitive),
}

const (
	verdictSensitivePath = "sensitive-path"
	verdictWritable      = "writable"
)

// sensitivePaths say what lies at a path that no ordinary pod needs.
var sensitivePaths = map[string]string{
	"/":            "the whole file system of the node",
	"/etc":         "the configuration, accounts and keys of the node",
	"/home":        "home directories with their keys and start-up files",
	"/var":         "the state of the kubelet and of the container runtime",
	"/var/lib":     "the state of the kubelet and of the container runtime",
	"/var/log":     "logs of the node and of all pods; a symbolic link there leads a reader of logs to any file",
	"/run":         "sockets and state of the services of the node",
	"/sys":         "settings of the kernel",
	"/dev":         "disks, memory and other devices of the node",
	"/boot":        "the kernel that the node starts",
	"/lib/modules": "the code that the kernel loads",
}

// sensitiveTrees are sensitive with all that lies below them.
var sensitiveTrees = []struct{ dir, what string }{
	{"/root", "the home directory of root"},
	{"/proc", "the processes of the node, their environment and root directories"},
	{"/etc/kubernetes", "kubeconfigs and keys of the node or control plane"},
	{"/etc/rancher", "kubeconfigs and keys of the node or control plane"},
	{"/var/lib/kubelet", "the kubelet's credentials and the Secrets of all pods on the node"},
	{"/var/lib/docker", "file systems and configuration of all containers on the node"},
	{"/var/lib/containerd", "file systems and configuration of all containers on the node"},
	{"/var/lib/etcd", "the data of the cluster, Secrets included"},
	{"/var/lib/rancher", "keys and state of the cluster"},
}

func sensitive(path string) (what string, ok bool) {
	path = realHostPath(path)
	if what, ok = sensitivePaths[path]; ok {
		return what, true
	}
	for _, t := range sensitiveTrees {
		if within(path, t.dir) {
			return t.what, true
		}
	}
	return "", false
}

func checkHostPathSensitive(p *harden.Pass) {
	visitVolumes(p.Pod, func(v *corev1.Volume, uses []use) {
		if v.HostPath == nil {
			return
		}
		name := v.Name + " " + cleanHostPath(v.HostPath.Path)
		for _, path := range shownPaths(v, uses) {
			what, ok := sensitive(path)
			if !ok {
				continue
			}
			f := harden.Finding{
				Verdict: verdictSensitivePath, Discriminator: name,
				Reason: "volume " + v.Name + " shows " + path + " of the node",
				Detail: fmt.Sprintf("%s holds %s. %s", path, what, describeUses(uses)),
			}
			markUnmounted(&f, uses)
			reportVolume(p, v, uses, f)
			break
		}
		reportWritable(p, v, uses, name)
	})
}

func reportWritable(p *harden.Pass, v *corev1.Volume, uses []use, name string) {
	var writable []use
	f := harden.Finding{Verdict: verdictWritable, Discriminator: name + " writable"}
	for _, u := range uses {
		if !u.writable() {
			continue
		}
		writable = append(writable, u)
		if what, ok := sensitive(shownPath(v, u)); ok {
			f.Severity, f.SeverityWhy = harden.Critical, "it holds "+what
		}
	}
	if len(writable) == 0 || isHostDevice(v) {
		return
	}
	path := cleanHostPath(v.HostPath.Path)
	f.Reason = "may write to " + path + " of the node"
	f.Detail = fmt.Sprintf("Volume %q is %s of the node. %s", v.Name, path, describeUses(uses))
	reportVolume(p, v, writable, f)
}

func fixHostPathSensitive(p *harden.Pass, f *harden.Finding) []harden.Fix {
	v := volumeOf(p, f)
	uses := usesOf(p.Pod, v.Name)
	switch {
	case len(uses) == 0:
		return []harden.Fix{dropUnmounted(p, v.Name)}
	case f.Verdict == verdictSensitivePath:
		return []harden.Fix{{
			Title: "mount less of the node", Class: harden.Review,
			Manual: fmt.Sprintf("Find out which files below %s the containers need, and mount only those, read-only; or get the same facts "+
				"from the Kubernetes API, a projected volume or a CSI driver, and remove volume %q.", cleanHostPath(v.HostPath.Path), v.Name),
		}}
	case !readOnlyProtects(v):
		return []harden.Fix{{
			Title: "take the mount away", Class: harden.Review,
			Manual: fmt.Sprintf("Remove volume %q, or reach what it offers in another way. Mounting it read-only would not help: sockets and devices can still be written to.", v.Name),
		}}
	}
	return []harden.Fix{mountReadOnly(p, v, uses)}
}

// readOnlyProtects is false for sockets and devices: the flag guards the file
// system, not what answers behind a file.
func readOnlyProtects(v *corev1.Volume) bool {
	if t := v.HostPath.Type; t != nil {
		switch *t {
		case corev1.HostPathSocket, corev1.HostPathCharDev, corev1.HostPathBlockDev:
			return false
		}
	}
	path := cleanHostPath(v.HostPath.Path)
	return !strings.HasSuffix(path, ".sock") && !within(path, "/dev")
}

func mountReadOnly(p *harden.Pass, v *corev1.Volume, uses []use) harden.Fix {
	lists := map[string]any{}
	var places []string
	var claims []harden.Claim
	for _, c := range p.Pod.Containers() {
		var mounts []any
		for _, u := range uses {
			if u.container.Ref == c.Ref && u.mount != nil && !u.mount.ReadOnly {
				// The name goes along: without it the mount would be refused as
				// soon as we were its only owner.
				mounts = append(mounts, map[string]any{"mountPath": u.mount.MountPath, "name": v.Name, "readOnly": true})
				places = append(places, u.mount.MountPath)
				claims = append(claims, missing("E-PROC", fmt.Sprintf("Nobody looked whether container %s writes below %s.", c.Name, u.mount.MountPath)))
			}
		}
		if mounts != nil {
			list, _ := lists[c.Ref.List()].([]any)
			lists[c.Ref.List()] = append(list, map[string]any{"name": c.Name, "volumeMounts": mounts})
		}
	}
	return harden.Fix{
		Title:    fmt.Sprintf("mount %s read-only", cleanHostPath(v.HostPath.Path)),
		Class:    harden.ClassOf(harden.Evidence, claims...),
		Evidence: claims,
		Changes:  []harden.Change{harden.SetPodSpec(p.Object, lists)},
		Warning:  fmt.Sprintf("A process that writes below %s will fail with \"Read-only file system\".", strings.Join(places, " or ")),
	}
}
