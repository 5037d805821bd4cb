package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// A connection is where objects come from: kubectl's connection flags, or files.
type connection struct {
	config        *genericclioptions.ConfigFlags
	files         []string
	kustomization string
	demo          bool
	allNamespaces bool
	settings      harden.Settings
	configFile    string
	looks
	onKeys bool // the UI: evidence is gathered when a key is pressed, and the terminal is shared
	// warnings gets those of the API server; may be nil.
	warnings rest.WarningHandler
	farewell io.Writer // what is to be read when the UI has ended; nil: standard error
}

// A kubeconfigError says why no cluster can be named. The UI has other ways out
// than to end.
type kubeconfigError struct{ error }

func (e kubeconfigError) Unwrap() error { return e.error }

var errNoKubeconfig = hinted(errors.New("no kubeconfig: nothing names a cluster"), "set KUBECONFIG or use --kubeconfig; to check manifests without a cluster use -f, to look around use --demo")

func newConnection() *connection {
	return &connection{config: genericclioptions.NewConfigFlags(true)}
}

// addScopeFlags adds what the commands that look at objects look at.
func (c *connection) addScopeFlags(fs *pflag.FlagSet) {
	fs.StringSliceVarP(&c.files, "filename", "f", nil, "Manifests to look at instead of a cluster: files, directories (with all that is below), or - for standard input")
	fs.StringVarP(&c.kustomization, "kustomize", "k", "", "A kustomization to render and look at instead of a cluster: its folder. Nothing is fetched")
	fs.BoolVar(&c.demo, "demo", false, "Look at the manifests of a small shop with much to fix instead of a cluster: in a new temporary folder, which stays if they are changed")
	fs.BoolVarP(&c.allNamespaces, "all-namespaces", "A", false, "Look at all namespaces")
}

// addConfigFlag adds how a team wants objects judged, in a file.
func (c *connection) addConfigFlag(fs *pflag.FlagSet) {
	fs.StringVar(&c.configFile, configFlag, "", "File with severities, waivers, rules of your own and more (default "+config.Name+" in the current directory, if it is there; --config= for none)")
}

// addSourceFlags adds what to judge, and how a team wants it judged.
func (c *connection) addSourceFlags(fs *pflag.FlagSet) {
	c.addScopeFlags(fs)
	c.addConfigFlag(fs)
	fs.StringSliceVar(&c.settings.AllowedRegistries, "allowed-registries", nil, "Image prefixes that are allowed, such as registry.example.com/team; turns on the rule image-registry-allowed")
	fs.StringSliceVar(&c.settings.MutableTags, "mutable-tags", nil, "Image tags that count as moving, besides latest, main and the like")
	fs.IntVar(&c.settings.ImageMaxAge, "image-max-age", 0, "Days after which an image counts as stale, once images are looked into (default 180)")
}

// A choice is what the user asked for out of a scope.
type choice interface {
	find(snap *harden.Snapshot) ([]*harden.Finding, error)
	// workloads are those that are in question, whatever is wrong with them; nil: all.
	workloads(inv *harden.Inventory) []*harden.Workload
}

// load reads the scope, and looks at what the evidence flags allow.
func (c *connection) load(ctx context.Context, s *session.Session, scope harden.Scope, choose choice, streams genericiooptions.IOStreams) (*harden.Snapshot, []*harden.Finding, error) {
	snap, err := s.Load(ctx, scope)
	if err != nil {
		return nil, nil, err
	}
	findings, err := choose.find(snap)
	if err != nil || c.evidence == (harden.EvidenceOptions{}) {
		return snap, findings, err
	}
	of := harden.WorkloadsOf(findings)
	if c.evidence.Vulnerabilities || c.evidence.Signatures {
		// Only the look will tell which of them have findings.
		of = choose.workloads(snap.Inventory)
	}
	snap, err = gather(ctx, s, of, c.evidence, streams, nil)
	if err != nil {
		return nil, nil, err
	}
	findings, err = choose.find(snap)
	return snap, findings, err
}

func (c *connection) onFiles() bool { return len(c.files) > 0 || c.kustomization != "" || c.demo }

// connect opens the session that the flags ask for, and says what it is to look at.
func (c *connection) connect(cmd *cobra.Command) (*session.Session, harden.Scope, error) {
	if c.allNamespaces && *c.config.Namespace != "" {
		return nil, harden.Scope{}, errors.New("--all-namespaces and --namespace exclude each other: use one")
	}
	if c.demo && (len(c.files) > 0 || c.kustomization != "") {
		return nil, harden.Scope{}, errors.New("--demo has manifests of its own, so it excludes --filename and --kustomize: use one")
	}
	if len(c.files) > 0 && c.kustomization != "" {
		return nil, harden.Scope{}, errors.New("--filename and --kustomize exclude each other: use one")
	}
	if err := c.completeLooks(c.onKeys, c.onFiles()); err != nil {
		return nil, harden.Scope{}, err
	}
	scope, err := c.scope()
	if err != nil {
		return nil, scope, err
	}
	s, err := c.open(cmd)
	return s, scope, err
}

// scope is what the flags ask for.
func (c *connection) scope() (harden.Scope, error) {
	s := harden.Scope{All: c.allNamespaces}
	if c.allNamespaces {
		return s, nil
	}
	if c.onFiles() {
		if ns := *c.config.Namespace; ns != "" {
			s.Namespaces = []string{ns}
		}
		return s, nil
	}
	ns, _, err := c.config.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return s, kubeconfigError{fmt.Errorf("reading kubeconfig: %w", err)}
	}
	s.Namespaces = []string{ns}
	return s, nil
}

func (c *connection) open(cmd *cobra.Command) (*session.Session, error) {
	configured, err := c.configuration(cmd.Flags())
	if err != nil {
		return nil, err
	}
	if configured.Found {
		fmt.Fprintf(cmd.ErrOrStderr(), "using %s\n", configured.File)
	}
	switch {
	case c.demo:
		if c.farewell == nil {
			c.farewell = cmd.ErrOrStderr()
		}
		return c.openDemo(configured)
	case c.onFiles():
		return session.OpenFiles(c.files, cmd.InOrStdin(), c.fileOptions(configured))
	}
	return c.openCluster(configured)
}

func (c *connection) fileOptions(configured *config.Config) session.FileOptions {
	return session.FileOptions{Kustomization: c.kustomization, DefaultNamespace: *c.config.Namespace, Config: configured, Look: c.options}
}

// openCluster opens the cluster that the flags and the kubeconfig name.
func (c *connection) openCluster(configured *config.Config) (*session.Session, error) {
	raw, err := c.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, kubeconfigError{fmt.Errorf("reading kubeconfig: %w", err)}
	}
	// Without this, client-go would try a server on localhost:8080.
	if len(raw.Clusters) == 0 && *c.config.APIServer == "" && os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return nil, kubeconfigError{errNoKubeconfig}
	}
	cfg, err := c.restConfig()
	if err != nil {
		return nil, err
	}
	name := raw.CurrentContext
	if *c.config.Context != "" {
		name = *c.config.Context
	}
	// And here too.
	if k := raw.Contexts[name]; k != nil && raw.Clusters[k.Cluster] == nil && *c.config.ClusterName == "" && *c.config.APIServer == "" {
		return nil, kubeconfigError{hinted(fmt.Errorf("reading kubeconfig: context %q is about cluster %q, which is not described", name, k.Cluster), "choose another context with --context, or a cluster with --cluster")}
	}
	s, err := session.OpenCluster(cfg, session.ClusterOptions{
		Context: name, Config: configured, Look: c.options, Actor: c.actor(raw, name),
		Shared: c.onKeys, Again: (&connection{config: flagsFor(c.config, nil), warnings: c.warnings}).restConfig,
	})
	if err != nil {
		return nil, kubeconfigError{err}
	}
	return s, nil
}

func (c *connection) restConfig() (*rest.Config, error) {
	cfg, err := c.config.ToRESTConfig()
	if err != nil {
		return nil, kubeconfigError{fmt.Errorf("reading kubeconfig: %w", err)}
	}
	cfg = rest.CopyConfig(cfg)
	cfg.WarningHandler = c.warnings
	return cfg, nil
}

// actor is the user that the journal names: as far as the kubeconfig tells.
func (c *connection) actor(cfg clientcmdapi.Config, contextName string) string {
	for _, flag := range []*string{c.config.Impersonate, c.config.AuthInfoName} {
		if *flag != "" {
			return *flag
		}
	}
	if kubecontext := cfg.Contexts[contextName]; kubecontext != nil {
		return kubecontext.AuthInfo
	}
	return ""
}
