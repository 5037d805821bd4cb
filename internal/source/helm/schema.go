package helm

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"helm.sh/helm/v4/pkg/chart/common"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A schema is the values.schema.json of a chart.
type schema struct {
	compiled *jsonschema.Schema
	err      error // why it could not be read
}

const (
	schemaFile = "values.schema.json"
	schemaURL  = "file:///" + schemaFile
)

// A refusal is what a chart's schema says against values.
type refusal struct {
	chart, why string
	unread     bool // the schema could not be read, so that nobody knows
}

func (r *refusal) Error() string {
	if r.unread {
		return fmt.Sprintf("%s of chart %q cannot be used: %s", schemaFile, r.chart, r.why)
	}
	return fmt.Sprintf("the values do not meet %s of chart %q: %s", schemaFile, r.chart, r.why)
}

// allowed checks the values of the release against the schemas of the chart and
// of the dependencies that are switched on. Nothing that a schema refers to is
// fetched or read.
func (c *Chart) allowed(r Release) *refusal {
	var out *refusal
	quietly(func() {
		if chart, values, err := c.prepare(r); err == nil {
			out = c.validate(chart, values["Values"].(common.Values))
		}
	})
	return out
}

func (c *Chart) validate(chart *chartv2.Chart, values map[string]any) *refusal {
	if len(chart.Schema) > 0 {
		s := c.schema(chart)
		if err := s.check(values); err != nil {
			why := strings.TrimPrefix(err.Error(), "jsonschema validation failed with '"+schemaURL+"#'\n")
			return &refusal{chart: harden.OneLine(chart.Name()), why: inWords(errors.New(why)).Error(), unread: s.err != nil}
		}
	}
	for _, d := range chart.Dependencies() {
		if child, ok := values[d.Name()].(map[string]any); ok {
			if err := c.validate(d, child); err != nil {
				return err
			}
		}
	}
	return nil
}

// schema is compiled once, however often the chart is rendered.
func (c *Chart) schema(chart *chartv2.Chart) *schema {
	key := string(chart.Schema)
	if s, ok := c.schemas[key]; ok {
		return s
	}
	s := &schema{}
	c.schemas[key] = s
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(chart.Schema))
	if err != nil {
		s.err = fmt.Errorf("it is not valid JSON: %w", err)
		return s
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(noLoader{})
	if s.err = compiler.AddResource(schemaURL, doc); s.err == nil {
		s.compiled, s.err = compiler.Compile(schemaURL)
	}
	return s
}

func (s *schema) check(values map[string]any) error {
	if s.err != nil {
		return s.err
	}
	return s.compiled.Validate(values)
}

// noLoader refuses everything that a schema refers to outside of itself, and is
// as lenient as helm with names that are no addresses.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	if strings.HasPrefix(url, "urn:") {
		return true, nil
	}
	return nil, fmt.Errorf("it refers to %s, and nothing is fetched", url)
}
