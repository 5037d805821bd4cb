package tui

import (
	"errors"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A scene is a screen that testdata keeps: made-up data, and what the person did.
type scene struct {
	name string
	// main marks the scene that shows a screen: its colours are kept too.
	main bool
	fake func(*fake)
	// bare scenes start without a backend.
	bare bool
	opts Options
	act  func(*driver)
}

// scenes are all that testdata keeps at every size.
func scenes() []scene {
	return slices.Concat(browseScenes(), planScenes(), dialogScenes(), imageScenes(), networkScenes(), waiverScenes())
}

func toPlan(d *driver) {
	d.press("a", "f")
	d.rest()
}

func toConfirm(d *driver) {
	toPlan(d)
	d.press("f")
	d.wait(armAfter)
}

func planScenes() []scene {
	return []scene{
		{name: "plan", main: true, act: toPlan},
		{name: "conflict", fake: conflicted, act: toPlan},
		{name: "confirm", main: true, act: toConfirm},
		{name: "applying", main: true, act: func(d *driver) {
			// Made here: a channel from outside the bubble would stop its clock.
			gate := make(chan struct{}, 9)
			d.m.backend.(*fake).gate = gate
			toConfirm(d)
			d.press("y")
			gate <- struct{}{}
			d.settle()
		}},
		{name: "done", main: true, act: func(d *driver) { toConfirm(d); d.press("y") }},
		{name: "undo", main: true, act: func(d *driver) { d.press("u") }},
		{name: "undone", act: func(d *driver) { d.press("u", "u"); d.wait(armAfter); d.press("y") }},
		{name: "readonly", opts: Options{ReadOnly: true}, act: toPlan},
	}
}

func dialogScenes() []scene {
	return []scene{
		{name: "help", main: true, act: func(d *driver) { d.press("?") }},
		{name: "do", main: true, act: func(d *driver) { d.press(":"); d.typeText("undo") }},
		{name: "unread", act: func(d *driver) { d.press("r") }},
	}
}

func imageScenes() []scene {
	return []scene{
		{name: "images", main: true, fake: withScans, act: func(d *driver) { d.press("i") }},
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
		{name: "image", main: true, fake: withScans, act: func(d *driver) { d.press("i", "enter") }},
		{name: "image-secrets", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab") }},
		{name: "image-unknown", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab", "tab") }},
		{name: "image-users", fake: withScans, act: func(d *driver) { d.press("i", "enter", "tab", "tab", "tab", "down", "space"); d.rest() }},
	}
}

func networkScenes() []scene {
	return []scene{
		{name: "network", main: true, act: func(d *driver) { d.press("down", "n", "down", "right", "right") }},
		{name: "network-proposed", act: func(d *driver) { d.press("down", "n", "b", "end") }},
		{name: "network-changes", act: func(d *driver) { d.press("down", "n", "c", "t") }},
		{name: "network-phases", main: true, act: func(d *driver) { d.press("down", "n", "tab", "down") }},
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
