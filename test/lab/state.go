package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Root returns the folder that holds everything a lab keeps between and during runs: bin (the binaries), labs (one
// folder a running lab) and ports (who uses which). It can be deleted whole when no lab runs. HARDEN_LAB_ROOT moves it.
func Root() (string, error) {
	if dir := os.Getenv("HARDEN_LAB_ROOT"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the lab's folder: %w", err)
	}
	return filepath.Join(cache, "kubectl-harden-lab"), nil
}

const (
	stateFile = "lab.json"
	lockFile  = "lock"
)

// A state is what other processes need to know of a running lab.
type state struct {
	Name       string         `json:"name"`
	PID        int            `json:"pid"` // the process that owns the lab
	Server     string         `json:"server"`
	Registry   string         `json:"registry,omitempty"`
	Nodes      int            `json:"nodes"` // simulated ones
	Containers bool           `json:"containers,omitempty"`
	Started    time.Time      `json:"started"`
	Ready      bool           `json:"ready"`
	Kubernetes string         `json:"kubernetes"` // the folder of its kubectl
	Components map[string]int `json:"components"` // name to PID, which is also the process group
}

func (s *state) write(dir string) error {
	data, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding the lab's state: %w", err)
	}
	temp := filepath.Join(dir, stateFile+".new")
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return fmt.Errorf("writing the lab's state: %w", err)
	}
	if err := os.Rename(temp, filepath.Join(dir, stateFile)); err != nil {
		return fmt.Errorf("writing the lab's state: %w", err)
	}
	return nil
}

func readState(dir string) (*state, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil {
		return nil, fmt.Errorf("reading the lab's state: %w", err)
	}
	s := &state{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, fmt.Errorf("reading the lab's state in %q: %w", dir, err)
	}
	return s, nil
}

var validName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,48}[a-z0-9])?$`)

// claim makes the lab's folder and takes its lock; a folder of that name that a dead lab left is emptied.
func claim(name string) (string, *lock, error) {
	if !validName.MatchString(name) {
		return "", nil, fmt.Errorf("naming the lab %q: use at most 50 lower-case letters, digits and dashes", name)
	}
	root, err := Root()
	if err != nil {
		return "", nil, err
	}
	dir := filepath.Join(root, "labs", name)
	for try := 0; ; try++ {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", nil, fmt.Errorf("making the lab's folder: %w", err)
		}
		l, err := tryLock(filepath.Join(dir, lockFile))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // swept between the two calls, as the folder of a dead lab
		case errors.Is(err, errLocked) && try < 20:
			time.Sleep(50 * time.Millisecond) // perhaps it is being swept just now
			continue
		case errors.Is(err, errLocked):
			return "", nil, fmt.Errorf("claiming the name %q: a lab of that name runs already", name)
		case err != nil:
			return "", nil, err
		}
		killLeftovers(dir)
		if err := empty(dir); err != nil {
			l.release()
			return "", nil, err
		}
		return dir, l, nil
	}
}

// empty removes everything from a lab's folder but its lock.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("emptying the lab's folder: %w", err)
	}
	for _, e := range entries {
		if e.Name() == lockFile {
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return fmt.Errorf("emptying the lab's folder: %w", err)
		}
	}
	return nil
}

// sweep removes what labs left behind whose process died before it could stop them.
func sweep() {
	root, err := Root()
	if err != nil {
		return
	}
	labs, _ := os.ReadDir(filepath.Join(root, "labs"))
	for _, e := range labs {
		sweepOne(filepath.Join(root, "labs", e.Name()))
	}
	ports, _ := os.ReadDir(filepath.Join(root, "ports"))
	for _, e := range ports {
		if l, err := tryLock(filepath.Join(root, "ports", e.Name())); err == nil {
			l.release()
		}
	}
}

// sweepOne removes a lab's folder if the lab is dead.
func sweepOne(dir string) {
	l, err := tryLock(filepath.Join(dir, lockFile))
	if err != nil {
		return
	}
	killLeftovers(dir)
	_ = removeFolder(dir, l)
}

// removeFolder removes a lab's folder, the lock last. What another process puts there meanwhile, to sweep it as well,
// is for that one to remove.
func removeFolder(dir string, l *lock) error {
	err := empty(dir)
	l.release()
	_ = os.Remove(dir)
	return err
}

// killLeftovers ends the components of a dead lab: where the kernel does not end them with it (see child), or has not
// done so yet. A PID may belong to another process by now, so the command line must name the lab's folder.
func killLeftovers(dir string) {
	s, err := readState(dir)
	if err != nil {
		return
	}
	for _, pid := range s.Components {
		command, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
		if err == nil && strings.Contains(string(command), dir+string(filepath.Separator)) {
			_ = signalGroup(pid, syscall.SIGKILL)
		}
	}
	if s.Containers {
		_ = clearNode(s.Name)
	}
}

// Ports are picked below the ranges from which systems hand out ports for outgoing connections (Linux from 32768,
// macOS from 49152), so that one stays free while the API server is away.
const (
	firstPort = 20000
	lastPort  = 32000
)

// claimPort finds a free port on the loopback address and keeps it from other labs until the lock is released.
func claimPort() (int, *lock, error) {
	root, err := Root()
	if err != nil {
		return 0, nil, err
	}
	dir := filepath.Join(root, "ports")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, nil, fmt.Errorf("claiming a port: %w", err)
	}
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		l, err := tryLock(filepath.Join(dir, strconv.Itoa(port)))
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return 0, nil, fmt.Errorf("claiming a port: %w", err)
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			l.release()
			continue
		}
		listener.Close()
		return port, l, nil
	}
	return 0, nil, fmt.Errorf("claiming a port: none is free between %d and %d", firstPort, lastPort)
}

// Info describes a running lab.
type Info struct {
	Name       string
	Server     string
	Registry   string // empty if it runs no containers
	Nodes      int    // simulated ones
	PID        int    // of the process that owns it
	Started    time.Time
	Ready      bool
	Kubeconfig string
}

// List returns the labs that run, of this user and under this Root.
func List() ([]Info, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(root, "labs"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing labs: %w", err)
	}
	var infos []Info
	for _, e := range entries {
		dir := filepath.Join(root, "labs", e.Name())
		sweepOne(dir)
		s, err := readState(dir)
		if err != nil {
			continue // dead, or too young to have one
		}
		infos = append(infos, Info{
			Name: s.Name, Server: s.Server, Registry: s.Registry, Nodes: s.Nodes, PID: s.PID, Started: s.Started, Ready: s.Ready,
			Kubeconfig: filepath.Join(dir, adminKubeconfig),
		})
	}
	return infos, nil
}

// Attach returns a running lab that another process owns. Stop asks its owner to stop it; its API server cannot be
// stopped, paused or started from here.
func Attach(name string) (*Lab, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(root, "labs", name)
	if !validName.MatchString(name) || !isDir(dir) {
		return nil, fmt.Errorf("attaching to the lab %q: no such lab runs", name)
	}
	sweepOne(dir)
	s, err := readState(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("attaching to the lab %q: no such lab runs", name)
	}
	if err != nil {
		return nil, err
	}
	a, err := openAuthority(filepath.Join(dir, pkiFolder))
	if err != nil {
		return nil, err
	}
	return &Lab{dir: dir, state: *s, authority: a, attached: true, binaries: &Binaries{Kubernetes: s.Kubernetes}}, nil
}

// stopOwner asks the process that owns the lab to stop it, and waits until it did.
func (l *Lab) stopOwner(ctx context.Context) error {
	owner, err := os.FindProcess(l.state.PID)
	if err != nil {
		return fmt.Errorf("finding the owner of the lab %q: %w", l.state.Name, err)
	}
	if err := owner.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stopping the lab %q: %w", l.state.Name, err)
	}
	for {
		// An owner that knows no signal dies of it, and leaves the folder to us.
		sweepOne(l.dir)
		if !isDir(l.dir) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for process %d to stop the lab %q: %w", l.state.PID, l.state.Name, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
