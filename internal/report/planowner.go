package report

import (
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ownerLines tell when the owner writes next, where its source is if that is not
// among the reasons of the delivery, and who holds what the plan changes.
func ownerLines(op *harden.ObjectPlan) []string {
	var lines []string
	if o := op.Owner; o != nil {
		if o.Next != "" {
			lines = append(lines, "  "+o.Name+" writes next: "+o.Next)
		}
		if o.Origin != nil && op.Delivery != harden.DeliverSource {
			if from := o.Origin.String(); from != "" {
				lines = append(lines, "  it comes from "+from)
			}
		}
		if o.Unknown != "" {
			lines = append(lines, "  not known: "+o.Unknown)
		}
	}
	return append(lines, holderLines(op)...)
}

// holderLines has a line for each set of managers that holds fields of the plan.
func holderLines(op *harden.ObjectPlan) []string {
	var lines []string
	for _, h := range op.Holders() {
		lines = append(lines, "  held by "+h.Who+": "+strings.Join(h.Fields, ", "))
	}
	return lines
}

type ownerDoc struct {
	Name    string          `json:"name"`
	What    string          `json:"what,omitempty"`
	Manager string          `json:"manager,omitempty"`
	Applies bool            `json:"applies"`
	Next    string          `json:"next,omitempty"`
	Origin  *ownerOriginDoc `json:"origin,omitempty"`
	Unknown string          `json:"unknown,omitempty"`
}

type ownerOriginDoc struct {
	Teller     string           `json:"teller,omitempty"`
	Repository string           `json:"repository,omitempty"`
	Path       string           `json:"path,omitempty"`
	Revision   string           `json:"revision,omitempty"`
	Applied    string           `json:"applied,omitempty"`
	Chart      string           `json:"chart,omitempty"`
	Version    string           `json:"version,omitempty"`
	More       []ownerOriginDoc `json:"more,omitempty"`
}

type fieldDoc struct {
	Field    string       `json:"field"`
	Managers []managerDoc `json:"managers"` // empty: nobody holds it
}

type managerDoc struct {
	Name      string `json:"name"`
	Operation string `json:"operation"` // Apply or Update
}

func ownerOf(o *harden.Owner) *ownerDoc {
	if o == nil {
		return nil
	}
	d := &ownerDoc{Name: o.Name, What: o.What, Manager: o.Manager, Applies: o.Applies, Next: o.Next, Unknown: o.Unknown}
	if o.Origin != nil {
		origin := ownerOriginOf(*o.Origin)
		d.Origin = &origin
	}
	return d
}

func ownerOriginOf(o harden.Origin) ownerOriginDoc {
	d := ownerOriginDoc{
		Teller: o.Teller, Repository: o.Repository, Path: o.Path, Revision: o.Revision, Applied: o.Applied, Chart: o.Chart, Version: o.Version,
	}
	for _, more := range o.More {
		d.More = append(d.More, ownerOriginOf(more))
	}
	return d
}

func fieldsOf(fields []harden.FieldOwners) []fieldDoc {
	var docs []fieldDoc
	for _, f := range fields {
		d := fieldDoc{Field: f.Field, Managers: []managerDoc{}}
		for _, m := range f.Managers {
			d.Managers = append(d.Managers, managerDoc{Name: m.Manager, Operation: m.Operation()})
		}
		docs = append(docs, d)
	}
	return docs
}
