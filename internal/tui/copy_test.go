package tui

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Text goes to the clipboard of the terminal and to that of the system.
func TestCopiesToBothClipboards(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab")
		d.rest()
		d.press("y")
		d.has("to the clipboard of the system and by the terminal")
		if d.system == "" || d.system != d.clipboard {
			t.Errorf("system %q, terminal %q", d.system, d.clipboard)
		}
		d.noSystem = errors.New("no clipboard utilities available")
		d.press("y")
		d.has("by the terminal (OSC 52); there is no other clipboard here")
		d.press("!")
		d.has("no error so far") // its absence is none
	})
}

func TestCopiesOfEveryScreen(t *testing.T) {
	for name, test := range map[string]struct {
		keys []string
		want []string
	}{
		"plan":    {[]string{"a", "f", "Y"}, []string{"kind: Deployment", "kind: CronJob"}},
		"network": {[]string{"down", "n", "right", "y"}, []string{"tcp/8080", "allowed"}},
		"images":  {[]string{"i", "y"}, []string{"registry.example.com/shop/web"}},
		"waiver":  {[]string{"W", "end", "y"}, []string{"memory-limit waived until 2027-01-03 (holds): sized by the node pool"}},
		"report":  {[]string{"C", "y"}, []string{"baseline: privileged containers: fail", "- fail `privileged-container` shop/deploy/web"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			withScans(f)
			drive(t, f, Options{}, wide, high, func(d *driver) {
				d.press(test.keys...)
				d.has("copied")
				for _, w := range test.want {
					if !strings.Contains(d.system, w) {
						t.Errorf("%q is not in what was copied:\n%s", w, d.system)
					}
				}
			})
		})
	}
	t.Run("log", func(t *testing.T) {
		drive(t, newFake(), Options{}, wide, high, func(d *driver) {
			d.say(logged(4)...)
			d.press("~", "y")
			if want := "2026-11-04T10:15:03Z api-server: would violate PodSecurity [31m\"restricted:latest\": allowPrivilegeEscalation != false\n"; d.system != want {
				t.Errorf("copied %q, want %q", d.system, want)
			}
			d.press("Y")
			if n := strings.Count(d.system, "\n"); n != 4 {
				t.Errorf("%d lines copied", n)
			}
		})
	})
}

func TestCausesOfAnError(t *testing.T) {
	deep := errors.New("connection refused")
	for _, test := range []struct {
		err  error
		want []string
	}{
		{deep, []string{"connection refused"}},
		{wrapped{"planning", fmt.Errorf("asking %q: %w", "web", deep)}, []string{"planning", `asking "web"`, "connection refused"}},
		{fmt.Errorf("a (%w) b", deep), []string{"a (connection refused) b"}},
		{wrapped{"writing", errors.Join(errors.New("a.yaml"), errors.New("b.yaml"))}, []string{"writing", "a.yaml", "b.yaml"}},
	} {
		if diff := cmp.Diff(test.want, causes(test.err)); diff != "" {
			t.Errorf("%v: %s", test.err, diff)
		}
	}
}

// A toast never hides what is asked.
func TestToastsDoNotHideAConfirm(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, 60, 14, func(d *driver) {
		d.press("a", "f", "f")
		d.wait(armAfter)
		d.m.fail("reading again", errors.New(strings.Repeat("a long reason ", 30)))
		d.send(toastOverMsg{-1})
		d.has("y apply", "n leave it", "Apply to prod-eu?")
	})
}
