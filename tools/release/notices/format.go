package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

const intro = `kubectl-harden is made of the modules below, besides its own code. For each of them: its version and its licences, by
their SPDX names. The source of a module is where its path leads, and what 'go mod download MODULE@VERSION' fetches.
After the list come the texts of the licences and the notices; a text that several modules have alike is there once.
`

const rule = "--------------------------------------------------------------------------------"

// format lists the modules, then every distinct text with the modules that have it, in the order in which they come.
func format(modules []*module) []byte {
	var b bytes.Buffer
	b.WriteString(intro + "\n")
	var texts []string
	owners := map[string][]string{}
	for _, m := range modules {
		fmt.Fprintf(&b, "%s %s: %s\n", m.path, m.version, strings.Join(m.licences(), ", "))
		for _, t := range m.texts {
			body := string(t.body)
			if owners[body] == nil {
				texts = append(texts, body)
			}
			owners[body] = append(owners[body], m.path+"/"+t.name)
		}
	}
	for _, body := range texts {
		fmt.Fprintf(&b, "\n%s\n%s\n%s\n\n%s\n", rule, strings.Join(owners[body], "\n"), rule, body)
	}
	return b.Bytes()
}

// licences returns the SPDX names of all licences of a module, sorted.
func (m *module) licences() []string {
	var all []string
	for _, t := range m.texts {
		all = append(all, t.licences...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
