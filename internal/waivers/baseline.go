package waivers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Baseline is the set of findings that were there on some day, so that a later
// run can tell which are new. They are known by their ids, which hold neither
// severity nor text: a finding that only changed in these is not new.
type Baseline struct {
	// Cluster is the UID of the cluster's namespace kube-system; empty for files,
	// and where it may not be read.
	Cluster string
	ids     map[string]bool
}

// baselineVersion is that of the form of the file.
const baselineVersion = 1

type baselineFile struct {
	Version  int      `json:"version"`
	Cluster  string   `json:"cluster,omitempty"`
	Findings []string `json:"findings"` // sorted
}

// NewBaseline holds those of the findings of a run that count: they failed.
func NewBaseline(inv *harden.Inventory, findings []*harden.Finding) *Baseline {
	b := &Baseline{Cluster: inv.Cluster.UID, ids: map[string]bool{}}
	for _, f := range findings {
		if f.Status == harden.StatusFail {
			b.ids[f.ID()] = true
		}
	}
	return b
}

// ReadBaseline reads what WriteBaseline wrote.
func ReadBaseline(path string) (*Baseline, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the baseline: %w", err)
	}
	var file baselineFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		return nil, fmt.Errorf("reading the baseline %q: %w", path, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the baseline %q: something follows its end", path)
	}
	if file.Version != baselineVersion {
		return nil, fmt.Errorf("reading the baseline %q: its version is %d, this program reads version %d: write it anew", path, file.Version, baselineVersion)
	}
	b := &Baseline{Cluster: file.Cluster, ids: make(map[string]bool, len(file.Findings))}
	for _, id := range file.Findings {
		b.ids[id] = true
	}
	return b, nil
}

// WriteBaseline writes the file as a whole or not at all. The same findings give
// the same bytes.
func WriteBaseline(path string, b *Baseline) error {
	text, err := json.MarshalIndent(baselineFile{Version: baselineVersion, Cluster: b.Cluster, Findings: slices.AppendSeq([]string{}, b.all())}, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	if err := writeWhole(path, append(text, '\n')); err != nil {
		return fmt.Errorf("writing the baseline: %w", err)
	}
	return nil
}

func writeWhole(path string, text []byte) error {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it is gone where all went well
	_, err = file.Write(text)
	if err = errors.Join(err, file.Chmod(0o644), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

func (b *Baseline) all() func(yield func(string) bool) {
	return slices.Values(slices.Sorted(maps.Keys(b.ids)))
}

// Len is how many findings it holds.
func (b *Baseline) Len() int { return len(b.ids) }

// Has reports whether a finding with this id was there.
func (b *Baseline) Has(id string) bool { return b.ids[id] }

// Fits is an error where the baseline is that of another cluster: all would be new.
func (b *Baseline) Fits(inv *harden.Inventory) error {
	if b.Cluster == "" || inv.Cluster.UID == "" || b.Cluster == inv.Cluster.UID {
		return nil
	}
	return fmt.Errorf("the baseline is of another cluster (its kube-system has the UID %s, here it is %s): write one for this cluster", harden.OneLine(b.Cluster), inv.Cluster.UID)
}

// New are those of the findings that count and were not there, in their order.
func (b *Baseline) New(findings []*harden.Finding) []*harden.Finding {
	var out []*harden.Finding
	for _, f := range findings {
		if f.Status == harden.StatusFail && !b.Has(f.ID()) {
			out = append(out, f)
		}
	}
	return out
}

// Gone are the ids of the baseline that no failing finding has any more, sorted.
func (b *Baseline) Gone(findings []*harden.Finding) []string {
	left := maps.Clone(b.ids)
	for _, f := range findings {
		if f.Status == harden.StatusFail {
			delete(left, f.ID())
		}
	}
	return slices.Sorted(maps.Keys(left))
}
