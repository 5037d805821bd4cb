package pod

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// withTemplate is a Deployment with annotations on its template and fields of its pod spec.
func withTemplate(annotations, spec string) string {
	return fmt.Sprintf(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {%s}}
    spec: {%s}
`, annotations, spec)
}

// lines are severity, sub-verdict, container and reason of each finding.
func lines(findings []*harden.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, fmt.Sprintf("%s/%s/%s/%s", f.Severity, f.Verdict, f.Container, f.Reason))
	}
	return all
}

const (
	unconfined   = "securityContext: {appArmorProfile: {type: Unconfined}}"
	byRuntime    = "securityContext: {appArmorProfile: {type: RuntimeDefault}}"
	byLocalhost  = "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: p}}"
	appArmorBeta = "container.apparmor.security.beta.kubernetes.io/"
)

func TestAppArmorUnconfined(t *testing.T) {
	for _, test := range []struct {
		name, annotations, spec string
		want                    []string
	}{
		{"unset", "", "containers: [{name: a, image: a}]", nil},
		{"allowed", "", byRuntime + ", containers: [{name: a, image: a, " + byLocalhost + "}]", nil},
		{"pod", "", unconfined + ", containers: [{name: a, image: a}]", []string{"high///the pod's AppArmor profile is Unconfined"}},
		{"pod, overridden by all", "", unconfined + ", containers: [{name: a, image: a, " + byRuntime + "}]", []string{"low/overridden//the pod's AppArmor profile is Unconfined"}},
		{"pod, overridden by one", "", unconfined + ", containers: [{name: a, image: a, " + byRuntime + "}, {name: b, image: b}]", []string{"high///the pod's AppArmor profile is Unconfined"}},
		{"container", "", byRuntime + ", containers: [{name: a, image: a, " + unconfined + "}, {name: b, image: b}]", []string{"high/field/app:a/AppArmor profile is Unconfined"}},
		{"annotation", `"` + appArmorBeta + `a": unconfined`, "containers: [{name: a, image: a}]", []string{"high/annotation/app:a/AppArmor annotation says unconfined"}},
		{"annotation under a good field", `"` + appArmorBeta + `a": unconfined`, "containers: [{name: a, image: a, " + byRuntime + "}]", []string{"low/annotation/app:a/AppArmor annotation says unconfined"}},
		{"good annotations", `"` + appArmorBeta + `a": runtime/default, "` + appArmorBeta + `b": localhost/p`, "containers: [{name: a, image: a}, {name: b, image: b}]", nil},
		{"annotation and field", `"` + appArmorBeta + `a": unconfined`, "containers: [{name: a, image: a, " + unconfined + "}]", []string{"high/field-and-annotation/app:a/AppArmor profile is Unconfined"}},
		{"annotation of nobody", `"` + appArmorBeta + `x": unconfined`, "containers: [{name: a, image: a}]", []string{"low/annotation//AppArmor annotation for a container that is not there"}},
		{"Windows", "", "os: {name: windows}, " + unconfined + ", containers: [{name: a, image: a}]", nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			yaml := withTemplate(test.annotations, test.spec)
			if diff := cmp.Diff(test.want, lines(fixtest.Run(t, AppArmorUnconfined, yaml))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			wantRepaired(t, AppArmorUnconfined, yaml)
		})
	}
}

func TestAppArmorFixClass(t *testing.T) {
	for _, test := range []struct {
		name, spec string
		want       harden.Class
	}{
		{"a process loses its freedom", unconfined + ", containers: [{name: a, image: a}]", harden.Review},
		{"no process ran under it", unconfined + ", containers: [{name: a, image: a, " + byRuntime + "}]", harden.Evidence},
	} {
		if fix := onlyFix(t, AppArmorUnconfined, withTemplate("", test.spec)); fix.Class != test.want {
			t.Errorf("%s: class is %s, want %s", test.name, fix.Class, test.want)
		}
	}
}
