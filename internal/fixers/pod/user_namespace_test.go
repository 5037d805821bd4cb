package pod

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// mapping adds a node of the versions whose runtime supports user namespaces, or does not.
func mapping(kubelet, kernel string, runtime bool) fixtest.Option {
	return func(i *harden.Inventory) {
		fixtest.Runtime("containerd://2.2.0")(i)
		n := i.Nodes[len(i.Nodes)-1]
		n.Status.NodeInfo.KubeletVersion, n.Status.NodeInfo.KernelVersion = kubelet, kernel
		n.Status.RuntimeHandlers = []corev1.NodeRuntimeHandler{{Features: &corev1.NodeRuntimeHandlerFeatures{UserNamespaces: ptr.To(runtime)}}}
	}
}

func TestUserNamespace(t *testing.T) {
	const root = "\ncontainers: [{name: web, image: web:1, securityContext: {runAsUser: 0}}]"
	good := mapping("v1.36.1", "6.12.0-generic", true)
	for _, test := range []struct {
		name, spec string
		opts       []fixtest.Option
		want       []string
	}{
		{"root", root, nil, []string{"- info"}},
		{"root, on nodes that can", root, []fixtest.Option{good}, []string{"- medium"}},
		{"root, on nodes of which one cannot", root, []fixtest.Option{good, mapping("v1.32.9", "6.12.0", true)}, []string{"- info"}},
		{"an old kernel", root, []fixtest.Option{mapping("v1.36.1", "5.15.0-1051-aws", true)}, []string{"- info"}},
		{"a runtime without", root, []fixtest.Option{mapping("v1.36.1", "6.12.0", false)}, []string{"- info"}},
		{"has one", "hostUsers: false" + root, []fixtest.Option{good}, nil},
		{"not root", "\ncontainers: [{name: web, image: web:1, securityContext: {runAsUser: 7}}]", []fixtest.Option{good}, nil},
		{"nobody knows", "\ncontainers: [{name: web, image: web:1}]", []fixtest.Option{good}, nil},
		{"the image is root", "\ncontainers: [{name: web, image: web:1}]", []fixtest.Option{fixtest.Image("web:1", harden.ImageFacts{Known: true})}, []string{"- info"}},
		{"in the network of the node", "hostNetwork: true" + root, []fixtest.Option{good}, nil},
		{"Windows", "os: {name: windows}" + root, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, UserNamespace, deployment(test.spec), test.want, test.opts...) })
	}
	for _, spec := range []string{"hostNetwork: true", "hostPID: true", "hostIPC: true"} {
		if !fixtest.NotApplicable(t, UserNamespace, deployment(spec+root)) {
			t.Errorf("applies to a pod with %s, which the API refuses", spec)
		}
	}
}

func TestUserNamespaceFix(t *testing.T) {
	mounted := func(volume, context string) string {
		return deployment(`
volumes: [{name: data, ` + volume + `}]
containers: [{name: web, image: web:1, securityContext: {runAsUser: 0` + context + `}, volumeMounts: [{name: data, mountPath: /data}]}]`)
	}
	good := mapping("v1.36.1", "6.12.0", true)
	for _, test := range []struct {
		name, text string
		opts       []fixtest.Option
		class      string
	}{
		{"what the kubelet makes", mounted("emptyDir: {}", ""), []fixtest.Option{good}, "evidence"},
		{"no node is known", mounted("emptyDir: {}", ""), nil, "review"},
		{"NFS", mounted("nfs: {server: s, path: /p}", ""), []fixtest.Option{good}, "review"},
		{"a claim", mounted("persistentVolumeClaim: {claimName: c}", ""), []fixtest.Option{good}, "review"},
		{"a folder of the node", mounted("hostPath: {path: /srv}", ""), []fixtest.Option{good}, "review"},
		{"a right over the node", mounted("emptyDir: {}", ", capabilities: {add: [SYS_MODULE]}"), []fixtest.Option{good}, "review"},
		{"another runtime class", mounted("emptyDir: {}", "") + "      runtimeClassName: kata\n", []fixtest.Option{good}, "review"},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectClasses(t, fixtest.Fixes(t, UserNamespace, test.text, test.opts...), test.class)
		})
	}
	expectAfter(t, mounted("emptyDir: {}", ""), []*harden.Fixer{UserNamespace}, `
hostUsers: false
volumes: [{name: data, emptyDir: {}}]
containers: [{name: web, image: web:1, securityContext: {runAsUser: 0}, volumeMounts: [{name: data, mountPath: /data}]}]`)
}
