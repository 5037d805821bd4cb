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
}

// OpenCluster starts a session over a cluster; it sends nothing yet.
func OpenCluster(cfg *rest.Config, opts ClusterOptions) (*Session, error) {
	reader, err := cluster.New(cfg, opts.Context)
	if err != nil {
		return nil, err
	}
	src := &clusterSource{cfg: cfg, opts: opts, reader: reader}
	s := newSession(src, &outside{config: cfg, opts: opts.Look}, opts.Config, time.Now)
	src.session = s
	return s, nil
}

type clusterSource struct {
	cfg     *rest.Config
	opts    ClusterOptions
	reader  *cluster.Reader
	session *Session

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

func (c *clusterSource) close() {}

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
	go func() {
		defer close(out)
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
		Config: c.cfg, Converter: c.session.converter, Journal: j, Cluster: *c.who, Actor: c.opts.Actor, Recheck: c.recheck, Now: c.session.now,
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
	for _, f := range c.session.engine.Run(c.session.withFacts(inv)).Findings {
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
