package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// A hintedError carries a way out.
type hintedError struct {
	error
	hint string
}

func (e hintedError) Unwrap() error { return e.error }

// Hint is the way out; the terminal UI shows it too.
func (e hintedError) Hint() string { return e.hint }

func hinted(err error, hint string) error { return hintedError{err, hint} }

// printError says what failed and what to do.
func printError(w io.Writer, err error) {
	var h hintedError
	hint := ""
	if errors.As(err, &h) {
		hint = h.hint
	} else {
		hint = hintFor(err)
	}
	fmt.Fprintf(w, "error: %s\n", strings.TrimPrefix(err.Error(), "error: "))
	if hint != "" {
		fmt.Fprintf(w, "hint: %s\n", hint)
	}
}

// hints are the ways out of the bad days that are not of our making.
var hints = []struct {
	is   error
	hint string
}{
	{cluster.ErrUnauthorized, "log in again, or choose other credentials with --context, --user or --token"},
	{cluster.ErrUnreachable, "check the network or VPN ('kubectl version'), choose another cluster with --context, or wait longer with --request-timeout"},
	{cluster.ErrUntrusted, "the certificate does not fit the kubeconfig: fetch the kubeconfig again, or name the CA with --certificate-authority"},
	{cluster.ErrForbidden, "ask for the right to read, choose a namespace with -n, or act as somebody else with --as"},
	{cluster.ErrNamespaceNotFound, "list the namespaces with 'kubectl get namespaces'"},
	{cluster.ErrNotFound, "list what is there with 'kubectl harden scan -o name'"},
}

func hintFor(err error) string {
	for _, h := range hints {
		if errors.Is(err, h.is) {
			return h.hint
		}
	}
	// clientcmd has two texts for it, and a test for one of them.
	if clientcmd.IsContextNotFound(err) || strings.Contains(err.Error(), "context \"") && strings.Contains(err.Error(), "does not exist") {
		return "list the contexts with 'kubectl config get-contexts', choose one with --context"
	}
	return ""
}
