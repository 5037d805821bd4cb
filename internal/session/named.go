package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// OpenImages starts a session over images that nobody has to run: each is a
// workload of its own, on nodes of one platform (OS/ARCHITECTURE).
func OpenImages(names []string, platform string, look LookOptions) (*Session, error) {
	for _, n := range names {
		if _, err := reference.ParseNormalizedNamed(n); err != nil {
			return nil, fmt.Errorf("reading the image name %q: %w", n, err)
		}
	}
	system, arch, ok := strings.Cut(platform, "/")
	if !ok || system == "" || arch == "" {
		return nil, fmt.Errorf("reading the platform %q: expected OS/ARCHITECTURE such as %s", platform, harden.DefaultPlatform)
	}
	node := &corev1.Node{}
	node.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: system, Architecture: arch}
	return newSession(&imageSource{names: names, node: node, now: time.Now}, &outside{opts: look}, nil, time.Now), nil
}

type imageSource struct {
	names []string
	node  *corev1.Node
	now   func() time.Time
}

func (i *imageSource) title() string { return strings.Join(i.names, " ") }

func (i *imageSource) live() bool { return false }

func (i *imageSource) close() {}

func (i *imageSource) read(context.Context, harden.Scope) (*harden.Inventory, error) {
	inv := &harden.Inventory{Now: i.now(), Nodes: []*corev1.Node{i.node}}
	for _, n := range i.names {
		w := &harden.Workload{Ref: harden.Ref{APIVersion: "v1", Kind: "Pod", Name: n}}
		w.Template.Spec.Containers = []corev1.Container{{Name: "image", Image: n}}
		inv.Workloads = append(inv.Workloads, w)
	}
	return inv, nil
}

// watch has nothing to tell: names do not change.
func (i *imageSource) watch(context.Context, harden.Scope, *harden.Inventory) <-chan update {
	ch := make(chan update)
	close(ch)
	return ch
}

func (i *imageSource) whole(ctx context.Context, _ []string, _ func(done, total int)) (*harden.Inventory, error) {
	return i.read(ctx, harden.Scope{})
}

func (i *imageSource) object(context.Context, harden.Ref) (*unstructured.Unstructured, error) {
	return nil, errors.New("an image that was named is no object of a cluster")
}

func (i *imageSource) reports(context.Context, []string, func(repository, digest string) bool) ([]cluster.Report, []harden.Unread) {
	return nil, nil
}
