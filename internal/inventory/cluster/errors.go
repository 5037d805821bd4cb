package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Errors that a caller can tell apart by errors.Is; the cause is wrapped beside them.
var (
	// ErrUnauthorized: the server does not know who asks, or a credential plugin failed.
	ErrUnauthorized = harden.ErrCredentials
	// ErrUnreachable: no answer from the server, or none in time.
	ErrUnreachable = errors.New("the API server does not answer")
	// ErrUntrusted: the certificate of the server does not fit the kubeconfig.
	ErrUntrusted = errors.New("the API server's certificate is not trusted")
	// ErrForbidden: nothing in the scope may be read.
	ErrForbidden = errors.New("nothing here may be read")
	// ErrNamespaceNotFound: a namespace of the scope does not exist.
	ErrNamespaceNotFound = errors.New("the namespace does not exist")
	// ErrNotFound: an object that was asked for by name does not exist.
	ErrNotFound = errors.New("the object does not exist")
)

// A noAnswer is that of an API which has a server of its own, or a webhook that
// converts its objects: when that is down, the others still answer.
type noAnswer struct{ err error }

func (e *noAnswer) Error() string {
	return "what serves it does not answer: " + strings.TrimPrefix(e.err.Error(), ErrUnreachable.Error()+": ")
}

func isNoAnswer(err error) bool {
	var e *noAnswer
	return errors.As(err, &e)
}

// classify wraps a failed request in the error that says what kind of failure
// it is, if it is one that concerns all requests; otherwise it returns err.
func classify(err error) error {
	var netErr net.Error
	var certErr *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case apierrors.IsUnauthorized(err), strings.Contains(err.Error(), "getting credentials"):
		// client-go passes on a failed credential plugin by its text only.
		return fmt.Errorf("%w: %w", ErrUnauthorized, err)
	case errors.As(err, &certErr), errors.As(err, &authority), errors.As(err, &host):
		return fmt.Errorf("%w: %w", ErrUntrusted, err)
	case apierrors.IsServiceUnavailable(err), errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr):
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	case apierrors.ReasonForError(err) == metav1.StatusReasonUnknown:
		// What is not an answer of the server is a broken connection.
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// isFatal reports whether there is no point in reading on.
func isFatal(err error) bool {
	return errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrUntrusted) ||
		errors.Is(err, ErrNamespaceNotFound) || errors.Is(err, context.Canceled)
}

// why says to people why a resource could not be read.
func why(err error) string {
	var status apierrors.APIStatus
	switch {
	case apierrors.IsForbidden(err) && errors.As(err, &status):
		// "pods is forbidden: User "jane" cannot list …": the second half says it all.
		msg := status.Status().Message
		if _, rest, ok := strings.Cut(msg, " is forbidden: "); ok {
			msg = rest
		}
		return msg
	case apierrors.IsNotFound(err):
		return "this API server does not serve it"
	case apierrors.IsMethodNotSupported(err):
		return "this API server does not list it"
	default:
		return err.Error()
	}
}

func notFound(ref harden.Ref) error {
	return fmt.Errorf("reading %s: %w", ref.Long(), ErrNotFound)
}
