package lessons

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Fixers whose fixes a symptom can point at.
const (
	readOnlyRoot = "read-only-root-filesystem"
	nonRoot      = "run-as-non-root"
	rootUser     = "run-as-root-user"
	dropAll      = "drop-all-capabilities"
	escalation   = "allow-privilege-escalation"
	seccomp      = "seccomp-profile-missing"
	unconfined   = "seccomp-unconfined"
	token        = "sa-token-automount"
)

// riskiest lists the fixers from the one that breaks programs most often to the
// one that does least. Where nothing else is known, the first one of an attempt
// is suspected.
var riskiest = []string{readOnlyRoot, nonRoot, rootUser, dropAll, token, escalation, unconfined, seccomp}

// From draws lessons from how the apply of one object ended. None means that
// nothing can be learnt: it did not fail, or not because of the change.
func From(op *harden.ObjectPlan, out harden.Outcome, now time.Time) []harden.Lesson {
	var learnt []harden.Lesson
	for _, s := range out.Symptoms {
		l, ok := fromSymptom(op, s)
		if !ok {
			continue
		}
		l.Image, l.Symptom, l.Time = harden.LessonName(s.Image), s.Line, now
		l.Workload, l.Container = op.Target.Long(), s.Container
		if !slices.ContainsFunc(learnt, func(old harden.Lesson) bool {
			return old.Image == l.Image && old.Kind == l.Kind && old.Value == l.Value && old.Fixer == l.Fixer
		}) {
			learnt = append(learnt, l)
		}
	}
	return withoutGuesses(learnt, out)
}

// withoutGuesses keeps a suspicion only where nothing better is known: a crash
// after "read-only file system" says nothing about other fixes.
func withoutGuesses(learnt []harden.Lesson, out harden.Outcome) []harden.Lesson {
	guess := map[string]bool{}
	for _, s := range out.Symptoms {
		switch s.Kind {
		case harden.SymptomCrash, harden.SymptomNotReady, harden.SymptomMemory:
			guess[s.Line] = true
		}
	}
	sure := slices.DeleteFunc(slices.Clone(learnt), func(l harden.Lesson) bool { return guess[l.Symptom] })
	if len(sure) > 0 {
		return sure
	}
	return learnt
}

func fromSymptom(op *harden.ObjectPlan, s harden.Symptom) (harden.Lesson, bool) {
	if s.Image == "" {
		return harden.Lesson{}, false
	}
	has := func(fixer string) bool { return made(op, s.Container, fixer) }
	breaks := func(candidates ...string) (harden.Lesson, bool) {
		for _, fixer := range candidates {
			if has(fixer) {
				return harden.Lesson{Kind: harden.LessonBreaks, Fixer: fixer}, true
			}
		}
		return harden.Lesson{}, false
	}
	needs := func(capability string) (harden.Lesson, bool) {
		return harden.Lesson{Kind: harden.LessonNeedsCapability, Value: capability}, true
	}
	switch s.Kind {
	case harden.SymptomReadOnly:
		if has(readOnlyRoot) && s.Path != "" {
			return harden.Lesson{Kind: harden.LessonWrites, Value: s.Path}, true
		}
		return breaks(readOnlyRoot)
	case harden.SymptomBind:
		if has(dropAll) {
			return needs("NET_BIND_SERVICE")
		}
		return breaks(nonRoot, rootUser)
	case harden.SymptomOwner:
		if has(dropAll) {
			return needs(ownerCapability(s.Line))
		}
		return breaks(nonRoot, rootUser, escalation)
	case harden.SymptomDenied:
		if has(nonRoot) || has(rootUser) {
			return breaks(nonRoot, rootUser)
		}
		if has(dropAll) {
			return needs("DAC_OVERRIDE")
		}
		return breaks(readOnlyRoot)
	case harden.SymptomNotPermitted:
		return breaks(dropAll, escalation, seccomp, unconfined)
	case harden.SymptomNoNewPrivs:
		return breaks(escalation)
	case harden.SymptomSeccomp:
		return breaks(seccomp, unconfined)
	case harden.SymptomToken:
		return harden.Lesson{Kind: harden.LessonNeedsToken}, has(token)
	case harden.SymptomUser:
		return breaks(nonRoot, rootUser)
	case harden.SymptomCrash, harden.SymptomNotReady:
		return breaks(riskiest...)
	}
	// Out of memory, an image that cannot be pulled, pods that admission refuses,
	// volumes: the image did not do that.
	return harden.Lesson{}, false
}

// made reports whether the plan holds a fix of the fixer that reaches the container.
func made(op *harden.ObjectPlan, container, fixer string) bool {
	return slices.ContainsFunc(op.Fixes, func(p harden.PlannedFix) bool {
		c := p.Finding.Container
		return p.Finding.Fixer.ID == fixer && (c.IsZero() || c.Name == container || container == "")
	})
}

var (
	changesUser  = regexp.MustCompile(`(?i)\b(set(e|re|res|fs)?uid|setuser)\b`)
	changesGroup = regexp.MustCompile(`(?i)\b(set(e|re|res|fs)?gid|setgroups?|initgroups)\b`)
	changesMode  = regexp.MustCompile(`(?i)\bf?chmod(at)?\b`)
)

// ownerCapability is what the refused call needs (capabilities(7)).
func ownerCapability(line string) string {
	switch {
	case changesGroup.MatchString(line):
		return "SETGID"
	case changesUser.MatchString(line):
		return "SETUID"
	case changesMode.MatchString(line):
		return "FOWNER"
	case strings.Contains(strings.ToLower(line), "kill"):
		return "KILL"
	}
	return "CHOWN"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
