package needs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/pod"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var rules = []*harden.Fixer{
	pod.PrivilegedContainer, pod.HostNetwork, pod.HostPID, pod.HostPathVolume, pod.HostPathSensitive, pod.RuntimeSocketMount,
	pod.DangerousCapabilities, pod.RunAsRootUser, pod.ReadOnlyRootFilesystem,
}

func settled(t *testing.T, yaml string) *harden.Result {
	t.Helper()
	return (&engine.Engine{Suite: rules, Settle: Settle}).Run(fixtest.Load(t, yaml))
}

// settledWith judges with some of the catalogue.
func settledWith(t *testing.T, yaml string, suite []*harden.Fixer, catalogue []Agent) []*harden.Finding {
	t.Helper()
	return (&engine.Engine{Suite: suite, Settle: func(res *harden.Result) { settle(res, catalogue) }}).Run(fixtest.Load(t, yaml)).Findings
}

// found are the findings that still count, each once.
func found(res *harden.Result) []string {
	all := []string{}
	for _, f := range res.Findings {
		if f.Status == harden.StatusFail {
			all = append(all, strings.Join(strings.Fields(f.Fixer.ID+" "+f.Container.Name+" "+f.Discriminator), " "))
		}
	}
	slices.Sort(all)
	return all
}

const kubeProxy = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: kube-proxy, namespace: %s}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec:
      hostNetwork: true
      volumes:
      - {name: modules, hostPath: {path: %s}}
      - {name: lock, hostPath: {path: /run/xtables.lock}}
      containers:
      - name: kube-proxy
        image: %s
        securityContext: {privileged: true}
        volumeMounts:
        - {name: modules, mountPath: /lib/modules, readOnly: true}
        - {name: lock, mountPath: /run/xtables.lock}
`

const genuine = "registry.k8s.io/kube-proxy:v1.37.2"

func TestKubeProxyIsExpected(t *testing.T) {
	for _, image := range []string{genuine, "registry.example.com/mirror/registry.k8s.io/kube-proxy@sha256:" + strings.Repeat("a", 64), "602401143452.dkr.ecr.us-west-2.amazonaws.com/eks/kube-proxy:v1.33.0"} {
		res := settled(t, fmt.Sprintf(kubeProxy, "kube-system", "/lib/modules", image))
		if diff := cmp.Diff([]string{"read-only-root-filesystem kube-proxy"}, found(res)); diff != "" {
			t.Errorf("%s: what still counts (-want +got):\n%s", image, diff)
		}
		for _, f := range res.Findings {
			if f.Status == harden.StatusExpected && (!strings.HasPrefix(f.Excuse.Reason, "kube-proxy needs it: ") || !strings.Contains(f.Excuse.Source, "https://") || !f.Excuse.Until.IsZero()) {
				t.Errorf("%s is excused by %+v", f.ID(), f.Excuse)
			}
		}
		if n := res.Counts["privileged-container"]; n.Fail != 0 || n.Expected != 1 {
			t.Errorf("counts are %+v", n)
		}
	}
}

func TestSpoofedImage(t *testing.T) {
	for _, image := range []string{"registry.example.com/miner:1", "registry.example.com/kube-proxy-tools:1", "registry.example.com/notkube-proxy:1", "kube-proxy/miner", "registry.example.com/kube-proxy/x:1"} {
		res := settled(t, fmt.Sprintf(kubeProxy, "kube-system", "/lib/modules", image))
		for _, f := range res.Findings {
			if f.Status != harden.StatusFail {
				t.Errorf("%s: %s is %s", image, f.Fixer.ID, f.Status)
			}
		}
		i := slices.IndexFunc(res.Findings, func(f *harden.Finding) bool { return f.Fixer == pod.PrivilegedContainer })
		if detail := res.Findings[i].Detail; !strings.Contains(detail, `It looks like kube-proxy, but the image of container "kube-proxy" (`+image+`) is not one of its own`) {
			t.Errorf("%s: the detail is %q", image, detail)
		}
	}
}

func TestFactsBeyond(t *testing.T) {
	t.Run("another namespace", func(t *testing.T) {
		if got := found(settled(t, fmt.Sprintf(kubeProxy, "shop", "/lib/modules", genuine))); !slices.Contains(got, "privileged-container kube-proxy") {
			t.Errorf("still found are %v", got)
		}
	})
	t.Run("another path", func(t *testing.T) {
		got := found(settled(t, fmt.Sprintf(kubeProxy, "kube-system", "/etc", genuine)))
		want := []string{"host-path-sensitive modules /etc", "host-path-volume modules /etc", "read-only-root-filesystem kube-proxy"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
	t.Run("a container more", func(t *testing.T) {
		yaml := fmt.Sprintf(kubeProxy, "kube-system", "/lib/modules", genuine) + `
      - name: miner
        image: registry.example.com/miner:1
        securityContext: {privileged: true}
        volumeMounts: [{name: modules, mountPath: /m, readOnly: true}]
`
		got := found(settled(t, yaml))
		want := []string{
			"host-network", "host-path-sensitive modules /lib/modules", "host-path-volume modules /lib/modules", "privileged-container miner",
			"read-only-root-filesystem kube-proxy", "read-only-root-filesystem miner",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}

const nodeExporter = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node-exporter, namespace: monitoring}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: node-exporter}}
  template:
    metadata: {labels: {app.kubernetes.io/name: node-exporter}}
    spec:
      hostNetwork: true
      hostPID: true
      securityContext: {runAsNonRoot: true, runAsUser: %d}
      volumes: [{name: root, hostPath: {path: /}}]
      containers:
      - name: node-exporter
        image: quay.io/prometheus/node-exporter:v1.12.1
        securityContext: {readOnlyRootFilesystem: true, capabilities: {add: [%s], drop: [ALL]}}
        volumeMounts: [{name: root, mountPath: /host/root, readOnly: %t}]
`

func TestNodeExporter(t *testing.T) {
	for name, test := range map[string]struct {
		yaml string
		want []string
	}{
		"as shipped":    {fmt.Sprintf(nodeExporter, 65534, "SYS_TIME", true), []string{}},
		"writable root": {fmt.Sprintf(nodeExporter, 65534, "SYS_TIME", false), []string{"host-path-sensitive root /", "host-path-sensitive root / writable", "host-path-volume root /", "runtime-socket-mount root /"}},
		"root":          {fmt.Sprintf(nodeExporter, 0, "SYS_TIME", true), []string{"run-as-root-user", "runtime-socket-mount root /"}},
		"a capability":  {fmt.Sprintf(nodeExporter, 65534, "SYS_TIME, SYS_ADMIN", true), []string{"dangerous-capabilities node-exporter"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, found(settled(t, test.yaml))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	res := settled(t, fmt.Sprintf(nodeExporter, 65534, "SYS_TIME", false))
	i := slices.IndexFunc(res.Findings, func(f *harden.Finding) bool { return f.Fixer == pod.HostPathVolume })
	if !strings.Contains(res.Findings[i].Detail, "node-exporter needs /, but only to read it.") {
		t.Errorf("the detail is %q", res.Findings[i].Detail)
	}
}

func TestMirrorPods(t *testing.T) {
	const etcd = `
apiVersion: v1
kind: Pod
metadata: {name: etcd-node-1, namespace: kube-system, labels: {component: etcd, tier: control-plane}%s}
spec:
  hostNetwork: true
  volumes: [{name: data, hostPath: {path: /var/lib/etcd}}]
  containers:
  - {name: etcd, image: "registry.k8s.io/etcd:3.6.5-0", securityContext: {readOnlyRootFilesystem: true}, volumeMounts: [{name: data, mountPath: /var/lib/etcd}]}
`
	if got := found(settled(t, fmt.Sprintf(etcd, `, annotations: {kubernetes.io/config.mirror: x}`))); len(got) != 0 {
		t.Errorf("a mirror pod: still found are %v", got)
	}
	if got := found(settled(t, fmt.Sprintf(etcd, ""))); len(got) == 0 {
		t.Error("a pod that anybody made passes for that of a kubelet")
	}
}

func TestInitOfAMesh(t *testing.T) {
	const web = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      initContainers: [{name: istio-init, image: %s, securityContext: {runAsUser: 0, readOnlyRootFilesystem: true, capabilities: {add: [NET_ADMIN, NET_RAW], drop: [ALL]}}}]
      containers: [{name: web, image: "registry.example.com/web:1", securityContext: {readOnlyRootFilesystem: true, capabilities: {add: [NET_ADMIN]}}}]
`
	mine := []string{"dangerous-capabilities web"}
	if diff := cmp.Diff(mine, found(settled(t, fmt.Sprintf(web, "docker.io/istio/proxyv2:1.27.1")))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	all := []string{"dangerous-capabilities istio-init", "dangerous-capabilities web", "run-as-root-user istio-init"}
	if diff := cmp.Diff(all, found(settled(t, fmt.Sprintf(web, "registry.example.com/proxy:1")))); diff != "" {
		t.Errorf("another image (-want +got):\n%s", diff)
	}
}

func TestBuildersAreNotExpected(t *testing.T) {
	const builder = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: buildkit, namespace: ci}
spec:
  selector: {matchLabels: {app: buildkit}}
  template:
    metadata: {labels: {app: buildkit}}
    spec:
      containers: [{name: buildkitd, image: "docker.io/moby/buildkit:v0.25.0", securityContext: {privileged: true, readOnlyRootFilesystem: true}}]
`
	if diff := cmp.Diff([]string{"privileged-container buildkitd"}, found(settled(t, builder))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestCatalogueIsComplete(t *testing.T) {
	for _, a := range Catalogue() {
		t.Run(a.Name, func(t *testing.T) {
			if a.Why == "" || strings.HasSuffix(a.Why, ".") || !strings.HasPrefix(a.Source, "https://") || a.Seen == "" {
				t.Error("it needs a reason, a source and the version that was seen")
			}
			if len(a.Kinds) == 0 || len(a.Parts) == 0 {
				t.Error("it must be known by kind and image")
			}
			for _, p := range a.Parts {
				if len(p.Images) == 0 {
					t.Error("a part without an image would fit by its name alone")
				}
				if len(a.Labels) == 0 && len(p.Containers) == 0 {
					t.Error("it needs labels, or names of its containers")
				}
				for _, c := range p.Capabilities {
					if c == "ALL" || strings.HasPrefix(c, "CAP_") || strings.ToUpper(c) != c {
						t.Errorf("capability %q is not one by its plain name", c)
					}
				}
			}
			for _, p := range a.Paths {
				if !strings.HasPrefix(p.Path, "/") || p.Path != "/" && strings.HasSuffix(p.Path, "/") || p.Path == "/" && (p.Write || p.Below) {
					t.Errorf("path %+v", p)
				}
			}
		})
	}
}
