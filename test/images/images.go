package testimages

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"golang.org/x/sync/errgroup"
)

// ErrUnavailable says that an image cannot be built on this machine; the error that wraps it says what is missing.
var ErrUnavailable = errors.New("not available on this machine")

// An Image is a test image, and what is known about it.
type Image struct {
	Name string
	// About says in a sentence what it does.
	About string
	// Breaks are the settings that it does not survive, each alone in an otherwise unchanged workload on containerd 2.
	// It lives with all others.
	Breaks map[Setting]Break
	Image  v1.Image

	workload workload
}

// A Setting is one hardening of a workload.
type Setting string

// The settings, as fields of a container's security context but for the last.
const (
	NonRoot      Setting = "runAsNonRoot: true"
	ReadOnlyRoot Setting = "readOnlyRootFilesystem: true"
	NoEscalation Setting = "allowPrivilegeEscalation: false"
	DropAll      Setting = "capabilities: {drop: [ALL]}"
	Seccomp      Setting = "seccompProfile: {type: RuntimeDefault}"
	NoToken      Setting = "automountServiceAccountToken: false" // of the pod
)

// Settings are all settings.
func Settings() []Setting {
	return []Setting{NonRoot, ReadOnlyRoot, NoEscalation, DropAll, Seccomp, NoToken}
}

// A Break is how it shows that an image does not survive a setting.
type Break struct {
	// Says is part of what the container's log, its state or its last state says.
	Says string
	// Ready tells that its pods become ready all the same: it fails later, or in some requests only.
	Ready bool
}

// Names returns the names of all images.
func Names() []string {
	var names []string
	for _, r := range recipes {
		names = append(names, r.name)
	}
	return names
}

// Build makes the named images, or all. Those that cannot be made on this machine are left out, with an error that wraps
// ErrUnavailable beside the others.
func Build(ctx context.Context, names ...string) ([]Image, error) {
	if len(names) == 0 {
		names = Names()
	}
	b, err := newBuilder()
	if err != nil {
		return nil, err
	}
	var images []Image
	var missing []error
	for _, name := range names {
		i := slices.IndexFunc(recipes, func(r recipe) bool { return r.name == name })
		if i < 0 {
			return nil, fmt.Errorf("building image %q: there is none of that name, only %s", name, strings.Join(Names(), ", "))
		}
		r := recipes[i]
		image, err := b.image(ctx, r)
		switch {
		case errors.Is(err, ErrUnavailable):
			missing = append(missing, fmt.Errorf("building image %q: %w", name, err))
		case err != nil:
			return nil, fmt.Errorf("building image %q: %w", name, err)
		default:
			images = append(images, Image{Name: r.name, About: r.about, Breaks: r.breaks, Image: image, workload: r.workload})
		}
	}
	return images, errors.Join(missing...)
}

// Push puts images into a registry, "host:port" with or without a path below it, over HTTPS or else over HTTP. It returns
// the reference of each by name, as "host:port/path/name:v1".
func Push(ctx context.Context, registry string, images []Image, options ...remote.Option) (map[string]string, error) {
	refs := map[string]string{}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, image := range images {
		ref := registry + "/" + image.Name + ":v1"
		refs[image.Name] = ref
		group.Go(func() error {
			tag, err := name.NewTag(ref, name.Insecure)
			if err != nil {
				return fmt.Errorf("pushing %q: %w", ref, err)
			}
			if err := remote.Write(tag, image.Image, append(options, remote.WithContext(ctx))...); err != nil {
				return fmt.Errorf("pushing %q: %w", ref, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return refs, nil
}
