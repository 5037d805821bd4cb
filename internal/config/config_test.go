package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var now = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// builtIn are rules with the ids of some that are built in.
func builtIn() []*harden.Fixer {
	var all []*harden.Fixer
	for _, id := range []string{"host-path-volume", "host-pid", "image-stale", "memory-limit", "privileged-container"} {
		all = append(all, &harden.Fixer{ID: id})
	}
	return all
}

func parse(text string) (*config.Config, error) {
	return config.Parse(".harden.yaml", []byte(text), builtIn(), now)
}

// example is the file that docs/configuration.md shows.
func example(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	block, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatal("docs/configuration.md shows no file")
	}
	return block
}

func TestExample(t *testing.T) {
	c, err := parse(example(t))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(harden.Settings{AllowedRegistries: []string{"registry.example.com/team"}, MutableTags: []string{"rolling"}, ImageMaxAge: 90}, c.Settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	if !c.ConfigOnly || c.MaxDays != 90 || c.Severities["image-stale"] != harden.Low {
		t.Errorf("got %+v", c)
	}
	if len(c.Waivers) != 1 || c.Waivers[0].Match["read-only"] != "true" || c.Waivers[0].Source != ".harden.yaml:20" {
		t.Errorf("waivers are %+v", c.Waivers)
	}
	var ids []string
	for _, f := range c.Suite(builtIn()) {
		ids = append(ids, f.ID)
	}
	for id, want := range map[string]bool{"memory-limit": false, "team-label-missing": true, "debug-port-open": true, "privileged-container": true} {
		if slices.Contains(ids, id) != want {
			t.Errorf("%s runs: %t, want %t", id, !want, want)
		}
	}
}

func TestSuiteLeavesOutWhatIsOff(t *testing.T) {
	quiet := &harden.Fixer{ID: "quiet", Off: true}
	all := []*harden.Fixer{quiet, {ID: "loud"}}
	if got := (&config.Config{}).Suite(all); len(got) != 1 || got[0].ID != "loud" {
		t.Errorf("got %v", got)
	}
	if got := (&config.Config{Enabled: []string{"quiet"}}).Suite(all); len(got) != 2 {
		t.Errorf("enabled: got %v", got)
	}
	if len(all) != 2 || all[0] != quiet {
		t.Error("the suite that was given was changed")
	}
}

func TestSeverities(t *testing.T) {
	rule := &harden.Fixer{ID: "image-stale"}
	res := &harden.Result{Findings: []*harden.Finding{{Fixer: rule, Severity: harden.Info}, {Fixer: &harden.Fixer{ID: "other"}, Severity: harden.Info}}}
	(&config.Config{Severities: map[string]harden.Severity{"image-stale": harden.High}}).Settle(res)
	if f := res.Findings[0]; f.Severity != harden.High || f.SeverityWhy == "" {
		t.Errorf("got %+v", f)
	}
	if f := res.Findings[1]; f.Severity != harden.Info {
		t.Errorf("another rule: %+v", f)
	}
}

// refused are files that are mistaken, with what the error says. Those that the
// schema cannot tell are marked.
var refused = map[string]struct {
	text       string
	want       []string
	schemaPass bool
}{
	"empty":                {text: "", want: []string{":1: the file is empty"}, schemaPass: true},
	"no version":           {text: "trust: objects\n", want: []string{"version is 0"}},
	"another version":      {text: "\nversion: 2\n", want: []string{".harden.yaml:2: version is 2: this program reads version 1"}},
	"no mapping":           {text: "- a\n", want: []string{":1: want a mapping"}},
	"two documents":        {text: "version: 1\n---\nversion: 1\n", want: []string{"more than one document"}, schemaPass: true},
	"no YAML":              {text: "version: 1\n  trust: [\n", want: []string{".harden.yaml:2: "}, schemaPass: true},
	"unknown field":        {text: "version: 1\nwaiver: []\n", want: []string{`.harden.yaml:2: unknown field "waiver"`}},
	"unknown field deep":   {text: "version: 1\nwaivers:\n- rule: host-pid\n  reasn: x\n", want: []string{`.harden.yaml:4: unknown field "reasn"`}},
	"same key twice":       {text: "version: 1\ntrust: objects\ntrust: objects\n", want: []string{`already defined at line 2`}, schemaPass: true},
	"wrong type":           {text: "version: 1\nimage-max-age: old\n", want: []string{".harden.yaml:2: want a whole number, got a text (old)"}},
	"a list for a mapping": {text: "version: 1\nrules: [a]\n", want: []string{".harden.yaml:2: want a mapping, got a list"}},
	"negative age":         {text: "version: 1\nimage-max-age: -1\n", want: []string{"image-max-age is -1"}},
	"trust":                {text: "version: 1\ntrust: nobody\n", want: []string{`trust is "nobody": use objects or config-only`}},
	"unknown rule":         {text: "version: 1\nrules:\n  disable:\n  - host-pid\n  - hostpid\n", want: []string{`.harden.yaml:5: there is no rule "hostpid"`}, schemaPass: true},
	"unknown severity":     {text: "version: 1\nrules: {severity: {host-pid: bad}}\n", want: []string{`unknown severity "bad"`}},
	"on and off":           {text: "version: 1\nrules: {enable: [host-pid], disable: [host-pid]}\n", want: []string{"enabled and disabled"}, schemaPass: true},
	"waiver without end":   {text: "version: 1\nwaivers:\n- {rule: host-pid, reason: x}\n", want: []string{":3: waiver: until is missing"}},
	"waiver without why":   {text: "version: 1\nwaivers:\n- {rule: host-pid, until: 2026-12-31}\n", want: []string{"reason is missing"}},
	"waiver too long":      {text: "version: 1\nwaivers:\n- {rule: host-pid, reason: x, until: 2027-05-29}\n", want: []string{"more than 180 days ahead: 2027-05-28 at the latest"}, schemaPass: true},
	"waiver max days":      {text: "version: 1\nwaiver-max-days: 10\nwaivers:\n- {rule: host-pid, reason: x, until: 2026-12-10}\n", want: []string{"more than 10 days ahead: 2026-12-09"}, schemaPass: true},
	"no date":              {text: "version: 1\nwaivers:\n- {rule: host-pid, reason: x, until: soon}\n", want: []string{`until is "soon": write a day as 2026-12-31`}},
	"no such day":          {text: "version: 1\nwaivers:\n- {rule: host-pid, reason: x, until: 2026-13-31}\n", want: []string{"write a day"}, schemaPass: true},
	"no rule fits":         {text: "version: 1\nwaivers:\n- rule: hosts-*\n  reason: x\n  until: 2026-12-31\n", want: []string{`.harden.yaml:3: waiver: no rule fits "hosts-*"`}, schemaPass: true},
	"no pattern":           {text: "version: 1\nwaivers:\n- {rule: host-pid, name: '[', reason: x, until: 2026-12-31}\n", want: []string{`name is "[": not a pattern`}, schemaPass: true},
	"unknown fact":         {text: "version: 1\nwaivers:\n- {rule: host-pid, match: {mood: bad}, reason: x, until: 2026-12-31}\n", want: []string{`"mood" is no fact`}},
	"the same waiver": {
		text: "version: 1\nwaivers:\n- {rule: host-pid, reason: x, until: 2026-12-31}\n- {rule: host-pid, reason: y, until: 2026-12-30}\n",
		want: []string{":4: waiver: the same is waived in line 3"}, schemaPass: true,
	},
	"several at once": {text: "version: 1\ntrust: x\nrules:\n  disable: [y]\n", want: []string{":2: trust", ":4: there is no rule"}},

	"rule without title":      {text: custom("expression: 'true'"), want: []string{"title is missing"}},
	"rule of a taken id":      {text: "version: 1\ncustom-rules:\n- {id: host-pid, title: x, expression: 'true'}\n", want: []string{`:3: custom rule "host-pid": there is a rule "host-pid" already`}, schemaPass: true},
	"rule twice":              {text: "version: 1\ncustom-rules:\n- {id: a, title: x, expression: 'true'}\n- {id: a, title: x, expression: 'true'}\n", want: []string{`:4: custom rule "a"`}, schemaPass: true},
	"id in capitals":          {text: "version: 1\ncustom-rules:\n- {id: A, title: x, expression: 'true'}\n", want: []string{"lower-case words"}},
	"no expression":           {text: custom("title: x"), want: []string{"expression is missing"}},
	"expression with a hole":  {text: custom("title: x\n  expression: object.metadata.name =="), want: []string{`.harden.yaml:5: custom rule "own": at 1:24 of the expression: `, "Syntax error"}, schemaPass: true},
	"unknown variable":        {text: custom("title: x\n  expression: |\n    true &&\n    pods.size() > 0"), want: []string{"at 2:1 of the expression: undeclared reference to 'pods'"}, schemaPass: true},
	"not a boolean":           {text: custom("title: x\n  expression: object.metadata.name"), want: []string{"gives dyn, and must give bool: compare it"}, schemaPass: true},
	"when not a boolean":      {text: custom("title: x\n  expression: 'true'\n  when: '1'"), want: []string{"gives int, and must give bool"}, schemaPass: true},
	"container without each":  {text: custom("title: x\n  expression: container.name == 'a'"), want: []string{"undeclared reference to 'container'"}, schemaPass: true},
	"pod spec of an Ingress":  {text: custom("title: x\n  kinds: [Ingress.networking.k8s.io]\n  expression: podSpec.hostPID"), want: []string{"undeclared reference to 'podSpec'"}, schemaPass: true},
	"field that is not known": {text: custom("title: x\n  expression: has(object.spec.strategy)"), want: []string{"object.spec.strategy is not known of workloads"}, schemaPass: true},
	"status of a workload":    {text: custom("title: x\n  expression: object.status.replicas > 1"), want: []string{"object.status is not known"}, schemaPass: true},
	"unknown kind":            {text: custom("title: x\n  kinds: [Deploy]\n  expression: 'true'"), want: []string{`objects of kind "Deploy" are not read`}, schemaPass: true},
	"kinds of two sorts":      {text: custom("title: x\n  kinds: [Deployment, Service]\n  expression: 'true'"), want: []string{"write one for each"}, schemaPass: true},
	"each what":               {text: custom("title: x\n  each: volume\n  expression: 'true'"), want: []string{"use container"}},
	"bad regular expression":  {text: custom("title: x\n  expression: object.metadata.name.matches('(')"), want: []string{"at 1:"}, schemaPass: true},
	"fix of nothing":          {text: custom("title: x\n  expression: 'true'\n  fix: {title: y}"), want: []string{"one of object, pod-spec and container"}},
	"fix of two":              {text: custom("title: x\n  expression: 'true'\n  fix: {object: {a: 1}, pod-spec: {a: 1}}"), want: []string{"one of object, pod-spec and container"}},
	"fix of no container":     {text: custom("title: x\n  expression: 'true'\n  fix: {container: {tty: false}}"), want: []string{"does not go with"}, schemaPass: true},
	"fix of the name":         {text: custom("title: x\n  expression: 'true'\n  fix: {object: {metadata: {name: y}}}"), want: []string{"only labels and annotations"}, schemaPass: true},
}

func custom(fields string) string { return "version: 1\ncustom-rules:\n- id: own\n  " + fields + "\n" }

func TestRefused(t *testing.T) {
	for name, test := range refused {
		t.Run(name, func(t *testing.T) {
			_, err := parse(test.text)
			if err == nil {
				t.Fatal("it was read")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not say %q:\n%v", want, err)
				}
			}
		})
	}
}

// TestSchema holds docs/harden.schema.json against the decoder: what one refuses
// the other does, as far as a schema can tell, and what is good is so for both.
func TestSchema(t *testing.T) {
	text, err := os.ReadFile("../../docs/harden.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("harden.schema.json", parsed); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("harden.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := func(t *testing.T, text string) error {
		t.Helper()
		asJSON, err := yaml.YAMLToJSON([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		v, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		if err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	if err := valid(t, example(t)); err != nil {
		t.Errorf("the example: %v", err)
	}
	for name, test := range refused {
		if test.schemaPass {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if valid(t, test.text) == nil {
				t.Error("the schema has nothing against it")
			}
		})
	}
	// Every field of the decoder stands in the schema, and the other way round.
	for place, fields := range config.Fields() {
		var at any
		if err := json.Unmarshal(text, &at); err != nil {
			t.Fatal(err)
		}
		for _, step := range strings.Split(place, "/") {
			if step != "" {
				at = at.(map[string]any)[step]
			}
		}
		var got []string
		for name := range at.(map[string]any)["properties"].(map[string]any) {
			got = append(got, name)
		}
		slices.Sort(got)
		if diff := cmp.Diff(fields, got); diff != "" {
			t.Errorf("%q (-decoder +schema):\n%s", place, diff)
		}
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	c, err := config.LoadDefault(dir, nil, now)
	if err != nil || c.File != "" {
		t.Errorf("no file: %+v, %v", c, err)
	}
	path := filepath.Join(dir, config.Name)
	if err := os.WriteFile(path, []byte("version: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = config.LoadDefault(dir, nil, now); err != nil || c.File != path {
		t.Errorf("a file: %+v, %v", c, err)
	}
	if _, err = config.Load(filepath.Join(dir, "none.yaml"), nil, now); err == nil {
		t.Error("a file that is not there was read")
	}
	if err := os.WriteFile(path, []byte(fmt.Sprintf("version: 1\n#%s\n", strings.Repeat("x", 1<<20))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = config.Load(path, nil, now); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a file of more than a megabyte: %v", err)
	}
}
