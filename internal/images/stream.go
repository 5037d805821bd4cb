package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Stream is a layer on its way, unpacked. Whoever reads it sees what container
// runtimes would unpack; on the side its files are noted, so that no layer is
// read twice. It is metered and hashed: only when Close has no error was it
// whole and the one that the image promises. Close reads what the reader left.
type Stream struct {
	ctx        context.Context
	layers     *layers
	number     int
	compressed io.Closer
	plain      io.Closer
	metered    io.Reader
	hash       hash.Hash
	want       v1.Hash
	budget     *budget
	copy       *io.PipeWriter // what was read goes to readLayer
	noted      chan struct{}  // closed when readLayer is through
	tree       *node
	treeErr    error
	archives   int
	err        error // after which nothing more is read
	whole      bool  // it was read to its end, and is right
	closed     bool
}

func (l *layers) open(ctx context.Context, n int) (*Stream, error) {
	compressed, err := l.all[n].Compressed()
	if err != nil {
		return nil, err
	}
	plain, err := uncompress(compressed)
	if err != nil {
		return nil, errors.Join(err, compressed.Close())
	}
	b := l.budget.layer()
	from, to := io.Pipe()
	s := &Stream{
		ctx: ctx, layers: l, number: n, compressed: compressed, plain: plain, metered: b.meter(ctx, plain), hash: sha256.New(), want: l.config.RootFS.DiffIDs[n],
		budget: b, copy: to, noted: make(chan struct{}),
	}
	go func() {
		defer close(s.noted)
		var note *layer
		note, s.treeErr = readLayer(from, b)
		s.tree, s.archives = note.root, note.archives
		// Others may still want to see the rest of a layer that is too much for us.
		_, _ = io.Copy(io.Discard, from)
	}()
	return s, nil
}

// Read reads on. An error is final: the layer is broken, or too large, or could
// not be fetched.
func (s *Stream) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.metered.Read(p)
	if n > 0 {
		s.hash.Write(p[:n])
		_, _ = s.copy.Write(p[:n]) // the other end reads until it is closed
	}
	if errors.Is(err, io.EOF) {
		if got := hex.EncodeToString(s.hash.Sum(nil)); got == s.want.Hex {
			s.whole = true
		} else {
			err = fmt.Errorf("broken: its digest is sha256:%s, and %s was promised", got, s.want)
		}
	}
	if err != nil {
		s.err = err
		s.copy.CloseWithError(err)
	}
	return n, err
}

// DiffID is the digest of what the layer unpacks to, as the image promises it.
func (s *Stream) DiffID() v1.Hash { return s.want }

// JavaArchives is how many jar, war, ear and par files the layer has; after Close.
func (s *Stream) JavaArchives() int { return s.archives }

// Close reads to the end of the layer. Its error is why the layer is not to be
// believed; nil when it is whole.
func (s *Stream) Close() error {
	if s.closed {
		return s.failure()
	}
	s.closed = true
	if s.err == nil {
		_, _ = io.Copy(io.Discard, s)
	}
	<-s.noted
	_ = s.plain.Close()
	_ = s.compressed.Close()
	s.keep()
	return s.failure()
}

func (s *Stream) failure() error {
	if s.whole {
		return nil
	}
	return s.err
}

func (s *Stream) keep() {
	err := s.failure()
	if err == nil {
		err = s.treeErr
	}
	tree := &layerTree{s.tree, s.budget.spent}
	s.layers.read(s.number, tree, err)
	if err == nil {
		writeTree(s.layers.reader.cache, s.want, tree)
	}
}
