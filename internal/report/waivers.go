package report

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Waivers is what the writers of the list of waivers need.
type Waivers struct {
	Views  []harden.WaiverView
	Unread []harden.Unread
}

// Table writes one row a waiver, then what is wrong with those that excuse nothing.
func (l *Waivers) Table(w io.Writer) error {
	out := &errWriter{w: w}
	if len(l.Views) == 0 {
		fmt.Fprintln(out, "No waivers.")
	} else {
		l.rows(out)
	}
	for _, v := range l.Views {
		if v.Why != "" {
			fmt.Fprintf(out, "%s of %s (%s): %s\n", v.State, harden.OneLine(v.Rule), harden.OneLine(v.Source), harden.OneLine(v.Why))
		}
	}
	for _, u := range harden.GatherUnread(l.Unread) {
		fmt.Fprintf(out, "Not checked: %s: %s\n", u.Resource, u.Why)
	}
	return out.err
}

func (l *Waivers) rows(out io.Writer) {
	tw := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "STATE\tRULE\tUNTIL\tFINDINGS\tBY\tTICKET\tWRITTEN\tREASON")
	for i := range l.Views {
		v := &l.Views[i]
		cells := []string{string(v.State), v.Rule, lastDayOf(v), fmt.Sprint(len(v.Findings)), orDash(v.By), orDash(v.Ticket), writtenAt(v), orDash(v.Reason)}
		for i := range cells {
			cells[i] = harden.OneLine(cells[i])
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	_ = tw.Flush() // out keeps the error
}

func lastDayOf(v *harden.WaiverView) string {
	if v.Until.IsZero() {
		return "-"
	}
	return v.Until.Format(time.DateOnly)
}

// writtenAt is where a waiver stands, as short as it is clear.
func writtenAt(v *harden.WaiverView) string {
	if v.Annotation == "" {
		return v.Source
	}
	if src := v.Object.Source.String(); src != "" {
		return src + " " + v.Object.Long()
	}
	return v.Object.Long()
}

type waiverList struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	Waivers    []waiverDoc `json:"waivers"`
	NotChecked []unreadDoc `json:"notChecked"`
}

type waiverDoc struct {
	Rule       string             `json:"rule"`
	State      harden.WaiverState `json:"state"`
	Why        string             `json:"why,omitempty"`
	Object     *objectDoc         `json:"object,omitempty"` // that carries the annotation
	Annotation string             `json:"annotation,omitempty"`
	excuseDoc
	Findings []string `json:"findings"` // ids
}

// JSON writes a WaiverList.
func (l *Waivers) JSON(w io.Writer) error {
	doc := waiverList{APIVersion: APIVersion, Kind: "WaiverList", Waivers: []waiverDoc{}, NotChecked: unreadDocs(l.Unread)}
	for i := range l.Views {
		v := &l.Views[i]
		d := waiverDoc{Rule: v.Rule, State: v.State, Why: v.Why, Annotation: v.Annotation, Findings: []string{}}
		d.excuseDoc = *excuseOf(&harden.Excuse{Reason: v.Reason, Until: v.Until, By: v.By, Ticket: v.Ticket, Source: v.Source})
		if v.Annotation != "" {
			o := objectOf(v.Object)
			d.Object = &o
		}
		for _, f := range v.Findings {
			d.Findings = append(d.Findings, f.ID())
		}
		doc.Waivers = append(doc.Waivers, d)
	}
	return writeJSON(w, doc)
}

// doesWords say what the fixes of a plan do: how many repair, how many waive.
func doesWords(fixes []harden.PlannedFix) string {
	n := map[harden.Effect]int{}
	for _, pf := range fixes {
		n[pf.Fix.Effect]++
	}
	var parts []string
	if n[harden.Repairs] > 0 || len(fixes) == 0 {
		parts = append(parts, plural(n[harden.Repairs], "fix"))
	}
	for _, e := range []struct {
		effect harden.Effect
		one    string
		after  string
	}{{harden.Waives, "waiver", ""}, {harden.Unwaives, "finding", " waived no more"}, {harden.Tidies, "waiver", " of no use taken away"}} {
		if n[e.effect] > 0 {
			parts = append(parts, plural(n[e.effect], e.one)+e.after)
		}
	}
	return strings.Join(parts, ", ")
}
