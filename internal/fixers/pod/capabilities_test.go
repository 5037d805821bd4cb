package pod

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var capabilityFixers = []*harden.Fixer{DangerousCapabilities, AddedCapabilitiesRestricted, CapabilityNameForm, DropAllCapabilities, NetRawCapability}

// withCaps is a Deployment with these capabilities.
func withCaps(capabilities string) string {
	return deployment(`containers: [{name: web, image: web:1, securityContext: {capabilities: ` + capabilities + `}}]`)
}

func TestT13Lowercase(t *testing.T) {
	text := withCaps(`{drop: [all]}`)
	expect(t, DropAllCapabilities, text, []string{"web lowercase low"})
	expect(t, NetRawCapability, text, nil)
	expectClasses(t, fixtest.Fixes(t, DropAllCapabilities, text), "evidence")
	expectAfter(t, text, capabilityFixers, `containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]`)
}

func TestT14Enumerated(t *testing.T) {
	text := withCaps(`{drop: [` + strings.Join(defaultCapabilities, ", ") + `]}`)
	expect(t, DropAllCapabilities, text, []string{"web enumerated low"})
	expectClasses(t, fixtest.Fixes(t, DropAllCapabilities, text), "evidence")
	expectAfter(t, text, capabilityFixers, `containers: [{name: web, image: web:1, securityContext: {capabilities: {drop: [ALL]}}}]`)

	less := slices.DeleteFunc(slices.Clone(defaultCapabilities), func(s string) bool { return s == "CHOWN" })
	expect(t, DropAllCapabilities, withCaps(`{drop: [`+strings.Join(less, ", ")+`]}`), []string{"web medium"})
}

func TestT40NetRawAlone(t *testing.T) {
	text := withCaps(`{drop: [NET_RAW]}`)
	expect(t, NetRawCapability, text, nil)
	expect(t, DropAllCapabilities, text, []string{"web medium"})
}

// A runtime drops what stands in drop besides ALL after it added what stands in
// add: an entry in both lists must not come back.
func TestDropAllKeepsWhatIsAlsoAdded(t *testing.T) {
	text := withCaps(`{add: [CHOWN, NET_BIND_SERVICE], drop: [chown, KILL]}`)
	expectAfter(t, text, []*harden.Fixer{DropAllCapabilities}, `containers: [{name: web, image: web:1, securityContext: {capabilities: {add: [CHOWN, NET_BIND_SERVICE], drop: [ALL, chown]}}}]`)
}

func TestDangerousCapabilities(t *testing.T) {
	for add, want := range map[string][]string{
		"SYS_ADMIN":         {"web critical"},
		"CAP_SYS_ADMIN":     {"web critical"},
		"sys_module":        {"web critical"},
		"ALL":               {"web critical"},
		"SYS_PTRACE":        {"web high"},
		"NET_ADMIN, CHOWN":  {"web high"},
		"BOGUS":             nil, // capability-name-form
		"CAP_CHOWN, kill":   nil,
		"chown, NET_RAW":    {"web high"},
		"CHOWN, MKNOD":      nil,
		"NET_BIND_SERVICE":  nil,
		"CAP_BPF, NET_RAW":  {"web critical"},
		"net_bind_service ": nil,
	} {
		t.Run(add, func(t *testing.T) { expect(t, DangerousCapabilities, withCaps(`{add: [`+add+`]}`), want) })
	}
	expect(t, DangerousCapabilities, deployment(`
hostPID: true
containers: [{name: web, image: web:1, securityContext: {capabilities: {add: [SYS_PTRACE]}}}]`), []string{"web critical"})
}

func TestAddedCapabilitiesRestricted(t *testing.T) {
	expect(t, AddedCapabilitiesRestricted, withCaps(`{add: [CHOWN, SYS_ADMIN]}`), []string{"web low"})
	expect(t, AddedCapabilitiesRestricted, withCaps(`{add: [NET_BIND_SERVICE]}`), nil)
	expect(t, AddedCapabilitiesRestricted, withCaps(`{add: [SYS_ADMIN, CAP_CHOWN]}`), nil)
}

func TestCapabilityNameForm(t *testing.T) {
	for lists, want := range map[string][]string{
		`{add: [CAP_CHOWN, kill]}`:                            {"web spelling low"},
		`{add: [net_bind_service], drop: [ALL]}`:              {"web spelling low"},
		`{add: [NET_ADMINN]}`:                                 {"web unknown low"},
		`{add: [CAP_SYS_ADMIN, sys_module, ALL, all]}`:        nil, // dangerous-capabilities says so
		`{add: [NET_BIND_SERVICE, CHOWN], drop: [ALL]}`:       nil,
		`{drop: [all]}`:                                       nil, // drop-all-capabilities says so
		`{drop: [all, net_raw]}`:                              nil,
		`{drop: [net_raw]}`:                                   {"web spelling low"},
		`{drop: [CAP_NET_RAW, KILL]}`:                         {"web spelling low"},
		`{drop: [NET_ROW]}`:                                   {"web unknown low"},
		`{drop: [ALL, NET_RAW]}`:                              {"web redundant info"},
		`{drop: [ALL, CHOWN], add: [CHOWN]}`:                  nil, // dropped after it was added: it counts
		`{drop: [ALL, CHOWN, KILL, all], add: [CHOWN]}`:       {"web redundant info"},
		`{drop: [ALL, NET_RAW], add: [CAP_NET_BIND_SERVICE]}`: {"web spelling low"},
	} {
		t.Run(lists, func(t *testing.T) { expect(t, CapabilityNameForm, withCaps(lists), want) })
	}
}

func TestCapabilityNameFormFix(t *testing.T) {
	for _, test := range []struct {
		lists, want string
		classes     []string
	}{
		{`{add: [net_bind_service], drop: [ALL]}`, `{add: [NET_BIND_SERVICE], drop: [ALL]}`, []string{"evidence"}},
		{`{add: [CAP_NET_BIND_SERVICE], drop: [ALL]}`, `{add: [NET_BIND_SERVICE], drop: [ALL]}`, []string{"review"}},
		{`{add: [chown], drop: [ALL, KILL]}`, `{drop: [ALL]}`, []string{"review", "evidence"}},
		{`{add: [BOGUS], drop: [ALL]}`, `{drop: [ALL]}`, []string{"review"}},
		{`{drop: [ALL, NET_RAW, net_raw]}`, `{drop: [ALL]}`, []string{"evidence"}},
		{`{drop: [net_raw]}`, `{drop: [ALL]}`, []string{"review", "evidence"}},
		{`{drop: [ALL], add: [chown, KILL]}`, `{drop: [ALL]}`, []string{"review", "evidence"}},
	} {
		t.Run(test.lists, func(t *testing.T) {
			expectClasses(t, fixtest.Fixes(t, CapabilityNameForm, withCaps(test.lists)), test.classes...)
			expectAfter(t, withCaps(test.lists), []*harden.Fixer{CapabilityNameForm}, `containers: [{name: web, image: web:1, securityContext: {capabilities: `+test.want+`}}]`)
		})
	}
}

func TestNetRaw(t *testing.T) {
	for lists, want := range map[string][]string{
		`{}`:                                  {"web medium"},
		`{drop: [ALL], add: [NET_RAW]}`:       {"web medium"},
		`{drop: [net_raw]}`:                   nil,
		`{drop: [CAP_NET_RAW]}`:               {"web medium"},
		`{drop: [NET_RAW], add: [NET_RAW]}`:   nil,
		`{drop: [ALL], add: [CHOWN]}`:         nil,
		`{drop: [CHOWN], add: [CAP_NET_RAW]}`: {"web medium"},
	} {
		t.Run(lists, func(t *testing.T) { expect(t, NetRawCapability, withCaps(lists), want) })
	}
}

// All combinations that the fixers report must merge: an atomic list has one value.
func TestFixesOfOneListAgree(t *testing.T) {
	adds := []string{"", "NET_RAW", "CHOWN", "SYS_ADMIN, CHOWN, NET_RAW", "net_bind_service, CAP_KILL", "ALL, NET_BIND_SERVICE"}
	drops := []string{"", "NET_RAW", "all", "ALL", "CHOWN", strings.Join(defaultCapabilities, ", ")}
	for _, add := range adds {
		for _, drop := range drops {
			text := withCaps(`{add: [` + add + `], drop: [` + drop + `]}`)
			// A second round is for what another spelling hid, and for what need not be dropped once it is not added.
			after := fixtest.Repair(t, capabilityFixers, fixtest.Repair(t, capabilityFixers, text))
			for _, fixer := range capabilityFixers {
				for _, f := range fixtest.Run(t, fixer, after) {
					t.Errorf("add [%s] drop [%s]: still %v in\n%s", add, drop, fixtest.Reasons([]*harden.Finding{f}), after)
				}
			}
		}
	}
}

// The second fix does no more than its finding asks for.
func TestSecondFixIsTheSmallOne(t *testing.T) {
	lists := func(fix harden.Fix) any {
		spec := fix.Changes[0].Set.Object["spec"].(map[string]any)["template"].(map[string]any)["spec"].(map[string]any)
		return spec["containers"].([]any)[0].(map[string]any)["securityContext"].(map[string]any)["capabilities"]
	}
	for _, test := range []struct {
		fixer *harden.Fixer
		caps  string
		want  map[string]any
	}{
		{DangerousCapabilities, `{add: [SYS_ADMIN, CHOWN, CAP_KILL]}`, map[string]any{"add": []any{"CHOWN", "CAP_KILL"}}},
		{AddedCapabilitiesRestricted, `{add: [SYS_ADMIN, CHOWN]}`, map[string]any{"add": []any{"SYS_ADMIN"}}},
		{NetRawCapability, `{drop: [KILL]}`, map[string]any{"drop": []any{"KILL", "NET_RAW"}}},
		{NetRawCapability, `{drop: [ALL], add: [NET_RAW, CHOWN]}`, map[string]any{"add": []any{"CHOWN"}}},
	} {
		fixes := fixtest.Fixes(t, test.fixer, withCaps(test.caps))
		expectClasses(t, fixes, "review", "review")
		if diff := cmp.Diff(any(test.want), lists(fixes[1])); diff != "" {
			t.Errorf("%s on %s (-want +got):\n%s", test.fixer.ID, test.caps, diff)
		}
	}
	expectClasses(t, fixtest.Fixes(t, DangerousCapabilities, withCaps(`{add: [SYS_ADMIN]}`)), "review")
}

func TestLowPortKeepsNetBindServiceForRoot(t *testing.T) {
	text := deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}]}]`)
	expectClasses(t, fixtest.Fixes(t, DropAllCapabilities, text), "review", "review")
	expectAfter(t, text, capabilityFixers, `
containers: [{name: web, image: web:1, ports: [{containerPort: 80}], securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}}}]
`)
	// Another user would not get it.
	expectAfter(t, deployment(`containers: [{name: web, image: web:1, ports: [{containerPort: 80}], securityContext: {runAsUser: 5}}]`), capabilityFixers, `
containers: [{name: web, image: web:1, ports: [{containerPort: 80}], securityContext: {runAsUser: 5, capabilities: {drop: [ALL]}}}]
`)
}
