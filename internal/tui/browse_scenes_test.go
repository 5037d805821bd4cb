package tui

import (
	"errors"
	"fmt"

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
		{name: "stale-denied", act: func(d *driver) {
			s := shop()
			s.Generation, s.Stale, s.Err = 2, true, fmt.Errorf("watching pods: %w", harden.ErrCredentials)
			d.m.backend.(*fake).send(s)
			d.rest()
		}},
		{name: "denied", opts: Options{Connector: otherPlaces()}, fake: func(f *fake) {
			f.loadErr = fmt.Errorf("listing pods: Unauthorized: %w", harden.ErrCredentials)
		}, act: func(*driver) {}},
		{name: "start", main: true, bare: true, opts: Options{Err: errors.New("no kubeconfig: nothing names a cluster"), Connector: otherPlaces(), Remembered: State{Last: "prod-eu"}}, act: func(*driver) {}},
		{name: "slow", opts: Options{Connector: otherPlaces()}, fake: func(f *fake) { f.slow = true }, act: func(d *driver) { d.wait(4 * slowAfter) }},
		{name: "flat", main: true, opts: Options{Scope: harden.Scope{All: true}}, act: func(d *driver) { d.press("v"); d.wait(toastFor) }},
		{name: "flat-sorted", act: func(d *driver) { d.press("v", "o", "S", "g", "g"); d.wait(toastFor) }},
		{name: "flat-detail", act: func(d *driver) { d.press("v", "down", "enter"); d.wait(toastFor) }},
		{name: "contexts", main: true, opts: Options{Connector: otherPlaces()}, act: func(d *driver) { d.press("c", "down") }},
		{name: "namespaces", act: func(d *driver) { d.press("s"); d.typeText("shop,") }},
		{name: "excused", act: func(d *driver) { d.press("tab", "tab", "end"); d.rest() }},
		{name: "green", main: true, fake: func(f *fake) { f.snap = green() }, act: func(*driver) {}},
		{name: "unknown-only", fake: func(f *fake) { f.snap = onlyUnknown() }, act: func(*driver) {}},
		{name: "nothing-readable", fake: func(f *fake) { f.snap = nothingReadable() }, act: func(*driver) {}},
		{name: "system-only", fake: func(f *fake) {
			f.snap = scopeOf([]string{"kube-system"}, finding(workload("DaemonSet", "kube-system", "kube-proxy"), fixPrivileged, "kube-proxy", "privileged is true"))
		}, act: func(*driver) {}},
		{name: "filtered-away", act: func(d *driver) { d.press("/"); d.typeText("xyzzy"); d.press("enter") }},
		{name: "empty", fake: func(f *fake) {
			f.snap = &harden.Snapshot{Result: &harden.Result{Inventory: &harden.Inventory{Scope: []string{"shop"}, Cluster: harden.Cluster{Server: "x"}}}, Generation: 1}
		}, act: func(*driver) {}},
	}
}
