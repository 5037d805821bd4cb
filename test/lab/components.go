package lab

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// loopback is where a lab without containers listens.
const loopback = "127.0.0.1"

// addresses are those that the control plane hands out or tells pods.
type addresses struct {
	services   string // a range
	serviceIP  string // of the Service "kubernetes", the first of the range
	simulated  string // the range of pods on simulated nodes
	advertised string // the API server's address in the endpoints of the Service "kubernetes"
}

func (l *Lab) ranges() addresses {
	if n := l.network; l.opts.Containers {
		return addresses{services: n.services(), serviceIP: n.serviceIP(), simulated: n.simulated(), advertised: n.node()}
	}
	return addresses{
		services: "10.96.0.0/16", serviceIP: "10.96.0.1", simulated: "10.244.0.0/16",
		// A loopback address is refused there; this one is reserved for documentation (RFC 5737), and no simulated pod
		// will call it.
		advertised: "192.0.2.1",
	}
}

// auditPolicy records who asked for what, without bodies: the lab's log must not hold Secrets either.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// command returns the program of a component and its arguments, and writes the files that these name.
func (l *Lab) command(name string) (path string, args []string, err error) {
	pki := l.authority.path
	switch name {
	case etcd:
		return l.binaries.Etcd, []string{
			"--name=lab",
			"--data-dir=" + filepath.Join(l.dir, "etcd"),
			"--listen-client-urls=" + l.etcd,
			"--advertise-client-urls=" + l.etcd,
			"--listen-peer-urls=http://" + loopback + ":0", // it has no peers
			"--log-level=warn",
			"--unsafe-no-fsync", // a lab's data need not survive a power cut
		}, nil
	case apiServer:
		server, err := url.Parse(l.state.Server)
		if err != nil {
			return "", nil, fmt.Errorf("reading the API server's address: %w", err)
		}
		args = []string{
			"--etcd-servers=" + l.etcd,
			"--bind-address=" + server.Hostname(),
			"--secure-port=" + server.Port(),
			"--advertise-address=" + l.ranges().advertised,
			"--tls-cert-file=" + pki(serverCert),
			"--tls-private-key-file=" + pki(serverKey),
			"--client-ca-file=" + pki(caCert),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file=" + pki(saPublicKey),
			"--service-account-signing-key-file=" + pki(saPrivateKey),
			"--service-cluster-ip-range=" + l.ranges().services,
			"--authorization-mode=Node,RBAC",
			"--allow-privileged=true",
			"--kubelet-preferred-address-types=InternalIP",
		}
		if l.opts.Containers {
			args = append(args,
				"--kubelet-certificate-authority="+pki(caCert),
				"--kubelet-client-certificate="+pki(kubeletClientCert), "--kubelet-client-key="+pki(kubeletClientKey))
		}
		if l.opts.Audit {
			policy := filepath.Join(l.dir, "audit-policy.yaml")
			if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
				return "", nil, fmt.Errorf("writing the audit policy: %w", err)
			}
			args = append(args, "--audit-policy-file="+policy, "--audit-log-path="+l.AuditLog())
		}
		return filepath.Join(l.binaries.Kubernetes, apiServer), append(args, l.opts.ServerArgs...), nil
	case controllerManager:
		kubeconfig, err := l.writeKubeconfig(name+".kubeconfig", "system:"+name, nil)
		return filepath.Join(l.binaries.Kubernetes, name), []string{
			"--kubeconfig=" + kubeconfig,
			"--service-account-private-key-file=" + pki(saPrivateKey),
			"--root-ca-file=" + pki(caCert),
			"--use-service-account-credentials",
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000", // thousands of simulated pods, one machine
			// kwok renews the nodes' leases late when the machine is busy; no test wants its pods evicted for that.
			"--node-monitor-grace-period=10m",
		}, err
	case scheduler:
		kubeconfig, err := l.writeKubeconfig(name+".kubeconfig", "system:"+name, nil)
		return filepath.Join(l.binaries.Kubernetes, name), []string{
			"--kubeconfig=" + kubeconfig,
			"--leader-elect=false",
			"--secure-port=0",
			"--kube-api-qps=500", "--kube-api-burst=1000",
		}, err
	case kwok:
		kubeconfig, err := l.writeKubeconfig(name+".kubeconfig", "kwok", []string{adminGroup})
		if err != nil {
			return "", nil, err
		}
		stages, err := writeStages(l.dir, l.binaries.Stages, l.opts.Stages)
		return l.binaries.Kwok, []string{
			"--kubeconfig=" + kubeconfig,
			"--config=" + strings.Join(stages, ","),
			"--manage-nodes-with-annotation-selector=" + simulatedNodeAnnotation + "=fake",
			"--node-lease-duration-seconds=40",
			"--cidr=" + l.ranges().simulated,
		}, err
	case registry, nodeInit, containerd, kubelet, kubeProxy:
		path, args := l.nodeCommand(name)
		return path, args, nil
	}
	return "", nil, fmt.Errorf("starting %q: no such component", name)
}

// componentEnv is the environment of a component: that of this process, with another home, since kwok reads its user's
// configuration there. No proxy can reach the network of a lab that runs containers, and its components look for
// programs: runc, and those of administrators.
func (l *Lab) componentEnv(name string) []string {
	home, env := l.dir, os.Environ()
	if l.opts.Containers {
		env = slices.DeleteFunc(env, func(v string) bool {
			name, _, _ := strings.Cut(v, "=")
			return strings.HasSuffix(strings.ToLower(name), "_proxy")
		})
		env = append(env, "PATH="+filepath.Join(nodeBin, filepath.Base(l.binaries.runc))+":"+os.Getenv("PATH")+":/usr/sbin:/usr/bin:/sbin:/bin")
		if l.place(name).node != 0 {
			home = nodeLab
		}
	}
	return append(env, "HOME="+home, "KWOK_WORKDIR="+l.dir)
}

// etcdReady asks etcd whether it serves.
func etcdReady(ctx context.Context, address string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"/health", nil)
	if err != nil {
		return fmt.Errorf("asking etcd: %w", err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("asking etcd: status %s", resp.Status)
	}
	return nil
}
