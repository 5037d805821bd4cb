package tui

import (
	"errors"
	"fmt"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestCredentials(t *testing.T) {
	f := newFake()
	f.loadErr = fmt.Errorf("listing pods: %w", harden.ErrCredentials)
	drive(t, f, Options{}, 100, 30, func(d *driver) {
		d.has("credentials expired", "Your credentials for prod-eu are missing, expired or refused", "log in")
		f.loginErr = errors.New("the browser was closed")
		d.press("L")
		d.has("logging in: the browser was closed")
		f.loginErr, f.loadErr = nil, nil
		d.press("L")
		d.has("Namespaces", "live")
		d.press("L")
		d.has("log in: the credentials are accepted")

		s := shop()
		s.Generation, s.Stale, s.Err = 2, true, fmt.Errorf("watching pods: %w", harden.ErrCredentials)
		f.send(s)
		d.settle()
		d.has("credentials expired since ", "L logs in", "privileged-cont")
		d.press("L")
		d.has("logged in", "live")
	})
	if f.logins != 3 {
		t.Errorf("%d logins", f.logins)
	}
}

func TestStaleSaysSinceWhenAndWhatHappensNext(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, 200, 60, func(d *driver) {
		lost := func(generation int) {
			s := shop()
			s.Generation, s.Stale, s.Err = generation, true, errors.New("connection reset by peer")
			f.send(s)
			d.settle()
		}
		d.wait(time.Hour)
		at := time.Now().Format("15:04")
		lost(2)
		d.has("stale since "+at, "reconnecting: connection reset by peer")
		d.wait(time.Hour)
		lost(3)
		d.has("stale since " + at)
		s := shop()
		s.Generation = 4
		f.send(s)
		d.settle()
		d.hasNot("stale")
		d.has("live")
	})
}

func TestSuspendAndResume(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		msgs := map[string]bool{}
		var collect func(tea.Cmd)
		collect = func(cmd tea.Cmd) {
			if cmd == nil {
				return
			}
			switch msg := cmd().(type) {
			case tea.BatchMsg:
				for _, c := range msg {
					collect(c)
				}
			default:
				msgs[fmt.Sprintf("%T", msg)] = true
			}
		}
		collect(d.m.take(keyPress("ctrl+z")))
		if !msgs["tea.SuspendMsg"] {
			t.Errorf("ctrl+z asks for %v", msgs)
		}
		collect(d.m.take(tea.ResumeMsg{}))
		for _, want := range []string{"tea.clearScreenMsg", "tea.backgroundColorMsg"} {
			if !msgs[want] {
				t.Errorf("resume does not ask for %s: %v", want, msgs)
			}
		}
	})
}
