package pod

import (
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// lessonsOf are the lessons of one kind about the images of the containers
// that the finding concerns: its own, or all where it is the pod's.
func lessonsOf(p *harden.Pass, f *harden.Finding, kind harden.LessonKind) []harden.Lesson {
	var lessons []harden.Lesson
	for _, c := range p.Pod.Containers() {
		if f.Container.IsZero() || f.Container == c.Ref {
			lessons = append(lessons, containerLessons(p, c, kind)...)
		}
	}
	return lessons
}

func containerLessons(p *harden.Pass, c harden.Container, kind harden.LessonKind) []harden.Lesson {
	return slices.DeleteFunc(p.Inventory.LessonsOf(p.Workload, c.Ref), func(l harden.Lesson) bool { return l.Kind != kind })
}

// remember adds what failed before to the first fix, which is the one that was made.
func remember(p *harden.Pass, f *harden.Finding, fixes []harden.Fix) []harden.Fix {
	if len(fixes) == 0 {
		return fixes
	}
	for _, l := range lessonsOf(p, f, harden.LessonBreaks) {
		if l.Fixer == p.Fixer.ID {
			fixes[0].Class = harden.Review
			fixes[0].Evidence = slices.Concat([]harden.Claim{learnt(p, harden.Refutes, l, "a rollout with this failed")}, fixes[0].Evidence)
		}
	}
	return fixes
}

// learnt is the claim that follows from a lesson: what was seen, when and where.
func learnt(p *harden.Pass, state harden.ClaimState, l harden.Lesson, what string) harden.Claim {
	text := fmt.Sprintf("In %s, container %s, %s", l.Workload, l.Container, what)
	if !l.Time.IsZero() {
		text += " on " + l.Time.UTC().Format(time.DateTime) + " UTC"
	}
	if l.Symptom != "" {
		text += ": " + l.Symptom
	}
	return dated(p, "E-LEARNT", state, l.Time, text, "")
}
