package waivers

import (
	"maps"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A marker is what another tool reads as a waiver. It is shown and never honoured:
// whoever wrote it decided about another rule.
type marker struct {
	tool, name string
	check      string // of the tool; empty: all of its checks
}

// foreignChecks are the checks of other tools that look at what our rules look at.
var foreignChecks = map[string][]string{
	// Polaris, checks/*.yaml of its repository, in lower case
	"hostipcset": {"host-ipc"}, "hostpidset": {"host-pid"}, "hostnetworkset": {"host-network"}, "hostportset": {"host-port"}, "hostpathset": {"host-path-volume", "host-path-sensitive"},
	"notreadonlyrootfilesystem": {"read-only-root-filesystem"}, "privilegeescalationallowed": {"allow-privilege-escalation"},
	"runasrootallowed": {"run-as-non-root", "run-as-root-user"}, "runasprivileged": {"privileged-container"},
	"dangerouscapabilities": {"dangerous-capabilities"}, "insecurecapabilities": {"drop-all-capabilities", "added-capabilities-restricted"},
	"tagnotspecified": {"image-tag-mutable"}, "pullpolicynotalways": {"image-pull-policy"}, "memorylimitsmissing": {"memory-limit"}, "memoryrequestsmissing": {"memory-request"},
	"cpurequestsmissing": {"cpu-request"}, "cpulimitsmissing": {"cpu-limit"}, "readinessprobemissing": {"readiness-probe"}, "livenessprobemissing": {"liveness-probe"},
	"automountserviceaccounttoken": {"sa-token-automount"},
	// kube-linter, docs/generated/checks.md
	"host-ipc": {"host-ipc"}, "host-pid": {"host-pid"}, "host-network": {"host-network"}, "docker-sock": {"runtime-socket-mount"}, "privileged-container": {"privileged-container"},
	"privilege-escalation-container": {"allow-privilege-escalation"}, "run-as-non-root": {"run-as-non-root", "run-as-root-user"}, "no-read-only-root-fs": {"read-only-root-filesystem"},
	"drop-net-raw-capability": {"net-raw-capability"}, "latest-tag": {"image-tag-mutable"}, "sensitive-host-mounts": {"host-path-sensitive"}, "writable-host-mount": {"host-path-sensitive"},
	"unset-memory-requirements": {"memory-limit", "memory-request"}, "unset-cpu-requirements": {"cpu-request", "cpu-limit"}, "unsafe-sysctls": {"unsafe-sysctls"}, "unsafe-proc-mount": {"proc-mount-unmasked"},
	"default-service-account": {"sa-default-used"}, "env-var-secret": {"secret-literal-env"}, "ssh-port": {"ssh-server"},
	// kubeaudit, the labels of its README
	"allow-privileged": {"privileged-container"}, "allow-privilege-escalation": {"allow-privilege-escalation"}, "allow-run-as-root": {"run-as-non-root", "run-as-root-user"},
	"allow-read-only-root-filesystem-false": {"read-only-root-filesystem"}, "allow-namespace-host-network": {"host-network"}, "allow-namespace-host-ipc": {"host-ipc"},
	"allow-namespace-host-pid": {"host-pid"}, "allow-automount-service-account-token": {"sa-token-automount"},
}

// markers are what other tools read on a workload: annotations of the object and
// labels of its pods.
func markers(w *harden.Workload) []marker {
	var found []marker
	for _, name := range slices.Sorted(maps.Keys(w.Meta.Annotations)) {
		value := w.Meta.Annotations[name]
		prefix, word, _ := strings.Cut(name, "/")
		switch prefix {
		case "polaris.fairwinds.com":
			check, exempt := strings.CutSuffix(word, "-exempt")
			switch {
			case value != "true":
			case word == "exempt":
				found = append(found, marker{"Polaris", name, ""})
			case exempt:
				if _, rest, ok := strings.Cut(check, "."); ok { // CONTAINER.CHECK-exempt
					check = rest
				}
				found = append(found, marker{"Polaris", name, strings.ToLower(check)})
			}
		case "ignore-check.kube-linter.io":
			found = append(found, marker{"kube-linter", name, word})
		case "kube-linter.io":
			if word == "ignore-all" {
				found = append(found, marker{"kube-linter", name, ""})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(w.Template.Labels)) {
		prefix, word, _ := strings.Cut(name, "/")
		switch prefix {
		case "kubeaudit.io", "container.kubeaudit.io", "audit.kubernetes.io", "container.audit.kubernetes.io":
			if _, rest, ok := strings.Cut(word, "."); ok { // pod.CHECK, CONTAINER.CHECK
				word = rest
			}
			found = append(found, marker{"kubeaudit", name, strings.ToLower(word)})
		}
	}
	return found
}

// hint says which markers of other tools are about a finding.
func (s *settling) hint(f *harden.Finding) {
	if f.Workload == nil {
		return
	}
	for _, m := range s.x.foreign[keyOf(f)] {
		if m.check == "" && f.Fixer.Area == harden.AreaPod || slices.Contains(foreignChecks[m.check], f.Fixer.ID) {
			f.Detail += " " + m.tool + " is told to leave this out by " + harden.OneLine(m.name) + "; here that waives nothing."
		}
	}
}
