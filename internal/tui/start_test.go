package tui

import (
	"errors"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestStartWithoutACluster(t *testing.T) {
	e := otherPlaces()
	opts := Options{Err: errors.New("no kubeconfig: nothing names a cluster"), Connector: e, Remembered: State{Last: "prod-eu"}}
	for _, size := range []size{{80, 24}, {40, 12}} {
		drive(t, nil, opts, size.w, size.h, func(d *driver) {
			d.has("not connected", "nothing names a", "prod-eu", "staging")
			if got := d.m.choices()[0].text; got != "prod-eu" {
				t.Errorf("offers %q first, want the context that was looked at last", got)
			}
			if got := d.m.choices()[1].text; got != "staging" {
				t.Errorf("offers %q second, want the current context", got)
			}
			d.press("down", "end", "home", "pgdown", "pgup", "?", "esc", "!", "L", "h", "esc")
			if d.quit {
				t.Fatal("esc quit")
			}
		})
	}
	drive(t, nil, opts, 80, 24, func(d *driver) {
		d.press("enter")
		d.has("prod-eu (all namespaces)", "live", "Namespaces")
	})
	drive(t, nil, opts, 80, 24, func(d *driver) {
		d.press("d")
		d.has("demo", "files", "Namespaces")
	})
	drive(t, nil, opts, 80, 24, func(d *driver) {
		d.press("f")
		d.send(tea.PasteMsg{Content: "deploy"})
		d.press("enter")
		d.has("files [deploy]", "Namespaces")
	})
	drive(t, nil, opts, 80, 24, func(d *driver) {
		d.press("r")
		d.has("staging", "Namespaces") // the current context
	})
	drive(t, nil, opts, 80, 24, func(d *driver) {
		d.press("q")
		if !d.quit {
			t.Error("q does not quit")
		}
	})
}

// Nothing else to look at, and no kubeconfig that could be read.
func TestStartWithoutAnything(t *testing.T) {
	drive(t, nil, Options{Err: errors.New("no kubeconfig")}, 80, 24, func(d *driver) {
		d.has("no kubeconfig", "quit")
		d.press("c", "f", "d", "r")
		d.press(":")
		d.typeText("demo")
		d.press("enter")
		d.has("there is nothing else to look at")
	})
	e := &elsewhere{err: errors.New("loading config file: yaml: line 3: did not find expected key")}
	drive(t, nil, Options{Err: errors.New("reading kubeconfig"), Connector: e}, 100, 30, func(d *driver) {
		d.has("reading kubeconfig", "contexts cannot be offered: loading config file: yaml: line 3", "the demo")
		d.press("r")
		d.has("did not find expected key")
		d.press("c")
		d.typeText("nowhere")
		d.press("enter")
		d.has(`opening context nowhere: no context "nowhere"`)
	})
}

func TestStartWhenTheClusterDoesNotAnswer(t *testing.T) {
	e, f := otherPlaces(), newFake()
	f.loadErr = errors.New("connection refused")
	drive(t, f, Options{Connector: e}, 80, 24, func(d *driver) {
		d.has("connection refused", "try again", "staging", "current")
		d.press("c")
		d.typeText("dev")
		d.press("enter")
		d.has(" dev ", "live", "Namespaces")
		if f.closed != 1 {
			t.Errorf("the old backend was closed %d times", f.closed)
		}
	})
}

func TestReadingSaysWhatItWaitsFor(t *testing.T) {
	f := newFake()
	f.slow = true
	drive(t, f, Options{Connector: otherPlaces()}, 80, 24, func(d *driver) {
		d.has("Reading prod-eu")
		d.hasNot("API server")
		d.press("enter")
		d.has("go: still reading")
		d.wait(slowAfter)
		d.has("The API server was asked")
		d.wait(2 * slowAfter)
		d.has("on its network?", "esc stops")
		d.press("esc")
		d.has("There is no answer of prod-eu", "try again", "staging", "not connected")
		f.slow = false
		d.press("r")
		d.has("Namespaces")
	})
}
