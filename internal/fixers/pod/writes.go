package pod

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Writes are the places that a container needs to write to, sorted into those
// that a volume can serve and those that it cannot.
type writes struct {
	mounts  []string // where an empty volume hides nothing; resolved, sorted
	filled  []string // what the image fills and an empty volume would hide
	hidden  []string // the same in words
	refused []string // what no volume can serve, in words
	claims  []harden.Claim
	warning string
}

// A place is a directory that is, or may be, written to.
type place struct {
	dir   string
	why   string
	maybe bool // mounted where that is harmless, passed over otherwise
}

const tmpPath = "/tmp"

// automaticToken begins the name of the volume that the ServiceAccount admission plugin adds.
const automaticToken = "kube-api-access-"

// writesOf computes the writes of a container.
func writesOf(p *harden.Pass, c harden.Container) *writes {
	w := &writes{}
	probes, procGap := probesOf(p, c)
	images, filesGap := filesOf(p, c)
	places := []place{{dir: tmpPath, why: "programs expect it to be writable"}}
	places = append(places, w.seenWrites(p, c, probes, procGap)...)
	places = append(places, w.learntWrites(p, c, images)...)
	places = append(places, w.declaredWrites(p, c)...)
	places = w.attempts(p, c, places, procGap != "")
	for _, pl := range places {
		w.place(c, pl, images)
	}
	w.tidy()
	w.judge(p, images, filesGap)
	return w
}

// seenWrites are the directories of the files that were written since the containers started.
func (w *writes) seenWrites(p *harden.Pass, c harden.Container, probes []*harden.Probe, gap string) []place {
	if c.Ref.Kind == harden.InitContainer {
		w.claims = append(w.claims, missing("E-PROC", "An init container has ended before anybody can look into it: which paths does it write to?"))
		return nil
	}
	if gap != "" {
		w.claims = append(w.claims, ask("E-PROC", gap, "which paths does it write to?"))
		return nil
	}
	var places []place
	var dirs []string
	for _, probe := range probes {
		for _, file := range probe.Written {
			dir := path.Clean("/" + file)
			if !strings.HasSuffix(file, "/") { // else it is the directory itself that was changed
				dir = path.Dir(dir)
			}
			if !slices.Contains(dirs, dir) && !isKernelPath(dir) {
				dirs = append(dirs, dir)
				places = append(places, place{dir: dir, why: file + " was written in pod " + probe.Pod})
			}
		}
		if why := probe.Gap(harden.ProbeOpen, harden.ProbeChanged); why != "" {
			w.claims = append(w.claims, missing("E-PROC", fmt.Sprintf("The look into container %s of pod %s could not see all written files (%s): which others are there?", c.Name, probe.Pod, why)))
		}
		if probe.Cut {
			w.claims = append(w.claims, missing("E-PROC", fmt.Sprintf("Container %s of pod %s wrote more files than were looked at: where are the others?", c.Name, probe.Pod)))
		}
	}
	slices.Sort(dirs)
	text := fmt.Sprintf("In %s, no file on the root file system was written%s.", pods(probes), since(probes))
	if len(dirs) > 0 {
		text = fmt.Sprintf("In %s, files on the root file system were written%s in %s.", pods(probes), since(probes), some(dirs))
	}
	w.claims = append(w.claims, probeClaim(p, harden.Holds, probes, text, "What is written later: at shutdown, in rare jobs, by probes and hooks that run commands."))
	return places
}

// since is how long the youngest container that was looked into had run.
func since(probes []*harden.Probe) string {
	var shortest time.Duration
	for _, probe := range probes {
		if ran := probe.Time.Sub(probe.Started); !probe.Started.IsZero() && (shortest == 0 || ran < shortest) {
			shortest = ran
		}
	}
	if shortest <= 0 {
		return " since it started"
	}
	return fmt.Sprintf(" in the %s since it started", shortest.Round(time.Second))
}

// learntWrites are where a rollout with a read-only root failed to write.
func (w *writes) learntWrites(p *harden.Pass, c harden.Container, images []known) []place {
	var places []place
	for _, l := range containerLessons(p, c, harden.LessonWrites) {
		dir := path.Clean("/" + l.Value)
		isDir := len(images) > 0 && !slices.ContainsFunc(images, func(i known) bool { _, ok := i.Files.Dir(dir); return !ok })
		if parent := path.Dir(dir); !isDir && parent != "/" {
			dir = parent
		}
		places = append(places, place{dir: dir, why: l.Value + " was written in " + l.Workload})
		w.claims = append(w.claims, learnt(p, harden.Holds, l, "it was seen to write to "+l.Value))
	}
	return places
}

// declaredWrites are the places that the image or its environment names.
func (w *writes) declaredWrites(p *harden.Pass, c harden.Container) []place {
	var places []place
	images, _ := imagesOf(p, c)
	s := starterOf(p, c)
	for _, i := range images {
		if f, ok := familiarOf(c, i.ImageFacts); ok {
			for _, dir := range f.writes {
				places = append(places, place{dir: dir, why: f.name + " writes to it"})
			}
			if len(f.writes) > 0 {
				w.claims = append(w.claims, imageClaim(p, "E-CATALOGUE", harden.Holds, []known{i}, fmt.Sprintf("Image %s is %s, which writes to %s (%s).", i.name, f.name, strings.Join(f.writes, ", "), f.source), ""))
			}
		}
		places = append(places, w.imageVolumes(p, c, i)...)
		for _, name := range []string{"TMPDIR", "HOME"} {
			dir := harden.Getenv(environment(c, i.ImageFacts), name, "")
			if dir == "" && name == "HOME" {
				dir = homeOf(i, s)
			}
			if path.IsAbs(dir) && mayWrite(i, dir, s) {
				places = append(places, place{dir: path.Clean(dir), why: "it is its " + name, maybe: true})
			}
		}
	}
	return places
}

// imageVolumes are the volumes that the image declares, where the runtime may
// not keep them writable: containerd makes a volume of each, CRI-O does so
// unless it is configured to make a mere directory (image_volumes: mkdir).
func (w *writes) imageVolumes(p *harden.Pass, c harden.Container, i known) []place {
	var open []string
	for _, v := range i.Volumes {
		if !covered(c, path.Clean(v), i.Files) {
			open = append(open, path.Clean(v))
		}
	}
	if len(open) == 0 {
		return nil
	}
	list := strings.Join(open, ", ")
	if _, all := allRun(p, isContainerd); all {
		w.claims = append(w.claims, imageClaim(p, "E-IMG-CONFIG", harden.Holds, []known{i}, fmt.Sprintf("Image %s declares the volume %s, which containerd keeps writable.", i.name, list), "A containerd with ignore_image_defined_volumes."))
		return nil
	}
	var places []place
	for _, dir := range open {
		places = append(places, place{dir: dir, why: "the image declares it as a volume"})
	}
	return places
}

func homeOf(i known, s starter) string {
	if i.Files == nil {
		return ""
	}
	n := slices.IndexFunc(i.Files.Users, func(u harden.ImageUserEntry) bool { return s.known && u.UID == s.uid })
	if n < 0 {
		return ""
	}
	return i.Files.Users[n].Home
}

// mayWrite reports whether the directory exists in the image and the user may write there.
func mayWrite(i known, dir string, s starter) bool {
	if i.Files == nil || !s.known {
		return false
	}
	d, ok := i.Files.Dir(dir)
	return ok && (s.uid == 0 || d.UID == s.uid && d.Mode&0o200 != 0 || d.GID == s.gid && d.Mode&0o020 != 0 || d.Mode&0o002 != 0)
}

// attempts passes over the directories that a familiar entrypoint changes if it
// can, and says what is different where it cannot.
func (w *writes) attempts(p *harden.Pass, c harden.Container, places []place, unseen bool) []place {
	images, _ := imagesOf(p, c)
	for _, i := range images {
		f, ok := familiarOf(c, i.ImageFacts)
		for _, a := range f.tries {
			if !ok || covered(c, a.dir, i.Files) || slices.ContainsFunc(c.VolumeMounts, mountedWithin(a.unless)) {
				continue
			}
			isIt := func(pl place) bool { return pl.dir == a.dir }
			if unseen || slices.ContainsFunc(places, isIt) {
				w.claims = append(w.claims, missing("E-CATALOGUE", fmt.Sprintf("Image %s is %s. %s Nobody looked whether that matters.", i.name, f.name, a.says)))
				w.warning = a.says
			}
			places = slices.DeleteFunc(places, isIt)
		}
	}
	return places
}

// place sorts a directory in, judged in every image.
func (w *writes) place(c harden.Container, pl place, images []known) {
	if len(images) == 0 {
		w.placeBlind(c, pl)
		return
	}
	for _, i := range images {
		at, hidden := mountPoint(i.Files, pl.dir)
		switch {
		case isKernelPath(at) || covered(c, at, i.Files):
		case pl.maybe && (hidden != "" || below(c, at, i.Files) != ""):
		case at == "/":
			note(&w.refused, "%s: nothing can be mounted at /", pl.why)
		case below(c, at, i.Files) != "":
			note(&w.refused, "%s: volume %s is mounted below it, and would have to be mounted into the new one", at, below(c, at, i.Files))
		case hidden != "":
			w.filled = append(w.filled, at)
			note(&w.hidden, "%s (%s): image %s has %s there, which an empty volume hides", at, pl.why, i.name, hidden)
		default:
			w.mounts = append(w.mounts, at)
		}
	}
}

// placeBlind is place where the image was not looked into: only what by
// convention holds nothing of an image is mounted.
func (w *writes) placeBlind(c harden.Container, pl place) {
	at := pl.dir
	switch {
	case isKernelPath(at) || covered(c, at, nil) || pl.maybe:
	case below(c, at, nil) != "":
		note(&w.refused, "%s: volume %s is mounted below it, and would have to be mounted into the new one", at, below(c, at, nil))
	case isScratch(at):
		w.mounts = append(w.mounts, at)
	default:
		w.claims = append(w.claims, missing("E-IMG-FS", fmt.Sprintf("Nobody knows whether the image has files in %s, which an empty volume would hide (%s).", at, pl.why)))
	}
}

func note(list *[]string, format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

// tidy leaves one mount for what lies in one directory, in the order of paths.
func (w *writes) tidy() {
	w.mounts, w.filled = outermost(w.mounts), outermost(w.filled)
	w.mounts = slices.DeleteFunc(w.mounts, func(at string) bool {
		return slices.ContainsFunc(w.filled, func(dir string) bool { return within(at, dir) })
	})
}

func outermost(paths []string) []string {
	slices.SortFunc(paths, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	var kept []string
	for _, at := range paths {
		if !slices.ContainsFunc(kept, func(k string) bool { return within(at, k) }) {
			kept = append(kept, at)
		}
	}
	slices.Sort(kept)
	return kept
}

// judge says what the volumes hide.
func (w *writes) judge(p *harden.Pass, images []known, gap string) {
	if gap != "" {
		w.claims = append(w.claims, ask("E-IMG-FS", gap, "which directories may its user write to, and are they empty?"))
	} else if len(w.mounts) > 0 {
		w.claims = append(w.claims, imageClaim(p, "E-IMG-FS", harden.Holds, images, fmt.Sprintf("In image %s, the volumes at %s hide no file.", names(images), some(w.mounts)),
			"A volume is open to all users of the container: a program that insists on a private directory is not content."))
	}
	for _, why := range slices.Concat(w.hidden, w.refused) {
		w.claims = append(w.claims, imageClaim(p, "E-IMG-FS", harden.Refutes, images, "Not covered: "+why+".", ""))
	}
}
