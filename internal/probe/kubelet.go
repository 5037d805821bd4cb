package probe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Kubelets asks each node's kubelet for its effective configuration, through the
// API server. It does not fail: a kubelet that could not be asked has Known false
// and says Why. The result is by node name.
//
// The request needs get on nodes/proxy: nodes/configz, which came with
// KubeletFineGrainedAuthz, is checked by a kubelet that is asked directly; the API
// server has no such path.
func (p *Prober) Kubelets(ctx context.Context, nodes []*corev1.Node) map[string]*harden.Kubelet {
	out := make(map[string]*harden.Kubelet, len(nodes))
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(p.parallel)
	for _, node := range nodes {
		g.Go(func() error {
			k := p.kubelet(ctx, node.Name)
			mu.Lock()
			defer mu.Unlock()
			out[node.Name] = k
			return nil
		})
	}
	_ = g.Wait() // the functions return no error
	return out
}

func (p *Prober) kubelet(ctx context.Context, node string) *harden.Kubelet {
	k := &harden.Kubelet{Time: p.now()}
	limited, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	body, err := p.client.CoreV1().RESTClient().Get().Resource("nodes").Name(node).SubResource("proxy", "configz").DoRaw(limited)
	switch {
	case apierrors.IsNotFound(err):
		k.Why = "the kubelet does not show its configuration (enableDebuggingHandlers is false), or the node is gone"
		return k
	case err != nil:
		k.Why = p.why(ctx, withBody(err, body), right{verb: "get", resource: "nodes/proxy"})
		return k
	}
	if err := readConfigz(body, k); err != nil {
		k.Why = err.Error()
		return k
	}
	k.Known = true
	return k
}

// withBody is the error with what the proxy of the API server said, in a Status:
// of an answer that it reads raw client-go only says that there was an error.
func withBody(err error, body []byte) error {
	var status metav1.Status
	if !apierrors.IsInternalError(err) && !apierrors.IsServiceUnavailable(err) || json.Unmarshal(body, &status) != nil || status.Message == "" {
		return err
	}
	return errors.New(status.Message)
}

// readConfigz reads the answer of /configz into k: the KubeletConfiguration
// (kubelet.config.k8s.io) under the key kubeletconfig, with its defaults. A kubelet
// older than a field leaves it out, and so it does with what is empty: a port of 0.
func readConfigz(body []byte, k *harden.Kubelet) error {
	var answer struct {
		Config *struct {
			SeccompDefault bool `json:"seccompDefault"`
			Authentication struct {
				Anonymous struct {
					Enabled bool `json:"enabled"`
				} `json:"anonymous"`
			} `json:"authentication"`
			Authorization struct {
				Mode string `json:"mode"`
			} `json:"authorization"`
			ReadOnlyPort       int   `json:"readOnlyPort"`
			RotateCertificates bool  `json:"rotateCertificates"`
			PodPidsLimit       int64 `json:"podPidsLimit"`
		} `json:"kubeletconfig"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return fmt.Errorf("reading the configuration of the kubelet: %w", err)
	}
	c := answer.Config
	if c == nil {
		return errors.New("the answer of the kubelet holds no configuration")
	}
	k.SeccompDefault, k.AnonymousAuth, k.AuthorizationMode = c.SeccompDefault, c.Authentication.Anonymous.Enabled, c.Authorization.Mode
	k.ReadOnlyPort, k.RotateCertificates, k.PodPidsLimit = c.ReadOnlyPort, c.RotateCertificates, c.PodPidsLimit
	return nil
}
