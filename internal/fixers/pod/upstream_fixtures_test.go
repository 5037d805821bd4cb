package pod

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// mine are the fixers of this package that judge what this file's fixtures are about.
var mine = []*harden.Fixer{
	RunAsNonRoot, RunAsRootUser, AllowPrivilegeEscalation, DropAllCapabilities, DangerousCapabilities, AddedCapabilitiesRestricted,
	CapabilityNameForm, NetRawCapability, PrivilegedContainer, HostNetwork, HostPID, HostIPC, HostPort, SeccompUnconfined, SeccompProfileMissing, ReadOnlyRootFilesystem,
}

// securityControls maps the fixtures of Pod Security admission to the fixers that judge the same thing.
var securityControls = map[string][]*harden.Fixer{
	"allowprivilegeescalation":  {AllowPrivilegeEscalation},
	"capabilities_baseline":     {DangerousCapabilities, CapabilityNameForm},
	"capabilities_restricted":   {DropAllCapabilities, DangerousCapabilities, AddedCapabilitiesRestricted, CapabilityNameForm},
	"hostnamespaces":            {HostNetwork, HostPID, HostIPC},
	"hostports":                 {HostPort, HostNetwork},
	"privileged":                {PrivilegedContainer},
	"runasnonroot":              {RunAsNonRoot},
	"runasuser":                 {RunAsRootUser},
	"seccompprofile_baseline":   {SeccompUnconfined},
	"seccompprofile_restricted": {SeccompUnconfined, SeccompProfileMissing},
}

var fixtureName = regexp.MustCompile(`^(\D+)\d+\.yaml$`)

// TestUpstreamFixtures: the fixtures that Pod Security admission is tested with
// must be told apart by the fixers just so.
func TestUpstreamFixtures(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	if err != nil {
		t.Fatalf("looking for the module of the fixtures: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "test", "testdata", "*", "v1.*", "*", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	judged := map[string]int{}
	for _, file := range files {
		parts := strings.Split(filepath.ToSlash(file), "/")
		level, version, outcome, name := parts[len(parts)-4], parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
		minor, err := strconv.Atoi(strings.TrimPrefix(version, "v1."))
		if err != nil {
			t.Fatalf("version of %s: %v", file, err)
		}
		cluster := fixtest.Minor(max(minor, 1)) // 0 is how an inventory says that it does not know
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		label := strings.Join([]string{level, version, outcome, name}, "/")
		fixers := securityControls[""]
		if m := fixtureName.FindStringSubmatch(name); m != nil {
			fixers = securityControls[m[1]]
		}
		var found []*harden.Finding
		for _, fixer := range fixers {
			found = append(found, fixtest.Run(t, fixer, string(text), cluster)...)
		}
		switch {
		case fixers == nil:
		case outcome == "fail" && len(found) == 0:
			t.Errorf("%s: nothing found", label)
		case outcome == "pass" && len(found) > 0:
			t.Errorf("%s: found %v", label, fixtest.Reasons(found))
		default:
			judged[outcome]++
		}
		// The restricted level has all of today's controls since 1.25: what passes it has no finding at all.
		if outcome == "pass" && level == "restricted" && minor >= 25 {
			for _, fixer := range mine {
				if fixer == ReadOnlyRootFilesystem {
					continue // not part of Pod Security
				}
				if found := fixtest.Run(t, fixer, string(text), cluster); len(found) > 0 {
					t.Errorf("%s: %v", label, fixtest.Reasons(found))
				}
			}
		}
	}
	if judged["fail"] < 100 || judged["pass"] < 100 {
		t.Errorf("judged only %v fixtures: where are the others?", judged)
	}
	t.Logf("judged as upstream does: %v", judged)
}
