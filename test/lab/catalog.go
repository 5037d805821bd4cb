package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// ErrNotBuilt says that the component binaries are not in the cache; Build makes them.
var ErrNotBuilt = errors.New("the lab's binaries are not built: run 'go run ./test/lab/cmd/lab build'")

// errNeeds says that this machine lacks what building a component needs.
var errNeeds = errors.New("please install them and run 'go run ./test/lab/cmd/lab build'")

// Binaries are the programs of a lab, as paths in the cache.
type Binaries struct {
	Etcd string
	Kwok string
	// Stages is the folder of kwok's own stage files.
	Stages string
	// Kubernetes is the folder that holds kube-apiserver, kube-controller-manager, kube-scheduler and kubectl; on Linux
	// also kubelet and kube-proxy.
	Kubernetes string

	containerd, runc, cni, pause, registry string // folders, of a node that runs containers
	noContainers                           error
}

// Kubectl returns the path of the kubectl of the lab's Kubernetes version.
func (b *Binaries) Kubectl() string { return filepath.Join(b.Kubernetes, "kubectl") }

// Containers returns nil when the programs of a node that runs containers are there. Its error says why not, and wraps
// ErrNotBuilt when they only have to be built.
func (b *Binaries) Containers() error { return b.noContainers }

// A component is one of the modules in the folder components, and the programs that are built from it.
type component struct {
	name   string
	pkgs   []string // what to build: one program with the component's name, or several with those of their folders
	module string   // where the programs come from, whose version is theirs; empty when they are the lab's own
	// flags returns the linker flags that tell the programs their version, "v1.2.3".
	flags func(version string) []string
	tags  []string // build tags
	cgo   bool
	links []string // other names of the program
	files string   // a folder of the module that is copied beside the program
	node  bool     // for a node that runs containers: a lab without one does not need it
	needs func() error
	cold  string // how long a cold build took; a hint for who waits
}

// components returns all that are built on this system, in the order of building.
func components() []component {
	all := []component{
		{
			name: "etcd", pkgs: []string{"go.etcd.io/etcd/server/v3"}, module: "go.etcd.io/etcd/server/v3",
			flags: noFlags, // it is in its source
			cold:  coldEtcd,
		},
		{
			name: "kubernetes", pkgs: []string{"."}, module: "k8s.io/kubernetes",
			flags: func(version string) []string {
				part := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
				const in = "k8s.io/component-base/version."
				return []string{"-X " + in + "gitVersion=" + version, "-X " + in + "gitMajor=" + part[0], "-X " + in + "gitMinor=" + part[1]}
			},
			links: []string{apiServer, controllerManager, scheduler, "kubectl", kubelet, kubeProxy},
			cold:  coldKubernetes,
		},
		{
			name: "kwok", pkgs: []string{"sigs.k8s.io/kwok/cmd/kwok"}, module: "sigs.k8s.io/kwok",
			flags: func(version string) []string {
				return []string{"-X sigs.k8s.io/kwok/pkg/consts.Version=" + strings.TrimPrefix(version, "v")}
			},
			files: "kustomize/stage",
			cold:  coldKwok,
		},
	}
	if runtime.GOOS != "linux" {
		return all
	}
	const containerdModule, cniModule = "github.com/containerd/containerd/v2", "github.com/containernetworking/plugins"
	return append(all,
		component{
			name: "containerd", module: containerdModule, node: true,
			pkgs: []string{containerdModule + "/cmd/containerd", containerdModule + "/cmd/containerd-shim-runc-v2"},
			flags: func(version string) []string {
				return []string{"-X " + containerdModule + "/version.Version=" + version}
			},
			tags: []string{"no_btrfs", "no_zfs", "no_devmapper"}, // snapshotters that need C libraries
			cold: coldContainerd,
		},
		component{
			name: "runc", pkgs: []string{"github.com/opencontainers/runc"}, module: "github.com/opencontainers/runc", node: true,
			flags: noFlags, // it is in its source
			tags:  []string{"seccomp"}, cgo: true, needs: needsSeccomp,
			cold: coldRunc,
		},
		component{
			name: "cni", module: cniModule, node: true,
			pkgs: []string{
				cniModule + "/plugins/main/ptp", cniModule + "/plugins/main/loopback",
				cniModule + "/plugins/ipam/host-local", cniModule + "/plugins/meta/portmap",
			},
			flags: noFlags,
			cold:  coldOther,
		},
		component{name: "pause", pkgs: []string{"."}, node: true, flags: noFlags, cold: coldOther},
		component{name: "registry", pkgs: []string{"."}, node: true, flags: noFlags, cold: coldOther},
	)
}

func noFlags(string) []string { return nil }

// needsSeccomp reports what is missing to build runc, which is partly written in C.
func needsSeccomp() error {
	_, noCompiler := exec.LookPath(cmp.Or(os.Getenv("CC"), "gcc"))
	_, noConfig := exec.LookPath("pkg-config")
	if noCompiler != nil || noConfig != nil || exec.Command("pkg-config", "--exists", "libseccomp").Run() != nil {
		return fmt.Errorf("a C compiler, pkg-config and the headers of libseccomp are needed (on Debian: gcc libc6-dev pkg-config libseccomp-dev): %w", errNeeds)
	}
	return nil
}

// Cached returns the binaries when all of a control plane are in the cache, else an error that wraps ErrNotBuilt. Whether
// those of a node that runs containers are there as well, Containers of the result says.
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
// line a step. Programs of a node that runs containers are left out, with a line that says why, where this machine lacks
// what building them needs. Two builds at once do not disturb each other: the second waits and takes what the first made.
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
		if c.needs != nil {
			if err := c.needs(); err != nil {
				fmt.Fprintf(w, "%s: left out, so that there is no node which runs containers: %v\n", c.name, err)
				return fmt.Errorf("building %s: %w", c.name, err)
			}
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
