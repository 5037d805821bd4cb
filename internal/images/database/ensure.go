package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// found is a database, or why there is none.
type found struct {
	dir      string // empty: none
	source   string
	metadata metadata
	checked  time.Time // when a registry last said that it is the newest
	why      string
}

// due is when a newer one is to be expected; one that does not say it is due a
// day after it was built.
func (f found) due() time.Time {
	if f.metadata.NextUpdate.IsZero() {
		return f.metadata.UpdatedAt.Add(24 * time.Hour)
	}
	return f.metadata.NextUpdate
}

func (f found) stale(now time.Time) bool { return f.dir != "" && now.Sub(f.due()) > StaleAfter }

// fresh reports whether no registry needs to be asked.
func (f found) fresh(now time.Time, k kind, repositories []string) bool {
	if f.dir == "" || !slices.Contains(repositories, f.source) {
		return false
	}
	since := now.Sub(f.checked)
	return now.Before(f.due()) || since >= 0 && since < k.fresh
}

// old says how old a stale database is.
func (f found) old(now time.Time, k kind) string {
	if f.metadata.UpdatedAt.IsZero() {
		return fmt.Sprintf("the %s does not say when it was built", k.name)
	}
	return fmt.Sprintf("the %s is of %s, %s old", k.name, f.metadata.UpdatedAt.UTC().Format("2006-01-02 15:04 MST"), days(now.Sub(f.metadata.UpdatedAt)))
}

func days(d time.Duration) string {
	if n := int(d.Hours() / 24); n >= 2 {
		return fmt.Sprintf("%d days", n)
	}
	return fmt.Sprintf("%d hours", int(d.Hours()))
}

// ensure finds the database of one kind, and downloads it if need be.
func (e *ensurer) ensure(ctx context.Context, k kind, repositories []string) found {
	now := e.options.Now()
	if e.options.Path != "" {
		f := atPath(k, e.options.Path)
		if f.stale(now) {
			f.why = f.old(now, k) + ": put a newer one into its folder, or leave out --db-path"
		}
		return f
	}
	s := store{dir: e.options.Dir, kind: k}
	f := s.take()
	switch {
	case f.fresh(now, k, repositories):
		return f
	case e.options.Offline && f.dir == "":
		f.why = fmt.Sprintf("there is no %s in %q%s, and nothing is downloaded when offline: run once without --offline, name a folder that has one with --db-path, "+
			"or a registry that can be reached with --db-repository", k.name, s.dir, because(f.why))
		return f
	case e.options.Offline:
		if f.stale(now) {
			f.why = f.old(now, k) + ", and nothing is downloaded when offline: run once without --offline"
		}
		return f
	}
	return e.renew(ctx, s, f, repositories)
}

// renew downloads a newer database than f. It returns f, with the reason, if that cannot be.
func (e *ensurer) renew(ctx context.Context, s store, f found, repositories []string) found {
	now := e.options.Now()
	unlock, err := s.lock(ctx, func() { e.progress("waiting for another process that downloads the "+s.kind.name, 0, 0) })
	if err == nil {
		defer unlock()
		// Another process may have been quicker.
		f.drop()
		if f = s.take(); f.fresh(now, s.kind, repositories) {
			return f
		}
		var renewed found
		if renewed, err = e.fromAny(ctx, s, repositories); err == nil {
			f.drop()
			s.prune()
			return renewed
		}
	}
	switch {
	case f.dir == "":
		f.why = fmt.Sprintf("there is no %s%s, and none could be downloaded: %v; name another registry with --db-repository, or a folder that has one with --db-path",
			s.kind.name, because(f.why), err)
	case f.stale(now):
		f.why = fmt.Sprintf("%s, and no newer one could be downloaded: %v", f.old(now, s.kind), err)
	default:
		f.why = fmt.Sprintf("the %s could not be renewed: %v", s.kind.name, err)
	}
	return f
}

// fromAny downloads from the first repository that has what is wanted.
func (e *ensurer) fromAny(ctx context.Context, s store, repositories []string) (found, error) {
	var all []string
	for _, repository := range repositories {
		f, err := e.from(ctx, s, repository)
		if err == nil {
			return f, nil
		}
		all = append(all, fmt.Sprintf("%s: %v", repository, err))
		// With this disk or that user's patience no other repository will do.
		if local := (*localError)(nil); errors.As(err, &local) || ctx.Err() != nil {
			break
		}
	}
	return found{}, errors.New(strings.Join(all, "; "))
}

func (e *ensurer) from(ctx context.Context, s store, repository string) (found, error) {
	artifact, err := e.reader.Artifact(ctx, repository)
	if err != nil {
		return found{}, err
	}
	if got := string(artifact.Layer.MediaType); got != s.kind.media {
		return found{}, fmt.Errorf("it is no %s of Trivy but %.100q", s.kind.name, got)
	}
	if artifact.Layer.Size > s.kind.packed {
		return found{}, fmt.Errorf("too large: %d bytes, and no %s has more than %d", artifact.Layer.Size, s.kind.name, s.kind.packed)
	}
	digest := artifact.Layer.Digest.Hex
	if !s.has(digest) {
		packed, err := e.download(ctx, s, artifact)
		if err != nil {
			return found{}, err
		}
		if err := e.unpack(ctx, s, packed, digest); err != nil {
			return found{}, err
		}
	}
	if err := s.point(pointer{Digest: digest, Source: repository, Checked: e.options.Now().UTC()}); err != nil {
		return found{}, err
	}
	f := s.take()
	if f.dir == "" {
		return found{}, errors.New(f.why)
	}
	return f, nil
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return " that can be used (" + why + ")"
}

// atPath finds a database that the user names: in the folder, or where Trivy has
// it in its cache.
func atPath(k kind, path string) found {
	places := []string{filepath.Join(path, k.folder), path, filepath.Join(filepath.Dir(filepath.Clean(path)), k.folder)}
	if k.folder == vulnerabilityKind.folder {
		places = []string{path, filepath.Join(path, k.folder)}
	}
	for _, dir := range places {
		m, err := k.read(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return found{why: fmt.Sprintf("the %s in %q cannot be used: %v", k.name, dir, err)}
		}
		return found{dir: dir, source: dir, metadata: m}
	}
	return found{why: fmt.Sprintf("there is no %s in %q, nor in its folder %q: name the folder that holds %s and %s with --db-path", k.name, path, k.folder, k.file, metadataFile)}
}
