package apply

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// explain puts an error of the API server into words: what was being done, what
// the server said, and what can be done about it.
func explain(doing string, ref harden.Ref, err error) error {
	if err == nil {
		return nil
	}
	if hint := hintFor(ref, err); hint != "" {
		return fmt.Errorf("%s %s: %w; %s", doing, say(ref), err, hint)
	}
	return fmt.Errorf("%s %s: %w", doing, say(ref), err)
}

func hintFor(ref harden.Ref, err error) string {
	said := err.Error()
	var status apierrors.APIStatus
	switch {
	case errors.Is(err, context.Canceled):
		return "it was cancelled"
	case !errors.As(err, &status):
		return connectionHint(err)
	case strings.Contains(said, "does not support dry run"):
		return "the plan cannot be checked beforehand while this webhook is in the way, so it is not applied"
	case strings.Contains(said, "failed calling webhook"):
		return "an admission webhook of the cluster does not answer; ask who runs it, or try again later"
	case strings.Contains(said, "denied the request"):
		return "an admission webhook of the cluster does not allow this change; ask who runs it"
	case strings.Contains(said, "ValidatingAdmissionPolicy"):
		return "an admission policy of the cluster does not allow this change; ask who wrote it"
	case strings.Contains(said, "violates PodSecurity"):
		return "the namespace enforces a Pod Security level that the object would still break: fix the fields that it names in the same plan"
	case strings.Contains(said, "field is immutable"), strings.Contains(said, "updates to statefulset spec for fields other than"):
		return "this field cannot be changed on an object that exists; change the manifest and create the object anew"
	}
	return statusHint(ref, err)
}

func statusHint(ref harden.Ref, err error) string {
	switch {
	case apierrors.IsUnauthorized(err):
		return "the credentials of this kubeconfig context are refused or expired: log in again"
	case apierrors.IsForbidden(err):
		return "ask for the right, which this command tests: kubectl auth can-i patch " + resourceArgument(ref)
	case apierrors.IsNotFound(err):
		return "it was deleted after the scan: scan again"
	case apierrors.IsAlreadyExists(err):
		return "somebody made an object of this name: scan again"
	case apierrors.IsConflict(err):
		return "somebody else is changing it: try again"
	case apierrors.IsInvalid(err):
		return "the server takes the object for invalid; nothing was stored"
	case apierrors.IsTooManyRequests(err):
		return "the server is busy: try again later"
	case apierrors.IsServerTimeout(err), apierrors.IsTimeout(err), apierrors.IsServiceUnavailable(err), apierrors.IsInternalError(err):
		return "the API server could not answer: try again later"
	}
	return ""
}

func connectionHint(err error) string {
	var network net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &network) {
		return "the API server did not answer: check the connection and try again"
	}
	return ""
}

func resourceArgument(ref harden.Ref) string {
	gvk := ref.GroupVersionKind()
	argument, _ := plural(gvk.GroupKind())
	if gvk.Group != "" {
		argument += "." + gvk.Group
	}
	argument += "/" + ref.Name
	if ref.Namespace != "" {
		argument += " -n " + ref.Namespace
	}
	return argument
}

// answered reports whether the error is the server's own answer: it did not do
// what it was asked. Otherwise nobody knows.
func answered(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	// A timeout answer leaves open whether the write went through.
	return !apierrors.IsServerTimeout(err) && !apierrors.IsTimeout(err)
}

// isVersionConflict reports whether the object changed after it was read, as
// opposed to a field that another manager holds.
func isVersionConflict(err error) bool {
	return apierrors.IsConflict(err) && len(conflictCauses(err)) == 0
}

func conflictCauses(err error) []metav1.StatusCause {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var causes []metav1.StatusCause
	for _, c := range status.Status().Details.Causes {
		if c.Type == metav1.CauseTypeFieldManagerConflict {
			causes = append(causes, c)
		}
	}
	return causes
}
