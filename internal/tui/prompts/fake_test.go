package prompts

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/compliance"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// fake is a Backend over made-up data that records what it is told to write.
type fake struct {
	live    bool
	snap    *harden.Snapshot
	after   *harden.Snapshot // what is read once something was written; nil: the same
	records []harden.Record
	waived  []harden.WaiverView
	network *harden.NetworkView
	errs    map[string]error // by method
	replan  func(*harden.Plan, harden.PlanOptions)
	// onWrite is called before each call that writes.
	onWrite func(call string)
	// begun is called once a call that takes a while is under way.
	begun func()
	// hold, when set, holds a method back until its context ends or the channel closes.
	hold map[string]chan struct{}

	watched  sync.Once
	watching chan struct{} // closed by the first Watch

	mu     sync.Mutex
	watch  chan *harden.Snapshot
	writes []string
}

var _ tui.Backend = (*fake)(nil)

func (f *fake) Title() string { return "prod-eu" }
func (f *fake) Live() bool    { return f.live }
func (f *fake) Close()        {}

func (f *fake) Login(context.Context) error { return f.errs["Login"] }

func (f *fake) Namespaces(context.Context) ([]string, error) {
	return f.snap.Inventory.Scope, f.errs["Namespaces"]
}

func (f *fake) Load(context.Context, harden.Scope) (*harden.Snapshot, error) {
	if err := f.errs["Load"]; err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.writes) > 0 && f.after != nil {
		return f.after, nil
	}
	return f.snap, nil
}

func (f *fake) Watch(ctx context.Context, _ harden.Scope) <-chan *harden.Snapshot {
	ch := make(chan *harden.Snapshot)
	f.mu.Lock()
	f.watch = ch
	f.mu.Unlock()
	f.watched.Do(func() { close(f.watching) })
	go func() {
		<-ctx.Done()
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.watch == ch {
			f.watch = nil
		}
		close(ch)
	}()
	return ch
}

// send delivers a snapshot; it is kept once a second one was taken.
func (f *fake) send(s *harden.Snapshot) {
	<-f.watching
	f.mu.Lock()
	defer f.mu.Unlock()
	for range 2 {
		f.watch <- s
	}
}

func (f *fake) Fixes(x *harden.Finding) []harden.Fix {
	if x.Fixer.Fix == nil {
		return nil
	}
	return x.Fixer.Fix(nil, x)
}

func (f *fake) Token(w *harden.Workload) *harden.TokenView {
	return &harden.TokenView{
		Account: "web", Mounted: true, MountKnown: true,
		Lines: []harden.TokenLine{{Severity: harden.High, Text: "read Secrets of " + w.Ref.Namespace + " (RoleBinding web -> Role web)"}},
	}
}

func (f *fake) Preview(_ context.Context, x *harden.Finding) (*harden.Plan, error) {
	return f.planOf([]*harden.Finding{x}, harden.PlanOptions{}), f.errs["Preview"]
}

func (f *fake) Plan(_ context.Context, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
	if err := f.errs["Plan"]; err != nil {
		return nil, err
	}
	plan := f.planOf(findings, opts)
	if f.replan != nil {
		f.replan(plan, opts)
	}
	return plan, nil
}

func (f *fake) planOf(findings []*harden.Finding, opts harden.PlanOptions) *harden.Plan {
	plan := &harden.Plan{Live: f.live}
	at := map[harden.Key]*harden.ObjectPlan{}
	for _, x := range findings {
		fixes := f.Fixes(x)
		if len(fixes) == 0 || fixes[0].Manual != "" {
			l := harden.LeftOut{Finding: x, Why: "a person has to do it"}
			if len(fixes) > 0 {
				l.Fix = &fixes[0]
			}
			plan.LeftOut = append(plan.LeftOut, l)
			continue
		}
		o := at[x.Object.Key()]
		if o == nil {
			o = &harden.ObjectPlan{Target: x.Object, Force: opts.ForceConflicts, Set: harden.Partial(x.Object)}
			if x.Workload != nil {
				o.Restarts = 1
			}
			if opts.ServerDryRun {
				o.DryRun = &harden.DryRun{ResourceVersion: "1"}
			}
			o.Before, o.After, o.Diff = patched(x)
			at[x.Object.Key()] = o
			plan.Objects = append(plan.Objects, o)
		}
		o.Fixes = append(o.Fixes, harden.PlannedFix{Finding: x, Fix: fixes[0]})
	}
	return plan
}

// patched is what a patch of the object of a finding looks like. The value of the
// token is masked in the diff alone.
func patched(x *harden.Finding) (before, after *unstructured.Unstructured, diff string) {
	object := func(context map[string]any, drop []any, token string) *unstructured.Unstructured {
		c := map[string]any{"name": x.Container.Name, "image": "registry.example.com/shop/web:2.14.0", "env": []any{map[string]any{"name": "API_TOKEN", "value": token}}}
		if context != nil {
			context["capabilities"] = map[string]any{"drop": drop}
			c["securityContext"] = context
		}
		u := harden.Partial(x.Object)
		u.Object["spec"] = map[string]any{"template": map[string]any{"spec": map[string]any{"hostNetwork": context == nil, "containers": []any{c}}}}
		return u
	}
	text := func(u *unstructured.Unstructured) string {
		b, err := yaml.Marshal(u.Object)
		if err != nil {
			panic(err)
		}
		return string(b)
	}
	before, after = object(nil, nil, "hunter2"), object(map[string]any{"runAsNonRoot": true}, []any{"ALL"}, "hunter3")
	return before, after, udiff.Unified("live", "fixed", text(object(nil, nil, "*** (1)")), text(object(map[string]any{"runAsNonRoot": true}, []any{"ALL"}, "*** (2)")))
}

func (f *fake) PatchText(*harden.ObjectPlan) (string, error) { return "", errors.New("not faked") }

func (f *fake) Revise(context.Context, *harden.Plan, harden.Key, string, harden.PlanOptions) (*harden.Plan, error) {
	return nil, errors.New("not faked")
}

func (f *fake) Export(*harden.Plan, harden.ExportForm, string) ([]harden.FileChange, error) {
	return []harden.FileChange{{Path: "out/kustomization.yaml", After: []byte("a")}}, f.errs["Export"]
}

func (f *fake) Edits(p *harden.Plan, _ harden.SourceOptions) (*harden.SourceEdits, error) {
	edits := &harden.SourceEdits{Files: []harden.FileChange{{Path: "deploy/same.yaml", Before: []byte("a"), After: []byte("a")}}}
	for _, o := range p.Objects {
		edits.Files = append(edits.Files, harden.FileChange{Path: "deploy/" + o.Target.Name + ".yaml", Before: []byte("a"), After: []byte("b"), Notes: []string{"the anchor &sec was written out"}})
	}
	return edits, f.errs["Edits"]
}

func (f *fake) written(call string) {
	if f.onWrite != nil {
		f.onWrite(call)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes = append(f.writes, call)
}

func (f *fake) Write(files []harden.FileChange) ([]string, error) {
	f.written("Write")
	var paths []string
	for _, c := range files {
		if c.Changed() {
			paths = append(paths, c.Path)
		}
	}
	return paths, f.errs["Write"]
}

// wait holds a method back; false: its context ended.
func (f *fake) wait(ctx context.Context, method string) bool {
	gate, ok := f.hold[method]
	if !ok {
		return true
	}
	if f.begun != nil {
		f.begun()
	}
	select {
	case <-gate:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *fake) Apply(ctx context.Context, plan *harden.Plan, _ harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	f.written("Apply")
	report := &harden.ApplyReport{ID: "20261104-103000-f7a8"}
	for i, o := range plan.Objects {
		if i > 0 && !f.wait(ctx, "Apply") || ctx.Err() != nil {
			report.Outcomes = append(report.Outcomes, harden.Outcome{Object: o.Target, Phase: harden.Skipped, Message: "stopped"})
			continue
		}
		for _, e := range []harden.Event{
			{Phase: harden.Checking, Message: "reading it anew"},
			{Phase: harden.Applying},
			{Phase: harden.RollingOut, Message: "1 of 3 pods updated"},
			{Phase: harden.RollingOut, Message: "1 of 3 pods updated"},
			{Phase: harden.Soaking, Message: "all pods are ready"},
		} {
			e.Object = o.Target
			progress(e)
		}
		out := harden.Outcome{Object: o.Target, Phase: harden.Proven, Message: "3 of 3 pods updated and ready"}
		for _, x := range o.Fixes {
			out.Fixed = append(out.Fixed, x.Finding)
		}
		report.Outcomes = append(report.Outcomes, out)
	}
	return report, f.errs["Apply"]
}

func (f *fake) Gather(ctx context.Context, _ []*harden.Workload, _ harden.EvidenceOptions, progress func(harden.GatherProgress)) (*harden.Snapshot, error) {
	progress(harden.GatherProgress{What: "images", Total: 2})
	if !f.wait(ctx, "Gather") {
		return nil, ctx.Err()
	}
	progress(harden.GatherProgress{What: "images", Done: 2, Total: 2})
	return f.snap, f.errs["Gather"]
}

func (f *fake) Network(context.Context, []string) (*harden.NetworkView, error) {
	return f.network, f.errs["Network"]
}

func (f *fake) Report([]string) ([]*compliance.Assessment, error) {
	s, err := compliance.Find("nsa", f.snap.Inventory)
	if err != nil {
		return nil, err
	}
	return []*compliance.Assessment{compliance.Assess(f.snap.Result, []*harden.Fixer{fixNonRoot}, s[0])}, f.errs["Report"]
}

func (f *fake) Waivers() []harden.WaiverView { return f.waived }

func (f *fake) Waive(_ context.Context, findings []*harden.Finding, w harden.Waiving, opts harden.PlanOptions) (*harden.Plan, error) {
	o := &harden.ObjectPlan{Target: findings[0].Object, Set: harden.Partial(findings[0].Object), Before: harden.Partial(findings[0].Object), After: harden.Partial(findings[0].Object)}
	text := findings[0].Fixer.ID + " until " + date(w.Until) + ": " + w.Reason
	o.After.SetAnnotations(map[string]string{"harden.example.com/waive": text})
	o.Diff = "+    harden.example.com/waive: '" + text + "'\n"
	o.Fixes = []harden.PlannedFix{{Finding: findings[0], Fix: harden.Fix{Title: "waive it until " + date(w.Until), Effect: harden.Waives}}}
	if opts.ServerDryRun {
		o.DryRun = &harden.DryRun{}
	}
	return &harden.Plan{Live: f.live, Objects: []*harden.ObjectPlan{o}}, f.errs["Waive"]
}

func (f *fake) WaiveInConfig([]*harden.Finding, harden.Waiving) ([]harden.FileChange, error) {
	return []harden.FileChange{{Path: ".harden.yaml", Before: []byte("a"), After: []byte("b")}}, f.errs["WaiveInConfig"]
}

func (f *fake) Unwaive(_ context.Context, w []harden.WaiverView, _ harden.PlanOptions) (*harden.Plan, error) {
	return &harden.Plan{Live: f.live, LeftOut: []harden.LeftOut{{Finding: w[0].Findings[0], Why: "it is written in " + w[0].Source + ": take it out there"}}}, f.errs["Unwaive"]
}

func (f *fake) History(context.Context) ([]harden.Record, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	records := slices.Clone(f.records)
	if slices.Contains(f.writes, "Apply") && !slices.Contains(f.writes, "Undo") {
		records = append([]harden.Record{{ID: "20261104-103000-f7a8", Time: seen.Add(15 * time.Minute), Objects: []harden.RecordObject{
			{Object: deployment("web"), Fixes: []string{"run-as-non-root"}, State: harden.RecordApplied, Note: "proven: 3 of 3 pods updated and ready"},
		}}}, records...)
	}
	return records, f.errs["History"]
}

func (f *fake) Undo(_ context.Context, id string, _ harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	f.written("Undo")
	progress(harden.Event{Object: deployment("web"), Phase: harden.Checking, Message: "reading it anew"})
	return &harden.ApplyReport{ID: id, Outcomes: []harden.Outcome{{Object: deployment("web"), Phase: harden.Undone, Message: "former values are back"}}}, f.errs["Undo"]
}

func (f *fake) Resume(_ context.Context, id string, _ harden.ApplyOptions, _ func(harden.Event)) (*harden.ApplyReport, error) {
	f.written("Resume")
	return &harden.ApplyReport{ID: id, Outcomes: []harden.Outcome{{Object: deployment("api"), Phase: harden.Proven}}}, f.errs["Resume"]
}

var seen = time.Date(2026, 11, 4, 10, 15, 0, 0, time.UTC)

func deployment(name string) harden.Ref {
	return harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}
}

func fixOf(class harden.Class, title string, claims ...harden.Claim) func(*harden.Pass, *harden.Finding) []harden.Fix {
	return func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: title, Class: class, Evidence: claims}}
	}
}

var (
	fixPrivileged = &harden.Fixer{
		ID: "privileged-container", Title: "A container has all rights of the node", Severity: harden.Critical,
		Doc:  "A privileged container sees every device of the node and has every capability. Whoever takes it over has the node.",
		Refs: []harden.Reference{{Standard: "PSS", ID: "baseline: privileged containers"}},
		Fix:  fixOf(harden.Review, "Set privileged to false", harden.Claim{Code: "E-PROC", State: harden.Missing, Text: "nobody looked which devices the process opens"}),
	}
	fixNonRoot = &harden.Fixer{
		ID: "run-as-non-root", Title: "Containers must be proven non-root", Severity: harden.High,
		Doc: "Fields:\n\n    spec.securityContext.runAsNonRoot\n\n**Why it matters.** UID 0 in a container is UID 0 for the kernel. It turns **most runtime and\nkernel bugs** into a takeover of the node.\n\n" +
			"**The fix.** `runAsNonRoot: true` makes the kubelet refuse to start a container as root.\n\n- A value on the container wins. See [the docs](https://kubernetes.io/docs/).",
		Refs: []harden.Reference{{Standard: "PSS", ID: "restricted: running as non-root"}, {Standard: "CIS", ID: "5.2.7"}},
		Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
			return []harden.Fix{
				{
					Title: "Require a non-root user", Class: harden.Evidence, Warning: "a process that writes to root-owned paths fails",
					Evidence: []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Text: "runAsUser is 10001", Limits: "that the process can write where it needs to", Time: seen}},
				},
				{Title: "Set the user on the pod instead", Class: harden.Review},
			}
		},
	}
	fixToken  = &harden.Fixer{ID: "sa-token-automount", Area: harden.AreaIdentity, Title: "A token of the API server is mounted that nobody uses", Severity: harden.Medium, Doc: "The token lies in every container.", Fix: fixOf(harden.Safe, "Do not mount the token")}
	fixMemory = &harden.Fixer{ID: "memory-limit", Title: "No memory limit", Severity: harden.Low, Doc: "One pod can starve the node."}
	fixTag    = &harden.Fixer{
		ID: "image-tag-mutable", Area: harden.AreaImage, Title: "The image can change under its name", Severity: harden.Info, Doc: "Tags move.",
		Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
			return []harden.Fix{{Title: "Pin the digest", Class: harden.Review, Manual: "look up the digest and write it into the manifest"}}
		},
	}
)

func workload(ns, name string) *harden.Workload {
	w := &harden.Workload{Ref: harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: ns, Name: name}, Meta: metav1.ObjectMeta{Name: name, Namespace: ns}}
	w.Template.Spec.Containers = []corev1.Container{{Name: name, Image: "registry.example.com/" + ns + "/" + name + ":2.14.0"}}
	return w
}

func findingOf(w *harden.Workload, fx *harden.Fixer, container, reason string) *harden.Finding {
	f := &harden.Finding{Fixer: fx, Object: w.Ref, Workload: w, Severity: fx.Severity, Base: fx.Severity, Reason: reason}
	if container != "" {
		f.Container = harden.ContainerRef{Kind: harden.AppContainer, Name: container}
		f.Field = "spec.template.spec.containers[" + container + "].securityContext"
	}
	return f
}

// shop is the data of most tests.
func shop() *fake {
	checkout, web, cache := workload("shop", "checkout"), workload("shop", "web"), workload("shop", "cache")
	fraud, proxy := workload("payments", "fraud"), workload("kube-system", "kube-proxy")
	unknown := findingOf(cache, fixNonRoot, "cache", "the image could not be read")
	unknown.Status = harden.StatusUnknown
	waived := findingOf(cache, fixMemory, "cache", "no memory limit")
	waived.Status = harden.StatusWaived
	waived.Excuse = &harden.Excuse{Reason: "sized by the node pool", Until: seen.AddDate(0, 2, 0), By: "platform", Source: "annotation of Deployment shop/cache"}
	inv := &harden.Inventory{
		Cluster: harden.Cluster{Server: "https://192.0.2.1:6443", Context: "prod-eu"}, Now: seen, Objects: 412,
		Scope:     []string{"kube-system", "payments", "shop"},
		Workloads: []*harden.Workload{cache, checkout, web, fraud, proxy},
		Unread:    []harden.Unread{{Resource: "services", Namespace: "payments", Why: "forbidden: user \"dev\" cannot list services"}},
	}
	all := []*harden.Finding{
		findingOf(fraud, fixPrivileged, "fraud", "privileged is true"),
		findingOf(proxy, fixPrivileged, "kube-proxy", "privileged is true"),
		unknown, waived,
		findingOf(checkout, fixNonRoot, "checkout", "may run as root"), findingOf(checkout, fixToken, "", "the token is mounted and never used"),
		findingOf(web, fixPrivileged, "web", "privileged is true"), findingOf(web, fixNonRoot, "web", "may run as root: nothing says otherwise"),
		findingOf(web, fixMemory, "web", "no memory limit"), findingOf(web, fixTag, "web", "tag 2.14.0"),
	}
	f := &fake{live: true, snap: &harden.Snapshot{Result: &harden.Result{Inventory: inv, Findings: all}, Generation: 1}, errs: map[string]error{}, watching: make(chan struct{})}
	f.records = []harden.Record{
		{ID: "20261103-090000-c3d4", Time: seen.Add(-25 * time.Hour), Objects: []harden.RecordObject{{Object: deployment("api"), Fixes: []string{"drop-all-capabilities"}, State: harden.RecordUndone, Note: "undone"}}},
		{ID: "20261102-090000-e5f6", Time: seen.Add(-49 * time.Hour), Objects: []harden.RecordObject{{Object: deployment("api"), Fixes: []string{"memory-limit"}, State: harden.RecordOnTrial, Note: "the run was interrupted"}}},
	}
	f.waived = []harden.WaiverView{{Rule: "memory-limit", State: harden.WaiverHolds, Reason: "sized by the node pool", Until: seen.AddDate(0, 2, 0), Source: ".harden.yaml:3", Findings: []*harden.Finding{waived}}}
	f.network = talk()
	return f
}

// without is the snapshot without the findings of a rule on the object.
func without(s *harden.Snapshot, rule, object string) *harden.Snapshot {
	out := *s
	result := *s.Result
	out.Result = &result
	out.Generation++
	result.Findings = slices.DeleteFunc(slices.Clone(s.Findings), func(f *harden.Finding) bool { return f.Fixer.ID == rule && f.Object.Name == object })
	return &out
}

// talk is who can talk to whom among web, DNS, the internet and a database.
func talk() *harden.NetworkView {
	web := harden.WorkloadPeer(deployment("web"))
	db := harden.WorkloadPeer(harden.Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "payments", Name: "db"})
	v := &harden.NetworkView{
		Namespaces: []string{"shop"}, Engine: harden.Engine{Name: harden.EngineCilium, Enforces: harden.Enforced},
		Peers: []harden.Peer{db, web, {Kind: harden.PeerDNS}, {Kind: harden.PeerMetadata}, {Kind: harden.PeerInternet}},
		Flows: []harden.Flow{
			{From: web, To: db, Port: harden.Port{Protocol: corev1.ProtocolTCP, Number: 5432}, Confidence: harden.ConfidenceMedium, Origins: []harden.FlowOrigin{{Code: "E-ENV", Text: `env DB_ADDR of container web is "db.payments:5432"`}}},
		},
		Phases: []harden.NetworkPhase{{Namespace: "shop", Name: harden.PhaseEgress, Warnings: []string{"new names need a new policy"}, Policies: []*unstructured.Unstructured{{Object: map[string]any{
			"kind": "NetworkPolicy", "metadata": map[string]any{"name": "harden-web-egress"}, "spec": map[string]any{"podSelector": map[string]any{}},
		}}}}},
	}
	cell := func(to int32, protocol corev1.Protocol, port int32, before, after harden.Reach, flow int32) {
		v.Cells = append(v.Cells, harden.NetworkCell{From: 1, To: to, Port: harden.Port{Protocol: protocol, Number: port}, Before: before, After: after, Flow: flow})
	}
	cell(0, corev1.ProtocolTCP, 5432, harden.ReachAllowed, harden.ReachAllowed, 1)
	cell(2, corev1.ProtocolUDP, 53, harden.ReachAllowed, harden.ReachAllowed, 0)
	cell(3, corev1.ProtocolTCP, 80, harden.ReachUnknown, harden.ReachDenied, 0)
	cell(4, corev1.ProtocolTCP, 443, harden.ReachAllowed, harden.ReachDenied, 0)
	v.Explain = func(_, to harden.Peer, _ harden.Port) (before, after harden.Decision) {
		before, after = harden.Decision{Reach: harden.ReachAllowed, Why: "no policy isolates it"}, harden.Decision{Reach: harden.ReachAllowed, Why: "NetworkPolicy shop/harden-web-egress, egress rule 1"}
		if to.Kind == harden.PeerInternet || to.Kind == harden.PeerMetadata {
			after = harden.Decision{Reach: harden.ReachDenied, Why: "NetworkPolicy shop/harden-web-egress isolates it"}
		}
		return before, after
	}
	return v
}

// contested makes every object of a plan one that Helm holds a field of, until
// that is forced.
func contested(plan *harden.Plan, opts harden.PlanOptions) {
	for _, o := range plan.Objects {
		o.Owner = &harden.Owner{Name: "Helm", What: "release shop", Manager: "helm", Next: "with the next helm upgrade"}
		o.Fields = []harden.FieldOwners{{Field: ".spec.template", Managers: []harden.FieldOwner{{Manager: "helm"}}}}
		if o.DryRun != nil {
			o.DryRun.Conflicts = []harden.Conflict{{Field: ".spec.template", Manager: "helm"}}
			o.DryRun.Warnings = []string{"would violate PodSecurity"}
			o.Force = opts.ForceConflicts
		}
	}
}
