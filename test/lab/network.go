package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A network is the addresses of a lab that runs containers: 10.N.0.0/16, all in a network namespace of its own. A pair of
// virtual devices joins it to the machine, so that everything in it can be reached from here at the same address as
// from inside: API server, registry, pods and Services. It has no way out.
type network int

func (n network) address(rest string) string { return fmt.Sprintf("10.%d.%s", int(n), rest) }

func (n network) all() string       { return n.address("0.0/16") }
func (n network) pods() string      { return n.address("0.0/18") }
func (n network) simulated() string { return n.address("64.0/18") } // pods of simulated nodes
func (n network) services() string  { return n.address("128.0/18") }
func (n network) serviceIP() string { return n.address("128.1") }  // of the Service "kubernetes", the first of the range
func (n network) dns() string       { return n.address("128.10") } // nobody answers there, and soon
func (n network) machine() string   { return n.address("255.1") }  // this machine, seen from the node
func (n network) node() string      { return n.address("255.2") }  // the node
func (n network) device() string    { return fmt.Sprintf("harden-lab-%d", int(n)) }

// Networks are picked where few others are.
const firstNetwork, lastNetwork = 200, 249

// claimNetwork finds a network that no route of this machine leads into, and keeps it from other labs until the lock is
// released.
func claimNetwork(ctx context.Context) (network, *lock, error) {
	root, err := Root()
	if err != nil {
		return 0, nil, err
	}
	dir := filepath.Join(root, "networks")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return 0, nil, fmt.Errorf("claiming a network: %w", err)
	}
	routes, err := ip(ctx, "-4", "route", "show", "table", "all")
	if err != nil {
		return 0, nil, err
	}
	for _, i := range rand.Perm(lastNetwork - firstNetwork + 1) {
		n := network(firstNetwork + i)
		if n.usedBy(routes) {
			continue
		}
		l, err := tryLock(filepath.Join(dir, strconv.Itoa(int(n))))
		if errors.Is(err, errLocked) {
			continue
		}
		if err != nil {
			return 0, nil, fmt.Errorf("claiming a network: %w", err)
		}
		return n, l, nil
	}
	return 0, nil, fmt.Errorf("claiming a network: this machine has routes into each of 10.%d.0.0/16 to 10.%d.0.0/16", firstNetwork, lastNetwork)
}

// usedBy reports whether one of the routes, as 'ip route' prints them, names an address or a range inside of the network.
// A wider range is no obstacle: the lab's own route is the more special one.
func (n network) usedBy(routes string) bool {
	all := netip.MustParsePrefix(n.all())
	for _, word := range strings.Fields(routes) {
		address, _, _ := strings.Cut(word, "/")
		if a, err := netip.ParseAddr(address); err == nil && all.Contains(a) {
			return true
		}
	}
	return false
}

// ip runs iproute2's ip.
func ip(ctx context.Context, args ...string) (string, error) {
	out, err := output(exec.CommandContext(ctx, "ip", args...))
	if err != nil {
		return "", fmt.Errorf("running ip %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

// networkSettings makes a router of the namespace, which tells pods without delay that an address cannot be reached. A
// redirect, as a pod gets that reaches itself by its Service, would count against that.
const networkSettings = `cd /proc/sys/net/ipv4 && echo 1 >ip_forward && echo 0 >icmp_ratelimit && echo 0 >conf/all/send_redirects && echo 0 >conf/default/send_redirects`

// addNetwork makes the namespace and its devices.
func addNetwork(ctx context.Context, namespace string, n network) error {
	for _, args := range [][]string{
		{"netns", "add", namespace},
		{"link", "add", n.device(), "type", "veth", "peer", "name", "node0", "netns", namespace},
		{"address", "add", n.machine() + "/30", "dev", n.device()},
		{"link", "set", n.device(), "up"},
		{"-n", namespace, "link", "set", "lo", "up"},
		{"-n", namespace, "address", "add", n.node() + "/30", "dev", "node0"},
		{"-n", namespace, "link", "set", "node0", "up"},
		{"-n", namespace, "route", "add", "unreachable", "default"},
		{"netns", "exec", namespace, "sh", "-c", networkSettings},
		{"route", "add", n.all(), "via", n.node(), "dev", n.device()},
	} {
		if _, err := ip(ctx, args...); err != nil {
			return fmt.Errorf("making the network %s: %w", n.all(), err)
		}
	}
	return nil
}

// deleteNetwork removes the namespace. Its devices go with it, once no process is in it.
func deleteNetwork(ctx context.Context, namespace string) error {
	if _, err := os.Stat(networkFile(namespace)); err != nil {
		return nil
	}
	_, err := ip(ctx, "netns", "delete", namespace)
	return err
}

// networkFile returns the file that stands for a network namespace which 'ip netns' made.
func networkFile(namespace string) string { return "/run/netns/" + namespace }

// hostPort joins a host and a port.
func hostPort(host string, port int) string { return net.JoinHostPort(host, strconv.Itoa(port)) }

// clearNode removes what a lab that ran containers leaves on the machine when its processes are gone: the network
// namespace with its devices, and the cgroup. Mounts went with the processes.
func clearNode(lab string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(deleteNetwork(ctx, isolation(lab)), deleteCgroup(isolation(lab)))
}
