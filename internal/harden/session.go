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
	// LeaveHeld leaves out what would take over a field of another manager where
	// other fixes of the object can go without it. It needs ServerDryRun.
	LeaveHeld bool
	// ServerDryRun asks the API server about every live object of the plan.
	ServerDryRun bool
	// InSource says that the plan goes into the files that the objects come from,
	// so that no owner stands in the way.
	InSource bool
	// Try also takes fixes of class review that change a pod template and that
	// no evidence speaks against: the rollout will tell. Never those with a
	// claim that refutes.
	Try bool
}

// ApplyOptions say how a plan is applied or undone.
type ApplyOptions struct {
	NoWait bool // do not watch the rollout: the outcome is at best Unproven
	// Timeout bounds the watch of one rollout; zero: five minutes.
	Timeout time.Duration
	// Soak is how long the new pods are watched once all are available; zero: 30
	// seconds. It is never less than twice the longest delay of their probes.
	Soak time.Duration
	// NoRollback leaves a change that broke something in place.
	NoRollback bool
}

// EvidenceOptions say what to look at beyond the objects of the API. Each is a
// consent of its own.
type EvidenceOptions struct {
	Images bool // read images from their registries, with the credentials of the user
	// Vulnerabilities scans them for known vulnerabilities and for secrets, with a
	// database that is downloaded. Implies Images.
	Vulnerabilities bool
	Updates         bool // look for newer tags, and scan those. Implies Vulnerabilities
	Signatures      bool // ask the registries for signatures of the images
	PullSecrets     bool // use the pull secrets of the workloads too
	Probe           bool // look into running containers by exec or an ephemeral container
	Kubelets        bool // read the configuration of the kubelets (nodes/configz or nodes/proxy)
	Network         bool // read how pods are reached in all namespaces that may be read, into Facts.Whole
	// SBOM also makes a bill of materials of each image: SBOMCycloneDX or
	// SBOMSPDX. It is in GatherProgress only. Implies Images; empty: none.
	SBOM string
}

// Formats of a bill of materials, both as JSON.
const (
	SBOMCycloneDX = "cyclonedx"
	SBOMSPDX      = "spdx"
)

// An SBOM is the bill of materials of one image.
type SBOM struct {
	Document []byte // nil when it could not be made
	Why      string // why not
}

// A GatherProgress tells how far a look has come, and what is known by now.
type GatherProgress struct {
	What        string // what is looked at, such as "images"
	Done, Total int    // Total is 0 while it is not known
	Bytes       bool   // Done and Total are bytes
	// Facts are all that the session knows so far. They are not changed any more,
	// so the newest GatherProgress says all that those before it said.
	Facts Facts
	// SBOMs are those that were made since the GatherProgress before, with
	// EvidenceOptions.SBOM.
	SBOMs map[ImageKey]SBOM
}
