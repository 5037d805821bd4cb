package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A fileRule is a rule of the team.
type fileRule struct {
	ID         string    `yaml:"id"`
	Title      string    `yaml:"title"`
	Severity   string    `yaml:"severity"`
	Doc        string    `yaml:"doc"`
	Kinds      []string  `yaml:"kinds"`
	Each       string    `yaml:"each"`
	When       string    `yaml:"when"`
	Expression string    `yaml:"expression"`
	Message    string    `yaml:"message"`
	MessageOf  string    `yaml:"message-expression"`
	Refs       []fileRef `yaml:"refs"`
	Fix        *fileFix  `yaml:"fix"`
}

type fileRef struct {
	Standard string `yaml:"standard"`
	ID       string `yaml:"id"`
	URL      string `yaml:"url"`
}

// A fileFix is a partial object, or a part of one: the pod spec or the container.
type fileFix struct {
	Title     string         `yaml:"title"`
	Warning   string         `yaml:"warning"`
	Object    map[string]any `yaml:"object"`
	PodSpec   map[string]any `yaml:"pod-spec"`
	Container map[string]any `yaml:"container"`
}

// A fieldError is a mistake in one field of a rule.
type fieldError struct {
	field string
	error
}

// A rule is a fileRule that was compiled.
type rule struct {
	kinds     []schema.GroupKind
	workloads bool
	each      bool // once for each container
	when      *program
	valid     *program
	message   string
	messageOf *program
	fix       *fileFix
}

var kebab = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// maxID is how long an id may be: it becomes part of the name of an annotation.
const maxID = 45

// newRule makes a fixer of a rule; where says FILE:LINE.
func newRule(f *fileRule, where string) (*harden.Fixer, []fieldError) {
	c := &compiler{file: f, rule: &rule{message: oneLine(f.Message), fix: f.Fix}}
	fixer := &harden.Fixer{ID: f.ID, Title: oneLine(f.Title), Area: harden.AreaCustom, Severity: c.severity(), Doc: f.Doc, Check: c.rule.check}
	c.head()
	c.kinds(fixer)
	c.programs()
	fixer.Reads = c.rule.reads()
	c.checkFix()
	for _, r := range f.Refs {
		fixer.Refs = append(fixer.Refs, harden.Reference{Standard: oneLine(r.Standard), ID: oneLine(r.ID), URL: oneLine(r.URL)})
	}
	if c.rule.fix != nil {
		fixer.Fix = c.rule.propose
	}
	if fixer.Doc == "" {
		fixer.Doc = doc(f, where)
	}
	return fixer, c.errs
}

// reads are what the expressions look at besides the object.
func (r *rule) reads() *harden.Reads {
	for _, p := range []*program{r.when, r.valid, r.messageOf} {
		if p != nil && p.namespace {
			return harden.InNamespace(harden.KindNamespace)
		}
	}
	return harden.ReadsNothing
}

// doc is the documentation of a rule that has none.
func doc(f *fileRule, where string) string {
	text := fmt.Sprintf("A rule of %s, in the Common Expression Language.\n\nIt holds where this is true:\n\n    %s\n", where, strings.ReplaceAll(strings.TrimSpace(f.Expression), "\n", "\n    "))
	if f.When != "" {
		text += fmt.Sprintf("\nIt is about nothing but where this is true:\n\n    %s\n", strings.ReplaceAll(strings.TrimSpace(f.When), "\n", "\n    "))
	}
	if f.Fix == nil {
		return text + "\nIt is for detection only: the configuration names no fix.\n"
	}
	return text + "\n**The fix** is that of the configuration, for a person to review.\n"
}

type compiler struct {
	file *fileRule
	rule *rule
	errs []fieldError
}

func (c *compiler) fail(field, format string, args ...any) {
	c.errs = append(c.errs, fieldError{field, fmt.Errorf(format, args...)})
}

func (c *compiler) severity() harden.Severity {
	if c.file.Severity == "" {
		return harden.Medium
	}
	severity, err := harden.ParseSeverity(c.file.Severity)
	if err != nil {
		c.errs = append(c.errs, fieldError{"severity", err})
	}
	return severity
}

func (c *compiler) head() {
	if !kebab.MatchString(c.file.ID) || len(c.file.ID) > maxID {
		c.fail("id", "id must be lower-case words with hyphens, at most %d characters", maxID)
	}
	if strings.TrimSpace(c.file.Title) == "" {
		c.fail("title", "title is missing: say what is wrong, such as \"has no label team\"")
	}
	for i, r := range c.file.Refs {
		if r.Standard == "" || r.ID == "" {
			c.fail("refs", "reference %d needs a standard and an id", i+1)
		}
	}
}

// workloadKinds are the kinds that carry a pod template.
var workloadKinds = []string{"Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job", "CronJob"}

// ownSubjects are kinds that have a place of their own in an inventory.
var ownSubjects = map[schema.GroupKind]harden.Subject{
	{Kind: "Namespace"}:                                 harden.SubjectNamespace,
	{Kind: "ServiceAccount"}:                            harden.SubjectServiceAccount,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}: harden.SubjectNetworkPolicy,
}

func (c *compiler) kinds(fixer *harden.Fixer) {
	workloads, others := 0, 0
	for _, name := range c.file.Kinds {
		kind := schema.ParseGroupKind(name)
		switch subject, own := ownSubjects[kind]; {
		case slices.Contains(workloadKinds, kind.Kind) && (kind.Group == "" || kind.Group == "apps" || kind.Group == "batch"):
			workloads++
		case own:
			others++
			fixer.Subject = subject
			if len(c.file.Kinds) > 1 {
				c.fail("kinds", "a rule about %s can be about no other kind: write one for each", kind.Kind)
			}
		default:
			others++
			fixer.Subject = harden.SubjectObject
			if _, ok := harden.ObjectKindOf(kind); !ok {
				c.fail("kinds", "objects of kind %q are not read: write KIND, or KIND.GROUP such as Ingress.networking.k8s.io", harden.OneLine(name))
			}
		}
		c.rule.kinds = append(c.rule.kinds, kind)
	}
	if workloads > 0 && others > 0 {
		c.fail("kinds", "a rule is about workloads or about other kinds: write one for each")
	}
	c.rule.workloads = others == 0
	switch c.file.Each {
	case "":
	case "container":
		c.rule.each = true
		if others > 0 {
			c.fail("each", "only workloads have containers")
		}
	default:
		c.fail("each", "each is %q: use container, or leave it out", harden.OneLine(c.file.Each))
	}
	switch {
	case c.rule.each:
		fixer.Subject = harden.SubjectPod
	case c.rule.workloads:
		fixer.Subject = harden.SubjectWorkload
	case fixer.Subject == harden.SubjectObject:
		fixer.Kinds = c.rule.kinds
	}
}

func (c *compiler) programs() {
	env, err := environment(c.rule)
	if err != nil {
		c.errs = append(c.errs, fieldError{"expression", err})
		return
	}
	compile := func(field, source string, gives *celType) *program {
		if strings.TrimSpace(source) == "" {
			return nil
		}
		p, err := compileExpression(env, source, gives, c.rule)
		if err != nil {
			c.errs = append(c.errs, fieldError{field, err})
		}
		return p
	}
	if strings.TrimSpace(c.file.Expression) == "" {
		c.fail("expression", "expression is missing: say what must be true")
	}
	c.rule.valid = compile("expression", c.file.Expression, boolType)
	c.rule.when = compile("when", c.file.When, boolType)
	c.rule.messageOf = compile("message-expression", c.file.MessageOf, stringType)
}

func (c *compiler) checkFix() {
	f := c.rule.fix
	if f == nil {
		return
	}
	parts := 0
	for _, part := range []struct {
		name string
		set  map[string]any
		fits bool
	}{{"object", f.Object, true}, {"pod-spec", f.PodSpec, c.rule.workloads}, {"container", f.Container, c.rule.each}} {
		if len(part.set) == 0 {
			continue
		}
		parts++
		if !part.fits {
			c.fail("fix", "fix.%s does not go with what the rule is about", part.name)
		}
		if err := plainJSON(part.set); err != nil {
			c.fail("fix", "fix.%s: %v", part.name, err)
		}
	}
	if parts != 1 {
		c.fail("fix", "a fix is one of object, pod-spec and container")
	}
	if err := checkObject(f.Object); err != nil {
		c.errs = append(c.errs, fieldError{"fix", err})
	}
}

func checkObject(object map[string]any) error {
	for _, name := range []string{"apiVersion", "kind", "status"} {
		if _, ok := object[name]; ok {
			return fmt.Errorf("fix.object must not hold %s", name)
		}
	}
	meta, ok := object["metadata"]
	if !ok {
		return nil
	}
	fields, ok := meta.(map[string]any)
	if !ok {
		return errors.New("fix.object: metadata is not a mapping")
	}
	for name := range fields {
		if name != "labels" && name != "annotations" {
			return fmt.Errorf("fix.object must not hold metadata.%s: only labels and annotations", harden.OneLine(name))
		}
	}
	return nil
}

// plainJSON makes of what YAML gives what JSON has: whole numbers are int64.
func plainJSON(m map[string]any) error {
	for k, v := range m {
		plain, err := plainValue(v)
		if err != nil {
			return err
		}
		m[k] = plain
	}
	return nil
}

func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case int:
		return int64(v), nil
	case nil, bool, string, int64, float64:
		return v, nil
	case map[string]any:
		return v, plainJSON(v)
	case []any:
		for i := range v {
			plain, err := plainValue(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = plain
		}
		return v, nil
	}
	return nil, fmt.Errorf("%v is no value that JSON has: put it in quotes", v)
}

// propose is the fix of the configuration. A person has to say that it is right.
func (r *rule) propose(p *harden.Pass, f *harden.Finding) []harden.Fix {
	if p.Pod != nil && p.Pod.Lens == harden.Injected {
		return nil // what was injected is in no object that could be changed
	}
	var change harden.Change
	switch {
	case len(r.fix.Container) > 0:
		change = harden.SetContainer(p.Object, f.Container, runtime.DeepCopyJSON(r.fix.Container))
	case len(r.fix.PodSpec) > 0:
		change = harden.SetPodSpec(p.Object, runtime.DeepCopyJSON(r.fix.PodSpec))
	default:
		change = harden.SetObject(p.Object, runtime.DeepCopyJSON(r.fix.Object))
	}
	title := oneLine(r.fix.Title)
	if title == "" {
		title = "set what the configuration says"
	}
	return []harden.Fix{{
		Title: title, Class: harden.Review, Warning: oneLine(r.fix.Warning), Changes: []harden.Change{change},
		Evidence: []harden.Claim{{Code: "E-CONFIG", State: harden.Missing, Text: "The configuration proposes it for all such objects; nobody looked whether this one can take it."}},
	}}
}
