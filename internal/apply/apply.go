// Package apply carries plans to a cluster and takes them back: it asks the API
// server by a dry run, writes by server-side apply, watches the rollout, reads
// back, and keeps a journal from which undo restores values and field ownership.
package apply

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Options are what an Applier works with; all fields but Actor and Wait are needed.
type Options struct {
	// Config reaches the API server. It is copied; its warning handler is
	// replaced by one that gives each request its own warnings.
	Config *rest.Config
	// Converter knows the schema of the kinds that plans change.
	Converter managedfields.TypeConverter
	Journal   *journal.Journal
	Cluster   harden.Cluster // recorded in the journal
	Actor     string         // user of the kubeconfig context, recorded in the journal
	// Recheck reads the object anew and judges it.
	Recheck func(ctx context.Context, ref harden.Ref) ([]*harden.Finding, error)
	Now     func() time.Time
	// Wait is the pause between two looks at pods that are watched after a
	// rollout; it returns false when ctx has ended. Nil: real time. Tests give
	// one that does not wait.
	Wait func(ctx context.Context, d time.Duration) bool
}

// An Applier applies and undoes plans on one cluster. Its methods may be called
// by several goroutines at once; a lock in the journal lets one of them write.
type Applier struct {
	objects   dynamic.Interface
	typed     kubernetes.Interface
	converter managedfields.TypeConverter
	journal   *journal.Journal
	cluster   harden.Cluster
	actor     string
	recheck   func(context.Context, harden.Ref) ([]*harden.Finding, error)
	now       func() time.Time
	wait      func(context.Context, time.Duration) bool
}

// New makes an Applier; it sends nothing.
func New(o Options) (*Applier, error) {
	config := rest.CopyConfig(o.Config)
	config.WarningHandler = nil
	config.WarningHandlerWithContext = toContext{}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %q: %w", config.Host, err)
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("making a client for %q: %w", config.Host, err)
	}
	if o.Wait == nil {
		o.Wait = func(ctx context.Context, d time.Duration) bool { return wait(ctx, d, nil) }
	}
	return &Applier{
		objects: objects, typed: typed, converter: o.Converter, journal: o.Journal,
		cluster: o.Cluster, actor: o.Actor, recheck: o.Recheck, now: o.Now, wait: o.Wait,
	}, nil
}

// resources names the kinds that can be changed besides harden.ObjectKinds. They
// are known, so nothing needs to be discovered.
var resources = map[schema.GroupKind]string{
	{Group: "apps", Kind: "Deployment"}:                 "deployments",
	{Group: "apps", Kind: "StatefulSet"}:                "statefulsets",
	{Group: "apps", Kind: "DaemonSet"}:                  "daemonsets",
	{Group: "apps", Kind: "ReplicaSet"}:                 "replicasets",
	{Group: "batch", Kind: "Job"}:                       "jobs",
	{Group: "batch", Kind: "CronJob"}:                   "cronjobs",
	{Kind: "Pod"}:                                       "pods",
	{Kind: "ServiceAccount"}:                            "serviceaccounts",
	{Kind: "Namespace"}:                                 "namespaces",
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}: "networkpolicies",
}

// plural is the resource of a kind that can be changed.
func plural(kind schema.GroupKind) (string, bool) {
	if name, ok := resources[kind]; ok {
		return name, true
	}
	k, ok := harden.ObjectKindOf(kind)
	return k.Plural, ok && kind != harden.KindSecret
}

// Writes reports whether objects of the kind of ref can be changed.
func Writes(ref harden.Ref) bool {
	_, ok := plural(ref.GroupVersionKind().GroupKind())
	return ok
}

func (a *Applier) resource(ref harden.Ref) (dynamic.ResourceInterface, error) {
	gvk := ref.GroupVersionKind()
	name, ok := plural(gvk.GroupKind())
	if !ok {
		return nil, fmt.Errorf("objects of kind %s (%s) cannot be changed on the cluster by this program", ref.Kind, ref.APIVersion)
	}
	r := a.objects.Resource(gvk.GroupVersion().WithResource(name))
	if ref.Namespace == "" {
		return r, nil
	}
	return r.Namespace(ref.Namespace), nil
}

// say is how an object is called in messages: Deployment shop/web.
func say(r harden.Ref) string {
	if r.Namespace == "" {
		return r.Kind + " " + r.Name
	}
	return r.Kind + " " + r.Namespace + "/" + r.Name
}
