package cluster

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Exposed tells which of the workloads can be reached from outside of the
// cluster by a Service of type LoadBalancer or NodePort, and by which. Unread
// says where Services may not be listed.
func (r *Reader) Exposed(ctx context.Context, namespaces []string, workloads []*harden.Workload) (by map[harden.Key]string, unread []harden.Unread) {
	services, unread := r.openServices(ctx, namespaces)
	by = map[harden.Key]string{}
	for _, w := range workloads {
		for i := range services {
			s := &services[i]
			// A Service without a selector has its endpoints from somewhere else.
			if s.Namespace == w.Ref.Namespace && len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(w.Template.Labels)) {
				by[w.Ref.Key()] = fmt.Sprintf("Service %s of type %s", s.Name, s.Spec.Type)
				break
			}
		}
	}
	return by, unread
}

// openServices lists the Services of the types that open ports outside of the cluster.
func (r *Reader) openServices(ctx context.Context, namespaces []string) (open []corev1.Service, unread []harden.Unread) {
	if len(namespaces) > fewNamespaces {
		open, err := r.servicesIn(ctx, metav1.NamespaceAll)
		if !apierrors.IsForbidden(err) {
			return open, noteReports(nil, harden.Services, "", err)
		}
	}
	for _, ns := range namespaces {
		found, err := r.servicesIn(ctx, ns)
		open = append(open, found...)
		unread = noteReports(unread, harden.Services, ns, err)
	}
	return open, unread
}

func (r *Reader) servicesIn(ctx context.Context, namespace string) (open []corev1.Service, err error) {
	opts := metav1.ListOptions{Limit: pageSize}
	for {
		within, cancel := context.WithTimeout(ctx, r.timeout)
		page, err := r.client.CoreV1().Services(namespace).List(within, opts)
		cancel()
		if err != nil {
			return nil, err
		}
		for _, s := range page.Items {
			if s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort {
				open = append(open, s)
			}
		}
		if opts.Continue = page.Continue; opts.Continue == "" {
			return open, nil
		}
	}
}
