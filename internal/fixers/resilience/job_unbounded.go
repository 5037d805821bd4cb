package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// JobUnbounded finds Jobs that may run for ever.
var JobUnbounded = &harden.Fixer{
	ID:       "job-unbounded",
	Title:    "may run for ever",
	Area:     harden.AreaResilience,
	Severity: harden.Info,
	Subject:  harden.SubjectWorkload,
	Doc: `
Nothing ends a Job that hangs.

Fields:

    spec.activeDeadlineSeconds   (of a Job, or of the jobTemplate of a CronJob)
    spec.template.spec.activeDeadlineSeconds

Allowed: a deadline at the Job or at its pods. Attempts and history are bounded without a
word: backoffLimit is 6, and a CronJob keeps three Jobs that went well and one that
failed. Jobs that are done are not looked at.

**Why it matters.** A Job that waits for what never comes holds its memory, its token and
its place in a quota. A CronJob that forbids two at once never runs again, and of a
backup nobody misses it until it is needed.

**The fix.** No change is proposed: how long is too long, only its owner knows. The text
says where to put the number.

**Traps.** A deadline counts all attempts together. A Job that is cut off in the middle has
to bear that. Jobs are immutable: it is the CronJob, or whatever makes them, that has to
change.
`,
	Refs: []harden.Reference{
		{Standard: "Kubernetes", ID: "job termination and cleanup", URL: "https://kubernetes.io/docs/concepts/workloads/controllers/job/#job-termination-and-cleanup"},
	},
	Reads: harden.ReadsNothing,
	Check: checkJobUnbounded,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "give it a deadline", Class: harden.Review,
			Manual:  "Set " + f.Field + " of " + p.Object.String() + " in its manifest to a few times what the slowest run takes.",
			Warning: "When the time is up its pods are killed.",
		}}
	},
}

func checkJobUnbounded(p *harden.Pass) {
	f := harden.Finding{Field: "spec.activeDeadlineSeconds", Reason: "no deadline", Detail: "Neither the Job nor its pods have activeDeadlineSeconds: one that hangs stays."}
	switch p.Object.Kind {
	case "Job":
	case "CronJob":
		f.Field = "spec.jobTemplate.spec.activeDeadlineSeconds"
	default:
		p.NotApplicable()
		return
	}
	if p.Workload.Job.Deadline == nil && !p.Workload.Finished {
		p.Report(f)
	}
}
