package testimages

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// debianBase are the packages of the base image that nginx, redis and postgres share. With the setuid programs of login,
// passwd, mount and util-linux it is like the image debian:stable-slim, but for apt, dpkg and perl.
var debianBase = []string{
	"base-files", "base-passwd", "bash", "coreutils", "dash", "findutils", "grep", "libc-bin", "login", "mount", "passwd", "sed", "util-linux",
}

// leftOut are packages that others depend on for their maintainer scripts, which never run here, or for what the images do
// without. A name that ends in * stands for all that begin so.
var leftOut = []string{
	"adduser", "cdebconf", "debconf", "dpkg", "init-system-helpers", "install-info", "iproute2", "lsb-base", "perl*", "libperl*",
	"libjson-perl", "libllvm*", "locales", "locales-all", "postgresql-client-common", "postgresql-common", "readline-common",
	"sensible-utils", "ssl-cert", "sysvinit-utils", "tar", "ucf", "usr-is-merged", "usrmerge",
}

// packages returns the package files of the named packages and of those that they depend on, except the files in base.
// Once complete, such a list is kept, so that images stay the same when the archive moves on.
func (b *builder) packages(ctx context.Context, names, base []string) ([]string, error) {
	hash := sha256.Sum256([]byte(strings.Join(names, " ") + "\n" + strings.Join(leftOut, " ")))
	debs := filepath.Join(b.cache, "debs")
	list := filepath.Join(debs, hex.EncodeToString(hash[:8])+".list")
	files, err := readList(list, debs)
	if err != nil {
		if files, err = fetchPackages(ctx, names, debs); err != nil {
			return nil, err
		}
		if err := writeFileAtomic(list, []byte(strings.Join(files, "\n")+"\n")); err != nil {
			return nil, fmt.Errorf("keeping the list of packages: %w", err)
		}
	}
	paths := make([]string, 0, len(files))
	for _, name := range files {
		if file := filepath.Join(debs, name); !slices.Contains(base, file) {
			paths = append(paths, file)
		}
	}
	return paths, nil
}

// readList reads a list of files of a folder; one that is no longer there is an error.
func readList(list, dir string) ([]string, error) {
	data, err := os.ReadFile(list)
	if err != nil {
		return nil, err
	}
	files := strings.Fields(string(data))
	for _, name := range files {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// fetchPackages downloads what is not in the folder yet and returns the sorted names of all files.
func fetchPackages(ctx context.Context, names []string, dir string) ([]string, error) {
	for _, tool := range []string{"apt-cache", "apt-get", "dpkg-deb"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: it is made of Debian packages, and there is no %s here", ErrUnavailable, tool)
		}
	}
	closure, err := dependencies(ctx, names)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of packages: %w", err)
	}
	temp, err := os.MkdirTemp(dir, "downloading-")
	if err != nil {
		return nil, fmt.Errorf("making the folder of packages: %w", err)
	}
	defer os.RemoveAll(temp)
	// Each line of --print-uris is: 'URI' file size hash. Of a file that is in the folder of the command there is none.
	uris, err := output(aptCommand(ctx, temp, append([]string{"apt-get", "download", "--print-uris"}, closure...)...))
	if err != nil {
		return nil, fmt.Errorf("asking where packages are: %w", err)
	}
	var files, missing []string
	for line := range strings.Lines(string(uris)) {
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(line, "'") {
			continue
		}
		files = append(files, fields[1])
		if _, err := os.Stat(filepath.Join(dir, fields[1])); err != nil {
			name, _, _ := strings.Cut(fields[1], "_")
			missing = append(missing, name)
		}
	}
	if len(files) != len(closure) {
		return nil, fmt.Errorf("asking where packages are: got %d files for the %d packages %s", len(files), len(closure), strings.Join(closure, " "))
	}
	if len(missing) > 0 {
		if _, err := output(aptCommand(ctx, temp, append([]string{"apt-get", "download", "--quiet"}, missing...)...)); err != nil {
			return nil, fmt.Errorf("downloading packages (is apt-get update due?): %w", err)
		}
	}
	downloaded, err := os.ReadDir(temp)
	if err != nil {
		return nil, fmt.Errorf("downloading packages: %w", err)
	}
	for _, file := range downloaded {
		if err := os.Rename(filepath.Join(temp, file.Name()), filepath.Join(dir, file.Name())); err != nil {
			return nil, fmt.Errorf("downloading packages: %w", err)
		}
	}
	slices.Sort(files)
	return files, nil
}

// aptCommand is a command that speaks English and downloads as this user, who alone may see the cache.
func aptCommand(ctx context.Context, dir string, command ...string) *exec.Cmd {
	args := append(command[1:len(command):len(command)], "--option", "APT::Sandbox::User=")
	cmd := exec.CommandContext(ctx, command[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	return cmd
}

// dependencies returns the names with all that they depend on, sorted, without leftOut. Of alternatives the first counts.
func dependencies(ctx context.Context, names []string) ([]string, error) {
	seen := map[string]bool{}
	var all []string
	for next := names; len(next) > 0; {
		asked := next[:0:0]
		for _, name := range next {
			if !seen[name] {
				seen[name] = true
				asked = append(asked, name)
			}
		}
		if len(asked) == 0 {
			break
		}
		all = append(all, asked...)
		out, err := output(aptCommand(ctx, "", append([]string{"apt-cache", "depends", "--important"}, asked...)...))
		if err != nil {
			return nil, fmt.Errorf("asking for dependencies (is apt-get update due?): %w", err)
		}
		next = parseDepends(string(out))
	}
	slices.Sort(all)
	return all, nil
}

// parseDepends reads what 'apt-cache depends --important' prints, and returns the packages that are needed. All but the
// last of some alternatives have a bar before them; a package that only others provide is in angle brackets, and those
// that provide it follow with a deeper indent.
func parseDepends(out string) []string {
	var needed []string
	chosen, open := "", false // of the alternatives
	for line := range strings.Lines(out) {
		kind, name, ok := strings.Cut(strings.TrimRight(line, "\n"), "epends: ")
		if !ok || strings.HasPrefix(line, "    ") {
			continue
		}
		if !open {
			chosen = ""
		}
		open = strings.HasPrefix(kind, " |")
		if chosen == "" && !strings.HasPrefix(name, "<") {
			chosen, _, _ = strings.Cut(name, ":") // "perl:any"
		}
		if !open && chosen != "" && !isLeftOut(chosen) {
			needed = append(needed, chosen)
		}
	}
	return needed
}

func isLeftOut(name string) bool {
	return slices.ContainsFunc(leftOut, func(pattern string) bool {
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		return name == pattern || isPrefix && strings.HasPrefix(name, prefix)
	})
}

// output runs a command and returns what it wrote; its error carries what it said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if said := strings.TrimSpace(stderr.String()); err != nil && said != "" {
		err = fmt.Errorf("running %s: %w: %s", filepath.Base(cmd.Path), err, said)
	}
	return out, err
}

// writeFileAtomic writes a file that is never seen half written.
func writeFileAtomic(path string, data []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), "writing-")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(data)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
