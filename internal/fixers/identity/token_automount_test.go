package identity

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func workload(spec, annotations string) string {
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

const plain = "containers: [{name: web, image: web:1}]"

func account(name, fields string) string {
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n%s\n", name, fields)
}

func TestT71Precedence(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		want       string // sub-verdict, empty for a pass
	}{
		{"pod true, account false", workload("automountServiceAccountToken: true, "+plain, "") + account("default", "automountServiceAccountToken: false"), "pod"},
		{"pod false, account unset", workload("automountServiceAccountToken: false, "+plain, "") + account("default", ""), ""},
		{"pod false, account true", workload("automountServiceAccountToken: false, "+plain, "") + account("default", "automountServiceAccountToken: true"), ""},
		{"pod false, account not read", workload("automountServiceAccountToken: false, "+plain, ""), ""},
		{"both unset", workload(plain, "") + account("default", ""), "default"},
		{"account false", workload(plain, "") + account("default", "automountServiceAccountToken: false"), ""},
		{"account true", workload("serviceAccountName: robot, "+plain, "") + account("robot", "automountServiceAccountToken: true"), "service-account"},
		{"another account is false", workload("serviceAccountName: robot, "+plain, "") + account("robot", "") + account("default", "automountServiceAccountToken: false"), "default"},
		{"old name of the field", workload("serviceAccount: robot, "+plain, "") + account("robot", "automountServiceAccountToken: false"), ""},
		{"account not read", workload(plain, ""), "unknown"},
		{"own mount in every container", workload("volumes: [{name: t, emptyDir: {}}], containers: [{name: web, image: web:1, volumeMounts: [{name: t, mountPath: "+harden.TokenPath+"}]}]", "") + account("default", ""), ""},
		{"own mount in one", workload("initContainers: [{name: i, image: i}], volumes: [{name: t, emptyDir: {}}], containers: [{name: web, image: web:1, volumeMounts: [{name: t, mountPath: "+harden.TokenPath+"}]}]", "") + account("default", ""), "default"},
	} {
		t.Run(test.name, func(t *testing.T) {
			findings := fixtest.Run(t, TokenAutomount, test.yaml)
			got := ""
			for _, f := range findings {
				got += f.Verdict
				if (f.Status == harden.StatusUnknown) != (test.want == "unknown") || f.Severity != harden.Low {
					t.Errorf("status %s, severity %s", f.Status, f.Severity)
				}
			}
			if got != test.want {
				t.Errorf("verdict %q, want %q", got, test.want)
			}
			after := fixtest.Repair(t, []*harden.Fixer{TokenAutomount}, test.yaml)
			if left := fixtest.Run(t, TokenAutomount, after); len(left) > 0 {
				t.Errorf("still there: %v\n%s", fixtest.Reasons(left), after)
			}
		})
	}
}

func TestUnreadAccountSaysWhy(t *testing.T) {
	for _, test := range []struct {
		opts []fixtest.Option
		want string
	}{
		{nil, "not among the files"},
		{[]fixtest.Option{fixtest.Live()}, "does not exist"},
		{[]fixtest.Option{fixtest.Live(), fixtest.Unreadable("serviceaccounts", "forbidden")}, "forbidden"},
	} {
		if f := fixtest.Only(t, TokenAutomount, workload(plain, ""), test.opts...); !strings.Contains(f.Detail, test.want) {
			t.Errorf("detail %q, want %q in it", f.Detail, test.want)
		}
	}
}

func TestLivePodShowsTheAutomaticMount(t *testing.T) {
	const pod = `
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  volumes: [{name: kube-api-access-x7z, projected: {sources: [{serviceAccountToken: {path: token}}]}}]
  containers: [{name: web, image: web:1, volumeMounts: [{name: kube-api-access-x7z, mountPath: /var/run/secrets/kubernetes.io/serviceaccount}]}]
`
	if f := fixtest.Only(t, TokenAutomount, pod+account("default", ""), fixtest.Live()); f.Verdict != "default" {
		t.Errorf("verdict %q: the mount is the automatic one", f.Verdict)
	}
	mirror := strings.Replace(pod, "{name: web}", `{name: web, annotations: {kubernetes.io/config.mirror: h}}`, 1)
	if !fixtest.NotApplicable(t, TokenAutomount, mirror, fixtest.Live()) {
		t.Error("mirrors of static pods get no token")
	}
}

func TestFixNamesWhatNobodyLookedAt(t *testing.T) {
	yaml := workload("volumes: [{name: aws, projected: {sources: [{serviceAccountToken: {path: t, audience: sts.amazonaws.com}}]}}], "+plain, "") + account("default", "") + `
---
apiVersion: v1
kind: Pod
metadata:
  name: web-1
  ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]
spec: {containers: [{name: web, image: web:1}, {name: proxy, image: proxy:1}]}
`
	fix := fixtest.Fixes(t, TokenAutomount, yaml, fixtest.Live())[0]
	var said []string
	for _, c := range fix.Evidence {
		said = append(said, fmt.Sprintf("%s %s: %s", c.Code, c.State, c.Text))
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{"E-RBAC missing", "E-PROC missing", `E-LIVE missing: Nobody looked whether the injected container "proxy"`, "E-SPEC holds: Tokens of its own stay mounted: aws"} {
		if !strings.Contains(text, want) {
			t.Errorf("evidence lacks %q:\n%s", want, text)
		}
	}
	if fix.Class != harden.Review || len(fix.Changes) != 1 {
		t.Errorf("class %s with %d changes, want a review with one", fix.Class, len(fix.Changes))
	}
}

func TestSignsOfUseForbidTheFix(t *testing.T) {
	container := func(fields string) string { return workload("containers: [{name: web, image: web:1, "+fields+"}]", "") }
	for name, yaml := range map[string]string{
		"T73 Vault":        workload(plain, `vault.hashicorp.com/agent-inject: "true"`),
		"Consul":           workload(plain, `consul.hashicorp.com/connect-inject: "true"`),
		"Linkerd":          workload(plain, "linkerd.io/inject: enabled"),
		"path in env":      container("env: [{name: T, value: " + harden.TokenPath + "/token}]"),
		"path in args":     container("args: [--token-file=/run/secrets/kubernetes.io/serviceaccount/token]"),
		"API address":      container(`command: [sh, -c, "curl https://$KUBERNETES_SERVICE_HOST/"]`),
		"API name":         container("env: [{name: URL, value: 'https://kubernetes.default.svc'}]"),
		"kubectl":          container(`command: [sh, -c, "x && /usr/bin/kubectl get pods"]`),
		"kubectl in hook":  container(`lifecycle: {preStop: {exec: {command: [kubectl, drain]}}}`),
		"kubectl in probe": container(`livenessProbe: {exec: {command: [kubectl]}}`),
		"known image":      workload("containers: [{name: web, image: 'mirror.corp/hub/kiwigrid/k8s-sidecar:1'}]", ""),
		"T72 agent":        workload("containers: [{name: web, image: 'public.ecr.aws/cloudwatch-agent/cloudwatch-agent:1'}]", ""),
	} {
		t.Run(name, func(t *testing.T) {
			fix := fixtest.Fixes(t, TokenAutomount, yaml+account("default", ""))[0]
			if len(fix.Changes) > 0 || !strings.Contains(fix.Manual, "projected serviceAccountToken") || len(fix.Evidence) == 0 || fix.Evidence[0].State != harden.Refutes {
				t.Errorf("fix = %+v, want only a text, and the sign", fix)
			}
		})
	}
	for name, yaml := range map[string]string{
		"Vault off":             workload(plain, `vault.hashicorp.com/agent-inject: "false"`),
		"a word with kubectl":   container("args: [kubectl-docs]"),
		"an image like a known": workload("containers: [{name: web, image: 'corp/not-kubectl:1'}]", ""),
	} {
		t.Run(name, func(t *testing.T) {
			if fix := fixtest.Fixes(t, TokenAutomount, yaml+account("default", ""))[0]; len(fix.Changes) != 1 {
				t.Errorf("fix = %+v, want a change", fix)
			}
		})
	}
}

func TestConnectionsToTheAPIServer(t *testing.T) {
	peer := func(address string) harden.Probe {
		return harden.Probe{Known: true, Peers: []harden.Socket{{Protocol: "tcp", Port: 40000, Peer: address}}}
	}
	for name, test := range map[string]struct {
		probe harden.Probe
		want  string
	}{
		"none":            {harden.Probe{Known: true}, "missing"},
		"a database":      {peer("10.0.0.7:5432"), "missing"},
		"somebody's TLS":  {peer("10.0.0.1:443"), "missing"},
		"the usual port":  {peer("[fd00::1]:6443"), "refutes"},
		"not looked into": {harden.Probe{Why: "no right to exec"}, "missing"},
		"too old":         {harden.Probe{Known: true, Time: fixtest.Now.Add(-25 * time.Hour)}, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			fix := fixtest.Fixes(t, TokenAutomount, workload(plain, "")+account("default", ""), fixtest.Live(), fixtest.Probe("web", test.probe))[0]
			got := ""
			for _, c := range fix.Evidence {
				if c.Code == "E-PROC" {
					got += c.State.String()
				}
			}
			if got != test.want || fix.Class != harden.Review {
				t.Errorf("E-PROC %s, class %s; want %s, and review while the grants are not read", got, fix.Class, test.want)
			}
		})
	}
}

func TestImagesOfClientsRefuteTheFix(t *testing.T) {
	for name, test := range map[string]struct {
		facts harden.ImageFacts
		want  string
	}{
		"kubectl in the image": {harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Programs: map[string]harden.ImageFile{"/usr/local/bin/kubectl": {Mode: 0o755}}}}, "has /usr/local/bin/kubectl"},
		"a script":             {harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Scripts: map[string]string{"/run.sh": "#!/bin/sh\ncat " + harden.TokenPath + "/token"}}}, "in /run.sh"},
		"its environment":      {harden.ImageFacts{Known: true, Env: []string{"TOKEN=" + harden.TokenPath + "/token"}}, "in its configuration"},
	} {
		t.Run(name, func(t *testing.T) {
			fix := fixtest.Fixes(t, TokenAutomount, workload(plain, "")+account("default", ""), fixtest.Image("web:1", test.facts))[0]
			refuted := slices.ContainsFunc(fix.Evidence, func(c harden.Claim) bool { return c.State == harden.Refutes && strings.Contains(c.Text, test.want) })
			if !refuted {
				t.Errorf("evidence %+v, want one that refutes with %q", fix.Evidence, test.want)
			}
		})
	}
}

func TestLessonsAboutTheToken(t *testing.T) {
	lesson := harden.Lesson{Image: "web:1", Kind: harden.LessonNeedsToken, Symptom: "open .../token: no such file or directory", Workload: "shop/Deployment/web", Container: "web", Time: fixtest.Now}
	text := workload(plain, "") + account("default", "")
	if fix := fixtest.Fixes(t, TokenAutomount, text, fixtest.Lesson(lesson))[0]; len(fix.Changes) > 0 || !strings.Contains(fix.Evidence[0].Text, lesson.Symptom) {
		t.Errorf("fix = %+v, want only a text with the symptom", fix)
	}
	lesson.Kind, lesson.Fixer = harden.LessonBreaks, TokenAutomount.ID
	if fix := fixtest.Fixes(t, TokenAutomount, text, fixtest.Lesson(lesson))[0]; len(fix.Changes) != 1 || fix.Evidence[0].Code != "E-LEARNT" || fix.Evidence[0].State != harden.Refutes {
		t.Errorf("fix = %+v, want a change and E-LEARNT against it", fix)
	}
	lesson.Fixer = "another"
	if fix := fixtest.Fixes(t, TokenAutomount, text, fixtest.Lesson(lesson))[0]; fix.Evidence[0].Code == "E-LEARNT" {
		t.Errorf("the lesson of another fix counts: %+v", fix)
	}
}
