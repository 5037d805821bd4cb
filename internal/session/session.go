// Package session is one working session over a cluster or over files: it reads,
// judges, plans, applies and undoes. Both faces, commands and UI, use it, so
// that what one can do the other can do through the same call.
package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
	"github.com/kubectl-harden/kubectl-harden/internal/lessons"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// A Session is safe for use by several goroutines.
type Session struct {
	engine    *engine.Incremental // changed by Write: see judges
	converter managedfields.TypeConverter
	now       func() time.Time
	source    source
	looker    looker
	lessons   *lessons.Store
	owners    ownerCache

	mu         sync.Mutex
	config     *config.Config // changed by Write
	facts      harden.Facts
	unread     []harden.Unread // what could not be read for the facts
	unlearnt   string          // why lessons of earlier runs could not be read
	current    *harden.Snapshot
	last       *harden.Inventory // of the current snapshot as the source gave it, from which a watch goes on
	generation int
	objects    map[harden.Key]*unstructured.Unstructured // of the current snapshot, for previews
}

// A source is where a session's objects come from.
type source interface {
	title() string
	live() bool
	read(ctx context.Context, scope harden.Scope) (*harden.Inventory, error)
	watch(ctx context.Context, scope harden.Scope, first *harden.Inventory) <-chan update
	// whole reads everything that the network of the cluster (or of all files) is made of.
	whole(ctx context.Context, namespaces []string, progress func(done, total int)) (*harden.Inventory, error)
	// object reads one object as it is now, with managedFields.
	object(ctx context.Context, ref harden.Ref) (*unstructured.Unstructured, error)
	// reports are what scanners say by objects in the cluster about the images
	// that are wanted. Unread says what may not be read.
	reports(ctx context.Context, namespaces []string, wanted func(repository, digest string) bool) ([]cluster.Report, []harden.Unread)
	close()
}

// An update is a new inventory, or the loss of the connection to the old one.
type update struct {
	inventory *harden.Inventory
	err       error // the inventory is stale
}

func newSession(src source, look looker, c *config.Config, now func() time.Time) *Session {
	if c == nil {
		c = &config.Config{}
	}
	s := &Session{
		engine:    newEngine(c),
		config:    c,
		converter: knownTypes{},
		now:       now,
		source:    src,
		looker:    look,
	}
	s.recall()
	return s
}

// recall reads the lessons of earlier runs. Without them everything works, only
// less is known; the snapshot says so.
func (s *Session) recall() {
	dir, err := journal.StateDir()
	s.lessons = lessons.Open(dir)
	if err == nil {
		s.facts.Lessons, err = s.lessons.Load()
	}
	if err != nil {
		s.unlearnt = err.Error()
	}
}

// Close ends what the session holds open.
func (s *Session) Close() { s.source.close() }

// Title names what is looked at: the kubeconfig context, or the files.
func (s *Session) Title() string { return s.source.title() }

// Live reports whether there is a cluster behind the session.
func (s *Session) Live() bool { return s.source.live() }

// Load reads the scope and runs all rules over it.
func (s *Session) Load(ctx context.Context, scope harden.Scope) (*harden.Snapshot, error) {
	start := s.now()
	inv, err := s.source.read(ctx, scope)
	if err != nil {
		return nil, err
	}
	return s.judgeRead(inv, scope, start), nil
}

// judgeRead judges what the source gave.
func (s *Session) judgeRead(inv *harden.Inventory, scope harden.Scope, start time.Time) *harden.Snapshot {
	s.mu.Lock()
	s.last = inv
	s.mu.Unlock()
	return s.judge(inv, scope, start)
}

// Watch sends a new snapshot whenever something changed, until ctx ends.
func (s *Session) Watch(ctx context.Context, scope harden.Scope) <-chan *harden.Snapshot {
	out := make(chan *harden.Snapshot)
	s.mu.Lock()
	first := s.last
	s.mu.Unlock()
	go func() {
		defer close(out)
		for u := range s.source.watch(ctx, scope, first) {
			snap := s.snapshot(u, scope)
			if snap == nil {
				continue
			}
			select {
			case out <- snap:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (s *Session) snapshot(u update, scope harden.Scope) *harden.Snapshot {
	if u.err == nil {
		return s.judgeRead(u.inventory, scope, s.now())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil
	}
	s.generation++
	stale := *s.current
	stale.Generation, stale.Stale, stale.Err = s.generation, true, u.err
	s.current = &stale
	return &stale
}

func (s *Session) judge(inv *harden.Inventory, scope harden.Scope, start time.Time) *harden.Snapshot {
	res := s.judges().Run(s.withFacts(inv))
	res.Took = s.now().Sub(start)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation++
	s.current = &harden.Snapshot{Result: res, Scope: scope, Generation: s.generation}
	s.objects = nil
	return s.current
}

// Fixes proposes ways to repair a finding of the current snapshot, best first.
func (s *Session) Fixes(f *harden.Finding) []harden.Fix {
	s.mu.Lock()
	snap := s.current
	s.mu.Unlock()
	if snap == nil {
		return nil
	}
	return s.fixes(snap.Inventory, f)
}

// Preview is the plan for one finding, without asking the server.
func (s *Session) Preview(ctx context.Context, f *harden.Finding) (*harden.Plan, error) {
	picks, err := s.picks([]*harden.Finding{f})
	if err != nil {
		return nil, err
	}
	return s.build(ctx, picks, harden.PlanOptions{}, s.cachedObject)
}

// Plan merges the first allowed fix of each finding into one patch per object;
// with ServerDryRun it asks the server about each.
func (s *Session) Plan(ctx context.Context, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
	picks, err := s.picks(findings)
	if err != nil {
		return nil, err
	}
	p, err := s.planPicks(ctx, picks, opts)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	inv := s.current.Inventory
	s.mu.Unlock()
	p.PodSecurity, err = podSecurity(inv, findings, p)
	return p, err
}

// planPicks plans what was picked and, where it is wanted, asks the server.
func (s *Session) planPicks(ctx context.Context, picks []plan.Pick, opts harden.PlanOptions) (*harden.Plan, error) {
	p, err := s.build(ctx, picks, opts, s.source.object)
	if err != nil {
		return nil, err
	}
	if c, ok := s.source.(*clusterSource); ok && opts.ServerDryRun {
		if err := c.dryRun(ctx, p); err != nil {
			return nil, err
		}
		if opts.LeaveHeld {
			if p, err = s.withoutHeld(ctx, p, picks, opts); err != nil {
				return nil, err
			}
		}
	}
	p.InSource = opts.InSource
	return p, nil
}

type objectFunc func(context.Context, harden.Ref) (*unstructured.Unstructured, error)

// picks are the findings with what is proposed for them.
func (s *Session) picks(findings []*harden.Finding) ([]plan.Pick, error) {
	snap, err := s.snapshotNow("planning")
	if err != nil {
		return nil, err
	}
	picks := make([]plan.Pick, 0, len(findings))
	for _, f := range findings {
		picks = append(picks, plan.Pick{Finding: f, Fixes: s.fixes(snap.Inventory, f)})
	}
	return picks, nil
}

// snapshotNow is the current snapshot; that there is none yet is an error.
func (s *Session) snapshotNow(doing string) (*harden.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return nil, fmt.Errorf("%s: nothing was read yet", doing)
	}
	return s.current, nil
}

func (s *Session) build(ctx context.Context, picks []plan.Pick, opts harden.PlanOptions, object objectFunc) (*harden.Plan, error) {
	snap, err := s.snapshotNow("planning")
	if err != nil {
		return nil, err
	}
	objects, err := fetch(ctx, targets(picks), object)
	if err != nil {
		return nil, err
	}
	get := func(r harden.Ref) (*unstructured.Unstructured, error) {
		return objects[r.Key()], nil // nil: it is gone
	}
	inv, err := s.withOwners(ctx, snap.Inventory, objects)
	if err != nil {
		return nil, err
	}
	return plan.Build(inv, picks, get, s.converter, opts)
}

// cachedObject reads an object once a snapshot, so that moving through findings
// of one workload does not ask the server again and again.
func (s *Session) cachedObject(ctx context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	s.mu.Lock()
	o, generation := s.objects[ref.Key()], s.generation
	s.mu.Unlock()
	if o != nil {
		return o.DeepCopy(), nil
	}
	o, err := s.source.object(ctx, ref)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if generation == s.generation {
		if s.objects == nil {
			s.objects = map[harden.Key]*unstructured.Unstructured{}
		}
		s.objects[ref.Key()] = o
	}
	return o.DeepCopy(), nil
}

// Apply applies a plan object by object. What a rollback taught is kept, so that
// the same fix is not offered as proven for that image again.
func (s *Session) Apply(ctx context.Context, p *harden.Plan, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	c, err := s.cluster("applying")
	if err != nil {
		return nil, err
	}
	a, err := c.writer(ctx)
	if err != nil {
		return nil, err
	}
	report, err := a.Apply(ctx, p, opts, progress)
	if err == nil {
		s.learnFrom(p, report)
	}
	return report, err
}

// History lists what was applied to this cluster, newest first.
func (s *Session) History(ctx context.Context) ([]harden.Record, error) {
	c, err := s.cluster("reading the journal")
	if err != nil {
		return nil, err
	}
	return c.history(ctx)
}

// Interrupted lists plans of which nobody has said how they went, because the
// run that applied them ended before. They can be undone or resumed.
func (s *Session) Interrupted(ctx context.Context) ([]harden.Record, error) {
	c, err := s.cluster("reading the journal")
	if err != nil {
		return nil, err
	}
	a, err := c.writer(ctx)
	if err != nil {
		return nil, err
	}
	return a.Interrupted()
}

// Resume goes on with an interrupted plan: it follows the rollouts, and takes
// back what went wrong.
func (s *Session) Resume(ctx context.Context, id string, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	c, err := s.cluster("resuming")
	if err != nil {
		return nil, err
	}
	a, err := c.writer(ctx)
	if err != nil {
		return nil, err
	}
	return a.Resume(ctx, id, opts, progress)
}

// Undo takes an applied plan back.
func (s *Session) Undo(ctx context.Context, id string, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	c, err := s.cluster("undoing")
	if err != nil {
		return nil, err
	}
	a, err := c.writer(ctx)
	if err != nil {
		return nil, err
	}
	return a.Undo(ctx, id, opts, progress)
}

func (s *Session) cluster(doing string) (*clusterSource, error) {
	if c, ok := s.source.(*clusterSource); ok {
		return c, nil
	}
	return nil, fmt.Errorf("%s: there is no cluster behind files", doing)
}

// Rewrite is the text of all files with the plan carried out; what the plan does
// not touch stays byte for byte.
func (s *Session) Rewrite(p *harden.Plan) ([]byte, error) {
	f, ok := s.source.(*fileSource)
	if !ok {
		return nil, errors.New("rewriting: a cluster has no files")
	}
	if err := s.Incomplete(); err != nil {
		return nil, err
	}
	changes, err := s.changes(p)
	if err != nil {
		return nil, err
	}
	return f.rewrite(changes)
}

// Incomplete is what could not be read from files, or nil.
func (s *Session) Incomplete() error {
	if f, ok := s.source.(*fileSource); ok {
		_, err := f.loaded()
		return err
	}
	return nil
}
