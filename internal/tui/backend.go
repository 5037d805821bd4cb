// Package tui is the interactive face: a Bubble Tea program over a Backend.
package tui

import (
	"context"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
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
	// Close ends what it holds open.
	Close()
	// Login lets the credential plugin of the kubeconfig ask the person for what it
	// needs. It has the terminal meanwhile: it must be called by tea.Exec.
	Login(ctx context.Context) error
	// Namespaces are those that may be listed, sorted.
	Namespaces(ctx context.Context) ([]string, error)
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
	// PatchText is the patch of an object of a plan as text that a person can edit:
	// comments that say what may be done, and a partial object in YAML.
	PatchText(o *harden.ObjectPlan) (string, error)
	// Revise is the plan with the patch of one object exchanged for text that was
	// PatchText and was edited; with PlanOptions.ServerDryRun the server is asked
	// about it. An error says what is wrong with the text, with its line.
	Revise(ctx context.Context, plan *harden.Plan, of harden.Key, text string, opts harden.PlanOptions) (*harden.Plan, error)
	// Export is what a folder holds so that the plan comes from there; nothing is
	// written.
	Export(plan *harden.Plan, form harden.ExportForm, folder string) ([]harden.FileChange, error)
	// Report is how the current snapshot stands against standards, by their names;
	// none: against all that fit.
	Report(standards []string) ([]*compliance.Assessment, error)
	// Waivers are all that are written, in a stable order.
	Waivers() []harden.WaiverView
	// Waive plans annotations that waive just these findings, as long as the facts
	// stay as they are. What cannot be waived so is in LeftOut.
	Waive(ctx context.Context, findings []*harden.Finding, w harden.Waiving, opts harden.PlanOptions) (*harden.Plan, error)
	// WaiveInConfig is the configuration file with lines that waive these
	// findings; nothing is written.
	WaiveInConfig(findings []*harden.Finding, w harden.Waiving) ([]harden.FileChange, error)
	// Unwaive plans that annotations which waive are taken away; those of a
	// configuration are in LeftOut.
	Unwaive(ctx context.Context, waivers []harden.WaiverView, opts harden.PlanOptions) (*harden.Plan, error)
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

// A Connector opens what else can be looked at.
type Connector interface {
	// Contexts are those of the kubeconfig, by name.
	Contexts() ([]KubeContext, error)
	// Context opens the cluster of a context with the flags that the program was
	// started with; it sends nothing yet. The scope is that of the flags and the
	// context.
	Context(name string) (Backend, harden.Scope, error)
	// Files opens manifests.
	Files(paths []string) (Backend, harden.Scope, error)
	// Demo opens the manifests of a small shop, in a folder of their own.
	Demo() (Backend, harden.Scope, error)
}

// A KubeContext is a context of the kubeconfig.
type KubeContext struct {
	Name, Cluster, Namespace string
	Current                  bool
}
