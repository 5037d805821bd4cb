package prompts

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// marked are the marked findings that are still there, in the order of the snapshot.
func (d *dialog) marked() []*harden.Finding {
	if d.snap == nil || len(d.marks) == 0 {
		return nil
	}
	var out []*harden.Finding
	for _, f := range d.snap.Findings {
		if f.Status == harden.StatusFail && d.marks[f.ID()] {
			out = append(out, f)
		}
	}
	return out
}

func (d *dialog) noMarks() string {
	if len(d.marked()) == 0 {
		return "nothing is marked"
	}
	return ""
}

// markable tells why a finding cannot be marked, or "".
func (d *dialog) markable(f *harden.Finding) string {
	switch {
	case f == nil:
		return "this finding is gone by now"
	case f.Status != harden.StatusFail:
		return "this finding is " + gradeWord(f) + ": there is nothing to fix"
	case f.Fixer.Fix == nil:
		return f.Fixer.ID + " only detects: no fix is offered"
	case d.classOf(f) == "none":
		return "no fix is offered for this finding"
	}
	return ""
}

// markCommands mark findings of a list by their numbers.
func (d *dialog) markCommands(ids []string) []command {
	mark := func(set bool) func(string) (next, error) {
		return func(args string) (next, error) {
			at, wrong := numbers(args, len(ids))
			switch {
			case wrong != "":
				d.say("%q is no number of this list. Nothing was marked.", wrong)
			case len(at) == 0:
				d.say("Say which numbers, such as: mark 1 3 5-7. Nothing was marked.")
			default:
				d.mark(ids, at, set)
			}
			return stay, nil
		}
	}
	return []command{
		{words: []string{"mark", "m"}, args: "NUMBERS", help: "mark these findings for fixing, such as: mark 1 3 5-7", run: mark(true)},
		{words: []string{"leave"}, args: "NUMBERS", help: "unmark these findings", run: mark(false)},
	}
}

func (d *dialog) mark(ids []string, at []int, set bool) {
	n := 0
	for _, i := range at {
		id := ids[i-1]
		if !set {
			if d.marks[id] {
				n++
			}
			delete(d.marks, id)
			continue
		}
		if why := d.markable(d.find(id)); why != "" {
			d.say("Not marked: number %d: %s.", i, why)
			continue
		}
		d.marks[id] = true
		n++
	}
	verb := "Marked"
	if !set {
		verb = "Unmarked"
	}
	d.say("%s %d; %s.", verb, n, d.markedWords())
}

func (d *dialog) markedWords() string {
	n := len(d.marked())
	if n == 0 {
		return "nothing is marked now"
	}
	return plural(n, "finding is", "findings are") + " marked now; plan shows what would be done"
}

// markSafe marks what may be trusted of the findings of a view.
func (d *dialog) markSafe(v view) {
	findings, err := d.findings(v)
	if err != nil {
		d.fail("listing", err)
		return
	}
	n, review := 0, 0
	for _, f := range findings {
		if f.Status != harden.StatusFail || f.Fixer.Fix == nil {
			continue
		}
		switch d.classOf(f) {
		case harden.Safe.String(), harden.Evidence.String():
			d.marks[f.ID()] = true
			n++
		case harden.Review.String():
			review++
		}
	}
	switch {
	case n == 0 && review > 0:
		d.say("Nothing of %s is safe to fix unseen: %s your review. Read one, then mark it.", v.words(), plural(review, "fix needs", "fixes need"))
	case n == 0:
		d.say("Nothing of %s has a fix.", v.words())
	default:
		d.say("Marked %d of %s; %s. Left for your review: %d.", n, v.words(), d.markedWords(), review)
	}
}
