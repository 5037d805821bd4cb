package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// traffic asks a service again and again, as its users would, each time over a
// new connection.
type traffic struct {
	address string // HOST:PORT
	http    bool   // else a connection is all that is asked for
	stop    context.CancelFunc
	done    sync.WaitGroup

	mu       sync.Mutex
	requests int
	failed   []string
}

// every is how long a user waits between two requests.
const every = 200 * time.Millisecond

func startTraffic(t *testing.T, address string, overHTTP bool) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	tr := &traffic{address: address, http: overHTTP, stop: stop}
	tr.done.Go(func() {
		for ctx.Err() == nil {
			err := tr.ask()
			tr.mu.Lock()
			tr.requests++
			if err != nil {
				tr.failed = append(tr.failed, time.Now().Format("15:04:05.000")+" "+err.Error())
			}
			tr.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	})
	t.Cleanup(stop)
	return tr
}

// patience is far more than an answer takes on a busy machine.
const patience = 20 * time.Second

func (tr *traffic) ask() error {
	if !tr.http {
		c, err := net.DialTimeout("tcp", tr.address, patience)
		if err != nil {
			return err
		}
		return c.Close()
	}
	client := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true, Proxy: nil}}
	resp, err := client.Get("http://" + tr.address + "/")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", resp.Status)
	}
	return nil
}

// end stops the traffic and tells how it went.
func (tr *traffic) end() (requests int, failed []string) {
	tr.stop()
	tr.done.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.requests, tr.failed
}

// works waits until a request is answered.
func (tr *traffic) works(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	err := tr.ask()
	for ; err != nil && time.Now().Before(deadline); err = tr.ask() {
		time.Sleep(every)
	}
	if err != nil {
		t.Fatalf("%s does not answer: %v", tr.address, err)
	}
}
