package images

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Image is one image in its registry. Its config is read by Read; its layers
// are read when somebody wants them, each once.
type Image struct {
	reader   *Reader
	key      harden.ImageKey
	platform *v1.Platform // that was asked for
	source   *source
	image    v1.Image
	facts    harden.ImageFacts
	layers   layers
}

// Asked is the digest of what the reference names: an index or a manifest.
func (i *Image) Asked() string { return i.source.top.Digest.String() }

// Known returns the facts when they are complete and kept, else nil.
func (i *Image) Known() *harden.ImageFacts { return i.reader.facts.get(i.Asked(), i.key.Platform) }

// Read reads the config, without which nothing more can be done with the image.
// The facts say why it could not be read; nil when it was.
func (i *Image) Read(ctx context.Context) *harden.ImageFacts {
	if err := i.readConfig(ctx); err != nil {
		return i.unknown(explain(err, i.source.ref))
	}
	return nil
}

// Config is the config of the image.
func (i *Image) Config() *v1.ConfigFile { return i.layers.config }

// V1 is the image as go-containerregistry knows it. Its layers are not to be
// opened: what they send would be neither bounded nor checked.
func (i *Image) V1() v1.Image { return i.image }

// Digest is that of the manifest of the platform, ALGORITHM:HEX.
func (i *Image) Digest() string { return i.facts.Digest }

// Platform is that of the config, OS/ARCHITECTURE.
func (i *Image) Platform() string { return i.facts.Platform }

// Reference is where the image was found, such as example.com/app:1: its
// registry may be a mirror of the one that was asked for.
func (i *Image) Reference() name.Reference { return i.source.ref }

// Why says for people what went wrong with the image, and names it.
func (i *Image) Why(err error) string { return Say(i.key.Reference, explain(err, i.source.ref)) }

func (i *Image) unknown(why string) *harden.ImageFacts {
	return &harden.ImageFacts{Why: Say(i.key.Reference, why), Platform: i.key.Platform, Time: i.facts.Time}
}

func (i *Image) readConfig(ctx context.Context) error {
	limits := i.reader.options.Limits
	image, digest, err := i.source.image(ctx, *i.platform)
	if err != nil {
		return err
	}
	i.source.wire.most.Store(limits.Config)
	if err := readConfig(image, limits, &i.facts); err != nil {
		return err
	}
	i.facts.Digest = digest.String()
	i.source.wire.most.Store(limits.Compressed)
	i.image = image
	i.layers = layers{reader: i.reader}
	i.layers.err = i.layers.find(image, limits)
	return nil
}

// Windows reports whether it is an image of Windows, whose layers are not read.
func (i *Image) Windows() bool { return strings.HasPrefix(i.facts.Platform, "windows/") }

// Facts are those of the image; the layers that nobody has read are read now.
func (i *Image) Facts(ctx context.Context) *harden.ImageFacts {
	if facts := i.Known(); facts != nil {
		return facts
	}
	facts := i.facts
	if i.Windows() {
		facts.FilesWhy = Say(i.key.Reference, "the files of Windows images are not read")
		return &facts
	}
	var err error
	if facts.Files, err = i.layers.files(ctx); err != nil {
		facts.Files, facts.FilesWhy = nil, i.Why(err)
		return &facts
	}
	i.reader.facts.put(i.Asked(), i.key.Platform, &facts)
	return &facts
}

// Layers are the digests of what the layers unpack to, the lowest first.
func (i *Image) Layers() ([]v1.Hash, error) {
	if i.layers.err != nil {
		return nil, i.layers.err
	}
	return i.layers.config.RootFS.DiffIDs, nil
}

// LayerDigest is the digest of a layer as the registry keeps it.
func (i *Image) LayerDigest(layer int) v1.Hash { return i.layers.manifest.Layers[layer].Digest }

// OpenLayer opens a layer that Layers has.
func (i *Image) OpenLayer(ctx context.Context, layer int) (*Stream, error) {
	return i.layers.open(ctx, layer)
}

// KnowsLayer reports whether the files of the layer are known, so that it need
// not be read for their sake.
func (i *Image) KnowsLayer(layer int) bool { return i.layers.known(layer) != nil }

// layers are those of one image.
type layers struct {
	reader   *Reader
	err      error // they cannot be read at all
	manifest *v1.Manifest
	config   *v1.ConfigFile
	all      []v1.Layer
	budget   *budget

	mu    sync.Mutex
	trees []*layerTree // by layer; nil: not read yet
	errs  []error      // why a layer that was read has no tree
}

func (l *layers) find(image v1.Image, limits Limits) error {
	var err error
	if l.manifest, err = image.Manifest(); err != nil {
		return err
	}
	if l.config, err = image.ConfigFile(); err != nil {
		return err
	}
	if err := checkLayers(l.manifest, limits); err != nil {
		return err
	}
	if l.all, err = image.Layers(); err != nil {
		return err
	}
	if len(l.all) != len(l.config.RootFS.DiffIDs) {
		return fmt.Errorf("broken: %d layers, but digests of %d", len(l.all), len(l.config.RootFS.DiffIDs))
	}
	l.budget, l.trees, l.errs = newBudget(limits), make([]*layerTree, len(l.all)), make([]error, len(l.all))
	return nil
}

// known returns the tree of a layer that was read, now or at another time. What
// it costs is taken once.
func (l *layers) known(n int) *layerTree {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trees[n] != nil || l.errs[n] != nil {
		return l.trees[n]
	}
	if t := readTree(l.reader.cache, l.config.RootFS.DiffIDs[n]); t != nil {
		l.take(n, t)
		l.errs[n] = errors.Join(l.errs[n], l.budget.pay(cost{Uncompressed: t.cost.Uncompressed}))
	}
	return l.trees[n]
}

// read takes what a stream noted of a layer, or why it could not be read.
func (l *layers) read(n int, t *layerTree, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trees[n] != nil {
		return
	}
	if l.errs[n] = err; err == nil {
		l.take(n, t)
	}
}

// take keeps a tree when the budget of the image allows it.
func (l *layers) take(n int, t *layerTree) {
	l.trees[n] = t
	l.errs[n] = l.budget.pay(cost{Entries: t.cost.Entries, Memory: t.cost.Memory})
}

// files lays the layers over each other, the lowest first. Neither a layer nor a
// file of it is kept.
func (l *layers) files(ctx context.Context) (*harden.ImageFiles, error) {
	if l.err != nil {
		return nil, l.err
	}
	root := newDirectory()
	for n := range l.all {
		tree, err := l.tree(ctx, n)
		if err == nil {
			err = merge(root, tree.root)
		}
		if err != nil {
			return nil, fmt.Errorf("layer %d of %d (%s): %w", n+1, len(l.all), l.manifest.Layers[n].Digest, err)
		}
	}
	return files(root, l.budget)
}

func (l *layers) tree(ctx context.Context, n int) (*layerTree, error) {
	if l.known(n) == nil && l.failed(n) == nil {
		stream, err := l.open(ctx, n)
		if err != nil {
			return nil, err
		}
		_ = stream.Close() // failed tells
	}
	return l.known(n), l.failed(n)
}

func (l *layers) failed(n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.errs[n]
}
