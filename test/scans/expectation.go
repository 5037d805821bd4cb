package testscans

import (
	_ "embed"
	"testing"

	"sigs.k8s.io/yaml"
)

//go:embed expectation.yaml
var expectation []byte

// Expected is what is to be found in an image on a platform.
type Expected struct {
	OS              string          `json:"os"` // family and version
	EndOfLife       bool            `json:"endOfLife"`
	Vulnerabilities []Vulnerability `json:"vulnerabilities"`
	Secrets         []Secret        `json:"secrets"`
}

// A Vulnerability is one in a package; the path is empty for packages of the distribution.
type Vulnerability struct {
	ID        string `json:"id"`
	Package   string `json:"package"`
	Path      string `json:"path"`
	Installed string `json:"installed"`
	Fixed     string `json:"fixed"`
	Severity  string `json:"severity"` // as package harden writes it
}

// A Secret is one in a file, or in the config, which has no path.
type Secret struct {
	Rule     string `json:"rule"`
	Path     string `json:"path"`
	Line     int    `json:"line"`
	Severity string `json:"severity"`
}

// Expectation is what is to be found, by name of the image and platform with a space between them.
func Expectation(t testing.TB) map[string]Expected {
	t.Helper()
	var all map[string]Expected
	check(t, yaml.UnmarshalStrict(expectation, &all))
	return all
}
