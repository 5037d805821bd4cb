package pod

import (
	"crypto/sha256"
	"encoding/hex"
	"path"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReadOnlyRootFilesystem reports containers that may write to their image.
var ReadOnlyRootFilesystem = &harden.Fixer{
	ID:       "read-only-root-filesystem",
	Title:    "root file system is writable",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("CIS 5.7.3 (5.6.3 since v1.12)", "NSA immutable container file systems", "ATT&CK T1036", "ATT&CK T1543", "Trivy KSV-0014", "Kubescape C-0017"),
	Check:    checkReadOnlyRoot,
	Fix:      proposing("set readOnlyRootFilesystem: true and mount an emptyDir at each path that is written to", fixReadOnlyRoot),
	Doc: `**Fields** ` + "`securityContext.readOnlyRootFilesystem`" + ` of each container; the pod has no such field.

**Allowed** ` + "`true`" + `. Pod Security does not ask for it.

Whoever takes a process over wants to put tools somewhere and to change the program that starts next. On a read-only root file system neither lasts.

**Fix** readOnlyRootFilesystem: true, and an emptyDir at /tmp unless something is mounted there already. Each container gets a volume of its own, named harden-tmp-CONTAINER: containers do not begin to share files by this.
A person has to decide: nobody looked which other paths the container writes to. For each of them an emptyDir has to be added, and only where the image has nothing there, because the mount hides it.

**Traps** nginx writes to /var/cache/nginx and /var/run, and its entrypoint edits /etc/nginx/conf.d at the start; an emptyDir at /var/cache hides the directory that it needs
(nginx/docker-nginx#416). Paths that the image declares as VOLUME stay writable with containerd, and depend on a setting with CRI-O.
Writes happen late: at shutdown, in a nightly job, in a probe that runs a command.

An emptyDir is open to all users of the container, goes away with the Pod as the root layer did, and counts as ephemeral storage.

It does not apply to Windows.
`,
}

func checkReadOnlyRoot(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		value := security(c).ReadOnlyRootFilesystem
		if isTrue(value) {
			continue
		}
		detail := "readOnlyRootFilesystem is not set: processes may change the files of their image."
		if value != nil {
			detail = "readOnlyRootFilesystem is false: processes may change the files of their image."
		}
		p.Report(harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.readOnlyRootFilesystem",
			Reason: "may write to its root file system", Detail: detail,
		})
	}
}

func fixReadOnlyRoot(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	fix := harden.Fix{
		Title: "make the root file system of " + c.Name + " read-only", Class: harden.Review,
		Evidence: []harden.Claim{
			missing("E-PROC", "Nobody looked into the running container: which paths does it write to?"),
			missing("E-IMG-FS", "Nobody looked into the image: which directories may its user write to, and are they empty?"),
		},
		Warning: "Writes outside mounted volumes fail with \"Read-only file system\", some of them only at shutdown or in rare jobs.",
	}
	container := map[string]any{"name": c.Name, "securityContext": map[string]any{"readOnlyRootFilesystem": true}}
	spec := map[string]any{c.Ref.List(): []any{container}}
	if !mountsTmp(c) {
		fix.Title += ", with a writable /tmp"
		volume := tmpVolume(p, c)
		container["volumeMounts"] = []any{map[string]any{"mountPath": tmpPath, "name": volume}}
		spec["volumes"] = []any{map[string]any{"name": volume, "emptyDir": map[string]any{}}}
	}
	fix.Changes = []harden.Change{harden.SetPodSpec(f.Object, spec)}
	return []harden.Fix{fix}
}

const tmpPath = "/tmp"

// mountsTmp compares cleaned paths: to the API /tmp/ is another key than /tmp,
// to the container it is the same directory.
func mountsTmp(c harden.Container) bool {
	for _, m := range c.VolumeMounts {
		if path.Clean(m.MountPath) == tmpPath {
			return true
		}
	}
	return false
}

// tmpVolume names the container's volume for /tmp: a DNS label of at most 63
// characters that no volume of the pod has, but one that is such an emptyDir
// already. Container names are unique within a pod, so these are too.
func tmpVolume(p *harden.Pass, c harden.Container) string {
	const prefix = "harden-tmp-"
	sum := sha256.Sum256([]byte(c.Name))
	hash := hex.EncodeToString(sum[:])
	if name := prefix + c.Name; len(name) <= 63 && freeVolume(p, name) {
		return name
	}
	for n := 10; n < len(prefix)+40; n++ {
		if name := prefix + hash[:n]; freeVolume(p, name) {
			return name
		}
	}
	return prefix + hash[:63-len(prefix)]
}

func freeVolume(p *harden.Pass, name string) bool {
	for _, v := range p.Pod.Spec.Volumes {
		if v.Name == name {
			return v.EmptyDir != nil
		}
	}
	return true
}
