package tui

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// faces is what the fake does about waivers, reports, exports and edits.
type faces struct {
	waivers   []harden.WaiverView // nil: those of writtenWaivers
	unwaived  []string            // rules of waivers that were taken away
	waivings  []harden.Waiving    // that were asked for
	waiveErr  error
	reports   int // how often it was worked out
	reportErr error
	exported  []string // forms and folders
	exportErr error
	revised   []string // texts
	reviseErr error
}

// equip keeps what the model does in the program.
func (d *driver) equip() {
	d.m.tools = tools{
		clipboard: func(text string) error { d.system = text; return d.noSystem },
		getenv: func(name string) string {
			if name == "EDITOR" {
				return or(d.editor, "true")
			}
			return ""
		},
	}
	d.m.exec = func(c tea.ExecCommand, done tea.ExecCallback) tea.Cmd {
		return func() tea.Msg {
			if d.execute != nil {
				return done(d.execute(c))
			}
			return done(c.Run())
		}
	}
}

// edit makes the editor of the person one that writes a text of its own. It is a
// process: what is tested is that it gets a file and that its file is read.
func (d *driver) edit(text string) {
	from := filepath.Join(d.t.TempDir(), "edited.yaml")
	if err := os.WriteFile(from, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.editor = "cp " + from
}

func (f *fake) PatchText(o *harden.ObjectPlan) (string, error) {
	return "# The patch of " + o.Target.Long() + "\nkind: " + o.Target.Kind + "\n", nil
}

func (f *fake) Revise(_ context.Context, plan *harden.Plan, of harden.Key, text string, opts harden.PlanOptions) (*harden.Plan, error) {
	f.mu.Lock()
	f.revised = append(f.revised, text)
	f.mu.Unlock()
	if f.reviseErr != nil {
		return nil, f.reviseErr
	}
	out := *plan
	out.Objects = slices.Clone(plan.Objects)
	for i, o := range out.Objects {
		if o.Target.Key() == of {
			c := *o
			c.Diff = "@@ -1 +1 @@\n-a\n+" + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n+") + "\n"
			c.Force = opts.ForceConflicts
			if opts.ServerDryRun {
				c.DryRun = &harden.DryRun{ResourceVersion: "1"}
			}
			out.Objects[i] = &c
		}
	}
	return &out, nil
}

func (f *fake) Export(plan *harden.Plan, form harden.ExportForm, folder string) ([]harden.FileChange, error) {
	f.mu.Lock()
	f.exported = append(f.exported, string(form)+" "+folder)
	f.mu.Unlock()
	if f.exportErr != nil {
		return nil, f.exportErr
	}
	files := []harden.FileChange{{Path: filepath.Join(folder, "kustomization.yaml"), Before: []byte("resources: []\n"), After: []byte("resources: []\npatches: []\n")}}
	for _, o := range plan.Objects {
		files = append(files, harden.FileChange{Path: filepath.Join(folder, o.Target.Name+".yaml"), After: []byte("kind: " + o.Target.Kind + "\n")})
	}
	return files, nil
}

func (f *fake) Waive(_ context.Context, findings []*harden.Finding, w harden.Waiving, opts harden.PlanOptions) (*harden.Plan, error) {
	f.mu.Lock()
	f.waivings = append(f.waivings, w)
	f.mu.Unlock()
	if f.waiveErr != nil {
		return nil, f.waiveErr
	}
	plan := &harden.Plan{Live: f.live}
	for _, x := range findings {
		if isCritical(x) && !w.AllowCritical {
			plan.LeftOut = append(plan.LeftOut, harden.LeftOut{Finding: x, Why: "it is critical, and the waiver does not allow for that"})
			continue
		}
		plan.Objects = append(plan.Objects, f.annotated(x, "+    kubectl-harden.github.io/waive."+x.Fixer.ID+": until="+w.Until.Format(dateForm)+"; reason="+w.Reason, "Waive until "+w.Until.Format(dateForm), opts))
	}
	return plan, nil
}

func (f *fake) annotated(x *harden.Finding, line, title string, opts harden.PlanOptions) *harden.ObjectPlan {
	o := &harden.ObjectPlan{Target: x.Object, Diff: "@@ -3,2 +3,3 @@\n   annotations:\n" + line + "\n", Fixes: []harden.PlannedFix{{Finding: x, Fix: harden.Fix{Title: title, Class: harden.Safe}}}}
	if opts.ServerDryRun {
		o.DryRun = &harden.DryRun{ResourceVersion: "1"}
	}
	return o
}

func (f *fake) WaiveInConfig(findings []*harden.Finding, w harden.Waiving) ([]harden.FileChange, error) {
	f.mu.Lock()
	f.waivings = append(f.waivings, w)
	f.mu.Unlock()
	if f.waiveErr != nil {
		return nil, f.waiveErr
	}
	before := "waivers:\n- rule: host-network\n  until: 2027-01-31\n  reason: ingress\n"
	after := before
	for _, x := range findings {
		after += "- rule: " + x.Fixer.ID + "\n  name: " + x.Object.Name + "\n  until: " + w.Until.Format(dateForm) + "\n  reason: " + w.Reason + "\n"
	}
	return []harden.FileChange{{Path: ".harden.yaml", Before: []byte(before), After: []byte(after)}}, nil
}

func (f *fake) Unwaive(_ context.Context, waivers []harden.WaiverView, opts harden.PlanOptions) (*harden.Plan, error) {
	plan := &harden.Plan{Live: f.live}
	for _, v := range waivers {
		f.mu.Lock()
		f.unwaived = append(f.unwaived, v.Rule)
		f.mu.Unlock()
		if v.Annotation == "" {
			plan.LeftOut = append(plan.LeftOut, harden.LeftOut{Why: v.Source + " is a line of the configuration: take it out there"})
			continue
		}
		x := &harden.Finding{Fixer: &harden.Fixer{ID: v.Rule}, Object: v.Object}
		plan.Objects = append(plan.Objects, f.annotated(x, "-    "+v.Annotation+": until="+v.Until.Format(dateForm), "Take the waiver of "+v.Rule+" away", opts))
	}
	return plan, nil
}

var noWaivers = []harden.WaiverView{}

func (f *fake) Waivers() []harden.WaiverView {
	if f.waivers != nil {
		return f.waivers
	}
	return writtenWaivers(f.snap)
}

// writtenWaivers are waivers in every state, about what is in the shop.
func writtenWaivers(s *harden.Snapshot) []harden.WaiverView {
	var excused, rootFS []*harden.Finding
	if s.Result != nil {
		for _, x := range s.Findings {
			switch {
			case x.Status == harden.StatusWaived:
				excused = append(excused, x)
			case x.Fixer == fixRootFS:
				rootFS = append(rootFS, x)
			}
		}
	}
	deploy := func(name string) harden.Ref {
		return harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
	}
	on := func(v harden.WaiverView, name string) harden.WaiverView {
		v.Object, v.Annotation = deploy(name), "kubectl-harden.github.io/waive."+v.Rule
		v.Source = "annotation " + v.Annotation + " of " + v.Object.Long()
		return v
	}
	day := func(n int) time.Time { return dayOf(seen).AddDate(0, 0, n) }
	return []harden.WaiverView{
		on(harden.WaiverView{Rule: "memory-limit", State: harden.WaiverHolds, Reason: "sized by the node pool", Until: day(60), By: "platform", Ticket: "OPS-12", Findings: excused}, "search"),
		{Rule: "read-only-root-filesystem", State: harden.WaiverExpired, Why: "its last day is over", Reason: "writes a cache; moves to an emptyDir", Until: day(-3), Source: ".harden.yaml:12", Findings: rootFS},
		on(harden.WaiverView{Rule: "host-path-volume", State: harden.WaiverUnused, Why: "nothing is found that it would excuse", Reason: "reads logs", Until: day(20)}, "web"),
		on(harden.WaiverView{Rule: "run-as-non-root", State: harden.WaiverInvalid, Why: "reason is missing: say why"}, "api"),
		{Rule: "image-*", State: harden.WaiverHolds, Reason: "the registry \x1b[2Jis mirrored", Until: day(5), Source: ".harden.yaml:4"},
	}
}

var controls = compliance.Standards()

// Report is of two standards: controls that fail, pass, are not known, are not
// seen; with findings of the shop behind them.
func (f *fake) Report([]string) ([]*compliance.Assessment, error) {
	f.mu.Lock()
	f.reports++
	f.mu.Unlock()
	if f.reportErr != nil {
		return nil, f.reportErr
	}
	if f.snap.Result == nil {
		return nil, nil
	}
	standard := func(id string) *compliance.Standard {
		return controls[slices.IndexFunc(controls, func(s *compliance.Standard) bool { return s.ID == id })]
	}
	res := *f.snap.Result
	res.Counts = map[string]harden.Counts{}
	for _, fx := range shopFixers {
		n := harden.Counts{Pass: 1}
		for _, x := range res.Findings {
			if x.Fixer == fx && x.Status == harden.StatusFail {
				n.Fail++
			}
		}
		res.Counts[fx.ID] = n
	}
	var out []*compliance.Assessment
	for _, id := range []string{"pss-restricted", "cis-1.12", "nsa-1.2"} {
		out = append(out, compliance.Assess(&res, shopFixers, standard(id)))
	}
	return out, nil
}

var shopFixers = []*harden.Fixer{fixPrivileged, fixNonRoot, fixRootFS, fixToken, fixMemory, fixNetpol, fixPSA, fixTag}

// logged are lines as others write them.
func logged(n int) []LogLine {
	var out []LogLine
	for i := range n {
		l := LogLine{Time: seen.Add(time.Duration(i) * time.Second), From: "trivy", Text: fmt.Sprintf("Detecting vulnerabilities of image %d", i)}
		switch i % 5 {
		case 1:
			l.From, l.Text = "client-go", fmt.Sprintf("W1104 10:15:0%d.000000 reflector.go:561] watching *v1.Pod: connection reset by peer, which is told at length so that the line has to be wrapped where it is read", i%10)
		case 3:
			l.From, l.Text = "api-server", "would violate PodSecurity \x1b[31m\"restricted:latest\": allowPrivilegeEscalation != false"
		}
		out = append(out, l)
	}
	return out
}

// say feeds the log.
func (d *driver) say(lines ...LogLine) {
	if d.log == nil {
		d.log = make(chan LogLine, 4096)
		d.m.opts.Log = d.log
		d.run(d.m.readLog())
	}
	for _, l := range lines {
		d.log <- l
	}
	d.wait(2 * logEvery)
}
