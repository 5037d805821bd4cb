package tui

import (
	"context"
	"flag"
	"testing"
	"time"
)

var look = flag.Bool("look", false, "show the UI over made-up data, for the eye: go test -c -o /tmp/look . && /tmp/look -test.run TestLook -look")

func TestLook(t *testing.T) {
	if !*look {
		t.Skip("without -look")
	}
	f := newFake()
	conflicted(f)
	f.gate = make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		for ctx.Err() == nil {
			time.Sleep(2 * time.Second)
			select {
			case f.gate <- struct{}{}:
			default:
			}
		}
	}()
	if err := Run(ctx, f, Options{Version: "look"}); err != nil {
		t.Fatal(err)
	}
}
