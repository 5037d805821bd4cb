package session

import (
	"context"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// pullSecrets reads the pull secrets of workloads and of their ServiceAccounts,
// each once. They are kept as long as one look takes.
type pullSecrets struct {
	client kubernetes.Interface

	mu       sync.Mutex
	secrets  map[string]answer[*corev1.Secret]
	accounts map[string]answer[*corev1.ServiceAccount]
}

type answer[T any] struct {
	object T
	err    error
}

func (p *pullSecrets) of(ctx context.Context, workloads []*harden.Workload) (credentials authn.Keychain, why string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var secrets []corev1.Secret
	taken := map[string]bool{}
	take := func(namespace string, refs []corev1.LocalObjectReference) {
		for _, r := range refs {
			name := namespace + "/" + r.Name
			if taken[name] {
				continue
			}
			taken[name] = true
			s, err := once(p.secrets, name, func() (*corev1.Secret, error) {
				return p.client.CoreV1().Secrets(namespace).Get(ctx, r.Name, metav1.GetOptions{})
			})
			if err != nil {
				why = "pull secret " + name + ": " + err.Error()
				continue
			}
			secrets = append(secrets, *s)
		}
	}
	for _, w := range workloads {
		spec, ns := &w.Template.Spec, w.Ref.Namespace
		take(ns, spec.ImagePullSecrets)
		name := spec.ServiceAccountName
		if name == "" {
			name = "default"
		}
		account, err := once(p.accounts, ns+"/"+name, func() (*corev1.ServiceAccount, error) {
			return p.client.CoreV1().ServiceAccounts(ns).Get(ctx, name, metav1.GetOptions{})
		})
		if err != nil {
			why = "ServiceAccount " + ns + "/" + name + ": " + err.Error()
			continue
		}
		take(ns, account.ImagePullSecrets)
	}
	credentials, err := images.PullSecrets(secrets)
	if err != nil {
		why = err.Error()
	}
	return credentials, why
}

func once[T any](known map[string]answer[T], name string, get func() (T, error)) (T, error) {
	a, ok := known[name]
	if !ok {
		a.object, a.err = get()
		known[name] = a
	}
	return a.object, a.err
}
