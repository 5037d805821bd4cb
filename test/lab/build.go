package lab

import (
	"bytes"
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

// ErrNotBuilt says that the component binaries are not in the cache; Build makes them.
var ErrNotBuilt = errors.New("the lab's binaries are not built: run 'go run ./test/lab/cmd/lab build'")

// Binaries are the programs of a lab, as paths in the cache.
type Binaries struct {
	Etcd string
	Kwok string
	// Stages is the folder of kwok's own stage files.
	Stages string
	// Kubernetes is the folder that holds kube-apiserver, kube-controller-manager, kube-scheduler and kubectl.
	Kubernetes string
}

// Kubectl returns the path of the kubectl of the lab's Kubernetes version.
func (b *Binaries) Kubectl() string { return filepath.Join(b.Kubernetes, "kubectl") }

// A component is one of the modules in the folder components, and the program that is built from it.
type component struct {
	name   string
	pkg    string // what to build
	module string // where the program comes from; its version is the program's
	// flags returns the linker flags that tell the program its version, "v1.2.3".
	flags func(version string) []string
	links []string // other names of the program
	files string   // a folder of the module that is copied beside the program
	cold  string   // how long a cold build took; a hint for who waits
}

var components = []component{
	{
		name: "etcd", pkg: "go.etcd.io/etcd/server/v3", module: "go.etcd.io/etcd/server/v3",
		flags: func(string) []string { return nil }, // it is in its source
		cold:  coldEtcd,
	},
	{
		name: "kubernetes", pkg: ".", module: "k8s.io/kubernetes",
		flags: func(version string) []string {
			part := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
			const in = "k8s.io/component-base/version."
			return []string{"-X " + in + "gitVersion=" + version, "-X " + in + "gitMajor=" + part[0], "-X " + in + "gitMinor=" + part[1]}
		},
		links: []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"},
		cold:  coldKubernetes,
	},
	{
		name: "kwok", pkg: "sigs.k8s.io/kwok/cmd/kwok", module: "sigs.k8s.io/kwok",
		flags: func(version string) []string {
			return []string{"-X sigs.k8s.io/kwok/pkg/consts.Version=" + strings.TrimPrefix(version, "v")}
		},
		files: "kustomize/stage",
		cold:  coldKwok,
	},
}

// Cached returns the binaries when all of them are in the cache, else an error that wraps ErrNotBuilt.
func Cached(ctx context.Context) (*Binaries, error) {
	g, err := newToolchain(ctx)
	if err != nil {
		return nil, err
	}
	return g.binaries(func(c component, dir string) error {
		if _, err := os.Stat(dir); err != nil {
			return fmt.Errorf("looking for %s in the cache: %w", c.name, ErrNotBuilt)
		}
		return nil
	})
}

// Build returns the component binaries, and builds first those that are not in the cache. What it does goes to w, one
// line a step. Two builds at once do not disturb each other: the second waits and takes what the first made.
func Build(ctx context.Context, w io.Writer) (*Binaries, error) {
	if w == nil {
		w = io.Discard
	}
	g, err := newToolchain(ctx)
	if err != nil {
		return nil, err
	}
	return g.binaries(func(c component, dir string) error {
		if _, err := os.Stat(dir); err == nil {
			fmt.Fprintf(w, "%s: in the cache\n", c.name)
			return nil
		}
		if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
			return fmt.Errorf("building %s: %w", c.name, err)
		}
		l, err := waitLock(ctx, dir+".lock", func() { fmt.Fprintf(w, "%s: waiting for another build of it\n", c.name) })
		if err != nil {
			return fmt.Errorf("building %s: %w", c.name, err)
		}
		defer l.release()
		if _, err := os.Stat(dir); err == nil {
			fmt.Fprintf(w, "%s: in the cache\n", c.name)
			return nil
		}
		if err := g.build(ctx, c, dir, w); err != nil {
			return fmt.Errorf("building %s: %w", c.name, err)
		}
		return nil
	})
}

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
	cmd.Dir = filepath.Join(source, components[0].name) // a go.mod can choose the toolchain
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
	env = append(env, "GOENV=off", "GOWORK=off", "CGO_ENABLED=0")
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

// binaries returns the paths of all binaries, after have was called for each with its place in the cache.
func (g *toolchain) binaries(have func(c component, dir string) error) (*Binaries, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dirs := map[string]string{}
	for _, c := range components {
		key, err := g.key(c)
		if err != nil {
			return nil, err
		}
		dirs[c.name] = filepath.Join(root, "bin", c.name+"-"+key)
		if err := have(c, dirs[c.name]); err != nil {
			return nil, err
		}
	}
	return &Binaries{
		Etcd:       filepath.Join(dirs["etcd"], "etcd"),
		Kubernetes: dirs["kubernetes"],
		Kwok:       filepath.Join(dirs["kwok"], "kwok"),
		Stages:     filepath.Join(dirs["kwok"], "stage"),
	}, nil
}

// key is a hash of everything that decides what a component's binary is.
func (g *toolchain) key(c component) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, g.goVer, runtime.GOOS, runtime.GOARCH, c.pkg, c.flags("v0.0.0"), c.links, c.files)
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

	out, err := output(g.command(ctx, c, "mod", "download", "-json", c.module))
	if err != nil {
		return fmt.Errorf("downloading %q: %w", c.module, err)
	}
	var module struct{ Version, Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return fmt.Errorf("reading where %q is: %w", c.module, err)
	}
	flags := append([]string{"-s", "-w"}, c.flags(module.Version)...)
	cmd := g.command(ctx, c, "build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", strings.Join(flags, " "), "-o", filepath.Join(temp, c.name), c.pkg)
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
	cmd.Env = g.env
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
