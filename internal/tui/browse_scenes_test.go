package tui

import (
	"errors"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// browseScenes are those of the browse screen and of the start.
func browseScenes() []scene {
	return []scene{
		{name: "loading", main: true, fake: func(f *fake) { f.slow = true }, act: func(*driver) {}},
		{name: "browse", main: true, act: func(d *driver) { d.rest() }},
		{name: "findings", main: true, act: func(d *driver) { d.press("down", "enter", "down", "enter", "down", "space"); d.rest() }},
		{name: "detail", main: true, act: func(d *driver) { d.press("down", "enter", "down", "enter", "down", "enter"); d.rest() }},
		{name: "grouped", act: func(d *driver) { d.press("tab", "tab", "g"); d.rest() }},
		{name: "filter", act: func(d *driver) { d.press("/"); d.typeText("severity:high+ root"); d.rest() }},
		{name: "error", main: true, fake: func(f *fake) {
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
	}
}
