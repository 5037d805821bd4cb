package report

import (
	"io"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

type planReport struct {
	APIVersion string       `json:"apiVersion"`
	Kind       string       `json:"kind"`
	Live       bool         `json:"live"`
	Objects    []planObject `json:"objects"`
	Files      []fileDoc    `json:"files,omitempty"`
	Sources    []sourceDoc  `json:"sources,omitempty"`
	LeftOut    []leftOutDoc `json:"leftOut"`
	Levels     []levelDoc   `json:"podSecurity"`
	NotChecked []unreadDoc  `json:"notChecked"`
}

type planObject struct {
	Object      objectDoc                  `json:"object"`
	Verb        harden.Verb                `json:"verb"`
	Delivery    harden.Delivery            `json:"delivery"`
	DeliveryWhy string                     `json:"deliveryWhy,omitempty"`
	Fate        harden.Fate                `json:"fate,omitempty"`
	Owner       *ownerDoc                  `json:"owner,omitempty"`
	Fields      []fieldDoc                 `json:"fields,omitempty"`
	Restarts    int                        `json:"restarts"`
	Patch       *unstructured.Unstructured `json:"patch,omitempty"`
	Remove      []string                   `json:"remove,omitempty"`
	Fixes       []plannedFixDoc            `json:"fixes"`
	DryRun      *dryRunDoc                 `json:"dryRun,omitempty"`
	Diff        string                     `json:"diff"`
}

type plannedFixDoc struct {
	ID        string          `json:"id"`
	Severity  harden.Severity `json:"severity"`
	Container string          `json:"container,omitempty"`
	Effect    harden.Effect   `json:"effect,omitzero"` // nothing: it repairs
	fixDoc
}

type dryRunDoc struct {
	Accepted   bool          `json:"accepted"`
	Error      string        `json:"error,omitempty"`
	Conflicts  []conflictDoc `json:"conflicts,omitempty"`
	Unintended []string      `json:"unintended,omitempty"`
	Warnings   []string      `json:"warnings,omitempty"`
}

type conflictDoc struct {
	Field   string `json:"field"`
	Manager string `json:"manager"`
}

type leftOutDoc struct {
	ID        string          `json:"id"`
	Severity  harden.Severity `json:"severity"`
	Object    objectDoc       `json:"object"`
	Container string          `json:"container,omitempty"`
	Why       string          `json:"why"`
}

type levelDoc struct {
	Object objectDoc    `json:"object"`
	Before string       `json:"before"`
	After  string       `json:"after"`
	Open   []controlDoc `json:"open,omitempty"`
}

type controlDoc struct {
	Level  string `json:"level"`
	ID     string `json:"id"`
	Reason string `json:"reason"`
	Why    string `json:"why"`
}

// JSON writes a FixPlan.
func (p *Plan) JSON(w io.Writer) error {
	doc := planReport{
		APIVersion: APIVersion, Kind: "FixPlan", Live: p.Plan.Live,
		Objects: []planObject{}, LeftOut: []leftOutDoc{}, Levels: []levelDoc{}, NotChecked: unreadDocs(p.Unread),
	}
	doc.Files, doc.Sources = fileDocs(p.Edits)
	for _, l := range p.Plan.PodSecurity {
		d := levelDoc{Object: objectOf(l.Object), Before: l.Before, After: l.After}
		for _, c := range l.Open {
			d.Open = append(d.Open, controlDoc(c))
		}
		doc.Levels = append(doc.Levels, d)
	}
	for _, op := range p.Plan.Objects {
		doc.Objects = append(doc.Objects, planObjectOf(op))
	}
	for _, l := range p.Plan.LeftOut {
		doc.LeftOut = append(doc.LeftOut, leftOutDoc{
			ID: l.Finding.Fixer.ID, Severity: l.Finding.Severity, Object: objectOf(l.Finding.Object), Container: l.Finding.Container.String(), Why: l.Why,
		})
	}
	return writeJSON(w, doc)
}

func planObjectOf(op *harden.ObjectPlan) planObject {
	d := planObject{
		Object: objectOf(op.Target), Verb: op.Verb, Delivery: op.Delivery, DeliveryWhy: op.DeliveryWhy,
		Fate: op.Fate, Owner: ownerOf(op.Owner), Fields: fieldsOf(op.Fields), Restarts: op.Restarts, Patch: op.Set, Remove: pathStrings(op.Remove), Fixes: []plannedFixDoc{}, Diff: op.Diff,
	}
	for _, pf := range op.Fixes {
		d.Fixes = append(d.Fixes, plannedFixDoc{ID: pf.Finding.Fixer.ID, Severity: pf.Finding.Severity, Container: pf.Finding.Container.String(), Effect: pf.Fix.Effect, fixDoc: fixOf(pf.Fix)})
	}
	if dr := op.DryRun; dr != nil {
		d.DryRun = &dryRunDoc{Accepted: dr.OK(), Unintended: dr.Unintended, Warnings: dr.Warnings}
		if dr.Err != nil {
			d.DryRun.Error = dr.Err.Error()
		}
		for _, c := range dr.Conflicts {
			d.DryRun.Conflicts = append(d.DryRun.Conflicts, conflictDoc{Field: c.Field, Manager: c.Manager})
		}
	}
	return d
}
