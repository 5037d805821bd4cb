package tui

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// The functions of this file tell why an action is not possible now, or "".

const readOnly = "started with --read-only"

func noFindings(m *Model) string {
	if m.browse.findRows.n == 0 {
		return "no findings in view"
	}
	return ""
}

func noFinding(m *Model) string {
	if m.current() == nil {
		return "no finding under the cursor"
	}
	return ""
}

func noMark(m *Model) string {
	switch r := m.current(); {
	case r == nil:
		return "no finding under the cursor"
	case m.browse.focus < levelFinds:
		return "go into the findings first, or press a"
	case m.marks[r.id]:
		return ""
	default:
		return m.markable(r.Finding, r.id)
	}
}

func noMarks(m *Model) string {
	if len(m.marks) == 0 {
		return "nothing is marked"
	}
	return ""
}

func noFix(m *Model) string {
	switch r := m.current(); {
	case m.class.marking:
		return "still finding out which fixes are safe"
	case len(m.marked()) > 0:
		return ""
	case r == nil:
		return "no finding to fix"
	case m.browse.focus < levelFinds:
		return "nothing is marked: a marks what is safe, or go into the findings"
	default:
		return m.markable(r.Finding, r.id)
	}
}

func noApply(m *Model) string {
	switch plan := m.toApply(); {
	case m.opts.ReadOnly:
		return readOnly
	case m.writing > 0:
		return "files are still being written"
	case m.plan.busy > 0 && m.backend.Live():
		return "the server is still being asked"
	case m.plan.busy > 0:
		return "still working on it"
	case plan == nil || len(plan.Objects) == 0:
		return "no object of this plan can be applied"
	}
	return ""
}

func noTakeOver(m *Model) string {
	o := m.plannedObject()
	switch {
	case m.opts.ReadOnly:
		return readOnly
	case m.plan.busy > 0:
		return "the server is still being asked"
	case o == nil:
		return "no object under the cursor"
	}
	switch m.standing(o) {
	case conflicts, takesOver:
		return ""
	case held:
		return "the manager applies this object: change it at its source"
	default:
		return "no conflict here"
	}
}

func noUndoList(m *Model) string {
	if !m.live() {
		return "files have no journal"
	}
	return ""
}

func noUndoRun(m *Model) string {
	switch {
	case m.opts.ReadOnly:
		return readOnly
	case m.run.active():
		return "still running"
	case !m.run.written():
		return "nothing to take back"
	}
	return ""
}

func noUndo(m *Model) string {
	if m.opts.ReadOnly {
		return readOnly
	}
	return whyNotUndo(m.record())
}

func noPatch(m *Model) string {
	if m.patchPlan() == nil {
		return "no patch here"
	}
	return ""
}

func allRead(m *Model) string {
	if len(m.unread()) == 0 {
		return "everything was readable"
	}
	return ""
}

func noReload(m *Model) string {
	if m.load.busy {
		return "still reading"
	}
	return ""
}

func noError(m *Model) string {
	if m.lastErr == nil {
		return "no error so far"
	}
	return ""
}

// patchPlan is the plan whose patch is on the screen.
func (m *Model) patchPlan() *harden.Plan {
	if m.screen == screenPlan {
		if o := m.plannedObject(); o != nil {
			return &harden.Plan{Objects: []*harden.ObjectPlan{o}}
		}
		return nil
	}
	if p := m.detail.preview; m.detail.id != "" && p != nil && p.plan != nil && len(p.plan.Objects) > 0 {
		return p.plan
	}
	return nil
}
