package waivers_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

func finding(rule, name string, status harden.Status) *harden.Finding {
	return &harden.Finding{
		Fixer: &harden.Fixer{ID: rule}, Status: status,
		Object: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name},
	}
}

func TestBaseline(t *testing.T) {
	inv := &harden.Inventory{Cluster: harden.Cluster{UID: "c-1"}}
	before := []*harden.Finding{
		finding("privileged-container", "web", harden.StatusFail),
		finding("privileged-container", "api", harden.StatusFail),
		finding("host-network", "api", harden.StatusUnknown),
		finding("host-pid", "api", harden.StatusWaived),
	}
	path := filepath.Join(t.TempDir(), "baseline.json")
	if err := waivers.WriteBaseline(path, waivers.NewBaseline(inv, before)); err != nil {
		t.Fatal(err)
	}
	want := `{
  "version": 1,
  "cluster": "c-1",
  "findings": [
    "privileged-container||Deployment.apps|shop|api||",
    "privileged-container||Deployment.apps|shop|web||"
  ]
}
`
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("the file (-want +got):\n%s", diff)
	}
	b, err := waivers.ReadBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	after := []*harden.Finding{
		finding("privileged-container", "api", harden.StatusFail),
		finding("host-network", "api", harden.StatusFail),
		finding("host-pid", "api", harden.StatusWaived),
	}
	if got := b.New(after); len(got) != 1 || got[0].Fixer.ID != "host-network" {
		t.Errorf("new are %v, want the one of host-network, which was unknown before", got)
	}
	if diff := cmp.Diff([]string{"privileged-container||Deployment.apps|shop|web||"}, b.Gone(after)); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
	if err := b.Fits(inv); err != nil {
		t.Errorf("the same cluster: %v", err)
	}
	if err := b.Fits(&harden.Inventory{Cluster: harden.Cluster{UID: "c-2"}}); err == nil {
		t.Error("a baseline of another cluster fits")
	}
}

func TestReadBaselineRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"another version": {`{"version": 2, "findings": []}`, "version is 2"},
		"no version":      {`{"findings": []}`, "version is 0"},
		"unknown field":   {`{"version": 1, "finding": []}`, "finding"},
		"two documents":   {`{"version": 1, "findings": []} {}`, "follows its end"},
		"empty":           {``, "EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "b.json")
			if err := os.WriteFile(path, []byte(test.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := waivers.ReadBaseline(path)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
				t.Errorf("got %v, want it to name %q and the file", err, test.want)
			}
		})
	}
}
