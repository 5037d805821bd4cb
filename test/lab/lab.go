package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Options say what lab to start. The zero value is a control plane without nodes.
type Options struct {
	// Name names the lab among those that run; a random one when empty. Lower-case letters, digits and dashes.
	Name string
	// Nodes is how many simulated nodes there are: node-1, node-2 and so on. Without any node, pods stay Pending.
	Nodes int
	// Containers adds a node that runs containers, RealNode, and a registry that it pulls their images from. It needs
	// Linux and root. Pods go to simulated nodes then only if they tolerate the taint "kwok.x-k8s.io/node".
	Containers bool
	// Kubelet are fields of the real node's KubeletConfiguration (kubelet.config.k8s.io/v1beta1) that replace the lab's
	// own: {"seccompDefault": true}.
	Kubelet map[string]any
	// ServerArgs are appended to the API server's flags; where a flag is given twice, these win.
	ServerArgs []string
	// Stages are further stage documents for kwok (YAML), beside the lab's own.
	Stages []string
	// Audit makes the API server write a line for every request (verb, user, object, no bodies): see AuditLog.
	Audit bool
	// Log receives what happens, one line a step with the time since Start. Nothing when nil.
	Log io.Writer
}

// A Lab is a running control plane, with or without nodes. Its methods may be called by several goroutines at once.
type Lab struct {
	dir       string
	authority *authority
	binaries  *Binaries
	attached  bool // another process owns it

	opts  Options
	log   func(format string, args ...any)
	lock  *lock
	ports []*lock // and the network
	rest  *client
	etcd  string // its address

	network network // of a lab that runs containers

	mu        sync.Mutex // guards what follows
	state     state
	processes []*process
	stopping  bool
}

// The names of the components, in the order they start, and of their log files.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
)

// Those of a node that runs containers.
const (
	registry   = "registry"
	nodeInit   = "node" // the first process, which the others die with
	containerd = "containerd"
	kubeProxy  = "kube-proxy"
	kubelet    = "kubelet"
)

// startTimeout is how long a lab may take to become ready: far longer than it takes, so that only a broken one fails.
const startTimeout = 5 * time.Minute

// Start starts a lab and returns when the API server is ready, the default ServiceAccount exists and the nodes take
// pods. When it fails it leaves nothing behind, and its error holds the last log lines of the component that failed.
// It does not build: without binaries the error wraps ErrNotBuilt.
func Start(ctx context.Context, opts Options) (*Lab, error) {
	binaries, err := Cached(ctx)
	if err != nil {
		return nil, err
	}
	if opts.Name == "" {
		opts.Name = "lab-" + strconv.FormatUint(uint64(rand.Uint32()), 36)
	}
	if opts.Containers {
		if err := canRunContainers(binaries); err != nil {
			return nil, fmt.Errorf("starting the lab %q: %w", opts.Name, err)
		}
	}
	sweep()
	dir, held, err := claim(opts.Name)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	l := &Lab{
		dir: dir, lock: held, binaries: binaries, opts: opts,
		state: state{Name: opts.Name, PID: os.Getpid(), Nodes: opts.Nodes, Containers: opts.Containers, Started: start, Kubernetes: binaries.Kubernetes, Components: map[string]int{}},
		log:   func(string, ...any) {},
	}
	if opts.Log != nil {
		l.log = func(format string, args ...any) {
			fmt.Fprintf(opts.Log, "%5.1fs %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := l.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the lab %q: %w", opts.Name, err), l.Stop())
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context) error {
	if err := l.claimAddresses(ctx); err != nil {
		return err
	}
	var err error
	if l.authority, err = newAuthority(filepath.Join(l.dir, pkiFolder)); err != nil {
		return err
	}
	if err := l.writeServerCertificates(); err != nil {
		return err
	}
	if l.rest, err = newClient(l.state.Server, l.authority); err != nil {
		return err
	}
	if _, err := l.writeKubeconfig(adminKubeconfig, "admin", []string{adminGroup}); err != nil {
		return err
	}
	if err := l.run(etcd); err != nil {
		return err
	}
	if !l.opts.Containers { // otherwise only the API server can reach it
		if err := l.wait(ctx, "etcd", func(ctx context.Context) error { return etcdReady(ctx, l.etcd) }); err != nil {
			return err
		}
	}
	if err := l.run(apiServer); err != nil {
		return err
	}
	if err := l.wait(ctx, "the API server", l.rest.ready); err != nil {
		return err
	}
	others := []string{controllerManager, scheduler}
	if l.opts.Nodes > 0 {
		others = append(others, kwok)
		if err := l.rest.addNodes(ctx, l.opts.Nodes, l.opts.Containers); err != nil {
			return err
		}
	}
	for _, name := range others {
		if err := l.run(name); err != nil {
			return err
		}
	}
	if l.opts.Containers {
		if err := l.startNode(ctx); err != nil {
			return err
		}
	}
	if err := l.wait(ctx, "the default ServiceAccount", func(ctx context.Context) error {
		return l.rest.do(ctx, "GET", "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
	}); err != nil {
		return err
	}
	nodes := l.opts.Nodes
	if l.opts.Containers {
		nodes++
	}
	if nodes > 0 {
		if err := l.wait(ctx, "the nodes", func(ctx context.Context) error { return l.rest.nodesReady(ctx, nodes) }); err != nil {
			return err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state.Ready = true
	return l.state.write(l.dir)
}

// claimAddresses decides where the lab's servers listen.
func (l *Lab) claimAddresses(ctx context.Context) error {
	if l.opts.Containers {
		n, held, err := claimNetwork(ctx)
		if err != nil {
			return err
		}
		l.network, l.ports = n, append(l.ports, held)
		l.etcd = "http://" + hostPort(loopback, etcdPort)
		l.state.Server = "https://" + hostPort(n.node(), serverPort)
		l.state.Registry = hostPort(n.node(), registryPort)
		if err := l.state.write(l.dir); err != nil { // from here on there is something to sweep
			return err
		}
		return addNetwork(ctx, isolation(l.state.Name), n)
	}
	var ports [2]int
	for i := range ports {
		port, held, err := claimPort()
		if err != nil {
			return err
		}
		ports[i], l.ports = port, append(l.ports, held)
	}
	l.etcd = "http://" + hostPort(loopback, ports[0])
	l.state.Server = "https://" + hostPort(loopback, ports[1])
	return nil
}

// run starts a component and notes it, so that Stop and other processes find it.
func (l *Lab) run(name string) error {
	path, args, err := l.command(name)
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return fmt.Errorf("starting %s: the lab is stopped", name)
	}
	p, err := startProcess(name, l.LogFile(name), l.place(name), l.componentEnv(name), path, args...)
	if err != nil {
		return err
	}
	l.processes = append(slices.DeleteFunc(l.processes, func(old *process) bool { return old.name == name }), p)
	l.state.Components[name] = p.pid
	return l.state.write(l.dir)
}

// wait asks until ready returns nil, a component ends, or the context does.
func (l *Lab) wait(ctx context.Context, what string, ready func(context.Context) error) error {
	for {
		err := ready(ctx)
		if err == nil {
			l.log("%s ready", what)
			return nil
		}
		l.mu.Lock()
		processes := slices.Clone(l.processes)
		l.mu.Unlock()
		for _, p := range processes {
			if !p.running() {
				return p.failure()
			}
		}
		select {
		case <-ctx.Done():
			err := fmt.Errorf("waiting for %s: %w (last answer: %w)", what, ctx.Err(), err)
			if errors.Is(ctx.Err(), context.DeadlineExceeded) { // nobody asked for the end: say what there is to know
				last := processes[len(processes)-1]
				err = fmt.Errorf("%w\nlast lines of %s:\n%s", err, last.log, indent(tail(last.log, 20)))
			}
			return err
		case <-time.After(25 * time.Millisecond):
		}
	}
}

// Stop ends all components and removes the lab's folder. Stopping twice does no harm.
func (l *Lab) Stop() error {
	if l.attached {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		return l.stopOwner(ctx)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopping {
		return nil
	}
	l.stopping = true
	var errs []error
	// The last started goes first, so that none complains that another is gone.
	for _, p := range slices.Backward(l.processes) {
		errs = append(errs, p.kill())
	}
	if l.opts.Containers {
		errs = append(errs, clearNode(l.state.Name))
	}
	errs = append(errs, removeFolder(l.dir, l.lock))
	for _, p := range l.ports {
		p.release()
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("stopping the lab %q: %w", l.state.Name, err)
	}
	l.log("stopped")
	return nil
}

// Name returns the lab's name.
func (l *Lab) Name() string { return l.state.Name }

// Dir returns the lab's folder: kubeconfigs, keys, logs. Stop removes it.
func (l *Lab) Dir() string { return l.dir }

// Server returns the API server's address, "https://HOST:PORT".
func (l *Lab) Server() string { return l.state.Server }

// Registry returns the address ("HOST:PORT") of the registry of a lab that runs containers, else "". It speaks plain
// HTTP, and the same address is good for pods, for pushing to it and for reading from it.
func (l *Lab) Registry() string { return l.state.Registry }

// NetworkFile returns the file that stands for the network namespace of a lab that runs containers, for programs that
// join it, such as nsenter; else "".
func (l *Lab) NetworkFile() string {
	if !l.opts.Containers {
		return ""
	}
	return networkFile(isolation(l.state.Name))
}

// RegistryCredentials returns who may use repositories below "private/" in the registry. All others are open.
func (l *Lab) RegistryCredentials() (user, password string) { return registryUser, registryPassword }

// LogFile returns the path of a component's log: etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kwok,
// and of a real node registry, containerd, kubelet, kube-proxy.
func (l *Lab) LogFile(component string) string { return filepath.Join(l.dir, component+".log") }

// AuditLog returns the path of the API server's audit log, which Options.Audit asks for: one JSON object
// (audit.k8s.io/v1 Event) a line, written when a request ends.
func (l *Lab) AuditLog() string { return filepath.Join(l.dir, "audit.log") }

// StopAPIServer ends the API server at once, as a crash would: connections break, and new ones are refused.
func (l *Lab) StopAPIServer() error {
	p, err := l.apiServerProcess()
	if err != nil {
		return err
	}
	return p.kill()
}

// StartAPIServer starts the API server again, at the same address with the same data, and waits until it is ready.
// The controllers find it again by themselves, each in its own time.
func (l *Lab) StartAPIServer(ctx context.Context) error {
	p, err := l.apiServerProcess()
	if err != nil {
		return err
	}
	if p.running() {
		return nil
	}
	if err := l.run(apiServer); err != nil {
		return err
	}
	return l.wait(ctx, "the API server", l.rest.ready)
}

// PauseAPIServer makes the API server hang: connections are accepted and nothing is answered, until ResumeAPIServer.
func (l *Lab) PauseAPIServer() error {
	p, err := l.apiServerProcess()
	if err != nil {
		return err
	}
	return signalGroup(p.pid, sigStop)
}

// ResumeAPIServer lets a paused API server go on.
func (l *Lab) ResumeAPIServer() error {
	p, err := l.apiServerProcess()
	if err != nil {
		return err
	}
	return signalGroup(p.pid, sigCont)
}

func (l *Lab) apiServerProcess() (*process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.processes {
		if p.name == apiServer {
			return p, nil
		}
	}
	return nil, fmt.Errorf("finding the API server of the lab %q: this process did not start it", l.state.Name)
}
