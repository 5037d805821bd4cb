//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"
)

const (
	spoolEvery = 2 * time.Second
	// drainFor is how long requests may take that are still answered when nothing new is accepted.
	drainFor = 5 * time.Second
)

type server struct {
	options
	warm     atomic.Bool // readyAfter is over
	known    atomic.Bool // the last call of the API server succeeded
	draining atomic.Bool
}

func newServer(o options) *server { return &server{options: o} }

// notReady returns why no traffic is wanted, else "".
func (s *server) notReady() string {
	switch {
	case s.draining.Load():
		return "shutting down"
	case !s.warm.Load():
		return "warming up"
	case s.token && !s.known.Load():
		return "the API server does not know us"
	}
	return ""
}

func (s *server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if reason := s.notReady(); reason != "" {
			http.Error(w, reason, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if err := s.work(r.Context()); err != nil {
			log.Print(err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		name, err := os.Hostname()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, name)
	})
	return mux
}

// work is what a request costs.
func (s *server) work(ctx context.Context) error {
	if s.spool != "" {
		if err := writeSpool(s.spool); err != nil {
			return err
		}
	}
	if s.helper != "" {
		return runHelper(ctx, s.helper)
	}
	return nil
}

func writeSpool(folder string) error {
	return os.WriteFile(filepath.Join(folder, "app-spool"), []byte(time.Now().UTC().Format(time.RFC3339)+"\n"), 0o644)
}

// serve answers requests until the context ends or something fails that the program cannot live without.
func (s *server) serve(ctx context.Context) error {
	listener, err := net.Listen("tcp", s.listen)
	if err != nil {
		return err
	}
	log.Printf("listening on %s", listener.Addr())
	web := &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 3)
	go func() { failed <- web.Serve(listener) }()
	background, stop := context.WithCancel(ctx)
	defer stop()
	s.start(background, failed)

	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Print("draining")
	s.draining.Store(true)
	web.SetKeepAlivesEnabled(false)
	select {
	case err := <-failed:
		return err
	case <-time.After(s.drainAfter):
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainFor)
	defer cancel()
	if err := web.Shutdown(drain); err != nil {
		return fmt.Errorf("draining: %w", err)
	}
	log.Print("drained")
	return nil
}

// start starts what goes on beside the requests. What ends the program is sent to failed.
func (s *server) start(ctx context.Context, failed chan<- error) {
	if s.readyAfter <= 0 {
		s.warm.Store(true)
	} else {
		time.AfterFunc(s.readyAfter, func() { s.warm.Store(true) })
	}
	if s.token {
		go s.callAPIServer(ctx)
	}
	if s.spool != "" {
		go every(ctx, spoolEvery, func() {
			if err := writeSpool(s.spool); err != nil {
				log.Print(err)
			}
		})
	}
	if s.flush != "" {
		time.AfterFunc(s.failAfter, func() {
			if err := writeFlush(s.flush); err != nil {
				failed <- err
			}
		})
	}
}

func writeFlush(path string) error {
	err := os.WriteFile(path, []byte("flushed\n"), 0o644)
	if failure, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("flush %s: %w", path, failure.Err)
	}
	return err
}

// every calls do now and then once an interval, until the context ends.
func every(ctx context.Context, interval time.Duration, do func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
