package tui

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// exportFolder is where a plan is written to unless the person says otherwise.
const exportFolder = "./harden"

var exportForms = []harden.ExportForm{harden.ExportKustomize, harden.ExportManifests}

// exportForm is what a person says to export a plan.
type exportForm struct {
	*form
	findings        []*harden.Finding
	plan            *harden.Plan // nil: it has to be made
	make            maker
	as, folderField *field
}

type exportMsg struct {
	form   *exportForm
	files  []harden.FileChange
	folder string
	kind   harden.ExportForm
	err    error
}

func noExport(m *Model) string {
	if m.screen == screenPlan {
		return noPlan(m)
	}
	return noFix(m)
}

func noPlan(m *Model) string {
	switch p := &m.plan; {
	case p.busy > 0:
		return "still working on it"
	case p.plan == nil || len(p.plan.Objects) == 0:
		return "there is no plan"
	}
	return ""
}

// openExport asks where to a plan is written, and as what.
func (m *Model) openExport() tea.Cmd {
	f := &exportForm{form: &form{title: "Export", verb: "go on"}, findings: m.toFix(), make: makeFixes}
	if m.screen == screenPlan {
		f.findings, f.plan, f.make = m.plan.findings, m.plan.plan, m.plan.make
	}
	about := plural(len(f.findings), "fix", "fixes")
	if f.plan != nil {
		about = "the plan for " + plural(len(f.plan.Objects), "object", "objects")
	}
	f.intro = []string{"Writes " + about + " into a folder. Nothing on the cluster changes, and no file before you say yes."}
	f.as = choiceField("as", "Patches go over what a kustomization takes in; manifests are partial objects for kubectl apply --server-side.", "kustomize patches", "manifests")
	f.folderField = m.textField("folder", exportFolder, "It is made where it is not there yet.")
	f.fields = []*field{f.as, f.folderField}
	f.submit = f.ask
	m.openForm(f.form)
	return nil
}

// ask works out what would be written.
func (f *exportForm) ask(m *Model) tea.Cmd {
	folder, kind := f.folderField.text(), exportForms[f.as.chosen]
	if folder == "" {
		f.folderField.err = "say which folder"
	}
	if f.complain() {
		return nil
	}
	ctx, b, plan, findings, made := f.start(m), m.backend, f.plan, f.findings, f.make
	return func() tea.Msg {
		msg := exportMsg{form: f, folder: folder, kind: kind}
		msg.files, msg.err = export(ctx, b, plan, findings, made, kind, folder)
		return msg
	}
}

func export(ctx context.Context, b Backend, plan *harden.Plan, findings []*harden.Finding, made maker, kind harden.ExportForm, folder string) ([]harden.FileChange, error) {
	if plan == nil {
		var err error
		if plan, err = made(ctx, b, findings, harden.PlanOptions{}); err != nil {
			return nil, err
		}
		if plan == nil || len(plan.Objects) == 0 {
			return nil, errors.New("there is nothing to write: no patch can be made for what is chosen")
		}
	}
	return b.Export(plan, kind, folder)
}

// take asks for a yes to the files.
func (msg exportMsg) take(m *Model) tea.Cmd {
	if !msg.form.over(m, msg.err) {
		return nil
	}
	use := exportUse(msg.kind, msg.folder, msg.files)
	return m.confirmFiles("Write into "+msg.folder+"?", msg.files, nil, func(m *Model, written []string) tea.Cmd {
		return m.say(plural(len(written), "file", "files") + " written; " + use)
	})
}

// exportUse says how what was exported is used. Patches that stand alone are a
// component, which kubectl cannot apply without the objects.
func exportUse(kind harden.ExportForm, folder string, files []harden.FileChange) string {
	switch {
	case kind == harden.ExportManifests:
		return "kubectl apply --server-side --field-manager=harden-manifests -f " + shellWord(folder)
	case slices.ContainsFunc(files, func(f harden.FileChange) bool { return bytes.Contains(f.After, []byte("\nkind: Component\n")) }):
		return "name " + folder + " under components: of the kustomization that has the objects"
	}
	return "kubectl apply -k " + shellWord(folder)
}

// shellWord is a word as a shell takes it.
func shellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-+:@%") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
