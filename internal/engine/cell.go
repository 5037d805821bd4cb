package engine

import (
	"slices"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A cell is what the rules say about one thing: a workload with what was injected
// into its pods, a namespace, an object. It is not changed once it is made.
type cell struct {
	judged   []judged
	findings []*harden.Finding // marked, in the order of harden.CompareFindings
	in       setting           // of a workload
	admitted bool              // the live pods have other security contexts than the template
	clocks   []clocked
}

// judged is a subject with the fixers that look at it, as indexes into the suite.
type judged struct {
	subject
	fixers   []int
	outcomes []outcome // of the fixers
}

type outcome uint8

const (
	passed outcome = iota
	notApplicable
	found
)

// clocked is a rule of a cell that looked at the clock, and from when on it may
// say something else; zero: never, unless the clock is set back.
type clocked struct {
	fixer int
	until time.Time
}

func (c *cell) workload() *harden.Workload { return c.judged[0].workload }

func (c *cell) subjects() []subject {
	all := make([]subject, len(c.judged))
	for i := range c.judged {
		all[i] = c.judged[i].subject
	}
	return all
}

// A worker makes cells of one run; several work at once.
type worker struct {
	run     *run
	scratch harden.Result // for Mark
}

// whole judges subjects with all fixers. They are those of one cell.
func (w *worker) whole(subjects []subject) *cell {
	c := &cell{judged: make([]judged, len(subjects))}
	for i, s := range subjects {
		c.judged[i] = judged{subject: s, fixers: w.run.memory.suite.of(s)}
		c.judged[i].outcomes = make([]outcome, len(c.judged[i].fixers))
		c.findings = append(c.findings, w.check(c, &c.judged[i], nil)...)
	}
	if of := subjects[0].workload; of != nil {
		c.in = settingOf(w.run.inv, of)
	}
	w.finish(c, c.findings)
	slices.SortStableFunc(c.findings, harden.CompareFindings)
	return c
}

// again makes the cell anew as far as that is needed: for the fixers that only
// names and those whose time has come. Subjects are those of the cell as they are
// now; moved says that the workload may stand in another place.
func (w *worker) again(old *cell, subjects []subject, only []bool, moved bool) *cell {
	of := subjects[0].workload
	if len(subjects) != len(old.judged) || moved && settingOf(w.run.inv, of) != old.in {
		return w.whole(subjects)
	}
	only = w.run.withClocks(only, old)
	some := false
	for i := range old.judged {
		for _, f := range old.judged[i].fixers {
			if !only[f] {
				continue
			}
			some = true
			if old.admitted && w.run.engine.Suite[f].Area == harden.AreaPod {
				return w.whole(subjects) // what is found is compared with live pods
			}
		}
	}
	if !some && of == old.workload() {
		return old
	}
	return w.part(old, subjects, only)
}

// withClocks adds the fixers of the cell whose time has come.
func (r *run) withClocks(only []bool, old *cell) []bool {
	if !r.late {
		return only
	}
	all := only
	for _, k := range old.clocks {
		if r.back || !k.until.IsZero() && !r.inv.Now.Before(k.until) {
			if &all[0] == &only[0] {
				all = slices.Clone(only)
			}
			all[k.fixer] = true
		}
	}
	return all
}

// part judges the subjects of a cell again with some of their fixers and keeps
// what the others said. Subjects replace those of the cell one by one.
func (w *worker) part(old *cell, subjects []subject, only []bool) *cell {
	c := &cell{judged: slices.Clone(old.judged), in: old.in, admitted: old.admitted}
	var fresh []*harden.Finding
	for _, k := range old.clocks {
		if !only[k.fixer] {
			c.clocks = append(c.clocks, k)
		}
	}
	for i := range c.judged {
		j := &c.judged[i]
		j.subject, j.outcomes = subjects[i], slices.Clone(j.outcomes)
		fresh = append(fresh, w.check(c, j, only)...)
	}
	w.finish(c, fresh)
	for _, f := range old.findings {
		if only[w.run.memory.index[f.Fixer]] {
			continue
		}
		if f.Workload != subjects[0].workload {
			moved := *f
			moved.Workload = subjects[0].workload
			f = &moved
		}
		c.findings = append(c.findings, f)
	}
	c.findings = inserted(c.findings, fresh)
	return c
}

// check calls the fixers of the subject, or those of them that only names, and
// compares with live pods where that is to be done.
func (w *worker) check(c *cell, j *judged, only []bool) []*harden.Finding {
	inv, e := w.run.inv, w.run.engine
	all := j.pass(e, inv, nil)
	p := &harden.Pass{} // one for all fixers: none keeps it
	var out []*harden.Finding
	for n, i := range j.fixers {
		if only != nil && !only[i] {
			continue
		}
		f := e.Suite[i]
		reported := p.Findings[:0]
		*p = *all
		p.Fixer, p.Findings = f, reported
		f.Check(p)
		kept := 0
		for _, finding := range p.Findings {
			if j.view != nil && !j.view.PodLevel && finding.Container.IsZero() {
				continue // the pod itself was judged under the declared lens
			}
			kept++
			out = append(out, finding)
		}
		switch {
		case kept > 0:
			j.outcomes[n] = found
		case p.IsNotApplicable():
			j.outcomes[n] = notApplicable
		default:
			j.outcomes[n] = passed
		}
		if read, until := p.Clock(); read {
			c.clocks = append(c.clocks, clocked{i, until})
		}
	}
	if j.workload != nil && only == nil {
		more, compared := e.admitted(inv, j.subject, j.fixers, out)
		out = append(out, more...)
		c.admitted = c.admitted || compared
	}
	return out
}

// finish moves severities by where the workload stands, and marks the findings.
func (w *worker) finish(c *cell, findings []*harden.Finding) {
	if c.workload() != nil {
		for _, f := range findings {
			c.in.place(f)
		}
	}
	if mark := w.run.engine.Mark; mark != nil && len(findings) > 0 {
		w.scratch.Inventory, w.scratch.Findings = w.run.inv, findings
		mark(&w.scratch)
	}
}

// tally adds what the cell says to the counts of the fixers, times by.
func (c *cell) tally(counts []harden.Counts, index map[*harden.Fixer]int, by int) {
	for i := range c.judged {
		j := &c.judged[i]
		for n, f := range j.fixers {
			switch j.outcomes[n] {
			case passed:
				counts[f].Pass += by
			case notApplicable:
				counts[f].NotApplicable += by
			case found:
			}
		}
	}
	for _, f := range c.findings {
		count(&counts[index[f.Fixer]], f.Status, by)
	}
}
