package session

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// WaiveInConfig is the configuration file with lines that waive just these
// findings, as long as the facts stay as they are: the one in use, or a new one in
// the working directory. Nothing is written. It was read again, and excuses these
// findings and no others. An error names each finding that cannot be waived so.
func (s *Session) WaiveInConfig(findings []*harden.Finding, w harden.Waiving) ([]harden.FileChange, error) {
	snap, err := s.snapshotNow("waiving")
	if err != nil {
		return nil, err
	}
	said := waiverOf(w)
	policy := s.policy()
	if err := policy.CheckGiven(said, snap.Inventory.Now); err != nil {
		return nil, fmt.Errorf("waiving: %w", err)
	}
	more, err := inConfig(snap, findings, said)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	path := s.config.File
	s.mu.Unlock()
	before, err := readConfig(&path)
	if err != nil {
		return nil, err
	}
	after, notes, c, err := config.WithWaivers(path, before, more, fixers.Suite(), s.now())
	if err != nil {
		return nil, err
	}
	policy.Waivers = c.Waivers
	if err := excusesJust(policy, snap.Result, findings); err != nil {
		return nil, err
	}
	return []harden.FileChange{{Path: path, Before: before, After: after, Notes: notes}}, nil
}

// inConfig are the waivers of the findings, each once.
func inConfig(snap *harden.Snapshot, findings []*harden.Finding, said waivers.Waiver) ([]waivers.Waiver, error) {
	if len(findings) == 0 {
		return nil, errors.New("waiving: no finding is chosen")
	}
	var refused []string
	var more []waivers.Waiver
	for _, f := range findings {
		if why := waivers.WhyNot(f, said); why != "" {
			refused = append(refused, findingNames([]*harden.Finding{f})+": "+why)
			continue
		}
		more = append(more, waivers.For(f, said, snap.Inventory.Cluster))
	}
	if len(refused) > 0 {
		return nil, fmt.Errorf("not to be waived: %s", strings.Join(refused, "\n"))
	}
	return more, nil
}

// readConfig reads the file that is in use, or finds a place for a new one: then
// the text is nil.
func readConfig(path *string) ([]byte, error) {
	inUse := *path != ""
	if !inUse {
		*path = config.Name
	}
	text, err := os.ReadFile(*path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !inUse:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading the configuration: %w", err)
	case !inUse:
		return nil, fmt.Errorf("%q is there and was not read (--config= switches it off, or it was made since): name it with --config", *path)
	}
	return slices.Concat([]byte{}, text), nil
}

// excusesJust is an error where the policy excuses anything else than what is
// excused already and these findings.
func excusesJust(policy *waivers.Policy, res *harden.Result, findings []*harden.Finding) error {
	wanted, excused := map[string]bool{}, map[string]bool{}
	for _, f := range findings {
		wanted[f.ID()] = true
	}
	var too []*harden.Finding
	for _, f := range policy.Excuses(res) {
		excused[f.ID()] = true
		if f.Status == harden.StatusFail && !wanted[f.ID()] {
			too = append(too, f)
		}
	}
	if len(too) > 0 {
		return fmt.Errorf("the configuration cannot tell these findings from others, which it would excuse too: %s: choose them too, or waive by annotation", findingNames(too))
	}
	for _, f := range findings {
		if !excused[f.ID()] {
			return fmt.Errorf("the configuration would not excuse %s: it changed since it was looked at, so look again", findingNames([]*harden.Finding{f}))
		}
	}
	return nil
}

// reconfigured takes over what the configuration says about waivers, after it was
// written. What flags said, and what else stands in it, stays as it was read first.
func (s *Session) reconfigured(written []string) error {
	s.mu.Lock()
	old := s.config
	s.mu.Unlock()
	path := old.File
	if path == "" {
		path = config.Name
	}
	if !slices.ContainsFunc(written, func(w string) bool { return filepath.Clean(w) == filepath.Clean(path) }) {
		return nil
	}
	read, err := config.Load(path, fixers.Suite(), s.now())
	if err != nil {
		return err
	}
	next := *old
	next.File, next.Waivers, next.ConfigOnly, next.MaxDays = path, read.Waivers, read.ConfigOnly, read.MaxDays
	s.mu.Lock()
	defer s.mu.Unlock()
	s.config, s.engine = &next, newEngine(&next)
	return nil
}
