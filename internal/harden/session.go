package harden

import "time"

// A Scope is the part of a cluster that a session looks at.
type Scope struct {
	Namespaces []string // empty together with All false: the namespace of the context
	All        bool     // all namespaces
	Names      []Ref    // if any: only these objects (Kind and Name are enough)
}

// A Snapshot is the current state of a session: one inventory and what is wrong in it.
type Snapshot struct {
	*Result
	Scope      Scope
	Generation int   // grows with every new snapshot of a session
	Stale      bool  // the connection is lost: this is the last that was seen
	Err        error // why it is stale
}

// PlanOptions say what may go into a plan.
type PlanOptions struct {
	Classes []Class // allowed classes; empty: all
	// Live overrides the choice of a source patch where an owner would undo or
	// be hurt by a live one; the warning stays.
	Live bool
	// ForceConflicts becomes Force of every object of the plan.
	ForceConflicts []string
	// ServerDryRun asks the API server about every live object of the plan.
	ServerDryRun bool
}

// ApplyOptions say how a plan is applied or undone.
type ApplyOptions struct {
	NoWait bool // do not watch the rollout: the outcome is at best Unproven
	// Timeout bounds the watch of one rollout; zero: five minutes.
	Timeout time.Duration
}
