package images

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/authn/kubernetes"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
)

// PullSecrets makes a keychain of Secrets of type kubernetes.io/dockerconfigjson
// and kubernetes.io/dockercfg, which matches registries as the kubelet does.
// The error names the Secrets that are neither; the keychain holds the others.
// It never tells what is in a Secret.
func PullSecrets(secrets []corev1.Secret) (authn.Keychain, error) {
	var keys pullSecrets
	var wrong []error
	for _, s := range secrets {
		k, err := pullSecret(s)
		if err != nil {
			wrong = append(wrong, fmt.Errorf("pull secret %s/%s: %w", s.Namespace, s.Name, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys, errors.Join(wrong...)
}

func pullSecret(s corev1.Secret) (authn.Keychain, error) {
	key := ""
	switch s.Type {
	case corev1.SecretTypeDockerConfigJson:
		key = corev1.DockerConfigJsonKey
	case corev1.SecretTypeDockercfg:
		key = corev1.DockerConfigKey
	default:
		return nil, fmt.Errorf("it is of type %q, and not %s", s.Type, corev1.SecretTypeDockerConfigJson)
	}
	k, err := kubernetes.NewFromPullSecrets(context.Background(), []corev1.Secret{s})
	if err != nil || len(s.Data[key]) == 0 {
		// The error of the library could quote the Secret.
		return nil, fmt.Errorf("its %s is no configuration of Docker", key)
	}
	return k, nil
}

// pullSecrets are keychains of one Secret each: several may be for one registry.
type pullSecrets []authn.Keychain

// Resolve returns the first credentials for a registry or repository.
func (p pullSecrets) Resolve(target authn.Resource) (authn.Authenticator, error) {
	for _, a := range p.all(target) {
		return a, nil
	}
	return authn.Anonymous, nil
}

func (p pullSecrets) all(target authn.Resource) []authn.Authenticator {
	var found []authn.Authenticator
	for _, k := range p {
		for _, t := range aliases(target) {
			// The library's Resolve reports no errors.
			if a, err := k.Resolve(t); err == nil && a != authn.Anonymous {
				found = append(found, a)
				break
			}
		}
	}
	return found
}

// aliases are the names under which a Secret may know a registry: Docker Hub has two.
func aliases(target authn.Resource) []authn.Resource {
	all := []authn.Resource{target}
	if repository, ok := target.(name.Repository); ok && repository.RegistryStr() == name.DefaultRegistry {
		all = append(all, dockerHub(repository.RepositoryStr()))
	}
	return all
}

// dockerHub is a repository there, by its other name.
type dockerHub string

func (d dockerHub) String() string      { return d.RegistryStr() + "/" + string(d) }
func (d dockerHub) RegistryStr() string { return "docker.io" }

// credentials are what is tried for a repository, in this order: what came with
// the request, what the user has, and none. Why says what could not be asked.
func (r *Reader) credentials(ctx context.Context, given authn.Keychain, target authn.Resource) (found []authn.Authenticator, why error) {
	for _, k := range []authn.Keychain{given, r.options.Keychain} {
		if k == nil {
			continue
		}
		if several, ok := k.(interface {
			all(authn.Resource) []authn.Authenticator
		}); ok {
			found = append(found, several.all(target)...)
			if c, ok := k.(Credentials); ok && c.Why != "" {
				why = errors.New(c.Why)
			}
			continue
		}
		a, err := authn.Resolve(ctx, k, target)
		if err != nil {
			why = fmt.Errorf("reading your credentials for it: %w", err)
		} else if a != authn.Anonymous {
			found = append(found, a)
		}
	}
	return append(found, authn.Anonymous), why
}
