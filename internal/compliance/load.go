package compliance

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"sigs.k8s.io/yaml"
)

//go:embed standards/*.yaml
var data embed.FS

// files in the order in which the standards are listed.
var files = []string{"pss", "cis", "cis-eks", "nsa", "checklists"}

// A file holds all versions of one standard.
type file struct {
	Name     string        `json:"name"`
	Refs     string        `json:"refs"`
	Provider string        `json:"provider"`
	Versions []fileVersion `json:"versions"`
	Sections []fileSection `json:"sections"`
}

type fileVersion struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Title   string `json:"title"`
	Live    bool   `json:"live"`
	Minors  *struct {
		From int `json:"from"`
		To   int `json:"to"`
	} `json:"minors"`
}

type fileSection struct {
	fileTraits
	ID       string            `json:"id"`
	Title    string            `json:"title"`
	Only     string            `json:"only"`    // the one version that has it
	Numbers  map[string]string `json:"numbers"` // by version: its id there
	Controls []fileControl     `json:"controls"`
}

type fileControl struct {
	fileTraits
	ID      string            `json:"id"`
	Title   string            `json:"title"`
	Numbers map[string]string `json:"numbers"` // by version: its id there, "-" where that does not have it
	Refs    []string          `json:"refs"`
	Like    string            `json:"like"`
	Rules   []string          `json:"rules"`
	Not     []string          `json:"not"`
	// Of tells, for a rule that answers several controls, which of its findings are
	// about this one: globs of their discriminator, verdict, reason, or the name of
	// their object.
	Of map[string][]string `json:"of"`
}

// fileTraits hold for a control, or for all of a section that do not say otherwise.
type fileTraits struct {
	See     Visibility        `json:"see"`
	Why     string            `json:"why"`
	Managed map[string]string `json:"managed"`
	Cluster bool              `json:"cluster"`
	Needs   string            `json:"needs"`
	Absent  string            `json:"absent"`
}

// Standards are all that are known: the versions of one family from old to new.
// They are shared and must not be changed.
func Standards() []*Standard { return load() }

// The data is a part of the program, and a test reads it: what is wrong with it
// is a mistake of whoever built the program.
var load = sync.OnceValue(func() []*Standard {
	var all []*Standard
	for _, name := range files {
		standards, err := read(name)
		if err != nil {
			panic(err)
		}
		all = append(all, standards...)
	}
	return all
})

func read(name string) ([]*Standard, error) {
	text, err := data.ReadFile("standards/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("reading standard %q: %w", name, err)
	}
	var f file
	if err := yaml.UnmarshalStrict(text, &f); err != nil {
		return nil, fmt.Errorf("reading standard %q: %w", name, err)
	}
	var all []*Standard
	for _, v := range f.Versions {
		s := &Standard{ID: v.ID, Family: name, Title: v.Title, Version: v.Version, References: f.Refs, Provider: f.Provider, Live: v.Live}
		if v.Minors != nil {
			s.minors, s.from, s.to = true, v.Minors.From, v.Minors.To
		}
		for _, section := range f.Sections {
			if section.Only != "" && section.Only != v.Version {
				continue
			}
			if controls := section.controls(v.Version); len(controls) > 0 {
				s.Sections = append(s.Sections, Section{ID: number(section.ID, section.Numbers, v.Version), Title: section.Title, Controls: controls})
			}
		}
		all = append(all, s)
	}
	return all, nil
}

func (s fileSection) controls(version string) []Control {
	var all []Control
	for _, c := range s.Controls {
		id := number(c.ID, c.Numbers, version)
		if id == "-" {
			continue
		}
		control := Control{
			ID: id, Title: c.Title, Visibility: c.See, Why: c.Why, Managed: c.Managed, Cluster: c.Cluster || s.Cluster, Needs: c.Needs, Absent: c.Absent,
			references: append(slices.Clone(c.Refs), c.ID), rules: c.Rules, not: c.Not, of: c.Of,
		}
		if c.Like != "" {
			control.like = strings.Fields(c.Like)
		}
		if control.Visibility == "" {
			control.Visibility, control.Why = cmp.Or(s.See, Visible), cmp.Or(control.Why, s.Why)
		}
		if control.Managed == nil {
			control.Managed = s.Managed
		}
		control.Needs = cmp.Or(control.Needs, s.Needs)
		control.Absent = cmp.Or(control.Absent, s.Absent)
		all = append(all, control)
	}
	return all
}

func number(id string, numbers map[string]string, version string) string {
	if n, ok := numbers[version]; ok {
		return n
	}
	return id
}
