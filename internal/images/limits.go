package images

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"sync"
)

// Limits bound what one image may cost. What is beyond them is reported as too
// large; a field that is zero has its default.
type Limits struct {
	Manifest     int64 // bytes of an index or manifest; 4 MiB, as registries have it
	Config       int64 // bytes of the config; 8 MiB
	Layers       int   // 512
	Compressed   int64 // bytes of all layers as the registry keeps them; 4 GiB
	Uncompressed int64 // bytes of all layers once unpacked; 8 GiB
	Entries      int   // entries of all layers; 2,000,000
	Text         int64 // bytes of /etc/passwd and of /etc/group; 1 MiB
	Memory       int64 // bytes that the facts take while they are gathered, roughly; 64 MiB
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Manifest:     cmp.Or(l.Manifest, 4<<20),
		Config:       cmp.Or(l.Config, 8<<20),
		Layers:       cmp.Or(l.Layers, 512),
		Compressed:   cmp.Or(l.Compressed, 4<<30),
		Uncompressed: cmp.Or(l.Uncompressed, 8<<30),
		Entries:      cmp.Or(l.Entries, 2_000_000),
		Text:         cmp.Or(l.Text, 1<<20),
		Memory:       cmp.Or(l.Memory, 64<<20),
	}
}

// A tooLargeError says which limit an image is beyond.
type tooLargeError struct{ what string }

func (e *tooLargeError) Error() string { return "too large: " + e.what }

func tooLarge(format string, args ...any) error {
	return &tooLargeError{what: fmt.Sprintf(format, args...)}
}

// A cost is what reading layers takes of the limits.
type cost struct {
	Entries              int
	Memory, Uncompressed int64
}

// A budget is what is left of the limits of one image, or of one layer. Nothing
// is given back: what a layer removes was read all the same. Layers may take
// from the budget of their image in parallel.
type budget struct {
	limits Limits
	image  *budget // of a layer: what is unpacked is taken from there too
	mu     sync.Mutex
	spent  cost
}

func newBudget(limits Limits) *budget { return &budget{limits: limits} }

// layer is the budget of one layer. It has all that the image may take, so that
// what is known of a layer does not depend on the image that it is read for; the
// image pays when the layer was read.
func (b *budget) layer() *budget { return &budget{limits: b.limits, image: b} }

// pay takes a cost that is known as a whole.
func (b *budget) pay(c cost) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.spent.Entries += c.Entries
	b.spent.Memory += c.Memory
	b.spent.Uncompressed += c.Uncompressed
	switch {
	case b.spent.Entries > b.limits.Entries:
		return tooLarge("more than %d files", b.limits.Entries)
	case b.spent.Memory > b.limits.Memory:
		return tooLarge("what is to be known of its files takes more than %s", size(b.limits.Memory))
	case b.spent.Uncompressed > b.limits.Uncompressed:
		return tooLarge("more than %s unpacked", size(b.limits.Uncompressed))
	}
	return nil
}

func (b *budget) entry() error { return b.pay(cost{Entries: 1}) }

func (b *budget) keep(bytes int) error { return b.pay(cost{Memory: int64(bytes)}) }

// unpack takes what is unpacked from the layer and from its image.
func (b *budget) unpack(bytes int) error {
	c := cost{Uncompressed: int64(bytes)}
	if b.image != nil {
		if err := b.image.pay(c); err != nil {
			return err
		}
	}
	return b.pay(c)
}

// meter hands on a stream of unpacked bytes as long as the budget and the
// context allow it.
func (b *budget) meter(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if over := b.unpack(n); over != nil {
			return n, over
		}
		return n, err
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// size writes a number of bytes for people.
func size(bytes int64) string {
	units := []string{"bytes", "KiB", "MiB", "GiB"}
	value, unit := float64(bytes), 0
	for value >= 1024 && unit < len(units)-1 {
		value /= 1024
		unit++
	}
	return fmt.Sprintf("%.4g %s", value, units[unit])
}
