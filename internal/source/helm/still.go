package helm

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
)

// unsteadyCall finds the functions of sprig whose result is another each time,
// and those whose lists come in another order.
var unsteadyCall = regexp.MustCompile(`\b(rand(AlphaNum|Alpha|Ascii|Numeric|Bytes|Int)|uuidv4|now|ago|shuffle|keys|values|` +
	`bcrypt|htpasswd|encryptAES|gen(PrivateKey|CA|CAWithKey|SelfSignedCert|SelfSignedCertWithKey|SignedCert|SignedCertWithKey))\b`)

// unsteady reports whether rendering twice may give different objects.
func (c *Chart) unsteady() bool { return unsteady(c.chart) }

func unsteady(chart *chartv2.Chart) bool {
	for _, t := range chart.Templates {
		if unsteadyCall.Match(t.Data) {
			return true
		}
	}
	return slices.ContainsFunc(chart.Dependencies(), unsteady)
}

// A certificate is what sprig's functions for certificates give.
type certificate struct{ Cert, Key string }

// still are functions for templates that give the same each time, in the form
// of those that do not: with them, two renders differ by their values alone.
var still = template.FuncMap{
	"randAlphaNum": func(n int) string { return strings.Repeat("a", bounded(n)) },
	"randAlpha":    func(n int) string { return strings.Repeat("a", bounded(n)) },
	"randAscii":    func(n int) string { return strings.Repeat("a", bounded(n)) },
	"randNumeric":  func(n int) string { return strings.Repeat("1", bounded(n)) },
	"randBytes":    func(n int) string { return strings.Repeat("a", bounded(n)) },
	"randInt":      func(low, _ int) int { return low },
	"uuidv4":       func() string { return "00000000-0000-4000-8000-000000000000" },
	"now":          func() time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) },
	"ago":          func(any) string { return "1h0m0s" },
	"shuffle":      func(s string) string { return s },
	"bcrypt":       func(s string) string { return "bcrypt-" + s },
	"htpasswd":     func(user, _ string) string { return user + ":htpasswd" },
	"encryptAES":   func(_, text string) string { return text },
	"keys":         sortedKeys,
	"values":       sortedValues,

	"genPrivateKey":            func(kind string) string { return kind + " private key" },
	"genCA":                    func(cn string, _ int) certificate { return stillCertificate(cn) },
	"genCAWithKey":             func(cn string, _ int, _ string) certificate { return stillCertificate(cn) },
	"genSelfSignedCert":        func(cn string, _, _ []any, _ int) certificate { return stillCertificate(cn) },
	"genSelfSignedCertWithKey": func(cn string, _, _ []any, _ int, _ string) certificate { return stillCertificate(cn) },
	"genSignedCert":            func(cn string, _, _ []any, _ int, _ any) certificate { return stillCertificate(cn) },
	"genSignedCertWithKey":     func(cn string, _, _ []any, _ int, _ any, _ string) certificate { return stillCertificate(cn) },
}

func stillCertificate(cn string) certificate {
	return certificate{Cert: "certificate of " + cn, Key: "key of " + cn}
}

// bounded keeps a chart from asking for more than a page of random text.
func bounded(n int) int { return min(max(n, 0), 4096) }

func sortedKeys(dicts ...map[string]any) []string {
	var out []string
	for _, d := range dicts {
		out = append(out, slices.Sorted(maps.Keys(d))...)
	}
	return out
}

func sortedValues(dict map[string]any) []any {
	var out []any
	for _, key := range slices.Sorted(maps.Keys(dict)) {
		out = append(out, dict[key])
	}
	return out
}
