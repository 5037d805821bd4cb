//go:build linux

// Command app is the program in most test images: a web server that can be told to have the needs that hardening takes
// away. What it needs is said by its flags, hence by the entrypoint of an image; how long it waits is said by its
// environment, so that a workload may change it. It has no dependencies but the standard library and is linked statically.
//
// It answers /healthz with 200 once it is ready, else with 503 and the reason, and every other path with its host name. On
// SIGTERM it stops being ready, serves on for a moment so that nobody who was sent here is refused, and exits with 0.
// When it misses what it needs it says so in one line on stderr, as such programs do, and exits with 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type options struct {
	listen string
	chown  string // a folder that is given to user before anything else
	user   string // "uid:gid" to become after that
	needs  paths  // files that must be readable at start
	writes paths  // files that must be writable at start
	spool  string // a folder that is written into with each request, and every spoolEvery
	flush  string // a file that is written once, failAfter after the start
	helper string // a program that must succeed at start and with each request
	token  bool   // whether the API server must know us
	thread bool   // whether a seccomp filter is one too old for our libc

	readyAfter, failAfter, drainAfter time.Duration
}

// paths is a flag that may be repeated.
type paths []string

func (p *paths) String() string     { return strings.Join(*p, ",") }
func (p *paths) Set(s string) error { *p = append(*p, s); return nil }

// parse reads flags and the durations READY_AFTER (default 0), FAIL_AFTER (20s) and DRAIN_AFTER (6s).
func parse(args []string, getenv func(string) string) (options, error) {
	var o options
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	flags.StringVar(&o.listen, "listen", ":8080", "the `address` to serve on")
	flags.StringVar(&o.chown, "chown", "", "give this `folder` to the user of -user at start")
	flags.StringVar(&o.user, "user", "", "become `uid:gid` at start")
	flags.Var(&o.needs, "need", "a `file` that must be there at start")
	flags.Var(&o.writes, "write", "a `file` to write at start")
	flags.StringVar(&o.spool, "spool", "", "a `folder` to write into while serving")
	flags.StringVar(&o.flush, "flush", "", "a `file` to write FAIL_AFTER after the start")
	flags.StringVar(&o.helper, "helper", "", "a `program` to run at start and with each request")
	flags.BoolVar(&o.token, "token", false, "call the API server as the pod's service account")
	flags.BoolVar(&o.thread, "thread", false, "fail under a seccomp filter, as threads do when the filter is older than the libc")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for _, d := range []struct {
		name  string
		value *time.Duration
		unset time.Duration
	}{
		{"READY_AFTER", &o.readyAfter, 0},
		{"FAIL_AFTER", &o.failAfter, 20 * time.Second},
		{"DRAIN_AFTER", &o.drainAfter, 15 * time.Second},
	} {
		*d.value = d.unset
		if text := getenv(d.name); text != "" {
			var err error
			if *d.value, err = time.ParseDuration(text); err != nil {
				return o, fmt.Errorf("reading %s: %w", d.name, err)
			}
		}
	}
	return o, nil
}

func main() {
	log.SetFlags(log.LstdFlags | log.LUTC)
	o, err := parse(os.Args[1:], os.Getenv)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
		defer stop()
		err = run(ctx, o)
	}
	if err != nil {
		log.Print(err)
		os.Exit(1)
	}
}

// run starts, serves until the context ends, and drains.
func run(ctx context.Context, o options) error {
	if err := start(ctx, o); err != nil {
		return err
	}
	s := newServer(o)
	return s.serve(ctx)
}
