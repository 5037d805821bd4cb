package harden

import "time"

// A Waiving is what a person says when they waive findings.
type Waiving struct {
	Reason string
	Until  time.Time // the last day on which it holds
	By     string    // who decided; optional
	Ticket string    // optional
	// AllowCritical lets findings of severity critical be waived too.
	AllowCritical bool
}

// A WaiverState tells what a waiver does now.
type WaiverState string

// States of waivers.
const (
	WaiverHolds   WaiverState = "holds"   // it excuses findings
	WaiverExpired WaiverState = "expired" // its last day is over
	WaiverUnused  WaiverState = "unused"  // it excuses nothing
	WaiverInvalid WaiverState = "invalid" // it is not written as it must be
	// WaiverUnjudged is about what was not looked at: another cluster or namespace,
	// or a rule that did not run.
	WaiverUnjudged WaiverState = "not judged"
)

// A WaiverView is one waiver that is written somewhere, with what it excuses.
type WaiverView struct {
	Rule   string // id, or a pattern of ids
	State  WaiverState
	Why    string // what is wrong with it; empty for WaiverHolds
	Reason string
	Until  time.Time
	By     string
	Ticket string
	// Source is where it is written: FILE:LINE, or the annotation of an object, in
	// the words of Excuse.Source.
	Source string
	// Object and Annotation say which annotation it is; zero for a configuration.
	Object     Ref
	Annotation string
	Findings   []*Finding // that it excuses, or excused until it expired
}

// ID tells waivers apart.
func (w *WaiverView) ID() string { return w.Rule + "|" + w.Source + "|" + w.Annotation }
