package harden

import "time"

// A Lesson is what a failed rollout taught about an image: it is kept by the
// image's digest, because it holds for every workload that runs it.
type Lesson struct {
	// Image is the digest (ALGORITHM:HEX) of the container's image; its
	// reference where no digest is known.
	Image string
	Kind  LessonKind
	// Value is the path (LessonWrites) or the capability (LessonNeedsCapability).
	Value string
	// Fixer is the id of the fixer whose fix failed, for LessonBreaks.
	Fixer string
	// Symptom is what was seen, such as a log line, at most 300 characters.
	Symptom string
	// Workload and Container say where.
	Workload, Container string
	Time                time.Time
}

// LessonKind says what follows from a lesson.
type LessonKind string

// Lesson kinds.
const (
	LessonWrites          LessonKind = "writes"           // the program writes to the path Value
	LessonNeedsCapability LessonKind = "needs-capability" // the program needs the capability Value
	LessonNeedsToken      LessonKind = "needs-token"      // the program uses its ServiceAccount token
	LessonBreaks          LessonKind = "breaks"           // the fix of Fixer broke it, and nobody knows how to help it
)

// LessonsOf are the lessons about the images of a container, by digest or, where
// none is known, by reference.
func (i *Inventory) LessonsOf(w *Workload, c ContainerRef) []Lesson {
	var lessons []Lesson
	seen := map[string]bool{}
	for _, key := range i.ImageKeys(w, c) {
		for _, name := range i.lessonNames(key) {
			if !seen[name] {
				seen[name] = true
				lessons = append(lessons, i.Lessons[name]...)
			}
		}
	}
	return lessons
}

func (i *Inventory) lessonNames(key ImageKey) []string {
	names := []string{LessonName(key.Reference)}
	if facts := i.Images[key]; facts != nil && facts.Digest != "" {
		names = append(names, facts.Digest)
	}
	return names
}

// LessonName is the name under which lessons about an image are kept: its
// digest if the reference has one, else the reference.
func LessonName(reference string) string {
	for j := len(reference) - 1; j >= 0; j-- {
		if reference[j] == '@' {
			return reference[j+1:]
		}
	}
	return reference
}

// LessonsResource is what an inventory's Unread calls the lessons of earlier runs.
const LessonsResource = "lessons of earlier rollouts"
