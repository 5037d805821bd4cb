package tui

import (
	"errors"
	"slices"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// toNetwork opens the network of the namespace shop.
func toNetwork(d *driver) {
	d.press("/")
	d.typeText("ns:shop")
	d.press("enter", "n")
}

// The namespaces in view are looked at, after all namespaces were read.
func TestNetworkIsOfWhatIsInView(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("n")
		d.has("network › 3 namespaces", "policies are enforced by Cilium")
		d.press("esc")
		toNetwork(d)
		d.has("network › shop", "may reach", "deploy/checkout")
		want := [][]string{{"identity", "payments", "shop"}, {"shop"}}
		if !slices.EqualFunc(f.networks, want, slices.Equal[[]string]) {
			t.Errorf("asked about %v, want %v", f.networks, want)
		}
		if len(f.looked) != 2 {
			t.Errorf("read %d times", len(f.looked))
		}
	})
}

// The workload under the cursor of the browse screen is under the cursor here.
func TestNetworkOfAWorkload(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("/")
		d.typeText("search")
		d.press("enter", "enter", "down", "n")
		if line := lineOf(d.screen(), "▸"); !strings.Contains(line, "deploy/search") {
			t.Errorf("the cursor is on %q", line)
		}
	})
}

func TestNetworkStates(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		row := func() string { return lineOf(d.screen(), "deploy/web ") }
		d.has("as it is", "may reach", "146 open → 5 proposed", "2 unknown")
		if !strings.Contains(row(), "◐+") || strings.Contains(row(), "*") {
			t.Errorf("as it is: %s", row())
		}
		d.press("b")
		d.has("as proposed")
		if !strings.Contains(row(), "◐+*") || !strings.Contains(row(), "○*") {
			t.Errorf("as proposed: %s", row())
		}
		d.press("c")
		d.has("changes only", "●→○")
		d.press("t")
		d.has("is reached by")
		d.press("b", "c", "t")
		d.has("as it is", "may reach")
	})
}

// A cell says which policy and rule decide, who needs it, and what the proposal makes of it.
func TestNetworkCell(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		d.press("down", "down", "down")
		d.has("deploy/web → deploy/api", "tcp/8080", "no policy isolates it", "+ needed, confidence high", "E-ENV (seen): env API_ADDR", "tcp/other", "NetworkPolicy shop/api isolates ingress")
		d.has("proposed: NetworkPolicy shop/harden-web-egress, egress")
		d.press("right", "right", "right", "right", "right")
		d.has("deploy/web → ns:default +2", "the same for each of 3 namespaces: default, identity,")
		d.press("enter")
		d.hasNot("may reach")
		d.press("right")
		d.has("esc goes back to the matrix")
		d.press("esc")
		d.has("may reach")
		d.press("t", "up", "end", "left")
		d.has("is reached by")
	})
}

// What is unknown is unknown, in the sign and in the words.
func TestNetworkUnknown(t *testing.T) {
	drive(t, newFake(), Options{}, 160, 48, func(d *driver) {
		toNetwork(d)
		d.press("t", "down", "down")
		for range 12 {
			d.press("right")
		}
		d.has("internet → deploy/search", "[?]", "? unknown", "CiliumNetworkPolicy shop/l7 decides by HTTP path")
	})
}

func TestNetworkLists(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		d.press("tab")
		d.has("[Phases 3]", "● 2 new policies", "ingress in shop", "! 1 policy, 1 refused", "✗ refused", "probes come from the node", "harden-checkout-ingress")
		d.press("end")
		d.has("not proposed: not every workload is isolated yet")
		d.press("f")
		d.has("fix: refused: not every workload is isolated yet")
		d.press("tab")
		d.has("[Needed 5]", "deploy/web → dns udp/53", "medium")
		d.press("tab")
		d.has("[Guessed 1]", "deploy/api → sts/cache", "guessed by name only")
		d.press("tab")
		d.has("[Not read 1]", "configmaps in payments", "cannot list resource")
		d.press("left")
		d.has("only the matrix has columns")
		d.press("tab")
		d.has("[Matrix]")
		d.press("f")
		d.has("tab goes to the phases")
		d.press("shift+tab")
	})
}

// A phase is planned and applied as any fix is, and leads back here.
func TestNetworkPhaseIsApplied(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		d.press("tab", "f")
		d.has("Plan", "2 of 2 objects can be applied", "Allow what is needed")
		d.press("esc")
		d.has("[Phases 3]")
		d.press("f", "f")
		d.wait(armAfter)
		d.press("y")
		d.has("Applied")
		if len(f.applied) != 1 || len(f.applied[0].Objects) != 2 {
			t.Fatalf("applied %v", f.applied)
		}
		d.press("esc")
		d.has("[Phases 3]", "network › shop")
	})
}

// Objects that change are judged anew, and the cursor stays.
func TestNetworkFollowsTheCluster(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		d.press("down", "down", "down", "right", "right")
		d.has("deploy/web → deploy/search")
		s := shop()
		s.Generation = 2
		s.Inventory.Workloads = slices.DeleteFunc(s.Inventory.Workloads, func(w *harden.Workload) bool { return w.Ref.Name == "checkout" })
		f.snap = s
		asked := len(f.networks)
		f.send(s)
		d.settle()
		d.has("deploy/web → deploy/search")
		d.hasNot("deploy/checkout")
		if len(f.networks) != asked+1 {
			t.Errorf("asked %d times", len(f.networks)-asked)
		}
		if len(f.looked) != 1 {
			t.Error("a change made everything be read again")
		}
		// An answer that does not come leaves what is there, and says so.
		f.networkErr = errors.New("the evaluation ended")
		s = shop()
		s.Generation = 3
		f.snap = s
		f.send(s)
		d.settle()
		d.has("old: the evaluation ended", "deploy/web → deploy/search")
		asked = len(f.networks)
		d.press("down")
		if len(f.networks) != asked {
			t.Error("it asks again and again")
		}
		f.networkErr = nil
		d.press("ctrl+r")
		d.hasNot("old: ")
		d.has("deploy/checkout")
	})
}

func TestNetworkThatCannotBeRead(t *testing.T) {
	f := newFake()
	f.networkErr = errors.New("pods is forbidden\x1b[2J")
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		d.has("The network could not be looked at", "pods is forbidden", "try again")
		for _, k := range []string{"b", "c", "t", "tab", "f", "left", "enter", "up", "home", "pgdown"} {
			d.press(k)
		}
		f.networkErr = nil
		d.press("ctrl+r")
		d.has("may reach")
	})
}

// Leaving the screen gives up what is being read.
func TestLeavingTheNetworkEndsItsContext(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		f.networkGate = make(chan struct{})
		toNetwork(d)
		d.has("Reading how pods are reached, in all namespaces", "3/12")
		d.press("esc")
		d.hasNot("looking at the network")
		d.press("n")
		f.networkGate <- struct{}{}
		d.settle()
		d.has("may reach")
	})
}

func TestNetworkEngines(t *testing.T) {
	for want, engine := range map[string]harden.Engine{
		"✗ policies are NOT enforced by flannel: all is open": {Name: harden.EngineFlannel, Enforces: harden.NotEnforced},
		"? it cannot be told whether policies are enforced":   {Why: "daemonsets are forbidden"},
		"✓ policies are enforced by Calico":                   {Name: harden.EngineCalico, Enforces: harden.Enforced},
	} {
		f := newFake()
		f.renet = func(v *harden.NetworkView) { v.Engine = engine }
		drive(t, f, Options{}, 80, 24, func(d *driver) {
			toNetwork(d)
			for range 5 { // on each list
				d.has(want)
				d.press("tab")
			}
			d.press("enter")
			d.has(want)
		})
	}
}

// In a narrow frame the peers of one workload are listed; left and right turn to others.
func TestNetworkInANarrowFrame(t *testing.T) {
	drive(t, newFake(), Options{}, 44, 14, func(d *driver) {
		toNetwork(d)
		d.has("‹ deploy/api ›", "allowed", "deploy/checkout")
		d.press("right", "down", "down")
		d.has("‹ deploy/checkout ›", "workload 2/5")
		d.press("enter")
		d.has("deploy/checkout → deploy/search", "tcp/8080")
		d.send(tea.WindowSizeMsg{Width: wide, Height: high})
		d.press("esc")
		d.has("deploy/checkout → deploy/search")
	})
}

func TestNetworkMouse(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		toNetwork(d)
		d.send(tea.MouseClickMsg{X: 18 + 1 + 7*2 + 3, Y: 2 + 4, Button: tea.MouseLeft})
		d.has("deploy/search → deploy/search")
		d.send(tea.MouseClickMsg{X: 18 + 1 + 7*3 + 3, Y: 2 + 5, Button: tea.MouseLeft})
		d.has("deploy/web → deploy/web")
		d.send(tea.MouseWheelMsg{X: 5, Y: 4, Button: tea.MouseWheelUp})
		d.has("deploy/api → deploy/web")
		d.clickOn("Phases")
		d.has("[Phases 3]")
		d.send(tea.MouseClickMsg{X: 5, Y: 4, Button: tea.MouseLeft})
		d.has("egress in shop: 1 policy, 1 refused")
	})
}

// Text of the cluster cannot steer the terminal from here either.
func TestNetworkOfHostileNames(t *testing.T) {
	const bad = "x\x1b[2J\ny"
	f := newFake()
	f.renet = func(v *harden.NetworkView) {
		for i := range v.Flows {
			v.Flows[i].Host, v.Flows[i].Volatile, v.Flows[i].Origins[0].Text = bad, bad, bad
		}
		for i := range v.Phases {
			v.Phases[i].Refused, v.Phases[i].Warnings = []string{bad}, []string{bad}
		}
		v.Engine.Name, v.Engine.Why, v.Unread[0].Why = bad, bad, bad
		v.Peers[0].Workload.Name = bad
	}
	drive(t, f, Options{}, wide, high, func(d *driver) {
		toNetwork(d)
		for range 5 {
			if strings.Contains(d.m.View().Content, "\x1b[2J") {
				t.Fatal("an escape of the cluster is on the screen")
			}
			d.press("tab")
		}
	})
}

func TestNetworkReadOnly(t *testing.T) {
	drive(t, newFake(), Options{ReadOnly: true}, wide, high, func(d *driver) {
		toNetwork(d)
		d.press("tab", "f", "f")
		d.has("apply: started with --read-only")
	})
}
