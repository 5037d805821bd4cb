package prompts

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// sayChanges says a patch as sentences, one for each field: signs and indentation
// are what screen readers leave out first.
func (d *dialog) sayChanges(o *harden.ObjectPlan) {
	c := newChanges(o.Diff)
	var before, after map[string]any
	if o.Before != nil {
		before = o.Before.Object
	}
	if o.After != nil {
		after = o.After.Object
	}
	c.maps("", before, after)
	switch {
	case len(c.said) > 0 && before == nil:
		d.say("The patch makes %s:", called(o.Target))
	case len(c.said) > 0:
		d.say("The patch changes %s:", called(o.Target))
	case o.Diff != "":
		d.say("The patch of %s, as YAML:", called(o.Target))
		c.said = spoken(o.Diff)
	case o.Delivery != harden.DeliverManual:
		d.say("No difference to %s as it is.", called(o.Target))
	}
	for _, line := range c.said {
		d.say("%s", line)
	}
}

// sayDiff says the patch of a finding as YAML, with words for the signs.
func (d *dialog) sayDiff(f *harden.Finding) {
	if d.markable(f) != "" {
		d.say("There is no patch: %s.", d.markable(f))
		return
	}
	plan, err := d.preview(f)
	switch {
	case err != nil:
		d.fail("working out the patch", err)
		return
	case plan == nil:
		return
	}
	for _, o := range plan.Objects {
		d.sayYAML(o)
	}
	for _, l := range plan.LeftOut {
		d.say("Left out: %s", l.Why)
	}
}

func (d *dialog) sayYAML(o *harden.ObjectPlan) {
	if o.Diff == "" {
		d.say("No difference to %s as it is.", called(o.Target))
		return
	}
	d.say("The patch of %s, as YAML:", called(o.Target))
	for _, line := range spoken(o.Diff) {
		d.say("%s", line)
	}
}

// spoken is a unified diff with words in the place of signs.
func spoken(diff string) []string {
	var out []string
	for _, line := range lines(diff) {
		switch {
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "+++"), strings.HasPrefix(line, `\`), line == "":
		case strings.HasPrefix(line, "@@"):
			out = append(out, "Lines:")
		case line[0] == '+':
			out = append(out, "add: "+line[1:])
		case line[0] == '-':
			out = append(out, "remove: "+line[1:])
		default:
			out = append(out, "as it is: "+line[1:])
		}
	}
	return out
}

// shownBy are the lines that a diff adds and removes, without signs and
// indentation. The objects themselves hold what a diff masks: only what it shows
// may be said.
func shownBy(diff string) map[string]bool {
	shown := map[string]bool{}
	for _, line := range lines(diff) {
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			text := strings.TrimLeft(line[1:], " ")
			shown[text] = true
			for strings.HasPrefix(text, "- ") { // the first field of an item of a list
				text = strings.TrimLeft(text[2:], " ")
				shown[text] = true
			}
		}
	}
	return shown
}

// changes are the differences between two objects, field by field.
type changes struct {
	shown map[string]bool // lines of the diff
	text  string          // the same on one line, for values that take several
	said  []string
}

func newChanges(diff string) *changes {
	c := &changes{shown: shownBy(diff)}
	for _, line := range lines(diff) {
		if strings.HasPrefix(line, "+") || strings.HasPrefix(line, "-") {
			c.text += " " + line[1:]
		}
	}
	c.text = oneSpace(c.text)
	return c
}

func oneSpace(s string) string { return strings.Join(strings.Fields(s), " ") }

func (c *changes) add(format string, args ...any) {
	c.said = append(c.said, fmt.Sprintf(format, args...))
}

const hidden = "a value that is not shown"

// value is what may be said of a value, with what leads to it.
func (c *changes) value(lead string, v any) string {
	var text string
	if b, err := yaml.Marshal(v); err == nil {
		text = strings.TrimSpace(string(b))
	}
	if c.shown[lead+text] || strings.Contains(text, "\n") && strings.Contains(c.text, oneSpace(lead+text)) {
		return oneSpace(text)
	}
	return hidden
}

func (c *changes) maps(path string, before, after map[string]any) {
	keys := slices.Sorted(maps.Keys(before))
	for k := range after {
		if _, ok := before[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		old, was := before[k]
		now, is := after[k]
		c.values(field(path, k), k+": ", old, now, was, is)
	}
}

func field(path, key string) string {
	switch {
	case strings.ContainsAny(key, "./ "):
		return path + "[" + key + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

// values compares what stands at one place; lead is what a line of YAML begins with.
func (c *changes) values(path, lead string, old, now any, was, is bool) {
	if was && is && reflect.DeepEqual(old, now) {
		return
	}
	oldMap, _ := old.(map[string]any)
	nowMap, _ := now.(map[string]any)
	oldList, _ := old.([]any)
	nowList, _ := now.([]any)
	switch {
	case len(oldMap)+len(nowMap) > 0 && (oldMap != nil || !was) && (nowMap != nil || !is):
		c.maps(path, oldMap, nowMap)
	case len(oldList)+len(nowList) > 0 && (oldList != nil || !was) && (nowList != nil || !is):
		c.lists(path, oldList, nowList)
	case was && is && c.value(lead, old) == hidden && c.value(lead, now) == hidden:
		c.add("change %s; its values are not shown", path)
	case was && is:
		c.add("change %s from %s to %s", path, c.value(lead, old), c.value(lead, now))
	case is:
		c.add("add %s: %s", path, c.value(lead, now))
	default:
		c.add("remove %s, which is %s", path, c.value(lead, old))
	}
}

// lists compares items by their names where all have one, else as they stand.
func (c *changes) lists(path string, before, after []any) {
	old, named := byName(before)
	now, also := byName(after)
	if named && also {
		names := slices.Sorted(maps.Keys(old))
		for name := range now {
			if old[name] == nil {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			c.maps(path+"["+name+"]", old[name], now[name])
		}
		return
	}
	if plainItems(before) && plainItems(after) {
		for _, v := range before {
			if !slices.Contains(after, v) {
				c.add("remove %s from %s", c.value("- ", v), path)
			}
		}
		for _, v := range after {
			if !slices.Contains(before, v) {
				c.add("add %s to %s", c.value("- ", v), path)
			}
		}
		return
	}
	for i := range max(len(before), len(after)) {
		var old, now any
		if i < len(before) {
			old = before[i]
		}
		if i < len(after) {
			now = after[i]
		}
		c.values(path+"["+strconv.Itoa(i+1)+"]", "- ", old, now, i < len(before), i < len(after))
	}
}

func byName(items []any) (map[string]map[string]any, bool) {
	out := map[string]map[string]any{}
	for _, v := range items {
		m, _ := v.(map[string]any)
		name, _ := m["name"].(string)
		if name == "" || out[name] != nil {
			return nil, false
		}
		out[name] = m
	}
	return out, true
}

func plainItems(items []any) bool {
	return !slices.ContainsFunc(items, func(v any) bool {
		switch v.(type) {
		case map[string]any, []any:
			return true
		}
		return false
	})
}
