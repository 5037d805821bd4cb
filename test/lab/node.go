package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// RealNode is the name of the node that runs containers.
const RealNode = "node-real"

// Ports of a lab that runs containers; its network is its own.
const (
	etcdPort     = 2379
	serverPort   = 6443
	registryPort = 5000
)

// Where the programs of the node see the lab's folder and the binaries: see components/pause. The paths of sockets must
// be short.
const (
	nodeLab    = "/run/lab"
	nodeBin    = "/run/bin"
	nodeSocket = "/run/containerd/containerd.sock"
)

// The user who may use repositories of the lab's registry below "private/". Nothing there is worth a secret.
const registryUser, registryPassword = "lab", "open-sesame"

// canRunContainers returns nil when this process can start a node that runs containers.
func canRunContainers(b *Binaries) error {
	if err := b.Containers(); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return errors.New("a node that runs containers needs root, for namespaces, mounts and cgroups")
	}
	for program, from := range map[string]string{"ip": "iproute2", "nft": "nftables", "mount": "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("a node that runs containers needs the program %q: please install %s (on Debian)", program, from)
		}
	}
	return nil
}

// isolation is the name of the lab's network namespace and of its cgroup.
func isolation(lab string) string { return "harden-lab-" + lab }

// place returns where a component runs.
func (l *Lab) place(name string) place {
	if !l.opts.Containers {
		return place{}
	}
	p := place{network: networkFile(isolation(l.state.Name))}
	switch name {
	case nodeInit:
		p.own = true
	case containerd, kubelet, kubeProxy:
		p.node = l.state.Components[nodeInit]
	}
	return p
}

// startNode starts the registry and the node, and returns when the node has registered itself.
func (l *Lab) startNode(ctx context.Context) error {
	if err := addCgroup(isolation(l.state.Name)); err != nil {
		return err
	}
	if err := l.writeNodeFiles(); err != nil {
		return err
	}
	steps := []struct {
		name, what string
		ready      func(context.Context) error
	}{
		{registry, "the registry", l.registryReady},
		{nodeInit, "the node's namespaces", l.nodeInitReady},
		{containerd, "containerd", l.containerdReady},
		{kubelet, "the node's registration", l.nodeRegistered},
	}
	for _, s := range steps {
		if err := l.run(s.name); err != nil {
			return err
		}
		if err := l.wait(ctx, s.what, s.ready); err != nil {
			return err
		}
	}
	// It ends when the node gets an address later than half a minute after its start.
	return l.run(kubeProxy)
}

func (l *Lab) nodeRegistered(ctx context.Context) error {
	var n node
	if err := l.rest.do(ctx, http.MethodGet, "/api/v1/nodes/"+RealNode, nil, &n); err != nil {
		return err
	}
	if len(n.Status.Addresses) == 0 {
		return errors.New("the node has no address yet")
	}
	return nil
}

func (l *Lab) registryReady(ctx context.Context) error {
	// The image of pods' sandboxes is the last thing that it makes ready.
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://"+l.state.Registry+"/v2/pause/manifests/1", nil)
	if err != nil {
		return fmt.Errorf("asking the registry: %w", err)
	}
	direct := &http.Transport{DisableKeepAlives: true} // past any proxy
	resp, err := direct.RoundTrip(req)
	if err != nil {
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the registry: status %s", resp.Status)
	}
	return nil
}

func (l *Lab) nodeInitReady(context.Context) error {
	data, err := os.ReadFile(l.LogFile(nodeInit))
	if err != nil {
		return err
	}
	if !strings.Contains(string(data), "ready\n") {
		return errors.New("its first process is not done with the mounts")
	}
	return nil
}

func (l *Lab) containerdReady(ctx context.Context) error {
	// The socket as this process sees it.
	l.mu.Lock()
	socket := filepath.Join("/proc", strconv.Itoa(l.state.Components[nodeInit]), "root", nodeSocket)
	l.mu.Unlock()
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	return conn.Close()
}

// nodeCommand returns the program of a component of the node and its arguments.
func (l *Lab) nodeCommand(name string) (path string, args []string) {
	inNode := func(dir, program string) string { return filepath.Join(nodeBin, filepath.Base(dir), program) }
	switch name {
	case nodeInit:
		return filepath.Join(l.binaries.pause, "pause"), []string{
			"--node",
			l.dir + string(filepath.Separator) + "=" + nodeLab, // whole, so that it is found by it: see killLeftovers
			filepath.Dir(l.binaries.pause) + "=" + nodeBin,
		}
	case containerd:
		return inNode(l.binaries.containerd, containerd), []string{"--config=" + filepath.Join(nodeLab, "containerd.toml")}
	case kubelet:
		return inNode(l.binaries.Kubernetes, kubelet), []string{
			"--config=" + filepath.Join(nodeLab, "kubelet.json"),
			"--kubeconfig=" + filepath.Join(nodeLab, "kubelet.kubeconfig"),
			"--root-dir=" + filepath.Join(nodeLab, "kubelet"),
			"--hostname-override=" + RealNode,
			"--node-ip=" + l.network.node(),
		}
	case kubeProxy:
		return inNode(l.binaries.Kubernetes, kubeProxy), []string{"--config=" + filepath.Join(nodeLab, "kube-proxy.json")}
	default:
		return filepath.Join(l.binaries.registry, registry), []string{
			"--listen=" + l.state.Registry,
			"--dir=" + filepath.Join(l.dir, "registry"),
			"--pause=" + filepath.Join(l.binaries.pause, "pause"),
			"--user=" + registryUser,
			"--password=" + registryPassword,
		}
	}
}

// writeNodeFiles writes what the node's programs read.
func (l *Lab) writeNodeFiles() error {
	if err := l.writeNodeCertificates(); err != nil {
		return err
	}
	registries := filepath.Join("registries", l.state.Registry)
	for _, dir := range []string{"cni", registries} {
		if err := os.MkdirAll(filepath.Join(l.dir, dir), 0o700); err != nil {
			return fmt.Errorf("making the node's folders: %w", err)
		}
	}
	files := map[string]any{
		"kubelet.json":             l.kubeletConfig(),
		"kube-proxy.json":          l.kubeProxyConfig(),
		"cni/lab.conflist":         l.cniConfig(),
		"containerd.toml":          l.containerdConfig(),
		registries + "/hosts.toml": fmt.Sprintf("server = %q\n", "http://"+l.state.Registry),
	}
	for name, content := range files {
		text, ok := content.(string)
		if !ok {
			data, err := json.MarshalIndent(content, "", "  ")
			if err != nil {
				return fmt.Errorf("encoding %q: %w", name, err)
			}
			text = string(data)
		}
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("writing the node's configuration: %w", err)
		}
	}
	return nil
}

// writeNodeCertificates makes what kubelet, kube-proxy and API server know one another by.
func (l *Lab) writeNodeCertificates() error {
	if _, err := l.writeKubeconfig("kubelet.kubeconfig", "system:node:"+RealNode, []string{"system:nodes"}); err != nil {
		return err
	}
	if _, err := l.writeKubeconfig("kube-proxy.kubeconfig", "system:kube-proxy", nil); err != nil {
		return err
	}
	return l.authority.server(kubeletCert, kubeletKey, "system:node:"+RealNode, nil, net.ParseIP(l.network.node()))
}

// kubeletConfig is a KubeletConfiguration (kubelet.config.k8s.io/v1beta1). It is that of a common node, but for what a
// busy machine without rights over its kernel needs.
func (l *Lab) kubeletConfig() map[string]any {
	config := map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"address":                  l.network.node(),
		"healthzPort":              0,
		"tlsCertFile":              filepath.Join(nodeLab, pkiFolder, kubeletCert),
		"tlsPrivateKeyFile":        filepath.Join(nodeLab, pkiFolder, kubeletKey),
		"authentication":           map[string]any{"x509": map[string]any{"clientCAFile": filepath.Join(nodeLab, pkiFolder, caCert)}, "webhook": map[string]any{"enabled": true}, "anonymous": map[string]any{"enabled": false}},
		"authorization":            map[string]any{"mode": "Webhook"},
		"containerRuntimeEndpoint": "unix://" + nodeSocket,
		"podLogsDir":               filepath.Join(nodeLab, "pods"),
		"clusterDomain":            "cluster.local",
		"clusterDNS":               []string{l.network.dns()},
		"resolvConf":               "",
		"maxPods":                  200,
		// Nothing is thrown out of a machine that is shared with builds and tests.
		"evictionHard":                map[string]any{"memory.available": "0%", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
		"imageGCHighThresholdPercent": 100,
		// Tests wait for what it says and does.
		"kubeAPIQPS": 500, "kubeAPIBurst": 1000, "eventRecordQPS": 0, "registryPullQPS": 0, "serializeImagePulls": false,
		"nodeStatusUpdateFrequency": "5s",
		// The lab's own cgroup, by files: there may be no systemd. With cgroup v1 as well as v2.
		"cgroupDriver": "cgroupfs", "cgroupRoot": "/" + isolation(l.state.Name), "failCgroupV1": false, "enforceNodeAllocatable": []string{},
		"failSwapOn": false, "oomScoreAdj": 0, "makeIPTablesUtilChains": false,
	}
	maps.Copy(config, l.opts.Kubelet)
	return config
}

// kubeProxyConfig is a KubeProxyConfiguration (kubeproxy.config.k8s.io/v1alpha1). It needs the program nft.
func (l *Lab) kubeProxyConfig() map[string]any {
	return map[string]any{
		"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration",
		"clientConnection": map[string]any{"kubeconfig": filepath.Join(nodeLab, "kube-proxy.kubeconfig"), "qps": 100, "burst": 200},
		"hostnameOverride": RealNode,
		"mode":             "nftables",
		"nftables":         map[string]any{"minSyncPeriod": "50ms"},
		"clusterCIDR":      l.network.pods(),
		// Limits of the kernel, which a network namespace may not change.
		"conntrack": map[string]any{"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
	}
}

// cniConfig joins each pod to the node by a pair of devices of its own: all traffic is routed, also from pod to pod of a
// Service, so that no bridge has to be told to show its traffic to kube-proxy's rules.
func (l *Lab) cniConfig() map[string]any {
	return map[string]any{
		"cniVersion": "1.0.0", "name": "lab",
		"plugins": []any{
			map[string]any{
				"type": "ptp",
				"ipam": map[string]any{
					"type": "host-local", "dataDir": "/run/cni",
					"ranges": []any{[]any{map[string]any{"subnet": l.network.pods()}}},
					"routes": []any{map[string]any{"dst": "0.0.0.0/0"}},
				},
			},
			map[string]any{"type": "portmap", "backend": "nftables", "capabilities": map[string]any{"portMappings": true}},
		},
	}
}

func (l *Lab) containerdConfig() string {
	bin := func(dir, program string) string { return filepath.Join(nodeBin, filepath.Base(dir), program) }
	return fmt.Sprintf(`version = 4
root = %q
state = %q
# They use folders of the machine: for programs, image verifiers and plugins that the lab has none of.
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.image-verifier.v1.bindir", "io.containerd.nri.v1.nri"]

[plugins."io.containerd.server.v1.grpc"]
address = %q

[plugins."io.containerd.metadata.v1.bolt"]
no_sync = true

[plugins."io.containerd.cri.v1.runtime"]
# A process without CAP_SYS_RESOURCE cannot lower the score, and runc would fail.
restrict_oom_score_adj = true
disable_apparmor = true

[plugins."io.containerd.cri.v1.runtime".cni]
bin_dirs = [%q]
conf_dir = %q

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
runtime_path = %q

[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
BinaryName = %q

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = %q

[plugins."io.containerd.cri.v1.images".registry]
config_path = %q
`,
		filepath.Join(nodeLab, "containerd"), filepath.Dir(nodeSocket), nodeSocket,
		bin(l.binaries.cni, ""), filepath.Join(nodeLab, "cni"),
		bin(l.binaries.containerd, "containerd-shim-runc-v2"), bin(l.binaries.runc, "runc"),
		l.state.Registry+"/pause:1", filepath.Join(nodeLab, "registries"))
}
