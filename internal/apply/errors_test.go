package apply

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var (
	shopWeb     = harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	deployments = schema.GroupResource{Group: "apps", Resource: "deployments"}
)

func status(code int32, reason metav1.StatusReason, message string) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message}}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	for _, test := range []struct {
		name string
		err  error
		want []string
	}{
		{"no right", apierrors.NewForbidden(deployments, "web", errors.New(`User "jane" cannot patch resource`)), []string{`User "jane" cannot patch`, "kubectl auth can-i patch deployments.apps/web -n shop"}},
		{"gone", apierrors.NewNotFound(deployments, "web"), []string{`"web" not found`, "deleted after the scan: scan again"}},
		{"changed", apierrors.NewConflict(deployments, "web", errors.New("the object has been modified")), []string{"somebody else is changing it"}},
		{"made by somebody", apierrors.NewAlreadyExists(deployments, "web"), []string{"already exists", "scan again"}},
		{"invalid", apierrors.NewInvalid(schema.GroupKind{Group: "apps", Kind: "Deployment"}, "web", field.ErrorList{field.Required(field.NewPath("spec", "template").Key("x"), "")}), []string{"spec.template[x]: Required value", "nothing was stored"}},
		{"immutable", apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "Job"}, "web", field.ErrorList{field.Invalid(field.NewPath("spec", "template"), "x", "field is immutable")}), []string{"cannot be changed on an object that exists"}},
		{"credentials", apierrors.NewUnauthorized("Unauthorized"), []string{"log in again"}},
		{"busy", apierrors.NewTooManyRequests("slow down", 1), []string{"slow down", "try again later"}},
		{"webhook that denies", status(http.StatusForbidden, metav1.StatusReasonForbidden, `admission webhook "policy.example.com" denied the request: no`), []string{`"policy.example.com" denied the request: no`, "does not allow this change"}},
		{"webhook that hangs", apierrors.NewInternalError(errors.New(`failed calling webhook "slow.example.com": failed to call webhook: context deadline exceeded`)), []string{"slow.example.com", "does not answer"}},
		{"webhook without dry run", apierrors.NewBadRequest(`admission webhook "x.example.com" does not support dry run`), []string{"cannot be checked beforehand"}},
		{"Pod Security", apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "web", errors.New(`violates PodSecurity "restricted:latest": runAsNonRoot != true`)), []string{"runAsNonRoot != true", "fix the fields that it names"}},
		{"server timeout", apierrors.NewTimeoutError("request did not complete", 1), []string{"could not answer"}},
		{"no server", fmt.Errorf("get: %w", refused), []string{"connection refused", "check the connection"}},
		{"slow server", fmt.Errorf("get: %w", context.DeadlineExceeded), []string{"did not answer"}},
		{"cancelled", fmt.Errorf("get: %w", context.Canceled), []string{"it was cancelled"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := explain("applying to", shopWeb, test.err)
			if !errors.Is(got, test.err) {
				t.Errorf("%v does not wrap the server's error", got)
			}
			for _, part := range append(test.want, "applying to Deployment shop/web: ") {
				if !strings.Contains(got.Error(), part) {
					t.Errorf("%q does not say %q", got, part)
				}
			}
		})
	}
}

func TestAnswered(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want bool
	}{
		{"refused by the server", apierrors.NewNotFound(deployments, "web"), true},
		{"timeout of the server: the write may go on", apierrors.NewTimeoutError("", 1), false},
		{"connection broken", &net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := answered(test.err); got != test.want {
				t.Errorf("answered is %v, want %v", got, test.want)
			}
		})
	}
}

func TestManagerOf(t *testing.T) {
	for message, want := range map[string]string{
		`conflict with "kubectl-client-side-apply" using apps/v1 at 2026-01-02T03:04:05Z`: "kubectl-client-side-apply",
		`conflict with "helm"`: "helm",
		`conflict with "a \"b\"" with subresource "scale" using apps/v1`: `a "b"`,
		`something else`: "something else",
	} {
		if got := managerOf(message); got != want {
			t.Errorf("manager of %q is %q, want %q", message, got, want)
		}
	}
}

func TestMissingItemsInWords(t *testing.T) {
	for _, test := range []struct {
		paths []string
		want  string
	}{
		{[]string{`.spec.template.spec.containers[name="web"]`}, `container "web" is`},
		{[]string{`.spec.template.spec.initContainers[name="setup"]`, `.spec.template.spec.volumes[name="tmp"]`}, `initContainer "setup", volume "tmp" are`},
		{[]string{`.metadata.labels`}, ".metadata.labels is"},
	} {
		if got := itemsAre(test.paths); got != test.want {
			t.Errorf("%q in words is %q, want %q", test.paths, got, test.want)
		}
	}
}
