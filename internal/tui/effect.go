package tui

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// planName is the title of a plan.
func planName(e harden.Effect) string {
	return map[harden.Effect]string{harden.Repairs: "Plan", harden.Waives: "Plan of waivers", harden.Unwaives: "Plan without waivers"}[e]
}

// effectWord is how much is done to an object.
func effectWord(e harden.Effect, n int) string {
	switch e {
	case harden.Waives:
		return plural(n, "waiver", "waivers")
	case harden.Unwaives:
		return plural(n, "waiver less", "waivers less")
	}
	return plural(n, "fix", "fixes")
}

// effectNote says what becomes of the findings where it is not that they are gone.
func effectNote(e harden.Effect, findings int) string {
	switch e {
	case harden.Waives:
		return plural(findings, "finding stays", "findings stay") + " wrong and will not count: nothing is repaired"
	case harden.Unwaives:
		return "what they excuse will count again"
	}
	return ""
}

// doneWord is what became of the findings of a run, and openWord of those of which
// it did not.
func doneWord(e harden.Effect) string {
	return map[harden.Effect]string{harden.Repairs: "gone", harden.Waives: "waived (still wrong, not counted)", harden.Unwaives: "counted again"}[e]
}

func openWord(e harden.Effect) string {
	return map[harden.Effect]string{harden.Repairs: "still there", harden.Waives: "not waived", harden.Unwaives: "still waived"}[e]
}

// waivedWord is until when a finding is waived.
func waivedWord(f *harden.Finding) string {
	if f.Excuse == nil || f.Excuse.Until.IsZero() {
		return "waived"
	}
	return "waived until " + f.Excuse.Until.Format(dateForm)
}
