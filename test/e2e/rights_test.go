package e2e

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

const viewer = `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: viewer
rules:
- apiGroups: ["", apps]
  resources: [pods, deployments, replicasets]
  verbs: [get, list, watch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: viewer
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: viewer}
subjects:
- {apiGroup: rbac.authorization.k8s.io, kind: User, name: viewer}
`

// With rights in one namespace only, everything that can be checked is, and
// what could not be is named.
func TestScanWithNamespaceRightsOnly(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	kubectlApply(t, l, ns, viewer)
	u := as(t, l, "viewer")
	rep := u.scan(t, "-n", ns)
	if !rep.failing("Deployment/web")["run-as-non-root app:web"] {
		t.Errorf("the Deployment is not judged: %+v", rep)
	}
	unread := map[string]bool{}
	for _, n := range rep.NotChecked {
		unread[strings.Split(n.What, ".")[0]] = true
		if n.Why == "" {
			t.Errorf("no reason why %s was not checked", n.What)
		}
	}
	for _, kind := range []string{"networkpolicies", "serviceaccounts", "cronjobs", "statefulsets"} {
		if !unread[kind] {
			t.Errorf("%s could not be read and are not named: %v", kind, unread)
		}
	}
	// T119: NetworkPolicies that may not be read are unknown, never a pass.
	found := false
	for _, f := range rep.Findings {
		if f.ID == "netpol-no-default-deny" {
			found = true
			if f.Status != "unknown" {
				t.Errorf("netpol-no-default-deny is %s", f.Status)
			}
		}
	}
	if !found {
		t.Error("netpol-no-default-deny is passed over")
	}
}

func TestFixWithoutTheRightToPatch(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	web(t, l, ns)
	kubectlApply(t, l, ns, viewer)
	u := as(t, l, "viewer")
	r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--yes")
	if r.code != 2 || !strings.Contains(r.stdout+r.stderr, "patch") || !strings.Contains(r.stdout+r.stderr, "viewer") {
		t.Errorf("a refusal that does not name the missing right: %s", r)
	}
	// The patch itself needs no right to be seen.
	if r := u.harden(t, "fix", "deployment/web", "-n", ns, "--only", "run-as-non-root", "--dry-run=client"); r.code != 0 || !strings.Contains(r.stdout, "+          runAsNonRoot: true") {
		t.Errorf("client dry run: %s", r)
	}
}

func TestNoRightsAtAll(t *testing.T) {
	l := labtest.Shared(t)
	ns := labtest.Namespace(t, l)
	r := as(t, l, "nobody").harden(t, "scan", "-n", ns)
	if r.code != 2 || !strings.Contains(r.stderr, "nobody") || !strings.Contains(r.stderr, "hint: ") {
		t.Errorf("no rights at all: %s", r)
	}
}
