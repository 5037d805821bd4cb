// Package cluster reads an inventory from a live API server and keeps it current.
package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Reader reads from one API server. It may be used by several goroutines.
type Reader struct {
	client   kubernetes.Interface
	others   dynamic.Interface
	kinds    []*kind // of every server
	server   string
	context  string
	timeout  time.Duration // for one request; watches have none
	warnings *warnings
	now      func() time.Time
	timing   timing

	mu   sync.Mutex
	last *state   // of the last Read, for Watch to go on from
	who  identity // of the server, as it said last
	// customs are the kinds of custom resources that it has.
	customs []*kind
	// engine is who enforces policies, as far as it was last seen; nil: nobody looked.
	engine *harden.Engine
}

// timeout is how long one request may take where the kubeconfig or
// --request-timeout say nothing; a page of 500 pods takes a tenth of a second.
const timeout = 30 * time.Second

// New makes a reader; contextName is the kubeconfig context, for people. It
// sends nothing.
func New(cfg *rest.Config, contextName string) (*Reader, error) {
	c := rest.CopyConfig(cfg)
	c.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	c.ContentType = runtime.ContentTypeProtobuf
	// The server protects itself (API Priority and Fairness); a client-side
	// limit made for controllers only makes people wait.
	c.QPS, c.Burst = 200, 400
	w := &warnings{seen: map[string]bool{}, next: c.WarningHandler}
	c.WarningHandler, c.WarningHandlerWithContext = w, nil
	limit := timeout
	if c.Timeout > 0 {
		limit = c.Timeout
	}
	c.Timeout = 0 // it would end watches too
	if c.UserAgent == "" {
		c.UserAgent = "kubectl-harden"
	}
	client, err := kubernetes.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %q: %w", cfg.Host, err)
	}
	others, err := dynamic.NewForConfig(c)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %q: %w", cfg.Host, err)
	}
	return &Reader{
		client: client, others: others, kinds: kindsOf(client, others), server: serverURL(cfg), context: contextName,
		timeout: limit, warnings: w, now: time.Now, timing: defaultTiming,
	}, nil
}

func serverURL(cfg *rest.Config) string {
	if u, _, err := rest.DefaultServerURL(cfg.Host, cfg.APIPath, metav1.SchemeGroupVersion, rest.IsConfigTransportTLS(*cfg)); err == nil {
		return strings.TrimSuffix((&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String(), "/")
	}
	return cfg.Host
}

// Warnings lists what the API server warned of so far, each text once, sorted.
func (r *Reader) Warnings() []string { return r.warnings.list() }

// Read reads the scope. An empty scope is the namespace default: the namespace
// of a kubeconfig context is for the caller to find out.
//
// Kinds that may not be read are listed in Unread. An error is returned when
// nothing could be read (ErrForbidden), the server gives no usable answer
// (ErrUnauthorized, ErrUnreachable, ErrUntrusted), a namespace does not exist
// (ErrNamespaceNotFound; it can't be told where Namespaces may not be read, and
// Unread says so then), or a name of the scope matches nothing (ErrNotFound).
func (r *Reader) Read(ctx context.Context, scope harden.Scope) (*harden.Inventory, error) {
	s, err := r.read(ctx, reading{scope: scope})
	if err != nil {
		return nil, err
	}
	inv, err := s.build(r.now())
	if err != nil {
		return nil, err
	}
	r.knowEngine(inv.Net.Engine)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = s
	return inv, nil
}

// kubeSystem is the namespace whose UID stands for the cluster, as is custom
// (SIG Multicluster, KEP-2149).
const kubeSystem = metav1.NamespaceSystem

// openShiftGroup is an API group that OpenShift alone has.
const openShiftGroup = "security.openshift.io"

// Cluster asks who the server is. What may not be asked stays empty.
func (r *Reader) Cluster(ctx context.Context) (harden.Cluster, error) {
	who, err := r.identify(ctx)
	return who.cluster, err
}

// An identity is who a server is and which APIs it has.
type identity struct {
	cluster harden.Cluster
	groups  map[string][]string // API groups with their versions; nil where that may not be asked
	// plurals are the resources of those group versions of which it is asked; one
	// that is not there may not be asked.
	plurals map[string][]string
	names   map[string]map[string]string // kinds by plural, by group version, of the same
}

func (i identity) has(group string) bool {
	_, ok := i.groups[group]
	return ok
}

// mayHave is true also where it may not be asked.
func (i identity) mayHave(group string) bool { return i.groups == nil || i.has(group) }

// lacks reports whether the server is known not to have the kind, or to have
// its objects under another kind.
func (i identity) lacks(k *kind) bool {
	if k.group == "" {
		return false
	}
	plural, _, _ := strings.Cut(k.resource, ".")
	plurals, known := i.plurals[k.apiVersion]
	return !i.mayHave(k.group) || i.has(k.unless) || known && !slices.Contains(plurals, plural)
}

func (r *Reader) identify(ctx context.Context) (identity, error) {
	who := identity{cluster: harden.Cluster{Context: r.context, Server: r.server}}
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var v version.Info
	err := r.ask(ctx, "/version", &v)
	if isFatal(err) {
		return who, err
	}
	who.cluster.Version = v.GitVersion
	// Some providers write "37+".
	who.cluster.Minor, _ = strconv.Atoi(strings.TrimRight(v.Minor, "+"))
	var groups metav1.APIGroupList
	switch err := r.ask(ctx, "/apis", &groups); {
	case isFatal(err):
		return who, err
	case err == nil:
		who.groups = map[string][]string{}
		for _, g := range groups.Groups {
			who.groups[g.Name] = []string{}
			for _, v := range g.Versions {
				who.groups[g.Name] = append(who.groups[g.Name], v.GroupVersion)
			}
		}
	}
	if who.groups != nil {
		who.cluster.Groups = map[string]bool{}
		for g := range who.groups {
			who.cluster.Groups[g] = true
		}
	}
	who.cluster.OpenShift = who.has(openShiftGroup)
	ns, err := r.client.CoreV1().Namespaces().Get(ctx, kubeSystem, metav1.GetOptions{})
	if err == nil {
		who.cluster.UID = string(ns.UID)
	}
	if err := classify(err); isFatal(err) {
		return who, err
	}
	if who.plurals, who.names, err = r.pluralsOf(ctx, who, slices.Concat(policyGroups, customGroups())); err != nil {
		return who, err
	}
	r.remember(r.customKinds(who))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.who = who
	return who, nil
}

// patience is how long one waits for what an API with a server of its own says of itself.
const patience = 5 * time.Second

// pluralsOf asks which resources the versions of the groups have, as far as the
// server has those groups. A group whose own server does not answer is left out.
func (r *Reader) pluralsOf(ctx context.Context, who identity, groups []string) (plurals map[string][]string, names map[string]map[string]string, err error) {
	ctx, cancel := context.WithTimeout(ctx, min(patience, r.timeout))
	defer cancel()
	var versions []string
	for _, g := range groups {
		versions = append(versions, who.groups[g]...)
	}
	lists := make([]metav1.APIResourceList, len(versions))
	errs := make([]error, len(versions))
	var wg sync.WaitGroup
	for i, gv := range versions {
		wg.Go(func() { errs[i] = r.ask(ctx, "/apis/"+gv, &lists[i]) })
	}
	wg.Wait()
	plurals, names = map[string][]string{}, map[string]map[string]string{}
	for i, gv := range versions {
		switch err := errs[i]; {
		case isFatal(err) && !errors.Is(err, ErrUnreachable):
			return nil, nil, err
		case err == nil:
			plurals[gv], names[gv] = []string{}, map[string]string{}
			for _, resource := range lists[i].APIResources {
				plurals[gv] = append(plurals[gv], resource.Name)
				if !strings.Contains(resource.Name, "/") { // not a subresource
					names[gv][resource.Name] = resource.Kind
				}
			}
		}
	}
	return plurals, names, nil
}

// ask reads a JSON document that is no object of the API.
func (r *Reader) ask(ctx context.Context, path string, into any) error {
	data, err := r.client.Discovery().RESTClient().Get().AbsPath(path).SetHeader("Accept", runtime.ContentTypeJSON).Do(ctx).Raw()
	if err != nil {
		return classify(err)
	}
	return json.Unmarshal(data, into)
}

// warnings collects the warnings of the API server instead of printing them
// into the middle of a screen.
type warnings struct {
	next rest.WarningHandler // of the configuration, for each text once; may be nil

	mu   sync.Mutex
	seen map[string]bool
}

// HandleWarningHeader keeps the text.
func (w *warnings) HandleWarningHeader(code int, agent, text string) {
	w.mu.Lock()
	before := w.seen[text]
	w.seen[text] = true
	w.mu.Unlock()
	if !before && w.next != nil {
		w.next.HandleWarningHeader(code, agent, text)
	}
}

func (w *warnings) list() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.seen))
}
