package config

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// version is that of the form of the file.
const version = 1

// A file is what stands in a configuration; docs/harden.schema.json is its schema.
type file struct {
	Version           int          `yaml:"version"`
	AllowedRegistries []string     `yaml:"allowed-registries"`
	MutableTags       []string     `yaml:"mutable-tags"`
	ImageMaxAge       int          `yaml:"image-max-age"`
	Rules             fileRules    `yaml:"rules"`
	Trust             string       `yaml:"trust"`
	WaiverMaxDays     int          `yaml:"waiver-max-days"`
	Waivers           []fileWaiver `yaml:"waivers"`
	CustomRules       []fileRule   `yaml:"custom-rules"`
}

type fileRules struct {
	Disable  []string          `yaml:"disable"`
	Enable   []string          `yaml:"enable"`
	Severity map[string]string `yaml:"severity"`
}

type fileWaiver struct {
	Rule          string            `yaml:"rule"`
	Cluster       string            `yaml:"cluster"`
	Namespace     string            `yaml:"namespace"`
	Kind          string            `yaml:"kind"`
	Name          string            `yaml:"name"`
	Container     string            `yaml:"container"`
	Labels        map[string]string `yaml:"labels"`
	Match         map[string]string `yaml:"match"`
	Reason        string            `yaml:"reason"`
	Until         string            `yaml:"until"`
	Ticket        string            `yaml:"ticket"`
	By            string            `yaml:"by"`
	AllowCritical bool              `yaml:"allow-critical"`
}

// Values of trust.
const (
	trustObjects    = "objects"
	trustConfigOnly = "config-only"
)

// Parse reads a configuration, see Load. The name is for its errors, and for
// where waivers are said to be written.
func Parse(name string, text []byte, rules []*harden.Fixer, now time.Time) (*Config, error) {
	p := &parser{problems: problems{file: name}, now: now, ids: map[string]bool{}, c: &Config{File: name, Severities: map[string]harden.Severity{}}}
	for _, f := range rules {
		p.ids[f.ID] = true
	}
	p.decode(text, &p.f)
	if err := p.err(); err != nil {
		return nil, err
	}
	p.settings()
	p.custom()
	p.chosen()
	p.waivers()
	if err := p.err(); err != nil {
		return nil, err
	}
	return p.c, nil
}

type parser struct {
	problems
	f   file
	c   *Config
	now time.Time
	ids map[string]bool // of all rules
}

func (p *parser) settings() {
	if p.f.Version != version {
		p.add(p.line("version"), "version is %d: this program reads version %d", p.f.Version, version)
	}
	if p.f.ImageMaxAge < 0 {
		p.add(p.line("image-max-age"), "image-max-age is %d: use a number of days", p.f.ImageMaxAge)
	}
	if p.f.WaiverMaxDays < 0 {
		p.add(p.line("waiver-max-days"), "waiver-max-days is %d: use a number of days", p.f.WaiverMaxDays)
	}
	switch p.f.Trust {
	case "", trustObjects:
	case trustConfigOnly:
		p.c.ConfigOnly = true
	default:
		p.add(p.line("trust"), "trust is %q: use %s or %s", harden.OneLine(p.f.Trust), trustObjects, trustConfigOnly)
	}
	p.c.MaxDays = p.f.WaiverMaxDays
	p.c.Settings = harden.Settings{AllowedRegistries: p.f.AllowedRegistries, MutableTags: p.f.MutableTags, ImageMaxAge: p.f.ImageMaxAge}
}

// chosen reads which rules run, and how much they matter.
func (p *parser) chosen() {
	for _, list := range []struct {
		name string
		from []string
		to   *[]string
	}{{"disable", p.f.Rules.Disable, &p.c.Disabled}, {"enable", p.f.Rules.Enable, &p.c.Enabled}} {
		for i, id := range list.from {
			p.known(id, p.line("rules", list.name, i))
			*list.to = append(*list.to, id)
		}
	}
	for i, id := range p.f.Rules.Disable {
		if slices.Contains(p.f.Rules.Enable, id) {
			p.add(p.line("rules", "disable", i), "rule %q is enabled and disabled", id)
		}
	}
	for id, name := range p.f.Rules.Severity {
		line := p.line("rules", "severity", id)
		p.known(id, line)
		severity, err := harden.ParseSeverity(name)
		if err != nil {
			p.add(line, "%v", err)
		}
		p.c.Severities[id] = severity
	}
}

func (p *parser) known(id string, line int) {
	if !p.ids[id] {
		p.add(line, "there is no rule %q: 'kubectl harden explain' lists them", harden.OneLine(id))
	}
}

func (p *parser) waivers() {
	seen := map[string]int{}
	for i := range p.f.Waivers {
		line := p.line("waivers", i)
		w, err := p.waiver(&p.f.Waivers[i])
		if err != nil {
			p.add(line, "waiver: %v", err)
			continue
		}
		if !p.fitsARule(w.Rule) {
			p.add(p.line("waivers", i, "rule"), "waiver: no rule fits %q: 'kubectl harden explain' lists them", harden.OneLine(w.Rule))
		}
		w = w.In(harden.Ref{Kind: waivers.ConfigKind, Name: path.Base(p.file), Source: harden.Source{File: p.file, Line: line}})
		if first, ok := seen[w.ID()]; ok {
			p.add(line, "waiver: the same is waived in line %d", first)
		}
		seen[w.ID()] = line
		p.c.Waivers = append(p.c.Waivers, w)
	}
}

func (p *parser) waiver(f *fileWaiver) (waivers.Waiver, error) {
	w := waivers.Waiver{
		Rule: f.Rule, Cluster: f.Cluster, Namespace: f.Namespace, Kind: f.Kind, Name: f.Name, Container: f.Container, Labels: f.Labels, Match: f.Match,
		Reason: oneLine(f.Reason), Ticket: oneLine(f.Ticket), By: oneLine(f.By), AllowCritical: f.AllowCritical,
	}
	if f.Until != "" {
		until, err := waivers.ParseDate(f.Until)
		if err != nil {
			return w, err
		}
		w.Until = until
	}
	if err := w.Check(); err != nil {
		return w, err
	}
	return w, waivers.CheckUntil(w.Until, p.now, p.f.WaiverMaxDays)
}

func oneLine(s string) string { return harden.OneLine(strings.TrimSpace(s)) }

func (p *parser) fitsARule(pattern string) bool {
	for id := range p.ids {
		if ok, err := path.Match(pattern, id); err == nil && ok {
			return true
		}
	}
	return false
}

// custom reads the rules of the team.
func (p *parser) custom() {
	for i := range p.f.CustomRules {
		r := &p.f.CustomRules[i]
		fixer, errs := newRule(r, fmt.Sprintf("%s:%d", p.file, p.line("custom-rules", i)))
		if p.ids[r.ID] {
			errs = append(errs, fieldError{"id", fmt.Errorf("there is a rule %q already", r.ID)})
		}
		for _, err := range errs {
			p.add(p.line("custom-rules", i, err.field), "custom rule %q: %v", harden.OneLine(r.ID), err)
		}
		p.ids[r.ID] = true
		p.c.Custom = append(p.c.Custom, fixer)
	}
}
