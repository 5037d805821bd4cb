package cluster

import (
	"context"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Namespaces lists the names of all namespaces, sorted. An error wraps
// ErrForbidden where that is not allowed.
func (r *Reader) Namespaces(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	var names []string
	opts := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := r.client.CoreV1().Namespaces().List(ctx, opts)
		switch {
		case apierrors.IsForbidden(err):
			return nil, fmt.Errorf("listing namespaces: %w: %w", ErrForbidden, err)
		case err != nil:
			return nil, fmt.Errorf("listing namespaces: %w", classify(err))
		}
		for i := range list.Items {
			names = append(names, list.Items[i].Name)
		}
		if opts.Continue = list.Continue; opts.Continue == "" {
			slices.Sort(names)
			return names, nil
		}
	}
}
