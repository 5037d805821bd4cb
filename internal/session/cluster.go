package session

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/apply"
	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// ClusterOptions say how a cluster is looked at.
type ClusterOptions struct {
	Context string         // name of the kubeconfig context
	Actor   string         // user of the kubeconfig context, recorded in the journal
	Config  *config.Config // nil: nothing is configured
	Look    LookOptions
	// Shared says that somebody draws on the terminal: credential plugins get it in
	// Login only.
	Shared bool
	// Again reads the kubeconfig again, for Login of a shared terminal. Optional.
	Again func() (*rest.Config, error)
}

// OpenCluster starts a session over a cluster; it sends nothing yet.
func OpenCluster(cfg *rest.Config, opts ClusterOptions) (*Session, error) {
	src := &clusterSource{cfg: cfg, clients: cfg, opts: opts}
	current := func() *rest.Config { return cfg }
	var err error
	if opts.Shared {
		if src.access, err = newAccess(cfg); err != nil {
			return nil, err
		}
		if src.clients, err = src.access.through(cfg); err != nil {
			return nil, err
		}
		current = src.access.current
	}
	if src.reader, err = cluster.New(src.clients, opts.Context); err != nil {
		return nil, err
	}
	src.ctx, src.end = context.WithCancel(context.Background())
	src.session = newSession(src, &outside{config: current, opts: opts.Look}, opts.Config, time.Now)
	return src.session, nil
}

type clusterSource struct {
	cfg     *rest.Config // of the kubeconfig
	access  *access      // nil: the terminal is not shared
	clients *rest.Config // by the access, if there is one
	opts    ClusterOptions
	reader  *cluster.Reader
	session *Session
	ctx     context.Context // ends by close
	end     context.CancelFunc

	mu      sync.Mutex
	who     *harden.Cluster // once known
	applier *apply.Applier  // once made
	journal *journal.Journal
}

func (c *clusterSource) title() string {
	if c.opts.Context == "" {
		return c.cfg.Host
	}
	return c.opts.Context
}

func (c *clusterSource) live() bool { return true }

// close ends watches, and connections that nobody uses.
func (c *clusterSource) close() {
	c.end()
	if c.access != nil {
		c.access.CloseIdleConnections()
	}
}

func (c *clusterSource) read(ctx context.Context, scope harden.Scope) (*harden.Inventory, error) {
	inv, err := c.reader.Read(ctx, scope)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.who = &inv.Cluster
	return inv, nil
}

func (c *clusterSource) watch(ctx context.Context, scope harden.Scope, first *harden.Inventory) <-chan update {
	out := make(chan update)
	ctx, cancel := context.WithCancel(ctx)
	closed := context.AfterFunc(c.ctx, cancel)
	go func() {
		defer close(out)
		defer cancel()
		defer closed()
		for u := range c.reader.Watch(ctx, scope, first) {
			next := update{inventory: u.Inventory}
			if u.Stale {
				next.err = u.Err
				if next.err == nil {
					next.err = errors.New("the connection to the API server is lost")
				}
			}
			select {
			case out <- next:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func (c *clusterSource) whole(ctx context.Context, namespaces []string, progress func(done, total int)) (*harden.Inventory, error) {
	return c.reader.ReadWhole(ctx, namespaces, progress)
}

func (c *clusterSource) object(ctx context.Context, ref harden.Ref) (*unstructured.Unstructured, error) {
	a, err := c.writer(ctx)
	if err != nil {
		return nil, err
	}
	return a.Get(ctx, ref)
}

func (c *clusterSource) reports(ctx context.Context, namespaces []string, wanted func(repository, digest string) bool) ([]cluster.Report, []harden.Unread) {
	return c.reader.Reports(ctx, namespaces, wanted)
}

// writer makes the applier when it is needed first: the journal's place depends
// on which cluster answers.
func (c *clusterSource) writer(ctx context.Context) (*apply.Applier, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.applier != nil {
		return c.applier, nil
	}
	if c.who == nil {
		who, err := c.reader.Cluster(ctx)
		if err != nil {
			return nil, err
		}
		c.who = &who
	}
	dir, err := journal.Location(journal.ClusterID(c.who.UID, c.cfg.Host, c.cfg.CAData))
	if err != nil {
		return nil, err
	}
	j := journal.Open(dir)
	a, err := apply.New(apply.Options{
		Config: c.clients, Converter: c.session.converter, Journal: j, Cluster: *c.who, Actor: c.opts.Actor, Recheck: c.recheck, Now: c.session.now,
	})
	if err != nil {
		return nil, err
	}
	c.applier, c.journal = a, j
	return a, nil
}

// recheck reads the object anew and judges it.
func (c *clusterSource) recheck(ctx context.Context, ref harden.Ref) ([]*harden.Finding, error) {
	inv, err := c.reader.ReadOne(ctx, ref)
	if err != nil {
		return nil, err
	}
	var out []*harden.Finding
	for _, f := range c.session.judges().Engine.Run(c.session.withFacts(inv)).Findings {
		if f.Object.Kind == ref.Kind && f.Object.Namespace == ref.Namespace && f.Object.Name == ref.Name {
			out = append(out, f)
		}
	}
	return out, nil
}

// parallelDryRuns bounds how many dry runs the API server gets at once.
const parallelDryRuns = 4

func (c *clusterSource) dryRun(ctx context.Context, p *harden.Plan) error {
	a, err := c.writer(ctx)
	if err != nil {
		return err
	}
	var g errgroup.Group
	g.SetLimit(parallelDryRuns)
	for _, op := range p.Objects {
		if op.Delivery == harden.DeliverLive {
			g.Go(func() error {
				a.DryRun(ctx, op)
				return ctx.Err()
			})
		}
	}
	return g.Wait()
}

func (c *clusterSource) history(ctx context.Context) ([]harden.Record, error) {
	if _, err := c.writer(ctx); err != nil {
		return nil, err
	}
	entries, problems := c.journal.List()
	if len(entries) == 0 && len(problems) > 0 {
		return nil, fmt.Errorf("reading the journal: %w", errors.Join(problems...))
	}
	return journal.Records(entries), nil
}
