package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// A trial is the flags that say how a rollout is watched, shared by fix and the UI.
type trial struct {
	timeout time.Duration
	soak    time.Duration
	keep    bool
}

const (
	defaultTimeout = 5 * time.Minute  // how long one rollout is watched
	defaultSoak    = 30 * time.Second // how long new pods are watched when they are available
)

func (t *trial) addFlags(fs *pflag.FlagSet) {
	fs.DurationVar(&t.timeout, "timeout", defaultTimeout, "How long to watch one rollout")
	fs.DurationVar(&t.soak, "soak", defaultSoak, "How long to watch the new pods once they are available; at least twice the longest delay of their probes. Some minutes are wise in production")
	fs.BoolVar(&t.keep, "no-rollback", false, "Leave a change in place that broke a workload, instead of taking it back")
}

func (t *trial) options() (harden.ApplyOptions, error) {
	if t.soak < 0 || t.timeout <= 0 {
		return harden.ApplyOptions{}, errors.New("--soak and --timeout are lengths of time, such as 30s or 5m")
	}
	// Asked for none; zero would be the default.
	return harden.ApplyOptions{Timeout: t.timeout, Soak: max(t.soak, 1), NoRollback: t.keep}, nil
}

// goOn resumes an interrupted plan.
func (o *fixOptions) goOn(ctx context.Context) error {
	records, err := o.session.Interrupted(ctx)
	if err != nil {
		return err
	}
	id := ""
	for _, r := range records {
		if r.ID == o.resume || o.resume == newestPlan {
			id = r.ID
			break
		}
	}
	switch {
	case id == "" && o.resume == newestPlan:
		return errors.New("no plan was interrupted on this cluster")
	case id == "":
		return hinted(fmt.Errorf("no plan %q was interrupted on this cluster", o.resume), "list what was applied with 'kubectl harden undo --list'")
	}
	rep, err := o.session.Resume(ctx, id, o.applyOpts, progress(o.streams))
	if err != nil {
		return err
	}
	return o.conclude(rep)
}

// tightenAll tries the objects one by one until each holds.
func (o *fixOptions) tightenAll(ctx context.Context, refused bool) error {
	attempts := map[harden.Key]int{}
	bad := refused
	var last error
	err := o.session.Tighten(ctx, o.scope, o.find, session.TightenOptions{Plan: o.planOpts, Apply: o.applyOpts, MaxAttempts: o.attempts}, progress(o.streams), func(a session.Attempt) {
		key := a.Object().Key()
		attempts[key]++
		out := a.Outcome()
		if err := report.Attempt(o.streams.ErrOut, attempts[key], out, a.Learnt, a.Stopped); err != nil {
			last = err
		}
		if a.Report.ID != "" && out.Phase != harden.RolledBack {
			fmt.Fprintf(o.streams.ErrOut, "  to take it back: kubectl harden undo %s\n", a.Report.ID)
		}
		bad = bad || a.Stopped != "" || !out.Phase.Good() && out.Phase != harden.RolledBack
	})
	switch {
	case err != nil:
		return err
	case last != nil:
		return last
	case bad:
		return exitCode(exitError)
	}
	return nil
}
