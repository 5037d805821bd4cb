package cli

import (
	"context"
	"errors"
	"fmt"
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
	allNamespaces bool
	settings      harden.Settings
	configFile    string
	looks
	onKeys bool // the UI: evidence is gathered when a key is pressed
}

var errNoKubeconfig = hinted(errors.New("no kubeconfig: nothing names a cluster"), "set KUBECONFIG or use --kubeconfig; to check manifests without a cluster use -f")

func newConnection() *connection {
	return &connection{config: genericclioptions.NewConfigFlags(true)}
}

// addScopeFlags adds what the commands that look at objects look at.
func (c *connection) addScopeFlags(fs *pflag.FlagSet) {
	fs.StringSliceVarP(&c.files, "filename", "f", nil, "Manifests to look at instead of a cluster: files, directories (with all that is below), or - for standard input")
	fs.StringVarP(&c.kustomization, "kustomize", "k", "", "A kustomization to render and look at instead of a cluster: its folder. Nothing is fetched")
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

func (c *connection) onFiles() bool { return len(c.files) > 0 || c.kustomization != "" }

// connect opens the session that the flags ask for, and says what it is to look at.
func (c *connection) connect(cmd *cobra.Command) (*session.Session, harden.Scope, error) {
	if c.allNamespaces && *c.config.Namespace != "" {
		return nil, harden.Scope{}, errors.New("--all-namespaces and --namespace exclude each other: use one")
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
		return s, fmt.Errorf("reading kubeconfig: %w", err)
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
	if c.onFiles() {
		return session.OpenFiles(c.files, cmd.InOrStdin(), session.FileOptions{Kustomization: c.kustomization, DefaultNamespace: *c.config.Namespace, Config: configured, Look: c.options})
	}
	raw, err := c.config.ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	// Without this, client-go would try a server on localhost:8080.
	if len(raw.Clusters) == 0 && *c.config.APIServer == "" && os.Getenv("KUBERNETES_SERVICE_HOST") == "" {
		return nil, errNoKubeconfig
	}
	cfg, err := c.config.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	name := raw.CurrentContext
	if *c.config.Context != "" {
		name = *c.config.Context
	}
	return session.OpenCluster(rest.CopyConfig(cfg), session.ClusterOptions{Context: name, Config: configured, Look: c.options, Actor: c.actor(raw, name)})
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
