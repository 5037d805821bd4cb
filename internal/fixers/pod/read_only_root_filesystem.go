package pod

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ReadOnlyRootFilesystem reports containers that may write to their image.
var ReadOnlyRootFilesystem = &harden.Fixer{
	ID:       "read-only-root-filesystem",
	Title:    "root file system is writable",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("CIS 5.7.3 (5.6.3 since v1.12)", "NSA immutable container file systems", "ATT&CK T1036", "ATT&CK T1543", "ATT&CK MS-TA9012", "Trivy KSV-0014", "Kubescape C-0017"),
	Reads:    harden.ReadsNothing,
	Check:    checkReadOnlyRoot,
	Fix:      proposing("set readOnlyRootFilesystem: true and mount an emptyDir at each path that is written to", fixReadOnlyRoot),
	Doc: `**Fields** ` + "`securityContext.readOnlyRootFilesystem`" + ` of each container; the pod has no such field.

**Allowed** ` + "`true`" + `. Pod Security does not ask for it.

Whoever takes a process over wants to put tools somewhere and to change the program that starts next. On a read-only root file system neither lasts.

**Fix** readOnlyRootFilesystem: true, and an emptyDir at /tmp and at each directory that the container was seen to write to, unless something is mounted there already. Each container gets volumes of its own, named
harden-PATH-CONTAINER: containers do not begin to share files by this.

It is proven where the running container was looked into (which files on its root file system were written since it started), and where the image has nothing at these directories, because the mount hides what is there.
A directory that the image fills is left to a person: the first fix then has an init container of the same image copy it into the volume. Nothing is mounted over a directory below which
something else is mounted. A container that nobody looked into gets /tmp and what is known, and a person decides.

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
	w := writesOf(p, c)
	fix := harden.Fix{
		Title: "make the root file system of " + c.Name + " read-only", Class: harden.ClassOf(harden.Evidence, w.claims...), Evidence: w.claims,
		Warning: strings.TrimSpace("Writes outside mounted volumes fail with \"Read-only file system\", some of them only at shutdown or in rare jobs. " + w.warning),
		Changes: []harden.Change{harden.SetPodSpec(f.Object, readOnlySpec(p, c, w.mounts))},
	}
	if len(w.mounts) > 0 {
		fix.Title += ", with a writable " + some(w.mounts)
	}
	if seeded, ok := seeding(p, f, c, w); ok {
		return []harden.Fix{seeded, fix}
	}
	return []harden.Fix{fix}
}

// readOnlySpec is the part of the pod spec that makes the root file system of
// the container read-only, with a volume of its own at each of the paths.
func readOnlySpec(p *harden.Pass, c harden.Container, paths []string) map[string]any {
	container := map[string]any{"name": c.Name, "securityContext": map[string]any{"readOnlyRootFilesystem": true}}
	spec := map[string]any{c.Ref.List(): []any{container}}
	var mounts, volumes []any
	for _, at := range paths {
		volume := volumeName(p, c, at)
		mounts = append(mounts, map[string]any{"mountPath": at, "name": volume})
		volumes = append(volumes, map[string]any{"name": volume, "emptyDir": map[string]any{}})
	}
	if len(paths) > 0 {
		container["volumeMounts"], spec["volumes"] = mounts, volumes
	}
	return spec
}

// volumeName names the container's volume for a path: a DNS label of at most 63
// characters that no volume of the pod has, but one that is such an emptyDir
// already. The path is written with hyphens, and a hash takes its place where
// another path or container could come to the same name.
func volumeName(p *harden.Pass, c harden.Container, at string) string {
	return uniqueName(p, c, at, harden.OwnPrefix, func(name string) bool { return freeVolume(p, name) })
}

// plainPath is a path that is told from all others when its slashes become hyphens.
var plainPath = regexp.MustCompile(`^(/[a-z0-9]+)+$`)

func uniqueName(p *harden.Pass, c harden.Container, at, prefix string, free func(string) bool) string {
	slug := strings.ReplaceAll(strings.Trim(at, "/"), "/", "-")
	name := prefix + slug + "-" + c.Name
	alike := slices.ContainsFunc(p.Pod.Containers(), func(o harden.Container) bool { return o.Name != c.Name && strings.HasSuffix(name, "-"+o.Name) })
	if len(name) <= maxLabel && plainPath.MatchString(at) && !alike && free(name) {
		return name
	}
	sum := sha256.Sum256([]byte(c.Name + " " + at))
	hash := hex.EncodeToString(sum[:])
	words := strings.Trim(notLabel.ReplaceAllString(strings.ToLower(slug), "-"), "-")
	begin := prefix + words
	begin = strings.TrimRight(begin[:min(len(begin), maxLabel-shortDigest-1)], "-")
	for n := 0; n+shortDigest < len(hash); n++ {
		if name := begin + "-" + hash[n:n+shortDigest]; free(name) {
			return name
		}
	}
	return begin + "-" + hash[:shortDigest]
}

// maxLabel is the length of a DNS label.
const maxLabel = 63

var notLabel = regexp.MustCompile(`[^a-z0-9]+`)

func freeVolume(p *harden.Pass, name string) bool {
	for _, v := range p.Pod.Spec.Volumes {
		if v.Name == name {
			return v.EmptyDir != nil
		}
	}
	return true
}
