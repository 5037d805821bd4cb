package harden

import (
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An ImageKey names what was, or could be, looked into.
type ImageKey struct {
	// Reference is REPOSITORY@DIGEST as a live pod reports it, or, where none
	// does, the reference as it stands in the pod spec.
	Reference string
	Platform  string // OS/ARCHITECTURE, such as linux/amd64
}

// ImageFacts is what is known about one image on one platform: immutable where
// Digest is known.
type ImageFacts struct {
	Known bool   // the config was read; otherwise nothing but Why says anything
	Why   string // why it is not known, in words for people
	// Digest is that of the platform's manifest, ALGORITHM:HEX.
	Digest   string
	Platform string
	Time     time.Time // when it was read

	User       string // Config.User as it stands there; empty means root
	Entrypoint []string
	Cmd        []string
	Env        []string // NAME=VALUE
	WorkingDir string
	Ports      []string  // exposed ports, such as 80/tcp; sorted
	Volumes    []string  // paths that the image declares as volumes, cleaned; sorted
	Created    time.Time // when it was built, as it says itself; zero when it does not, or says a time before 1980 (reproducible builds)
	Size       int64     // bytes of its layers as the registry keeps them

	// Files is the merged file system; nil when the layers were not read, and
	// FilesWhy says why.
	Files    *ImageFiles
	FilesWhy string
}

// ImageFiles is the metadata of an image's merged file system, as far as
// judgements need it. Paths are absolute and cleaned.
type ImageFiles struct {
	Users  []ImageUserEntry  // of /etc/passwd, in its order
	Groups []ImageGroupEntry // of /etc/group, in its order
	// Dirs are all directories but the root itself, by path.
	Dirs map[string]ImageDir
	// Programs are the regular files that somebody may execute, and all that
	// carry a setuid or setgid bit or a file capability, by path.
	Programs map[string]ImageFile
	// Links are the symbolic links, by path, with their targets as they stand there.
	Links map[string]string
	// Scripts are the texts of executable scripts outside the folders of the
	// distribution (/bin, /usr/bin, /usr/lib …), by path: entrypoints, mostly.
	Scripts map[string]string
	// Libraries are the base names of shared libraries (lib*.so*); sorted.
	Libraries []string
}

// An ImageDir is a directory of an image.
type ImageDir struct {
	Mode     uint32 // permission bits with setuid, setgid (02000) and sticky (01000)
	UID, GID int64
	Entries  int // how many names are directly in it
}

// An ImageFile is a regular file of an image.
type ImageFile struct {
	Mode     uint32 // permission bits with setuid (04000) and setgid (02000)
	UID, GID int64
	// Capabilities are those of its security.capability attribute, such as
	// NET_BIND_SERVICE; Effective is their effective bit: the kernel refuses to
	// start the program when one of them is not in the bounding set.
	Capabilities []string
	Effective    bool
}

// Setuid reports whether the file gives its caller the rights of its owner or group.
func (f ImageFile) Setuid() bool { return f.Mode&0o6000 != 0 }

// An ImageUserEntry is a line of /etc/passwd.
type ImageUserEntry struct {
	Name     string
	UID, GID int64
	Home     string
}

// An ImageGroupEntry is a line of /etc/group.
type ImageGroupEntry struct {
	Name    string
	GID     int64
	Members []string
}

// An ImageUser is what the USER of an image says about the process's user id.
type ImageUser int

// Image users, as the kubelet tells them apart under runAsNonRoot
// (verifyRunAsNonRoot in pkg/kubelet/kuberuntime/security_context_others.go).
const (
	ImageUserRoot    ImageUser = iota // empty, 0 or root
	ImageUserNonRoot                  // a number other than 0
	ImageUserNamed                    // another name: the kubelet refuses it, because it cannot know the number
)

// ParseImageUser classifies the USER of an image: USER[:GROUP], where each is a
// name or a number. The number is -1 for names.
func ParseImageUser(user string) (kind ImageUser, uid int64) {
	name, _, _ := strings.Cut(strings.TrimSpace(user), ":")
	if name == "" || name == "root" {
		return ImageUserRoot, 0
	}
	uid, err := strconv.ParseInt(name, 10, 64)
	switch {
	case err != nil || uid < 0:
		return ImageUserNamed, -1
	case uid == 0:
		return ImageUserRoot, 0
	default:
		return ImageUserNonRoot, uid
	}
}

// ResolveUser turns a USER in any of its forms into numbers, as a container
// runtime does: numbers are never names, names go by passwd and group, the group
// of a user without one by passwd, and it is 0 where passwd does not know the
// number (github.com/moby/sys/user, GetExecUser). It is not ok when a name is
// unknown.
func (f *ImageFiles) ResolveUser(user string) (uid, gid int64, ok bool) {
	name, group, _ := strings.Cut(strings.TrimSpace(user), ":")
	if name == "" {
		name = "0"
	}
	number, err := strconv.ParseInt(name, 10, 32)
	entry := slices.IndexFunc(f.Users, func(u ImageUserEntry) bool {
		return err == nil && u.UID == number || err != nil && u.Name == name
	})
	switch {
	case entry >= 0:
		uid, gid = f.Users[entry].UID, f.Users[entry].GID
	case err == nil && number >= 0:
		uid = number
	default:
		return 0, 0, false
	}
	if group == "" {
		return uid, gid, true
	}
	if gid, err = strconv.ParseInt(group, 10, 32); err == nil {
		return uid, gid, gid >= 0
	}
	i := slices.IndexFunc(f.Groups, func(g ImageGroupEntry) bool { return g.Name == group })
	if i < 0 {
		return uid, 0, false
	}
	return uid, f.Groups[i].GID, true
}

// maxLinks is how many symbolic links the kernel follows in one path (MAXSYMLINKS).
const maxLinks = 40

// Resolve follows the symbolic links in a path, within the image. What does not
// exist is returned as far as it could be resolved; a loop yields "".
func (f *ImageFiles) Resolve(name string) string {
	left := strings.Split(strings.Trim(path.Clean("/"+name), "/"), "/")
	done := "/"
	for followed := 0; len(left) > 0; {
		next := path.Join(done, left[0])
		left = left[1:]
		target, isLink := f.Links[next]
		if !isLink {
			done = next
			continue
		}
		if followed++; followed > maxLinks {
			return ""
		}
		if path.IsAbs(target) {
			done = "/"
		}
		// Not cleaned before it is followed: ".." leaves the directory that a link leads to.
		left = append(strings.Split(strings.Trim(target, "/"), "/"), left...)
	}
	return done
}

// Dir finds a directory, through links. The root is always there.
func (f *ImageFiles) Dir(name string) (ImageDir, bool) {
	at := f.Resolve(name)
	if at == "/" {
		return ImageDir{Mode: 0o755, Entries: 1}, true
	}
	d, ok := f.Dirs[at]
	return d, ok && at != ""
}

// LookPath finds a program as exec does: by path, relative to dir, or by name
// in the PATH of the environment (NAME=VALUE). It is not ok when there is none.
func (f *ImageFiles) LookPath(program, dir string, env []string) (at string, file ImageFile, ok bool) {
	candidates := []string{}
	switch {
	case path.IsAbs(program):
		candidates = append(candidates, program)
	case strings.Contains(program, "/"):
		candidates = append(candidates, path.Join("/", dir, program))
	default:
		for _, folder := range strings.Split(Getenv(env, "PATH", DefaultPath), ":") {
			candidates = append(candidates, path.Join("/", folder, program))
		}
	}
	for _, c := range candidates {
		at := f.Resolve(c)
		if file, ok := f.Programs[at]; ok {
			return at, file, true
		}
	}
	return "", ImageFile{}, false
}

// DefaultPath is where containerd looks for programs when an image sets no PATH
// (pkg/oci: defaultUnixEnv).
const DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Getenv finds a variable in a list of NAME=VALUE; the last one counts.
func Getenv(env []string, name, otherwise string) string {
	for _, e := range slices.Backward(env) {
		if n, v, ok := strings.Cut(e, "="); ok && n == name {
			return v
		}
	}
	return otherwise
}
