package session

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MayAsk reports whether a credential plugin may want to ask the person, so that
// Login should be called before somebody draws on the terminal.
func (s *Session) MayAsk() bool {
	c, ok := s.source.(*clusterSource)
	return ok && c.access != nil && mayAsk(c.cfg)
}

// Login lets the credential plugin of the kubeconfig ask the person for what it
// needs; it has the terminal meanwhile. The session's connections, its watches
// too, use what it answers until the server refuses that. Where there is no
// plugin the kubeconfig is read again, since another program may have logged in.
// The server is not asked.
func (s *Session) Login(ctx context.Context) error {
	c, err := s.cluster("logging in")
	if err != nil {
		return err
	}
	if c.access == nil {
		return errors.New("logging in: this session does not share its terminal")
	}
	if err := c.login(ctx); err != nil {
		return fmt.Errorf("logging in to %q: %w", c.title(), err)
	}
	return nil
}

func (c *clusterSource) login(ctx context.Context) error {
	cfg := c.cfg
	if c.opts.Again != nil {
		fresh, err := c.opts.Again()
		if err != nil {
			return err
		}
		cfg = fresh
	}
	a := c.access
	a.mu.Lock()
	before := a.config
	a.logins++
	n := a.logins
	a.mu.Unlock()
	if !usesPlugin(cfg) {
		if sameProof(before, cfg) {
			return fmt.Errorf("%w: the kubeconfig has no credential plugin and the same credentials as before; log in with the program that wrote it, then try again", harden.ErrCredentials)
		}
		return a.use(cfg)
	}
	p, err := askPlugin(ctx, cfg, n)
	if err != nil {
		return err
	}
	if err := a.use(cfg); err != nil {
		return err
	}
	return a.take(p)
}

func sameProof(a, b *rest.Config) bool {
	return a.ExecProvider == nil == (b.ExecProvider == nil) && a.BearerToken == b.BearerToken && a.BearerTokenFile == b.BearerTokenFile &&
		a.Username == b.Username && a.Password == b.Password && a.CertFile == b.CertFile && string(a.CertData) == string(b.CertData)
}

// A proof is what a credential plugin answered: a bearer token, or a client
// certificate with its key, in PEM.
type proof struct {
	token            string
	certificate, key []byte
}

// loginVariable tells the runs of a plugin apart: client-go keeps what a plugin
// with the same environment answered.
const loginVariable = "KUBECTL_HARDEN_LOGIN"

// askPlugin runs the plugin with the terminal; it is the n-th time. When ctx ends it
// does not wait for the plugin, which the terminal interrupts by itself.
func askPlugin(ctx context.Context, cfg *rest.Config, n int) (*proof, error) {
	c := anybody(cfg)
	c.ExecProvider = cfg.ExecProvider.DeepCopy()
	c.ExecProvider.StdinUnavailable = false
	c.ExecProvider.Env = append(c.ExecProvider.Env, api.ExecEnvVar{Name: loginVariable, Value: strconv.Itoa(n)})
	type answered struct {
		proof *proof
		err   error
	}
	done := make(chan answered, 1)
	go func() {
		p, err := runPlugin(c)
		done <- answered{p, err}
	}()
	select {
	case a := <-done:
		if a.err != nil {
			return nil, fmt.Errorf("%w: %w", harden.ErrCredentials, a.err)
		}
		return a.proof, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// runPlugin runs the plugin by a request that is not sent.
func runPlugin(c *rest.Config) (*proof, error) {
	p := &proof{}
	transport, err := rest.HTTPWrappersForConfig(c, roundTripper(func(req *http.Request) (*http.Response, error) {
		p.token = strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
	}))
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodGet, "https://nobody.invalid/", http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	res.Body.Close()
	secure, err := rest.TLSConfigFor(c)
	if err != nil || secure == nil || secure.GetClientCertificate == nil {
		return p, err
	}
	certificate, err := secure.GetClientCertificate(&tls.CertificateRequestInfo{})
	if err != nil || len(certificate.Certificate) == 0 {
		return p, err
	}
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		return nil, fmt.Errorf("reading the key of the client certificate: %w", err)
	}
	p.key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	for _, der := range certificate.Certificate {
		p.certificate = append(p.certificate, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	return p, nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
