// Package tui is the interactive face: a Bubble Tea program over a Backend.
package tui

import (
	"context"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Backend is what the UI needs; a session implements it. Every method may
// block and is called off the update loop with a context that ends when its
// answer is no longer wanted.
type Backend interface {
	// Title names what is looked at: the kubeconfig context, or the files.
	Title() string
	// Live reports whether there is a cluster behind it, not files.
	Live() bool
	// Load reads the scope and runs all rules over it.
	Load(ctx context.Context, scope harden.Scope) (*harden.Snapshot, error)
	// Watch sends a new snapshot whenever the scope's objects or the state of
	// the connection changed, until ctx ends; the channel is closed then. Files
	// close it at once.
	Watch(ctx context.Context, scope harden.Scope) <-chan *harden.Snapshot
	// Fixes proposes ways to repair a finding, best first. It is pure and fast.
	Fixes(f *harden.Finding) []harden.Fix
	// Preview is the plan for one finding without asking the server, for the
	// diff in the detail pane.
	Preview(ctx context.Context, f *harden.Finding) (*harden.Plan, error)
	// Plan merges the first fix of each finding into one patch per object; with
	// PlanOptions.ServerDryRun it asks the server.
	Plan(ctx context.Context, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error)
	// Token is what the API token of the workload's pods can do; nil when nothing
	// was read yet. It is pure and fast.
	Token(w *harden.Workload) *harden.TokenView
	// Gather looks at what costs (images, running containers) for these workloads,
	// and judges again. What could not be looked at is in the facts of the
	// inventory; what was found before ctx ended is kept.
	Gather(ctx context.Context, of []*harden.Workload, opts harden.EvidenceOptions, progress func(harden.GatherProgress)) (*harden.Snapshot, error)
	// Network is who can talk to whom in the namespaces (none: those of the scope),
	// before and after what is proposed for them. It needs a Gather with
	// EvidenceOptions.Network before.
	Network(ctx context.Context, namespaces []string) (*harden.NetworkView, error)
	// Apply applies a plan object by object and reports progress; when ctx ends
	// it stops between objects and the rest is Skipped.
	Apply(ctx context.Context, plan *harden.Plan, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error)
	// Edits is what must change in the files, so that the plan comes from there;
	// nothing is written.
	Edits(plan *harden.Plan, opts harden.SourceOptions) (*harden.SourceEdits, error)
	// Write writes files, each as a whole or not at all, and tells which it wrote,
	// also beside an error.
	Write(changes []harden.FileChange) ([]string, error)
	// History lists what was applied to this cluster, newest first.
	History(ctx context.Context) ([]harden.Record, error)
	// Resume goes on with a plan whose run was interrupted.
	Resume(ctx context.Context, id string, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error)
	// Undo takes an applied plan back.
	Undo(ctx context.Context, id string, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error)
}
