package lab

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A toolchain is the Go that builds the components, and where their modules are.
type toolchain struct {
	source string   // the folder components
	env    []string // of every go command
	goVer  string
}

// passed are the settings of Go that a build keeps from the user: where things are and where modules come from. All
// others (GOFLAGS, GOEXPERIMENT, GOOS, GOWORK …) are left out, so that the binaries are the same whoever builds them.
var passed = []string{
	"GOCACHE", "GOMODCACHE", "GOPATH", "GOTOOLCHAIN", "GOPROXY", "GONOPROXY", "GOSUMDB", "GONOSUMDB", "GOPRIVATE",
	"GOINSECURE", "GOAUTH", "GOVCS", "GOTMPDIR", "GOCACHEPROG",
}

func newToolchain(ctx context.Context) (*toolchain, error) {
	source, err := findComponents()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json", "GOVERSION"}, passed...)...)
	cmd.Dir = filepath.Join(source, "etcd") // a go.mod can choose the toolchain
	out, err := output(cmd)
	if err != nil {
		return nil, fmt.Errorf("asking for Go's settings: %w", err)
	}
	settings := map[string]string{}
	if err := json.Unmarshal(out, &settings); err != nil {
		return nil, fmt.Errorf("reading Go's settings: %w", err)
	}
	env := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GO") || strings.HasPrefix(v, "CGO_")
	})
	// An empty variable does not clear what 'go env -w' wrote; leaving its file out does.
	env = append(env, "GOENV=off", "GOWORK=off")
	for _, name := range passed {
		if settings[name] != "" {
			env = append(env, name+"="+settings[name])
		}
	}
	return &toolchain{source: source, env: env, goVer: settings["GOVERSION"]}, nil
}

// findComponents returns the folder of the component modules: beside this file, or in the module that the working
// directory belongs to when this program was built with -trimpath or elsewhere.
func findComponents() (string, error) {
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		if dir := filepath.Join(filepath.Dir(file), "components"); isDir(dir) {
			return dir, nil
		}
	}
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("looking for the lab's components: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if found := filepath.Join(dir, "test", "lab", "components"); isDir(found) {
			return found, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("looking for the lab's components: no test/lab/components above %q: run this in a clone of kubectl-harden", start)
		}
	}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// binaries returns the paths of all binaries, after have was called for each component with its place in the cache. A
// component of real nodes may be missing: then Containers of the result says why.
func (g *toolchain) binaries(have func(c component, dir string) error) (*Binaries, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	b := &Binaries{}
	for _, c := range components() {
		key, err := g.key(c)
		if err != nil {
			return nil, err
		}
		dirs[c.name] = filepath.Join(root, "bin", c.name+"-"+key)
		err = have(c, dirs[c.name])
		if c.node && (errors.Is(err, ErrNotBuilt) || errors.Is(err, errNeeds)) {
			b.noContainers, err = cmp.Or(b.noContainers, err), nil
		}
		if err != nil {
			return nil, err
		}
	}
	if runtime.GOOS != "linux" {
		b.noContainers = errors.New("a node that runs containers needs Linux")
	}
	b.Etcd = filepath.Join(dirs["etcd"], "etcd")
	b.Kubernetes = dirs["kubernetes"]
	b.Kwok, b.Stages = filepath.Join(dirs["kwok"], "kwok"), filepath.Join(dirs["kwok"], "stage")
	b.containerd, b.runc, b.cni = dirs["containerd"], dirs["runc"], dirs["cni"]
	b.pause, b.registry = dirs["pause"], dirs["registry"]
	return b, nil
}

// key is a hash of everything that decides what a component's binary is.
func (g *toolchain) key(c component) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, g.goVer, runtime.GOOS, runtime.GOARCH, c.pkgs, c.tags, c.cgo, c.flags("v0.0.0"), c.links, c.files)
	dir := filepath.Join(g.source, c.name)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", fmt.Errorf("reading the module of %s: %w", c.name, err)
	}
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", fmt.Errorf("reading the module of %s: %w", c.name, err)
		}
		fmt.Fprintln(h, e.Name(), len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:16], nil
}

// build builds a component into dir, which appears only when it is complete.
func (g *toolchain) build(ctx context.Context, c component, dir string, w io.Writer) error {
	start := time.Now()
	fmt.Fprintf(w, "%s: building (cold, on two idle cores: %s)\n", c.name, c.cold)
	temp, err := os.MkdirTemp(filepath.Dir(dir), c.name+"-building-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer os.RemoveAll(temp)

	var module struct{ Version, Dir string }
	if c.module != "" {
		out, err := output(g.command(ctx, c, "mod", "download", "-json", c.module))
		if err != nil {
			return fmt.Errorf("downloading %q: %w", c.module, err)
		}
		if err := json.Unmarshal(out, &module); err != nil {
			return fmt.Errorf("reading where %q is: %w", c.module, err)
		}
	}
	flags := append([]string{"-s", "-w"}, c.flags(module.Version)...)
	to := filepath.Join(temp, c.name)
	if len(c.pkgs) > 1 {
		to = temp + string(filepath.Separator) // each gets the name of its folder
	}
	args := []string{"build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", "-tags", strings.Join(c.tags, ","), "-ldflags", strings.Join(flags, " "), "-o", to}
	cmd := g.command(ctx, c, append(args, c.pkgs...)...)
	progress := &progress{w: w, name: c.name, start: start, next: start.Add(progressEvery)}
	cmd.Stderr = progress
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("running go build: %w\n%s", err, indent(progress.rest()))
	}
	for _, name := range c.links {
		if err := os.Symlink(c.name, filepath.Join(temp, name)); err != nil {
			return fmt.Errorf("naming the program %q: %w", name, err)
		}
	}
	if c.files != "" {
		if err := os.CopyFS(filepath.Join(temp, filepath.Base(c.files)), os.DirFS(filepath.Join(module.Dir, c.files))); err != nil {
			return fmt.Errorf("copying %q: %w", c.files, err)
		}
	}
	if err := os.Rename(temp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("moving it into the cache: %w", err)
	}
	fmt.Fprintf(w, "%s: built in %s\n", c.name, time.Since(start).Round(time.Second))
	return nil
}

// command is a go command in a component's module.
func (g *toolchain) command(ctx context.Context, c component, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(g.source, c.name)
	cmd.Env = append(slices.Clone(g.env), "CGO_ENABLED="+map[bool]string{true: "1", false: "0"}[c.cgo])
	// Go forwards an interrupt to its compilers; a kill would leave them running.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// output runs a command and returns what it wrote; its error carries what it said.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil && stderr.Len() > 0 {
		err = fmt.Errorf("%w\n%s", err, indent(strings.TrimSpace(stderr.String())))
	}
	return out, err
}
