package image

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// scanned is what scanners say about the images of one container.
type scanned struct {
	images int                 // how many different ones it runs
	asked  bool                // somebody asked for scans of it
	scans  []*harden.ImageScan // those that say something today
	// secrets are those that looked for secrets, whether they know vulnerabilities or not.
	secrets []*harden.ImageScan
	doubts  []string // what is not known, in words for people
	// unknown are the images of which no scanner says anything, with the reason.
	unknown []string
}

// scansOf gathers what is known about the images that the container runs.
func scansOf(p *harden.Pass, c harden.Container) scanned {
	var s scanned
	if len(p.Inventory.Scans) == 0 {
		return s // nobody asked: not worth to look which images run
	}
	keys := p.Inventory.ImageKeysOf(p.Workload, p.Pod, c)
	s.images = len(keys)
	s.asked = slices.ContainsFunc(keys, func(k harden.ImageKey) bool { return p.Inventory.Scans[k] != nil })
	for _, key := range keys {
		scan := p.Inventory.Scans[key]
		if scan != nil && scan.SecretsKnown {
			s.secrets = append(s.secrets, scan)
		}
		switch {
		case scan == nil:
			s.unknown = append(s.unknown, fmt.Sprintf("%s was not scanned", key.Reference))
		case !scan.Known:
			s.unknown = append(s.unknown, scan.Why)
		case p.Older(scan.Time, harden.ScanMaxAge):
			s.doubts = append(s.doubts, fmt.Sprintf("the last scan (%s) is of %s, more than %d days ago", scanner(scan), day(scan.Time), int(harden.ScanMaxAge.Hours())/24))
		default:
			s.scans = append(s.scans, scan)
			for _, gap := range scan.Gaps {
				s.doubts = append(s.doubts, "not looked at: "+gap)
			}
		}
	}
	s.doubts = distinct(append(slices.Clone(s.unknown), s.doubts...))
	s.unknown = distinct(s.unknown)
	return s
}

// eachScanned visits the containers whose images somebody asked to be scanned,
// with the start of a finding about each. The rule does not apply where there is none.
func eachScanned(p *harden.Pass, visit func(f harden.Finding, c harden.Container, s scanned)) {
	judged := false
	for _, c := range p.Pod.Containers() {
		if s := scansOf(p, c); s.asked {
			judged = true
			visit(harden.Finding{Container: c.Ref, Field: c.Field + ".image"}, c, s)
		}
	}
	if !judged {
		p.NotApplicable()
	}
}

func distinct(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// scanner names who scanned, and with what.
func scanner(s *harden.ImageScan) string {
	switch s.Source.Kind {
	case harden.ScanTrivy:
		return strings.TrimSpace("Trivy " + s.Source.Name)
	case harden.ScanTrivyServer:
		return "Trivy server " + s.Source.Name
	}
	return string(s.Source.Kind) + " " + s.Source.Name
}

// provenance says of each scan who made it, when, and with which database.
func provenance(scans []*harden.ImageScan) string {
	var all []string
	for _, s := range scans {
		by := "Scanned by " + scanner(s) + " on " + day(s.Time)
		if !s.Database.IsZero() {
			by += " with a database of " + day(s.Database)
		}
		all = append(all, by+".")
	}
	return strings.Join(distinct(all), " ")
}

func day(t time.Time) string {
	if t.IsZero() {
		return "an unknown day"
	}
	return t.UTC().Format(time.DateOnly)
}

// counted writes numbers by severity, the worst first: "2 critical, 1 high".
func counted(counts [harden.Critical + 1]int) string {
	var parts []string
	for _, s := range harden.Severities() {
		if n := counts[s]; n > 0 {
			word := s.String()
			if s == harden.Info {
				word = "unrated"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(parts, ", ")
}

func total(counts [harden.Critical + 1]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
