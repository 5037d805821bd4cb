package tui

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLog(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("~")
		d.has("Nothing was said so far")
		d.press("~")
		d.say(logged(10)...)
		d.has("⚠ 4 in the log (~)")
		d.press("~")
		d.has("follows the end", "api-server", "10/10")
		d.hasNot("in the log (~)", "\x1b[31m")
		d.say(logged(1)...)
		d.has("11/11")
		d.press("up", "up")
		at := d.m.logLine().id
		d.say(logged(5)...)
		if d.m.logLine().id != at {
			t.Error("the cursor moved with the end though the person scrolled")
		}
		d.hasNot("follows the end")
		d.press("G")
		d.say(logged(1)...)
		d.has("follows the end", "17/17")
		d.press("/")
		d.typeText("reset")
		d.press("enter")
		d.has("3 found")
		d.hasNot("trivy")
		d.press("enter")
		d.has("so that the line has to be wrapped")
		d.press("y", "esc", "esc", "esc")
		d.has("Namespaces")
		d.press("f", "~")
		d.has("prod-eu › log")
	})
}

// The log is bounded, and many lines are few redraws.
func TestLogIsBoundedAndGathered(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("~")
		d.say()
		frames := d.frames
		for range 30 { // 3 seconds with 1,000 lines each
			for _, l := range logged(100) {
				d.log <- l
			}
			d.wait(100 * time.Millisecond)
		}
		d.wait(time.Second)
		if n := d.frames - frames; n > 60 {
			t.Errorf("%d frames for 3,000 lines in 3 seconds", n)
		}
		if n := len(d.m.log.lines); n != logLines {
			t.Errorf("%d lines are kept, want %d", n, logLines)
		}
		d.has("the last 2000 of 3000 lines", "2000/2000")
		close(d.log)
		d.wait(time.Second)
	})
}

func TestReadingTheLogEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			if msg := gatherLines(ctx, make(chan LogLine))(); msg != nil {
				t.Errorf("answered %v", msg)
			}
		}()
		cancel()
		<-done
	})
}
