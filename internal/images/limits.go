package images

import (
	"cmp"
	"context"
	"fmt"
	"io"
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

// A budget is what is left of the limits of one image. Nothing is given back:
// what a layer removes was read all the same.
type budget struct {
	limits       Limits
	entries      int
	memory       int64
	uncompressed int64
}

func newBudget(limits Limits) *budget {
	return &budget{limits: limits, entries: limits.Entries, memory: limits.Memory, uncompressed: limits.Uncompressed}
}

func (b *budget) entry() error {
	if b.entries--; b.entries < 0 {
		return tooLarge("more than %d files", b.limits.Entries)
	}
	return nil
}

func (b *budget) keep(bytes int) error {
	if b.memory -= int64(bytes); b.memory < 0 {
		return tooLarge("what is to be known of its files takes more than %s", size(b.limits.Memory))
	}
	return nil
}

// meter hands on a stream of unpacked bytes as long as the budget and the
// context allow it.
func (b *budget) meter(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := r.Read(p)
		if b.uncompressed -= int64(n); b.uncompressed < 0 {
			return n, tooLarge("more than %s unpacked", size(b.limits.Uncompressed))
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
