package tui

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/vt"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var update = flag.Bool("update", false, "write the screens of testdata anew")

type scene struct {
	name string
	ansi bool // keep the colours too
	fake func(*fake)
	opts Options
	act  func(*driver)
}

func scenes() []scene {
	toPlan := func(d *driver) {
		d.press("a", "f")
		d.rest()
	}
	toConfirm := func(d *driver) {
		toPlan(d)
		d.press("f")
		d.wait(armAfter)
	}
	return []scene{
		{name: "loading", fake: func(f *fake) { f.slow = true }, act: func(*driver) {}},
		{name: "browse", ansi: true, act: func(d *driver) { d.rest() }},
		{name: "findings", ansi: true, act: func(d *driver) { d.press("down", "enter", "down", "enter", "down", "space"); d.rest() }},
		{name: "detail", ansi: true, act: func(d *driver) { d.press("down", "enter", "down", "enter", "down", "enter"); d.rest() }},
		{name: "grouped", act: func(d *driver) { d.press("tab", "tab", "g"); d.rest() }},
		{name: "filter", act: func(d *driver) { d.press("/"); d.typeText("severity:high+ root"); d.rest() }},
		{name: "plan", ansi: true, act: toPlan},
		{name: "conflict", fake: conflicted, act: toPlan},
		{name: "confirm", ansi: true, act: toConfirm},
		{name: "applying", act: func(d *driver) {
			// Made here: a channel from outside the bubble would stop its clock.
			gate := make(chan struct{}, 9)
			d.m.backend.(*fake).gate = gate
			toConfirm(d)
			d.press("y")
			gate <- struct{}{}
			d.settle()
		}},
		{name: "done", ansi: true, act: func(d *driver) { toConfirm(d); d.press("y") }},
		{name: "undo", act: func(d *driver) { d.press("u") }},
		{name: "undone", act: func(d *driver) { d.press("u", "u"); d.wait(armAfter); d.press("y") }},
		{name: "help", act: func(d *driver) { d.press("?") }},
		{name: "do", act: func(d *driver) { d.press(":"); d.typeText("undo") }},
		{name: "unread", act: func(d *driver) { d.press("r") }},
		{name: "error", fake: func(f *fake) {
			f.loadErr = errors.New("reaching the API server of context \"prod-eu\" at https://192.0.2.1:6443: connection refused; is the cluster up, and are you on its network?")
		}, act: func(*driver) {}},
		{name: "stale", act: func(d *driver) {
			s := shop()
			s.Generation, s.Stale, s.Err = 2, true, errors.New("watching pods: the connection was reset")
			d.m.backend.(*fake).send(s)
			d.rest()
		}},
		{name: "empty", fake: func(f *fake) {
			f.snap = &harden.Snapshot{Result: &harden.Result{Inventory: &harden.Inventory{Scope: []string{"shop"}, Cluster: harden.Cluster{Server: "x"}}}, Generation: 1}
		}, act: func(*driver) {}},
		{name: "images", ansi: true, fake: withScans, act: func(d *driver) { d.press("i") }},
		{name: "images-unscanned", act: func(d *driver) { d.press("down", "i") }},
		{name: "images-consent", act: func(d *driver) { d.press("i", "s"); d.wait(armAfter) }},
		{name: "images-scanning", act: func(d *driver) {
			gate := make(chan struct{}, 9)
			d.m.backend.(*fake).stream(gate)
			d.press("ctrl+r", "i", "s")
			d.wait(armAfter)
			d.press("y")
			gate <- struct{}{}
			gate <- struct{}{}
			d.settle()
		}},
		{name: "image", ansi: true, fake: withScans, act: func(d *driver) { d.press("i", "enter") }},
		{name: "image-secrets", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab") }},
		{name: "image-unknown", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab", "tab") }},
		{name: "image-users", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab", "tab", "tab", "down", "space"); d.rest() }},
		{name: "network", ansi: true, act: func(d *driver) { d.press("down", "n", "down", "right", "right") }},
		{name: "network-proposed", act: func(d *driver) { d.press("down", "n", "b", "end") }},
		{name: "network-changes", act: func(d *driver) { d.press("down", "n", "c", "t") }},
		{name: "network-phases", ansi: true, act: func(d *driver) { d.press("down", "n", "tab", "down") }},
		{name: "network-needed", act: func(d *driver) { d.press("down", "n", "tab", "tab", "down") }},
		{name: "network-cell", act: func(d *driver) { d.press("down", "n", "end", "b", "enter") }},
		{name: "network-reading", act: func(d *driver) {
			d.m.backend.(*fake).networkGate = make(chan struct{})
			d.press("down", "n")
		}},
		{name: "network-not-enforced", fake: func(f *fake) {
			f.renet = func(v *harden.NetworkView) {
				v.Engine = harden.Engine{Name: harden.EngineFlannel, Enforces: harden.NotEnforced, Why: "DaemonSet kube-flannel/kube-flannel-ds"}
			}
		}, act: func(d *driver) { d.press("down", "n") }},
		{name: "network-plan", act: func(d *driver) { d.press("down", "n", "tab", "f"); d.rest() }},
		{name: "readonly", opts: Options{ReadOnly: true}, act: toPlan},
	}
}

func withScans(f *fake) { f.snap = scanned() }

// conflicted makes the server answer in every way it can.
func conflicted(f *fake) {
	f.replan = func(p *harden.Plan, opts harden.PlanOptions) {
		for _, o := range p.Objects {
			switch {
			case o.DryRun == nil:
			case o.Target.Name == "checkout" && len(opts.ForceConflicts) == 0:
				o.DryRun.Conflicts = []harden.Conflict{{Field: ".spec.template.spec.automountServiceAccountToken", Manager: "kubectl-edit"}}
			case o.Target.Name == "api":
				o.DryRun.Conflicts = []harden.Conflict{{Field: `.spec.template.spec.containers[name="api"].securityContext`, Manager: "helm", Applies: true}}
			case o.Target.Name == "web":
				o.DryRun.Err = errors.New("admission webhook \"policy.example.com\" denied the request: label team is missing")
			case o.Target.Kind == "Namespace":
				o.DryRun.Unintended = []string{".metadata.labels.cost-center"}
			}
		}
	}
}

func TestScreens(t *testing.T) {
	for _, size := range []struct{ w, h int }{{80, 24}, {160, 48}} {
		for _, s := range scenes() {
			name := fmt.Sprintf("%s-%dx%d", s.name, size.w, size.h)
			t.Run(name, func(t *testing.T) {
				f := newFake()
				if s.fake != nil {
					s.fake(f)
				}
				drive(t, f, s.opts, size.w, size.h, func(d *driver) {
					s.act(d)
					compareScreens(t, d, name, s.ansi)
				})
			})
		}
	}
	t.Run("small-30x8", func(t *testing.T) {
		drive(t, newFake(), Options{}, 30, 8, func(d *driver) { compareScreens(t, d, "small-30x8", false) })
	})
	t.Run("narrow-60x20", func(t *testing.T) {
		drive(t, newFake(), Options{}, 60, 20, func(d *driver) {
			d.press("down", "enter", "down", "enter")
			compareScreens(t, d, "narrow-60x20", false)
		})
	})
	for _, size := range []struct{ w, h int }{{40, 12}, {60, 20}, {100, 30}} {
		t.Run(fmt.Sprintf("network-%dx%d", size.w, size.h), func(t *testing.T) {
			drive(t, newFake(), Options{}, size.w, size.h, func(d *driver) {
				d.press("/")
				d.typeText("ns:shop")
				d.press("enter", "n", "right", "down", "down")
				compareScreens(t, d, fmt.Sprintf("network-%dx%d", size.w, size.h), false)
				d.press("enter", "c")
				compareScreens(t, d, fmt.Sprintf("network-cell-%dx%d", size.w, size.h), false)
			})
		})
	}
	for _, size := range []struct{ w, h int }{{45, 13}, {60, 20}} {
		t.Run(fmt.Sprintf("images-%dx%d", size.w, size.h), func(t *testing.T) {
			f := newFake()
			withScans(f)
			drive(t, f, Options{}, size.w, size.h, func(d *driver) {
				d.press("i")
				compareScreens(t, d, fmt.Sprintf("images-%dx%d", size.w, size.h), false)
				d.press("enter")
				compareScreens(t, d, fmt.Sprintf("image-%dx%d", size.w, size.h), false)
			})
		})
	}
}

func compareScreens(t *testing.T, d *driver, name string, colours bool) {
	t.Helper()
	text, plain := terminal(d, colorprofile.ASCII)
	if strings.Contains(plain, "38;") || strings.Contains(plain, "48;") {
		t.Errorf("a terminal without colours gets colours")
	}
	golden(t, name+".txt", text)
	for _, dark := range []bool{true, false} {
		d.send(tea.BackgroundColorMsg{Color: background(dark)})
		shown, styled := terminal(d, colorprofile.TrueColor)
		if diff := cmp.Diff(text, shown); diff != "" {
			t.Errorf("the text depends on colours (dark %v):\n%s", dark, diff)
		}
		if colours {
			golden(t, name+map[bool]string{true: ".dark", false: ".light"}[dark]+".ansi", styled)
		}
	}
}

// terminal is what a terminal shows: its text, and its text with styles.
func terminal(d *driver, profile colorprofile.Profile) (text, styled string) {
	var out bytes.Buffer
	w := &colorprofile.Writer{Forward: &out, Profile: profile}
	for i, l := range strings.Split(d.m.View().Content, "\n") {
		fmt.Fprintf(w, "\x1b[%d;1H%s", i+1, l)
	}
	e := vt.NewEmulator(d.m.width, d.m.height)
	if _, err := e.Write(out.Bytes()); err != nil {
		d.t.Fatal(err)
	}
	var lines []string
	for _, l := range strings.Split(e.String(), "\n") {
		lines = append(lines, strings.TrimRight(l, " "))
	}
	return strings.Join(lines, "\n") + "\n", e.Render() + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed (-update writes it anew):\n%s", name, diff)
	}
}
