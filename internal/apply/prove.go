package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// prove follows the rollout and reads back.
func (r *run) prove(ctx context.Context, s *sent) harden.Outcome {
	unproven := ""
	switch {
	case s.op.Target.Kind == "CronJob" && templateChanged(s.before, s.after):
		unproven = "the next run will show whether it works"
	case s.watch == nil:
	case r.opts.NoWait:
		unproven = "the rollout was started; nobody waited for it"
	default:
		r.say(s.op.Target, harden.RollingOut, "waiting for the controller")
		end := s.watch.follow(ctx)
		if end.err != nil {
			return r.failed(end.err)
		}
		unproven = end.unproven
	}
	// The cluster has changed already: its state is read even when nobody waits any more.
	open, gone, err := r.sortFindings(context.WithoutCancel(ctx), s.op)
	out := harden.Outcome{Fixed: gone, Open: open}
	switch {
	case err != nil:
		out.Phase, out.Message = harden.Unproven, "applied, but it could not be read back: "+err.Error()
	case len(open) > 0:
		out.Phase, out.Err = harden.NotFixed, fmt.Errorf("%s was changed, and %s is still there", say(s.op.Target), names(open))
		out.Message = out.Err.Error() + r.wayOut()
	case unproven != "":
		out.Phase, out.Message = harden.Unproven, unproven
	default:
		out.Phase, out.Message = harden.Proven, "read back: "+count(len(gone), "finding")+" gone"
	}
	return out
}

func (r *run) failed(err error) harden.Outcome {
	return harden.Outcome{Phase: harden.Failed, Message: err.Error() + r.wayOut(), Err: err}
}

func (r *run) wayOut() string {
	return "; take it back with: kubectl harden undo " + r.entry.ID
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// finish writes the outcome to the journal. The object is changed already, so
// an error here is told and changes nothing else.
func (r *run) finish(s *sent, out harden.Outcome) harden.Outcome {
	if s.record.State == harden.RecordApplied || s.record.Note == "" {
		s.record.Note = out.Phase.String()
		if out.Message != "" {
			s.record.Note += ": " + out.Message
		}
	}
	if err := r.save(s.record); err != nil {
		out.Message += "; the outcome could not be written to the journal: " + err.Error()
		out.Err = errors.Join(out.Err, err)
	}
	return out
}
