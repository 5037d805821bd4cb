package cli

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// A connector opens what else can be looked at, with the flags that the UI was
// started with.
type connector struct {
	flags *connection
	set   *pflag.FlagSet
	share func(*session.Session) tui.Backend
}

// Contexts are those of the kubeconfig, by name.
func (c *connector) Contexts() ([]tui.KubeContext, error) {
	raw, err := flagsFor(c.flags.config, nil).ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil, fmt.Errorf("reading kubeconfig: %w", err)
	}
	var all []tui.KubeContext
	for name, k := range raw.Contexts {
		all = append(all, tui.KubeContext{Name: name, Cluster: k.Cluster, Namespace: k.Namespace, Current: name == c.current(raw.CurrentContext)})
	}
	slices.SortFunc(all, func(a, b tui.KubeContext) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// current is the context that the program was started with.
func (c *connector) current(ofFile string) string {
	return cmp.Or(*c.flags.config.Context, ofFile)
}

// Context opens the cluster of a context. What flags say about the cluster and
// the user of the first context is not for another one, whose server would get
// credentials that are not meant for it.
func (c *connector) Context(name string) (tui.Backend, harden.Scope, error) {
	other := *c.flags
	other.files, other.kustomization, other.demo = nil, "", false
	other.config = flagsFor(c.flags.config, &name)
	raw, err := c.flags.config.ToRawKubeConfigLoader().RawConfig()
	if err == nil && name != c.current(raw.CurrentContext) {
		withoutPlace(other.config)
	}
	scope, err := other.scope()
	if err != nil {
		return nil, scope, err
	}
	configured, err := c.flags.configuration(c.set)
	if err != nil {
		return nil, scope, err
	}
	s, err := other.openCluster(configured)
	if err != nil {
		return nil, scope, err
	}
	return c.share(s), scope, nil
}

// Files opens manifests.
func (c *connector) Files(paths []string) (tui.Backend, harden.Scope, error) {
	configured, err := c.flags.configuration(c.set)
	if err != nil {
		return nil, harden.Scope{}, err
	}
	s, err := session.OpenFiles(paths, nil, session.FileOptions{Config: configured, Look: c.flags.options})
	if err != nil {
		return nil, harden.Scope{}, err
	}
	return c.share(s), harden.Scope{}, nil
}

// Demo opens the manifests of the shop.
func (c *connector) Demo() (tui.Backend, harden.Scope, error) {
	configured, err := c.flags.configuration(c.set)
	if err != nil {
		return nil, harden.Scope{}, err
	}
	other := &connection{config: genericclioptions.NewConfigFlags(true), looks: c.flags.looks, farewell: c.flags.farewell}
	s, err := other.openDemo(configured)
	if err != nil {
		return nil, harden.Scope{}, err
	}
	return c.share(s), harden.Scope{}, nil
}

// flagsFor are the same connection flags, which read the kubeconfig again, for
// another context unless that is nil.
func flagsFor(f *genericclioptions.ConfigFlags, name *string) *genericclioptions.ConfigFlags {
	n := genericclioptions.NewConfigFlags(true)
	n.CacheDir, n.KubeConfig = f.CacheDir, f.KubeConfig
	n.ClusterName, n.AuthInfoName, n.Context, n.Namespace = f.ClusterName, f.AuthInfoName, f.Context, f.Namespace
	n.APIServer, n.TLSServerName, n.Insecure, n.CertFile, n.KeyFile, n.CAFile = f.APIServer, f.TLSServerName, f.Insecure, f.CertFile, f.KeyFile, f.CAFile
	n.BearerToken, n.Username, n.Password = f.BearerToken, f.Username, f.Password
	n.Impersonate, n.ImpersonateUID, n.ImpersonateGroup = f.Impersonate, f.ImpersonateUID, f.ImpersonateGroup
	n.Timeout, n.DisableCompression = f.Timeout, f.DisableCompression
	if name != nil {
		n.Context = name
	}
	return n
}

// withoutPlace takes away what names a server, or the user there.
func withoutPlace(f *genericclioptions.ConfigFlags) {
	none := genericclioptions.NewConfigFlags(true)
	f.ClusterName, f.AuthInfoName = none.ClusterName, none.AuthInfoName
	f.APIServer, f.TLSServerName, f.Insecure, f.CertFile, f.KeyFile, f.CAFile = none.APIServer, none.TLSServerName, none.Insecure, none.CertFile, none.KeyFile, none.CAFile
	f.BearerToken, f.Username, f.Password = none.BearerToken, none.Username, none.Password
}
