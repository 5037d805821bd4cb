package database

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// A download that is cut is taken up again: maxTries times without anything new,
// and maxCuts times in all, because one that comes in a few bytes at a time is
// none to wait for. Busy registries are asked again by internal/images.
const (
	maxTries = 4
	maxCuts  = 40
)

// patience counts how often a download was cut.
type patience struct {
	wait        time.Duration
	tries, cuts int
	reached     int64
}

// again waits, and reports whether to go on after an error at this byte.
func (p *patience) again(ctx context.Context, err error, reached int64) bool {
	var failed *images.ArtifactError
	if !errors.As(err, &failed) || !failed.Cut {
		return false
	}
	if reached > p.reached {
		p.reached, p.tries = reached, 0
	}
	if p.tries, p.cuts = p.tries+1, p.cuts+1; p.tries >= maxTries || p.cuts > maxCuts {
		return false
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(p.wait << (p.tries - 1)):
		return true
	}
}

// download brings the layer of an artifact to the disk and returns its path. It
// goes on where an earlier one ended, also one of another process.
func (e *ensurer) download(ctx context.Context, s store, a *images.Artifact) (string, error) {
	path := s.home(a.Layer.Digest.Hex) + ".part"
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return "", s.local(err)
	}
	defer f.Close()
	had, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return "", s.local(err)
	}
	resumed := had > 0
	for {
		if err := e.fill(ctx, s, a, f, had); err != nil {
			if errors.As(err, new(*localError)) {
				os.Remove(path) // room for others
			}
			return "", err
		}
		err := verify(s, f, a.Layer.Digest.Hex)
		if err == nil {
			return path, nil
		}
		os.Truncate(path, 0)
		if !resumed || errors.As(err, new(*localError)) {
			os.Remove(path)
			return "", err
		}
		// What was here already may be what is wrong.
		resumed, had = false, 0
	}
}

// fill reads what is missing of a file that has bytes already.
func (e *ensurer) fill(ctx context.Context, s store, a *images.Artifact, f *os.File, had int64) error {
	total := a.Layer.Size
	if had > total {
		had = 0
	}
	p := patience{wait: e.options.Wait, reached: had}
	for had < total {
		err := e.part(ctx, s, a, f, &had)
		if err != nil && !p.again(ctx, err, had) {
			return err
		}
	}
	return s.local(f.Truncate(total))
}

// part reads until the end of the layer or until something goes wrong; had is how far it came.
func (e *ensurer) part(ctx context.Context, s store, a *images.Artifact, f *os.File, had *int64) error {
	r, start, err := a.Open(ctx, *had)
	if err != nil {
		return err
	}
	defer r.Close()
	*had = start
	e.progress(s.kind.name, *had, a.Layer.Size)
	buffer := make([]byte, 256<<10)
	for *had < a.Layer.Size {
		n, err := io.ReadFull(r, buffer[:min(int64(len(buffer)), a.Layer.Size-*had)])
		if n > 0 {
			if _, err := f.WriteAt(buffer[:n], *had); err != nil {
				return s.local(err)
			}
			*had += int64(n)
			e.progress(s.kind.name, *had, a.Layer.Size)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func verify(s store, f *os.File, want string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return s.local(err)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return s.local(err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("what it sent is not what its manifest names: digest sha256:%.12s… instead of sha256:%.12s…", got, want)
	}
	return nil
}
