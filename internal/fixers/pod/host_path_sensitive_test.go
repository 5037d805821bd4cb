package pod

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestHostPathSensitive(t *testing.T) {
	const rw, ro = "{name: data, mountPath: /data}", "{name: data, mountPath: /data, readOnly: true}"
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"ordinary path, read-only", withVolume("hostPath: {path: /srv}", ro, ""), nil},
		{"ordinary path, writable", withVolume("hostPath: {path: /srv}", rw, ""), []string{"high writable data /srv writable"}},
		{"sensitive path, read-only", withVolume("hostPath: {path: /etc/}", ro, ""), []string{"high sensitive-path data /etc"}},
		{"sensitive path, writable", withVolume("hostPath: {path: /etc}", rw, ""), []string{"high sensitive-path data /etc", "critical writable data /etc writable"}},
		{"below a sensitive path", withVolume("hostPath: {path: /etc/ssl/certs}", ro, ""), nil},
		{"below a path with keys", withVolume("hostPath: {path: /etc/kubernetes/pki}", ro, ""), []string{"high sensitive-path data /etc/kubernetes/pki"}},
		{"only begins like one", withVolume("hostPath: {path: /rooted}", ro, ""), nil},
		{"/var/run is /run", withVolume("hostPath: {path: /var/run}", ro, ""), []string{"high sensitive-path data /var/run"}},
		{"/var/running is not", withVolume("hostPath: {path: /var/running}", ro, ""), nil},
		{"subPath narrows", withVolume("hostPath: {path: /}", "{name: data, mountPath: /data, subPath: srv, readOnly: true}", ""), nil},
		{"subPath leads into it", withVolume("hostPath: {path: /var/lib}", "{name: data, mountPath: /data, subPath: kubelet/pki, readOnly: true}", ""), []string{"high sensitive-path data /var/lib"}},
		{"subPathExpr may lead anywhere", withVolume("hostPath: {path: /etc}", "{name: data, mountPath: /data, subPathExpr: $(X), readOnly: true}", ""), []string{"high sensitive-path data /etc"}},
		{"sensitive, not mounted", withVolume("hostPath: {path: /etc}", "", ""), []string{"info unmounted data /etc"}},
		{"ordinary, not mounted", withVolume("hostPath: {path: /srv}", "", ""), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, verdicts(fixtest.Run(t, HostPathSensitive, test.yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestT32OneWritableMountAmongReadOnlyOnes(t *testing.T) {
	yaml := withVolume("hostPath: {path: /srv}", "{name: data, mountPath: /data, readOnly: true}",
		"initContainers: [{name: setup, image: s, volumeMounts: [{name: data, mountPath: /out/}]}]")
	f := fixtest.Only(t, HostPathSensitive, yaml)
	if f.Verdict != verdictWritable {
		t.Errorf("verdict is %q, want %q", f.Verdict, verdictWritable)
	}
	fix := onlyFix(t, HostPathSensitive, yaml)
	if fix.Class != harden.Review || !strings.Contains(fix.Warning, "/out/") {
		t.Errorf("class %s, warning %q: want a review that warns of /out/", fix.Class, fix.Warning)
	}
	want := map[string]any{"initContainers": []any{map[string]any{"name": "setup", "volumeMounts": []any{
		map[string]any{"name": "data", "mountPath": "/out/", "readOnly": true},
	}}}}
	template := fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)
	if diff := cmp.Diff(want, template["spec"]); diff != "" {
		t.Errorf("only the writable mount may change, together with its name (-want +got):\n%s", diff)
	}
	wantRepaired(t, HostPathSensitive, yaml)
}

func TestReadOnlyIsNotOfferedWhereItDoesNotProtect(t *testing.T) {
	for _, source := range []string{"hostPath: {path: /srv/agent.sock}", "hostPath: {path: /srv/x, type: Socket}", "hostPath: {path: /dev/log}"} {
		wantManual(t, onlyFix(t, HostPathSensitive, withVolume(source, "{name: data, mountPath: /data}", "")), "would not help")
	}
}
