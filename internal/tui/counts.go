package tui

import (
	"cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// counts are findings by severity; what is not a plain failure is apart.
type counts struct {
	failed  [5]int // by harden.Severity
	unknown int
	other   int // waived, expected
}

// weight is what a finding counts as: its severity where it fails.
type weight int8

const (
	weighsUnknown = weight(harden.Critical) + 1 + iota
	weighsOther
)

func weightOf(f *harden.Finding) weight {
	switch f.Status {
	case harden.StatusFail:
		return weight(min(max(f.Severity, harden.Info), harden.Critical))
	case harden.StatusUnknown:
		return weighsUnknown
	default:
		return weighsOther
	}
}

// rank orders findings by what a person looks at first.
func (w weight) rank() int32 {
	if w <= weight(harden.Critical) {
		return int32(weight(harden.Critical) - w)
	}
	return int32(w)
}

func (c *counts) add(w weight) {
	switch w {
	case weighsUnknown:
		c.unknown++
	case weighsOther:
		c.other++
	default:
		c.failed[w]++
	}
}

func (c *counts) total() int {
	return c.failures() + c.unknown + c.other
}

func (c *counts) plus(o *counts) {
	for i := range c.failed {
		c.failed[i] += o.failed[i]
	}
	c.unknown += o.unknown
	c.other += o.other
}

func (c *counts) failures() int {
	n := 0
	for _, k := range c.failed {
		n += k
	}
	return n
}

// worse orders by the number of the worst findings first.
func worse(a, b *counts) int {
	for _, s := range harden.Severities() {
		if c := cmp.Compare(b.failed[s], a.failed[s]); c != 0 {
			return c
		}
	}
	return cmp.Compare(b.unknown, a.unknown)
}
