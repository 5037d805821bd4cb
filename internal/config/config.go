// Package config reads .harden.yaml: how a team wants its objects judged, what it
// waives, and rules of its own.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// Name is the file that is read from the working directory when no other is
// named. No other directory is searched: what is judged does not depend on what
// lies above it.
const Name = ".harden.yaml"

// A Config is what one file says. The zero value is that of an empty one.
type Config struct {
	// Found says that nobody named the file: it was in the directory.
	Found      bool
	File       string // as it was named; empty: there is none
	Settings   harden.Settings
	Disabled   []string // rules that are left out
	Enabled    []string // rules that are off otherwise
	Severities map[string]harden.Severity
	Waivers    []waivers.Waiver
	// ConfigOnly says that annotations of objects waive nothing.
	ConfigOnly bool
	// MaxDays is how many days ahead a waiver may reach; 0: waivers.MaxDays.
	MaxDays int
	Custom  []*harden.Fixer // rules of the team
}

// maxBytes is how long a file may be.
const maxBytes = 1 << 20

// Load reads a file. Rules are those that are built in; now is the day from which
// waivers are reckoned. The error names each mistake with its line.
func Load(path string, rules []*harden.Fixer, now time.Time) (*Config, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	case info.Size() > maxBytes:
		return nil, fmt.Errorf("reading the configuration %q: it is longer than %d bytes", path, maxBytes)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	return Parse(path, text, rules, now)
}

// LoadDefault reads Name in the directory, where it is there.
func LoadDefault(dir string, rules []*harden.Fixer, now time.Time) (*Config, error) {
	path := filepath.Join(dir, Name)
	c, err := Load(path, rules, now)
	if errors.Is(err, fs.ErrNotExist) {
		return &Config{}, nil
	}
	if err != nil {
		return nil, err
	}
	c.Found = true
	return c, nil
}

// Rules are those that are built in and those of the team.
func (c *Config) Rules(builtIn []*harden.Fixer) []*harden.Fixer {
	return slices.Concat(builtIn, c.Custom)
}

// Suite is what runs: all rules without those that are off or disabled.
func (c *Config) Suite(builtIn []*harden.Fixer) []*harden.Fixer {
	return slices.DeleteFunc(c.Rules(builtIn), func(f *harden.Fixer) bool {
		return slices.Contains(c.Disabled, f.ID) || f.Off && !slices.Contains(c.Enabled, f.ID)
	})
}

// Policy is which waivers hold.
func (c *Config) Policy(builtIn []*harden.Fixer) *waivers.Policy {
	return &waivers.Policy{Waivers: c.Waivers, ConfigOnly: c.ConfigOnly, MaxDays: c.MaxDays, Rules: c.Rules(builtIn)}
}

// Settle gives findings the severities of the configuration.
func (c *Config) Settle(res *harden.Result) {
	if len(c.Severities) == 0 {
		return
	}
	for _, f := range res.Findings {
		if severity, ok := c.Severities[f.Fixer.ID]; ok && severity != f.Severity {
			f.Severity, f.SeverityWhy = severity, "the configuration says so"
		}
	}
}
