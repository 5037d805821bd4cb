package controlplane

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestParse(t *testing.T) {
	got := parse([]string{
		"--authorization-mode=Node", "--authorization-mode", "Node,RBAC", "--audit_log_path", "/var/log/a", "--profiling", "--anonymous-auth", "false",
		"stray", "--bind-address=", "-client-cert-auth", "--v=2", "--last",
	})
	want := map[string]string{
		"authorization-mode": "Node,RBAC", "audit-log-path": "/var/log/a", "profiling": "true", "anonymous-auth": "true",
		"bind-address": "", "client-cert-auth": "true", "v": "2", "last": "true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
}

// mirror is the mirror of a static pod that starts the component with the words.
func mirror(component string, words ...string) string {
	return pod(component, fmt.Sprintf("{name: %s, image: c, command: [%s, '%s']}", component, component, strings.Join(words, "', '")))
}

func pod(component, containers string) string {
	return fmt.Sprintf(`---
apiVersion: v1
kind: Pod
metadata: {name: %[1]s-a, namespace: kube-system, labels: {component: %[1]s}, annotations: {kubernetes.io/config.mirror: h}}
spec: {nodeName: a, containers: [%[2]s]}
`, component, containers)
}

func TestProcesses(t *testing.T) {
	arguments := pod(apiServer, "{name: kube-apiserver, image: c, args: [/usr/local/bin/kube-apiserver, --anonymous-auth=false]}")
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string
	}{
		{"on", mirror(apiServer, "--v=2"), live, "fail"},
		{"off", mirror(apiServer, "--anonymous-auth=false"), live, "pass"},
		{"the last one wins", mirror(apiServer, "--anonymous-auth=false", "--anonymous-auth=true"), live, "fail"},
		{"a word after a toggle is not its value", mirror(apiServer, "--anonymous-auth", "false"), live, "fail"},
		{"in args", arguments, live, "pass"},
		{"by a shell", pod(apiServer, "{name: kube-apiserver, image: c, command: [sh, -c, kube-apiserver --anonymous-auth=false]}"), live, "unknown"},
		{"by something else", pod(apiServer, "{name: kube-apiserver, image: c, command: [/start]}"), live, "unknown"},
		{"by the image", pod(apiServer, "{name: kube-apiserver, image: c}"), live, "unknown"},
		{"beside another container", pod(apiServer, "{name: kms, image: c, command: [kms]}, {name: kube-apiserver, image: c, command: [kube-apiserver]}"), live, "fail"},
		{"configured by a file", mirror(apiServer, "--authentication-config=/etc/a.yaml"), live, "unknown"},
		{"another component", mirror(scheduler, "--v=2"), live, "does not apply"},
		{"no static pod", strings.Replace(mirror(apiServer, "--v=2"), "annotations: {kubernetes.io/config.mirror: h}", "", 1), live, "does not apply"},
		{"another namespace", strings.Replace(mirror(apiServer, "--v=2"), "kube-system", "shop", 1), live, "does not apply"},
		{"the file of a static pod", strings.Replace(mirror(apiServer, "--v=2"), "annotations: {kubernetes.io/config.mirror: h}", "", 1), nil, "fail"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, AnonymousAuth, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

var live = []fixtest.Option{fixtest.Live()}

// verdict is what all findings say together; pass where there is none.
func verdict(t *testing.T, f *harden.Fixer, yaml string, opts ...fixtest.Option) string {
	t.Helper()
	var out []string
	for _, finding := range fixtest.Run(t, f, yaml, opts...) {
		out = append(out, strings.TrimSpace(finding.Status.String()+" "+finding.Discriminator))
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case fixtest.NotApplicable(t, f, yaml, opts...):
		return "does not apply"
	}
	return "pass"
}

func TestComponents(t *testing.T) {
	sound := []string{
		"--listen-client-urls=https://10.0.0.4:2379", "--cert-file=/s.crt", "--key-file=/s.key", "--client-cert-auth", "--trusted-ca-file=/etcd/ca.crt",
		"--peer-cert-file=/p.crt", "--peer-key-file=/p.key", "--peer-client-cert-auth=true",
	}
	with := func(more ...string) string { return mirror(etcd, append(sound[:len(sound):len(sound)], more...)...) }
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		want  string
	}{
		{"no modes", Authorization, mirror(apiServer, "--v=2"), "fail"},
		{"without Node", Authorization, mirror(apiServer, "--authorization-mode=RBAC"), "fail"},
		{"with a webhook", Authorization, mirror(apiServer, "--authorization-mode=Node,RBAC,Webhook"), "pass"},
		{"modes in a file", Authorization, mirror(apiServer, "--authorization-config=/a.yaml"), "unknown"},
		{"kubeadm's plugins", AdmissionPlugins, mirror(apiServer, "--enable-admission-plugins=NodeRestriction"), "fail DenyServiceExternalIPs"},
		{"no plugins", AdmissionPlugins, mirror(apiServer, "--v=2"), "fail NodeRestriction, fail DenyServiceExternalIPs"},
		{"PodSecurity off", AdmissionPlugins, mirror(apiServer, "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs", "--disable-admission-plugins=PodSecurity"), "fail PodSecurity"},
		{"audit by webhook", AuditLog, mirror(apiServer, "--audit-policy-file=/p", "--audit-webhook-config-file=/w"), "pass"},
		{"audit to standard output", AuditLog, mirror(apiServer, "--audit-policy-file=/p", "--audit-log-path=-"), "pass"},
		{"audit without a policy", AuditLog, mirror(apiServer, "--audit-log-path=/a"), "fail"},
		{"audit kept too shortly", AuditLog, mirror(apiServer, "--audit-policy-file=/p", "--audit-log-path=/a", "--audit-log-maxage=7", "--audit-log-maxbackup=10", "--audit-log-maxsize=100"), "fail rotation"},
		{"a scheduler with a file", Profiling, mirror(scheduler, "--config=/s.yaml", "--profiling=false"), "unknown"},
		{"loopback by name", BindAddress, mirror(scheduler, "--bind-address=localhost"), "pass"},
		{"loopback of IPv6", BindAddress, mirror(controllerManager, "--bind-address=::1"), "pass"},
		{"sound", EtcdTLS, with(), "pass"},
		{"http for clients", EtcdTLS, with("--listen-client-urls=http://127.0.0.1:2379"), "fail clients"},
		{"http for metrics", EtcdTLS, with("--listen-metrics-urls=http://127.0.0.1:2381"), "pass"},
		{"certificates that etcd makes", EtcdTLS, with("--peer-auto-tls=true"), "fail peers"},
		{"nothing", EtcdTLS, mirror(etcd, "--name=a"), "fail clients, fail peers"},
		{"a file", EtcdTLS, mirror(etcd, "--config-file=/e.yaml"), "unknown"},
		{"its own CA", EtcdTLS, with() + mirror(apiServer, "--client-ca-file=/pki/ca.crt"), "pass"},
		{"the CA of users", EtcdTLS, with("--trusted-ca-file=/pki/ca.crt") + mirror(apiServer, "--client-ca-file=/pki/ca.crt"), "fail ca"},
		{"by the environment", EtcdTLS, pod(etcd, "{name: etcd, image: c, command: [etcd], env: ["+
			"{name: ETCD_CERT_FILE, value: a}, {name: ETCD_KEY_FILE, value: a}, {name: ETCD_CLIENT_CERT_AUTH, value: 'true'}, {name: ETCD_PEER_CERT_FILE, value: a}, {name: ETCD_PEER_KEY_FILE, value: a}, {name: ETCD_PEER_CLIENT_CERT_AUTH, value: 'true'}]}"), "pass"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml, live...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestFixesNameTheFile(t *testing.T) {
	for _, f := range Suite() {
		if f.Subject != harden.SubjectWorkload {
			continue
		}
		component := apiServer
		switch f {
		case EtcdTLS:
			component = etcd
		case BindAddress:
			component = scheduler
		}
		flag := "--v=2"
		if f == TokenAuthFile {
			flag = "--token-auth-file=/t"
		}
		for _, fixes := range fixtest.AllFixes(t, f, mirror(component, flag), live...) {
			for _, want := range []string{"/etc/kubernetes/manifests/" + component + ".yaml", `On node "a"`, "--"} {
				if !strings.Contains(fixes[0].Manual, want) {
					t.Errorf("%s: %q is not in %q", f.ID, want, fixes[0].Manual)
				}
			}
		}
	}
}
