package images

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func secret(kind corev1.SecretType, key, text string) corev1.Secret {
	return corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "pull"}, Type: kind, Data: map[string][]byte{key: []byte(text)}}
}

func TestPullSecretsMatchAsTheKubeletDoes(t *testing.T) {
	auth := base64.StdEncoding.EncodeToString([]byte("me:word"))
	json := func(host string) corev1.Secret {
		return secret(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, auth))
	}
	for _, test := range []struct {
		name, image string
		secret      corev1.Secret
		want        bool
	}{
		{"host", "example.com/x", json("example.com"), true},
		{"URL", "example.com/x", json("https://example.com/v1/"), true},
		{"another host", "example.com/x", json("example.org"), false},
		{"a host that only ends alike", "evilexample.com/x", json("example.com"), false},
		{"port", "example.com:5000/x", json("example.com:5000"), true},
		{"another port", "example.com:5000/x", json("example.com"), false},
		{"path", "example.com/team/x", json("example.com/team"), true},
		{"another path", "example.com/other/x", json("example.com/team"), false},
		{"wildcard", "eu.example.com/x", json("*.example.com"), true},
		{"wildcard of one level", "a.eu.example.com/x", json("*.example.com"), false},
		{"Docker Hub by its URL", "nginx", json("https://index.docker.io/v1/"), true},
		{"Docker Hub by its name", "docker.io/team/x", json("docker.io"), true},
		{"the old form", "example.com/x", secret(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, fmt.Sprintf(`{"example.com":{"auth":%q}}`, auth)), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			keys, err := PullSecrets([]corev1.Secret{test.secret})
			if err != nil {
				t.Fatal(err)
			}
			ref, err := newReader(Options{}).parse(test.image)
			if err != nil {
				t.Fatal(err)
			}
			found, err := keys.Resolve(ref.Context())
			if err != nil || (found != authn.Anonymous) != test.want {
				t.Fatalf("got %v, error %v; want credentials: %v", found, err, test.want)
			}
			if !test.want {
				return
			}
			if c, err := found.Authorization(); err != nil || c.Username != "me" || c.Password != "word" {
				t.Errorf("got user %q, error %v", c.Username, err)
			}
		})
	}
}

func TestPullSecretsThatAreNone(t *testing.T) {
	const word = "s3cret-word"
	good := secret(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, `{"auths":{"example.com":{"username":"me","password":"word"}}}`)
	for what, s := range map[string]corev1.Secret{
		"no JSON":            secret(corev1.SecretTypeDockerConfigJson, corev1.DockerConfigJsonKey, word),
		"another key":        secret(corev1.SecretTypeDockerConfigJson, "x", word),
		"empty":              secret(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, ""),
		"auth of no base64":  secret(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"example.com":{"auth":"`+word+`"}}`),
		"a host that is not": secret(corev1.SecretTypeDockercfg, corev1.DockerConfigKey, `{"`+word+`%zz:x":{"username":"me","password":"`+word+`"}}`),
		"another type":       secret(corev1.SecretTypeOpaque, corev1.DockerConfigJsonKey, word),
	} {
		t.Run(what, func(t *testing.T) {
			keys, err := PullSecrets([]corev1.Secret{s, good})
			if err == nil || !strings.Contains(err.Error(), "pull secret ns/pull") {
				t.Errorf("error %v does not name the Secret", err)
			}
			if err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("error %v tells what is in the Secret", err)
			}
			repository := name.MustParseReference("example.com/x").Context()
			if found, err := keys.Resolve(repository); err != nil || found == authn.Anonymous {
				t.Errorf("the good Secret beside it is lost (error %v)", err)
			}
		})
	}
}
