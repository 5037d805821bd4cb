// Package trivy looks into images with Trivy's packages. It runs as a child
// process of the program (images.Scanner), so that an image that is too much
// for it takes down nothing else.
//
// Each layer goes past Trivy's analyzers and past our own reader in one pass
// (layer.go), and what they made of it is kept (blobs.go). Then the layers of an
// image are laid over each other and matched with the vulnerability database
// (match.go), here or on a Trivy server (server.go), and the report is told in
// our words (words.go).
package trivy

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/aquasecurity/trivy/pkg/fanal/analyzer"
	"github.com/aquasecurity/trivy/pkg/fanal/artifact"
	"github.com/aquasecurity/trivy/pkg/log"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

// Main is the child process; it returns its exit code.
func Main() int { return images.Serve(start) }

// parallelLayers bounds how many layers are fetched and analyzed at a time:
// their memory adds up, and registries count connections.
const parallelLayers = 4

// keepFor is how long what is known of a layer is kept that nobody asks for.
const keepFor = 60 * 24 * time.Hour

// A worker looks into images, several at a time.
type worker struct {
	settings images.Settings
	reader   *images.Reader
	options  artifact.Option
	config   analyzer.ConfigAnalyzerGroup
	blobs    blobs
	java     bool // the Java database is there
	slots    chan struct{}
	locks    locks
	database database
}

func start(s images.Settings) (images.Worker, error) {
	// What Trivy would print is for its own users.
	log.InitLogger(false, true)
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))
	w := &worker{
		settings: s, reader: images.NewWorkerReader(s), options: analysis(), blobs: blobs{store.Dir(s.CacheDir)},
		slots: make(chan struct{}, parallelLayers), database: database{dir: s.Database, why: s.DatabaseWhy},
	}
	if s.CacheDir != "" {
		go store.Dir(filepath.Join(s.CacheDir, images.CacheFormat)).Prune(time.Now().Add(-keepFor))
	}
	if err := w.startJava(); err != nil {
		return nil, err
	}
	var err error
	if w.config, err = analyzer.NewConfigAnalyzerGroup(w.options.ConfigAnalyzerOptions()); err != nil {
		return nil, err
	}
	// Analyzers are shared by all groups. Made once before any is used, they are not written to in parallel.
	_, err = analyzer.NewAnalyzerGroup(w.options.AnalyzerOptions())
	return w, err
}

// Look looks into one image.
func (w *worker) Look(ctx context.Context, task images.Task) images.Looked {
	image, facts := w.reader.Find(ctx, task.Key, task.Credentials)
	if image == nil {
		return w.unknown(task, facts)
	}
	looked := images.Looked{Facts: image.Known()}
	if task.Scan && looked.Facts != nil {
		looked.Scan = image.KnownScan(w.settings.Stamp)
	}
	if looked.Facts != nil && task.SBOM == "" && (!task.Scan || looked.Scan != nil) {
		return looked
	}
	if facts := image.Read(ctx); facts != nil {
		return w.unknown(task, facts)
	}
	found := w.analyze(ctx, image, looked.Facts != nil)
	if looked.Facts == nil {
		looked.Facts = image.Facts(ctx)
	}
	if task.Scan && looked.Scan == nil {
		looked.Scan = w.scan(ctx, image, found, task)
	}
	if task.SBOM != "" {
		looked.SBOM, looked.SBOMWhy = w.sbom(ctx, image, found, task)
	}
	return looked
}

// unknown is the answer for an image of which nothing is known, as the facts say.
func (w *worker) unknown(task images.Task, facts *harden.ImageFacts) images.Looked {
	looked := images.Looked{Facts: facts}
	if task.Scan {
		looked.Scan = images.NotScanned(task.Key, facts.Why)
	}
	if task.SBOM != "" {
		looked.SBOMWhy = facts.Why
	}
	return looked
}

// locks are one for each name, such as the digest of a layer.
type locks struct {
	mu   sync.Mutex
	held map[string]chan struct{}
}

// lock waits until nobody else holds the name.
func (l *locks) lock(ctx context.Context, name string) (unlock func(), err error) {
	for {
		l.mu.Lock()
		other, taken := l.held[name]
		if !taken {
			mine := make(chan struct{})
			if l.held == nil {
				l.held = map[string]chan struct{}{}
			}
			l.held[name] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.held, name)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-other:
		}
	}
}
