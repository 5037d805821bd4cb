package images

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// explain says why something could not be read, and the way out where there is
// one. The texts of URLs are left out: they may carry tokens.
func explain(err error, ref name.Reference) string {
	host := ref.Context().RegistryStr()
	var (
		answer   *transport.Error
		refused  refusedError
		unknown  x509.UnknownAuthorityError
		untrue   *tls.CertificateVerificationError
		noHost   *net.DNSError
		network  *net.OpError
		inURL    *url.Error
		exceeded *tooLargeError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return "stopped before it was read"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took longer than it may: see --image-timeout"
	case errors.As(err, &exceeded):
		return err.Error()
	case errors.As(err, &answer):
		return explainAnswer(answer, ref)
	case errors.As(err, &refused):
		return refused.Error()
	case errors.Is(err, http.ErrSchemeMismatch):
		return plainHTTPRefused(host).Error()
	case errors.As(err, &unknown), errors.As(err, &untrue):
		return fmt.Sprintf("the certificate of the registry %q is not trusted: add its authority to those of this machine", host)
	case errors.As(err, &noHost):
		return fmt.Sprintf("the registry %q is not found: no address for %q", host, noHost.Name)
	case errors.As(err, &network):
		return fmt.Sprintf("the registry %q cannot be reached: %v", host, network.Err)
	case errors.As(err, &inURL):
		return fmt.Sprintf("the registry %q cannot be read: %v", host, inURL.Err)
	default:
		return err.Error()
	}
}

func explainAnswer(answer *transport.Error, ref name.Reference) string {
	host := ref.Context().RegistryStr()
	switch _, byDigest := ref.(name.Digest); {
	case answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden:
		return fmt.Sprintf("the registry %q does not let it be read with the credentials at hand: log in with \"docker login %s\", or allow the pull secrets of the workload to be used with --pull-secrets", host, host)
	case answer.StatusCode == http.StatusNotFound && answer.Request != nil && strings.Contains(answer.Request.URL.Path, "/blobs/"):
		return fmt.Sprintf("the registry %q does not have all of its parts any more: push it again", host)
	case answer.StatusCode == http.StatusNotFound && byDigest:
		return fmt.Sprintf("the registry %q has no manifest of that digest: the image was removed there, or the runtime on the node tells the digest of its config, which no registry serves as an image", host)
	case answer.StatusCode == http.StatusNotFound:
		return fmt.Sprintf("the registry %q has no such image", host)
	case answer.StatusCode == http.StatusTooManyRequests:
		return fmt.Sprintf("the registry %q wants no more requests for now: try again later, or log in with \"docker login %s\" for a higher limit", host, host)
	}
	said := ""
	if len(answer.Errors) > 0 {
		said = ": " + quote(answer.Errors[0].String())
	}
	return fmt.Sprintf("the registry %q answered %d %s%s", host, answer.StatusCode, http.StatusText(answer.StatusCode), said)
}
