package image

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WorldWritable finds images whose programs the container's own user may replace.
var WorldWritable = &harden.Fixer{
	ID:       "image-world-writable",
	Title:    "may replace the programs that it runs",
	Area:     harden.AreaImage,
	Severity: harden.Low,
	Subject:  harden.SubjectPod,
	Doc: `
The user of the container may write into a folder from which programs are started.

Fields:

    spec.containers[].image    (init and ephemeral containers too)
    the folders of PATH and that of the entrypoint in the image, with their modes and owners
    runAsUser, and User in the config of the image

Allowed: folders that only another user may write. The rule does not apply until somebody
asks for images to be looked into, not to containers that run as root, who may write
everywhere, not to those with readOnlyRootFilesystem: true, and not to Windows.

**Why it matters.** A process that was taken over puts a program of its own in the place of
one that runs at the next start, the next probe or the next request, and stays.

**The fix.** In the image: files that are only run belong to root, and the user may read them.
From outside, readOnlyRootFilesystem: true does the same for the whole file system.

**Traps.** COPY --chown and chown -R of the whole application folder are what mostly makes
this. Programs that update or compile themselves need it. A volume that is mounted over
the folder is not seen here.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "building secure container images"},
	},
	Reads: harden.ReadsPodStatus,
	Check: checkWorldWritable,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("run an image whose programs belong to root"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "let the programs belong to root", Class: harden.Review,
			Manual: "In the Dockerfile, leave programs and their folders to root (COPY without --chown, chmod -R go-w), and give the user only the folders that the program writes. Or set readOnlyRootFilesystem: true (read-only-root-filesystem).",
		}}
	},
}

func checkWorldWritable(p *harden.Pass) {
	eachImage(p, func(f harden.Finding, c harden.Container, facts []*harden.ImageFacts, why string) {
		if s := c.SecurityContext; s != nil && s.ReadOnlyRootFilesystem != nil && *s.ReadOnlyRootFilesystem {
			return
		}
		var found []string
		for _, i := range facts {
			if i.Files == nil {
				why = i.FilesWhy
				continue
			}
			user := i.User
			if uid := userOf(p, c); uid > 0 {
				user = strconv.FormatInt(uid, 10)
			}
			if uid, gid, ok := i.Files.ResolveUser(user); ok && uid != 0 {
				found = append(found, writableFolders(i, c, uid, gid)...)
			}
		}
		switch {
		case len(found) > 0:
			slices.Sort(found)
			found = slices.Compact(found)
			f.Reason = fmt.Sprintf("may write into %s with programs", plural(len(found), "folder", "folders"))
			f.Detail = "The user of the container may write into folders from which programs are started:\n" + some(found)
			p.Report(f)
		case why != "":
			reportUnknown(p, f, "whether its user may replace its programs is not known", why)
		}
	})
}

// writableFolders are the folders of PATH and that of the entrypoint into which
// the user may write.
func writableFolders(i *harden.ImageFacts, c harden.Container, uid, gid int64) []string {
	folders := strings.Split(harden.Getenv(i.Env, "PATH", harden.DefaultPath), ":")
	argv := slices.Concat(i.Entrypoint, i.Cmd)
	if len(c.Command) > 0 {
		argv = c.Command
	}
	if len(argv) > 0 {
		if at, _, ok := i.Files.LookPath(argv[0], i.WorkingDir, i.Env); ok {
			folders = append(folders, path.Dir(at))
		}
	}
	var found []string
	for _, folder := range folders {
		d, ok := i.Files.Dir(folder)
		if !ok || folder == "" {
			continue
		}
		switch at := i.Files.Resolve(folder); {
		case d.Mode&0o002 != 0:
			found = append(found, at+" (everybody may write)")
		case d.UID == uid && d.Mode&0o200 != 0:
			found = append(found, fmt.Sprintf("%s (belongs to user %d)", at, uid))
		case d.UID != uid && d.GID == gid && d.Mode&0o020 != 0:
			found = append(found, fmt.Sprintf("%s (group %d may write)", at, gid))
		}
	}
	return found
}
