package session

import (
	"fmt"
	"io"
	"net/http"
	"sync"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"
)

// unattended is what a credential plugin that wants to ask is refused with.
const unattended = "the terminal is in use: log in from the UI, by its key L"

// An access carries the requests of a session whose terminal somebody else
// draws on. Credential plugins never get the terminal from it; what a login
// brought is used as long as the server takes it.
type access struct {
	mu     sync.Mutex
	config *rest.Config      // of the kubeconfig; its plugin does not get the terminal
	usual  http.RoundTripper // proves who asks as config says
	login  *login            // nil: none, or the server takes it no more
	logins int
}

// A login is what a person logged in for.
type login struct {
	config    *rest.Config
	transport http.RoundTripper
}

func newAccess(cfg *rest.Config) (*access, error) {
	a := &access{}
	return a, a.use(cfg)
}

// use proves who asks as a kubeconfig says, from now on.
func (a *access) use(cfg *rest.Config) error {
	quiet := rest.CopyConfig(cfg)
	if cfg.ExecProvider != nil {
		quiet.ExecProvider = cfg.ExecProvider.DeepCopy()
		quiet.ExecProvider.StdinUnavailable, quiet.ExecProvider.StdinUnavailableMessage = true, unattended
	}
	usual, err := rest.TransportFor(anybody(quiet))
	if err != nil {
		return fmt.Errorf("preparing the connection to %q: %w", cfg.Host, err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.config, a.usual, a.login = quiet, usual, nil
	return nil
}

// anybody is the configuration without impersonation, which is left to the
// clients: they have it in their own.
func anybody(cfg *rest.Config) *rest.Config {
	c := rest.CopyConfig(cfg)
	c.Impersonate = rest.ImpersonationConfig{}
	return c
}

// through is the configuration for clients that send their requests by this access.
func (a *access) through(cfg *rest.Config) (*rest.Config, error) {
	// Without the certificates, a host without a scheme would be taken for plain HTTP.
	at, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to %q: %w", cfg.Host, err)
	}
	c := rest.AnonymousClientConfig(cfg)
	c.Host, c.Impersonate, c.Transport = at.String(), cfg.Impersonate, a
	c.TLSClientConfig, c.Proxy, c.Dial = rest.TLSClientConfig{}, nil, nil
	return c, nil
}

// current is how other connections than by this transport prove who asks.
func (a *access) current() *rest.Config {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.config
	if a.login != nil {
		c = a.login.config
	}
	c = rest.CopyConfig(c)
	c.Impersonate = a.config.Impersonate
	return c
}

// RoundTrip sends a request. Where a login is refused, it is sent once more in
// the usual way.
func (a *access) RoundTrip(req *http.Request) (*http.Response, error) {
	a.mu.Lock()
	usual, l := a.usual, a.login
	a.mu.Unlock()
	if l == nil {
		return usual.RoundTrip(req)
	}
	res, err := l.transport.RoundTrip(req)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	a.mu.Lock()
	if a.login == l {
		a.login = nil
	}
	a.mu.Unlock()
	again := req.Clone(req.Context())
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return res, nil
		}
		if again.Body, err = req.GetBody(); err != nil {
			return res, nil
		}
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	res.Body.Close()
	return usual.RoundTrip(again)
}

// take uses what a login brought. It is of the usual server, so that what a
// kubeconfig says of it need not be repeated.
func (a *access) take(p *proof) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := anybody(a.config)
	c.ExecProvider = nil
	c.BearerToken, c.CertData, c.KeyData = p.token, p.certificate, p.key
	transport, err := rest.TransportFor(c)
	if err != nil {
		return fmt.Errorf("using the new credentials: %w", err)
	}
	a.login = &login{config: c, transport: transport}
	return nil
}

// CloseIdleConnections is called by clients that end.
func (a *access) CloseIdleConnections() {
	a.mu.Lock()
	defer a.mu.Unlock()
	utilnet.CloseIdleConnectionsFor(a.usual)
	if a.login != nil {
		utilnet.CloseIdleConnectionsFor(a.login.transport)
	}
}

// usesPlugin reports whether a credential plugin says who asks; flags for other
// credentials come before it.
func usesPlugin(c *rest.Config) bool {
	return c.ExecProvider != nil && c.BearerToken == "" && c.BearerTokenFile == "" && c.Username == "" &&
		len(c.CertData) == 0 && c.CertFile == ""
}

// mayAsk reports whether the plugin may want to ask a person.
func mayAsk(c *rest.Config) bool {
	return usesPlugin(c) && c.ExecProvider.InteractiveMode != api.NeverExecInteractiveMode
}
