package waivers

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Waiver excuses findings until a day, for a reason. Rule, Cluster, Namespace,
// Kind, Name and Container are patterns as for path.Match; empty ones fit all.
type Waiver struct {
	Rule      string
	Cluster   string // the name of the kubeconfig context, or the UID of kube-system
	Namespace string // of the object; the name of a Namespace is one too
	Kind      string
	Name      string
	Container string
	Labels    map[string]string // of the object, or of the workload whose pods it is about
	// Match are facts, see harden.Finding.Facts: when one changes, the waiver is void.
	Match map[string]string

	Reason        string
	Until         time.Time // the last day on which it holds, at midnight UTC
	Ticket        string
	By            string
	AllowCritical bool
	Source        string // where it is written: FILE:LINE, or the annotation of an object

	at place
}

// A place is where findings about a waiver lie.
type place struct {
	object   harden.Ref
	workload *harden.Workload
	field    string
	id       string // tells the waivers of one object apart
}

// MaxDays is for how many days a waiver may be given, unless the configuration
// says otherwise.
const MaxDays = 180

const dateForm = "2006-01-02"

// ParseDate reads the last day of a waiver, such as 2026-12-31.
func ParseDate(s string) (time.Time, error) {
	t, err := time.Parse(dateForm, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("until is %q: write a day as 2026-12-31", harden.OneLine(s))
	}
	return t, nil
}

// CheckUntil is an error where the last day is further ahead than allowed. Days
// of zero are MaxDays.
func CheckUntil(until, now time.Time, days int) error {
	if days == 0 {
		days = MaxDays
	}
	latest := day(now).AddDate(0, 0, days)
	if until.After(latest) {
		return fmt.Errorf("until is %s, more than %d days ahead: %s at the latest", until.Format(dateForm), days, latest.Format(dateForm))
	}
	return nil
}

func day(t time.Time) time.Time {
	y, m, d := t.UTC().Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// Check is an error where the waiver is not one: what has to be there is not, or
// a pattern is none.
func (w *Waiver) Check() error {
	for _, p := range []struct{ name, pattern string }{
		{"rule", w.Rule}, {"cluster", w.Cluster}, {"namespace", w.Namespace}, {"kind", w.Kind}, {"name", w.Name}, {"container", w.Container},
	} {
		if _, err := path.Match(p.pattern, ""); err != nil {
			return fmt.Errorf("%s is %q: not a pattern", p.name, harden.OneLine(p.pattern))
		}
	}
	switch {
	case w.Rule == "":
		return errors.New("rule is missing: say which rule is waived")
	case strings.TrimSpace(w.Reason) == "":
		return errors.New("reason is missing: say why")
	case w.Until.IsZero():
		return errors.New("until is missing: say which day is the last, such as 2026-12-31")
	}
	for name := range w.Match {
		if !slices.Contains(harden.FactNames(), name) {
			return fmt.Errorf("%q is no fact: use one of %s", harden.OneLine(name), strings.Join(harden.FactNames(), ", "))
		}
	}
	return nil
}

func (w *Waiver) expired(now time.Time) bool { return day(now).After(w.Until) }

// In is the waiver as it stands in a configuration file, at FILE:LINE.
func (w Waiver) In(file harden.Ref) Waiver {
	w.Source = file.Source.String()
	w.at = place{object: file, field: "waivers", id: strings.Join([]string{w.Rule, w.Cluster, w.Namespace, w.Kind, w.Name, w.Container}, " ")}
	if len(w.Match)+len(w.Labels) > 0 {
		w.at.id += " " + words(w.Labels) + " " + words(w.Match)
	}
	w.at.id = strings.Join(strings.Fields(w.at.id), " ")
	return w
}

// ID tells the waivers of one file or object apart.
func (w *Waiver) ID() string { return w.at.id }

// facts are those of the waiver's that there are, in words.
func (w *Waiver) facts(all map[string]string) string {
	named := map[string]string{}
	for name := range w.Match {
		named[name] = all[name]
	}
	return words(named)
}

func words(m map[string]string) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		out = append(out, harden.OneLine(name+"="+cmp.Or(m[name], "none")))
	}
	return strings.Join(out, ", ")
}

func (w *Waiver) excuse() *harden.Excuse {
	return &harden.Excuse{Reason: w.Reason, Until: w.Until, By: w.By, Ticket: w.Ticket, Source: w.Source}
}

// fit is how far a waiver goes with a finding.
type fit int

const (
	otherwise fit = iota // it is about something else
	about                // it is about the object and the rule, but the facts are others
	full
)

func (w *Waiver) fits(f *harden.Finding, x *index) fit {
	if !is(w.Rule, f.Fixer.ID) || !is(w.Container, f.Container.Name) || !w.fitsObject(f.Object, func() map[string]string { return x.labels[keyOf(f)] }, x.cluster) {
		return otherwise
	}
	if len(w.Match) == 0 {
		return full
	}
	facts := f.Facts()
	for name, want := range w.Match {
		if facts[name] != want {
			return about
		}
	}
	return full
}

// fitsObject reports whether the waiver is about such an object in this cluster.
func (w *Waiver) fitsObject(r harden.Ref, labels func() map[string]string, c harden.Cluster) bool {
	namespace := r.Namespace
	if r.Kind == "Namespace" {
		namespace = r.Name
	}
	if !is(w.Namespace, namespace) || !is(w.Kind, r.Kind) || !is(w.Name, r.Name) || !w.fitsCluster(c) {
		return false
	}
	if len(w.Labels) == 0 {
		return true
	}
	has := labels()
	for k, v := range w.Labels {
		if has[k] != v {
			return false
		}
	}
	return true
}

func (w *Waiver) fitsCluster(c harden.Cluster) bool {
	return w.Cluster == "" || c.UID != "" && w.Cluster == c.UID || c.Context != "" && is(w.Cluster, c.Context)
}

// literal is the pattern that only s fits.
func literal(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(s)
}

// is reports whether s fits a pattern; all fits the empty one.
func is(pattern, s string) bool {
	if pattern == "" || pattern == s {
		return true
	}
	ok, err := path.Match(pattern, s)
	return err == nil && ok
}
