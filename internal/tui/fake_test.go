package tui

import (
	"context"
	"errors"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// fake is a Backend over made-up data that records what is asked of it.
type fake struct {
	outcome func(*harden.Outcome) // changes what Apply reports of each object; may be nil
	title   string
	live    bool
	snap    *harden.Snapshot
	loadErr error
	planErr error
	prevErr error
	slow    bool          // Load does not answer before its context ends
	gate    chan struct{} // when set, Apply and Undo wait for it before each object
	records []harden.Record
	// replan changes the plan that is answered.
	replan func(*harden.Plan, harden.PlanOptions)

	mu      sync.Mutex
	watch   chan *harden.Snapshot
	applied []*harden.Plan
	undone  []string
	resumed []string
	looked  []int // how many workloads each Gather was for
	gather  func(harden.EvidenceOptions) (*harden.Snapshot, error)
	// networks are the namespaces that each Network was for; networkGate, when
	// set, holds its answer back; renet changes it.
	networks    [][]string
	networkErr  error
	networkGate chan struct{}
	renet       func(*harden.NetworkView)
	// editErr and writeErr are what Edits and Write answer; written are the files.
	editErr, writeErr error
	written           []string
	// scopes are what each Load was for; closed and logins count calls.
	scopes         []harden.Scope
	closed, logins int
	// loginErr and spacesErr are what Login and Namespaces answer.
	loginErr, spacesErr error
	faces
	// streamed tells what a look finds as it goes; false: it was ended.
	streamed func(done <-chan struct{}, progress func(harden.GatherProgress)) bool
}

var _ Backend = (*fake)(nil)

func (f *fake) Title() string { return f.title }
func (f *fake) Live() bool    { return f.live }

func (f *fake) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed++
}

func (f *fake) Login(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.logins++
	return f.loginErr
}

func (f *fake) Namespaces(context.Context) ([]string, error) {
	if f.snap.Result == nil {
		return nil, errors.New("forbidden")
	}
	return f.snap.Inventory.Scope, f.spacesErr
}

func (f *fake) Token(w *harden.Workload) *harden.TokenView {
	return &harden.TokenView{
		Account: "web", Mounted: true, MountKnown: true,
		Lines: []harden.TokenLine{{Severity: harden.High, Text: "read Secrets of " + w.Ref.Namespace + " (RoleBinding web -> Role web)"}},
	}
}

func (f *fake) Load(ctx context.Context, scope harden.Scope) (*harden.Snapshot, error) {
	f.mu.Lock()
	f.scopes = append(f.scopes, scope)
	f.mu.Unlock()
	if f.slow {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return f.snap, f.loadErr
}

func (f *fake) Watch(ctx context.Context, _ harden.Scope) <-chan *harden.Snapshot {
	ch := make(chan *harden.Snapshot, 8)
	if !f.live {
		close(ch)
		return ch
	}
	f.mu.Lock()
	f.watch = ch
	f.mu.Unlock()
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

func (f *fake) send(s *harden.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.watch != nil {
		f.watch <- s
	}
}

func (f *fake) Fixes(x *harden.Finding) []harden.Fix {
	if x.Fixer.Fix == nil {
		return nil
	}
	return x.Fixer.Fix(nil, x)
}

func (f *fake) Preview(_ context.Context, x *harden.Finding) (*harden.Plan, error) {
	if f.prevErr != nil {
		return nil, f.prevErr
	}
	return f.planOf([]*harden.Finding{x}, harden.PlanOptions{}), nil
}

func (f *fake) Plan(ctx context.Context, findings []*harden.Finding, opts harden.PlanOptions) (*harden.Plan, error) {
	if f.planErr != nil {
		return nil, f.planErr
	}
	plan := f.planOf(findings, opts)
	for _, o := range plan.Objects {
		o.Force = opts.ForceConflicts
	}
	if f.replan != nil {
		f.replan(plan, opts)
	}
	return plan, ctx.Err()
}

func (f *fake) Edits(p *harden.Plan, _ harden.SourceOptions) (*harden.SourceEdits, error) {
	if f.editErr != nil {
		return nil, f.editErr
	}
	edits := &harden.SourceEdits{Files: []harden.FileChange{{Path: "deploy/same.yaml", Before: []byte("a"), After: []byte("a")}}}
	for _, o := range p.Objects {
		edits.Files = append(edits.Files, harden.FileChange{Path: "deploy/" + o.Target.Name + ".yaml", Before: []byte("a"), After: []byte("b"), Notes: []string{"the anchor &sec of " + o.Target.Name + " was written out"}})
	}
	return edits, nil
}

func (f *fake) Write(changes []harden.FileChange) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range changes {
		if c.Changed() {
			f.written = append(f.written, c.Path)
		}
	}
	return f.written, f.writeErr
}

func (f *fake) planOf(findings []*harden.Finding, opts harden.PlanOptions) *harden.Plan {
	plan := &harden.Plan{Live: f.live}
	at := map[harden.Key]*harden.ObjectPlan{}
	for _, x := range findings {
		fixes := f.Fixes(x)
		if len(fixes) == 0 {
			plan.LeftOut = append(plan.LeftOut, harden.LeftOut{Finding: x, Why: "the rule only detects"})
			continue
		}
		if fixes[0].Manual != "" {
			plan.LeftOut = append(plan.LeftOut, harden.LeftOut{Finding: x, Fix: &fixes[0], Why: "a person has to do it"})
			continue
		}
		o := at[x.Object.Key()]
		if o == nil {
			o = &harden.ObjectPlan{Target: x.Object, Set: &unstructured.Unstructured{Object: map[string]any{"kind": x.Object.Kind}}}
			if x.Object.Kind != "Namespace" && x.Object.Kind != "ServiceAccount" && x.Object.Kind != "CronJob" {
				o.Restarts = 1
			}
			if opts.ServerDryRun {
				o.DryRun = &harden.DryRun{ResourceVersion: "1"}
			}
			at[x.Object.Key()] = o
			plan.Objects = append(plan.Objects, o)
		}
		o.Fixes = append(o.Fixes, harden.PlannedFix{Finding: x, Fix: fixes[0]})
		o.Diff = diffFor(o)
		if o.Target.Name == "search" {
			o.Delivery = harden.DeliverSource
			o.DeliveryWhy = "Flux applies this object every 10 minutes and would fail on a renamed container"
			o.Owner = &harden.Owner{Name: "Flux", What: "Kustomization shop", Manager: "kustomize-controller", Applies: true, Next: "within 10m0s: its fields are applied again"}
			o.Fields = []harden.FieldOwners{{Field: ".spec.template.spec.hostNetwork", Managers: []harden.FieldOwner{{Manager: "kustomize-controller", Applies: true}}}}
			o.DryRun = nil
		}
	}
	return plan
}

func diffFor(o *harden.ObjectPlan) string {
	s := "--- live\n+++ after\n@@ -20,8 +20,11 @@\n       containers:\n       - name: web\n         image: registry.example.com/shop/web:2.14.0\n"
	for _, f := range o.Fixes {
		switch f.Finding.Fixer.ID {
		case "run-as-non-root":
			s += "+        securityContext:\n+          runAsNonRoot: true\n"
		case "psa-enforce-missing":
			s += "+    pod-security.kubernetes.io/warn: restricted\n"
		default:
			s += "-        " + f.Finding.Fixer.ID + ": true\n+        " + f.Finding.Fixer.ID + ": false\n"
		}
	}
	return s + "         ports:\n         - containerPort: 8080\n"
}

// breakAll makes every change break its pods, and be taken back by itself.
func breakAll(out *harden.Outcome) {
	out.Phase, out.Err = harden.RolledBack, errors.New("pod web-1: CreateContainerConfigError")
	out.Message = "pod web-1: CreateContainerConfigError; the change was taken back"
}

func (f *fake) Apply(ctx context.Context, plan *harden.Plan, opts harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	f.mu.Lock()
	f.applied = append(f.applied, plan)
	f.mu.Unlock()
	report := &harden.ApplyReport{ID: "20261104-101500-a1b2"}
	for _, o := range plan.Objects {
		if f.gate != nil {
			progress(harden.Event{Object: o.Target, Phase: harden.Applying})
			progress(harden.Event{Object: o.Target, Phase: harden.RollingOut, Message: "1 of 3 pods updated"})
			select {
			case <-f.gate:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			report.Outcomes = append(report.Outcomes, harden.Outcome{Object: o.Target, Phase: harden.Skipped, Message: "cancelled"})
			progress(harden.Event{Object: o.Target, Phase: harden.Skipped, Message: "cancelled"})
			continue
		}
		out := harden.Outcome{Object: o.Target, Phase: harden.Proven, Message: "3 of 3 pods updated and ready"}
		if o.Target.Name == "api" {
			out.Phase, out.Message = harden.Failed, "rolled back"
			out.Err = errors.New("the rollout did not finish: container api: CreateContainerConfigError: container has runAsNonRoot and image will run as root")
		}
		if f.outcome != nil {
			f.outcome(&out)
		}
		for _, fix := range o.Fixes {
			if out.Phase == harden.Proven {
				out.Fixed = append(out.Fixed, fix.Finding)
			} else {
				out.Open = append(out.Open, fix.Finding)
			}
		}
		progress(harden.Event{Object: o.Target, Phase: out.Phase, Message: out.Message})
		report.Outcomes = append(report.Outcomes, out)
	}
	return report, nil
}

func (f *fake) Gather(ctx context.Context, of []*harden.Workload, opts harden.EvidenceOptions, progress func(harden.GatherProgress)) (*harden.Snapshot, error) {
	f.mu.Lock()
	f.looked = append(f.looked, len(of))
	f.mu.Unlock()
	if opts.Network {
		progress(harden.GatherProgress{What: "the network", Done: 3, Total: 12})
		return f.snap, ctx.Err()
	}
	if f.streamed == nil {
		progress(harden.GatherProgress{What: "images", Done: 1, Total: 2})
	} else if !f.streamed(ctx.Done(), progress) {
		return nil, ctx.Err()
	}
	if f.gather == nil {
		return f.snap, nil
	}
	return f.gather(opts)
}

func (f *fake) Resume(_ context.Context, id string, _ harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	f.mu.Lock()
	f.resumed = append(f.resumed, id)
	f.mu.Unlock()
	report := &harden.ApplyReport{ID: id}
	for _, r := range f.records {
		for _, o := range r.Objects {
			if r.ID == id {
				report.Outcomes = append(report.Outcomes, harden.Outcome{Object: o.Object, Phase: harden.Proven, Message: "3 of 3 pods updated and ready"})
			}
		}
	}
	return report, nil
}

func (f *fake) History(context.Context) ([]harden.Record, error) { return f.records, nil }

func (f *fake) Undo(_ context.Context, id string, _ harden.ApplyOptions, progress func(harden.Event)) (*harden.ApplyReport, error) {
	f.mu.Lock()
	f.undone = append(f.undone, id)
	f.mu.Unlock()
	report := &harden.ApplyReport{ID: id}
	for _, r := range f.records {
		if r.ID != id {
			continue
		}
		for _, o := range r.Objects {
			progress(harden.Event{Object: o.Object, Phase: harden.Undone, Message: "former values are back"})
			report.Outcomes = append(report.Outcomes, harden.Outcome{Object: o.Object, Phase: harden.Undone, Message: "former values are back"})
		}
	}
	return report, nil
}

var seen = time.Date(2026, 11, 4, 10, 15, 0, 0, time.UTC)

func fixOf(class harden.Class, title string, claims ...harden.Claim) func(*harden.Pass, *harden.Finding) []harden.Fix {
	return func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{Title: title, Class: class, Evidence: claims}}
	}
}

var (
	fixPrivileged = &harden.Fixer{
		ID: "privileged-container", Title: "A container has all rights of the node", Severity: harden.Critical,
		Doc:  "A privileged container sees every device of the node and has every capability. Whoever takes it over has the node.",
		Refs: []harden.Reference{{Standard: "PSS", ID: "baseline: privileged containers", URL: "https://kubernetes.io/docs/concepts/security/pod-security-standards/"}, {Standard: "CIS", ID: "5.2.2"}},
		Fix:  fixOf(harden.Review, "Set privileged to false", harden.Claim{Code: "E-PROC", State: harden.Missing, Text: "nobody looked which devices the process opens"}),
	}
	fixNonRoot = &harden.Fixer{
		ID: "run-as-non-root", Title: "Containers must be proven and enforced non-root", Severity: harden.High,
		Doc: "Fields:\n\n    spec.securityContext.runAsNonRoot\n    spec.containers[].securityContext.runAsNonRoot\n\n" +
			"**Why it matters.** UID 0 in a container is UID 0 for the kernel. It turns **most runtime and kernel bugs** into a takeover\nof the node.\n\n" +
			"- `runAsNonRoot: true` makes the kubelet refuse to start a container that would run as root.\n" +
			"- A value on the container replaces the value on the pod.\n\nSee [the docs](https://kubernetes.io/docs/tasks/configure-pod-container/security-context/).",
		Refs: []harden.Reference{{Standard: "PSS", ID: "restricted: running as non-root"}, {Standard: "CIS", ID: "5.2.7"}, {Standard: "Trivy", ID: "KSV-0012"}},
		Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
			return []harden.Fix{
				{
					Title: "Require a non-root user", Class: harden.Evidence, Warning: "a process that writes to root-owned paths fails",
					Evidence: []harden.Claim{
						{Code: "E-SPEC", State: harden.Holds, Text: "runAsUser is 10001", Limits: "that the process can write where it needs to", Time: seen},
						{Code: "E-LIVE", State: harden.Holds, Text: "3 of 3 pods run as 10001", Time: seen.Add(-3 * time.Hour)},
					},
				},
				{Title: "Set the user on the pod instead", Class: harden.Review},
			}
		},
	}
	fixRootFS = &harden.Fixer{
		ID: "read-only-root-filesystem", Title: "The root filesystem is writable", Severity: harden.Medium,
		Doc: "What can be written can be replaced.",
		Fix: fixOf(harden.Review, "Make the root filesystem read-only", harden.Claim{Code: "E-DIFF", State: harden.Missing, Text: "nobody looked which paths are written"}, harden.Claim{Code: "E-SPEC", State: harden.Refutes, Text: "the command writes to /var/cache/nginx"}),
	}
	fixToken = &harden.Fixer{
		ID: "sa-token-automount", Title: "A token of the API server is mounted that nobody uses", Severity: harden.Medium,
		Doc: "The token lies in every container.", Fix: fixOf(harden.Safe, "Do not mount the token"),
	}
	fixNetpol = &harden.Fixer{ID: "netpol-no-default-deny", Title: "Every pod may talk to every other", Severity: harden.Medium, Doc: "Without a policy all is allowed."}
	fixMemory = &harden.Fixer{ID: "memory-limit", Title: "No memory limit", Severity: harden.Low, Doc: "One pod can starve the node."}
	fixPSA    = &harden.Fixer{ID: "psa-enforce-missing", Title: "Pod Security is not enforced", Severity: harden.Low, Doc: "Labels.", Fix: fixOf(harden.Safe, "Warn about what restricted would refuse")}
	fixTag    = &harden.Fixer{
		ID: "image-tag-mutable", Area: harden.AreaImage, Title: "The image can change under its name", Severity: harden.Info, Doc: "Tags move.",
		Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
			return []harden.Fix{{Title: "Pin the digest", Class: harden.Review, Manual: "look up the digest and write it into the manifest"}}
		},
	}
)

func workload(kind, ns, name string) *harden.Workload {
	api := "apps/v1"
	if kind == "CronJob" {
		api = "batch/v1"
	}
	w := &harden.Workload{Ref: harden.Ref{APIVersion: api, Kind: kind, Namespace: ns, Name: name}, Meta: metav1.ObjectMeta{Name: name, Namespace: ns}}
	w.Template.Spec.Containers = []corev1.Container{{Name: name, Image: "registry.example.com/" + ns + "/" + name + ":2.14.0"}}
	return w
}

func finding(w *harden.Workload, fx *harden.Fixer, container, reason string) *harden.Finding {
	f := &harden.Finding{Fixer: fx, Object: w.Ref, Workload: w, Severity: fx.Severity, Base: fx.Severity, Reason: reason}
	if container != "" {
		f.Container = harden.ContainerRef{Kind: harden.AppContainer, Name: container}
		f.Field = "spec.template.spec.containers[" + container + "].securityContext"
	}
	return f
}

// shop is the data of most tests.
func shop() *harden.Snapshot {
	checkout, web, api := workload("Deployment", "shop", "checkout"), workload("Deployment", "shop", "web"), workload("Deployment", "shop", "api")
	cache, search := workload("StatefulSet", "shop", "cache"), workload("Deployment", "shop", "search")
	fraud := workload("Deployment", "payments", "fraud")
	login, cleanup := workload("Deployment", "identity", "login"), workload("CronJob", "identity", "session-cleanup-with-a-rather-long-name")
	proxy := workload("DaemonSet", "kube-system", "kube-proxy")
	moved := finding(web, fixNonRoot, "web", "may run as root: nothing says otherwise")
	moved.Severity, moved.SeverityWhy = harden.High, ""
	moved.Detail = "Neither the pod nor the container sets runAsNonRoot, and the image decides the user. The container web runs as UID 10001 today."
	up := finding(fraud, fixRootFS, "fraud", "the root filesystem is writable")
	up.Severity, up.SeverityWhy = harden.High, "the workload is reachable from the internet"
	unknown := finding(cache, fixNonRoot, "redis", "the image could not be read")
	unknown.Status = harden.StatusUnknown
	waived := finding(search, fixMemory, "search", "waived until 2027-01-01: sized by the node pool")
	waived.Status = harden.StatusWaived
	waived.Excuse = &harden.Excuse{Reason: "sized by the node pool", Until: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), By: "team-search", Ticket: "OPS-12", Source: "an annotation of shop/deploy/search"}
	ns := harden.Ref{APIVersion: "v1", Kind: "Namespace", Name: "shop"}
	all := []*harden.Finding{
		finding(web, fixPrivileged, "web", "privileged is true"), moved,
		finding(web, fixRootFS, "web", "the root filesystem is writable"), finding(web, fixMemory, "web", "no memory limit"),
		finding(web, fixTag, "web", "tag latest"),
		finding(checkout, fixNonRoot, "checkout", "may run as root"), finding(checkout, fixToken, "", "the token is mounted and never used"),
		finding(api, fixNonRoot, "api", "may run as root"), finding(api, fixRootFS, "日本語コンテナ", "the root filesystem is writable"),
		finding(search, fixNonRoot, "search", "may run as root"), waived, unknown,
		finding(fraud, fixPrivileged, "fraud", "privileged is true"), up,
		finding(cleanup, fixNonRoot, "cleanup", "may run as root"), finding(cleanup, fixMemory, "cleanup", "no memory limit"),
		finding(proxy, fixPrivileged, "kube-proxy", "privileged is true"),
		{Fixer: fixPSA, Object: ns, Severity: harden.Low, Base: harden.Low, Reason: "no enforce label", Field: "metadata.labels"},
		{Fixer: fixNetpol, Object: ns, Severity: harden.Medium, Base: harden.Medium, Reason: "no policy selects all pods"},
	}
	inv := &harden.Inventory{
		Cluster: harden.Cluster{Server: "https://192.0.2.1:6443", Context: "prod-eu"}, Now: seen,
		Scope:     []string{"default", "identity", "kube-node-lease", "kube-public", "kube-system", "payments", "shop"},
		Workloads: []*harden.Workload{checkout, web, api, cache, search, fraud, login, cleanup, proxy},
		Objects:   412,
		Unread: []harden.Unread{
			{Resource: "networkpolicies.networking.k8s.io", Why: "forbidden: user \"dev\" cannot list resource \"networkpolicies\" at the cluster scope"},
			{Resource: "serviceaccounts", Namespace: "payments", Why: "forbidden"},
		},
	}
	return &harden.Snapshot{Result: &harden.Result{Inventory: inv, Findings: all, Took: 820 * time.Millisecond}, Generation: 1}
}

func newFake() *fake {
	return &fake{title: "prod-eu", live: true, snap: shop(), records: history()}
}

func history() []harden.Record {
	dep := func(name string) harden.Ref {
		return harden.Ref{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment", Namespace: "shop", Name: name}
	}
	return []harden.Record{
		{ID: "20261104-101500-a1b2", Time: seen, Cluster: "prod-eu", Objects: []harden.RecordObject{
			{Object: dep("checkout"), Fixes: []string{"run-as-non-root", "sa-token-automount"}, State: harden.RecordApplied, Note: "proven: 3 of 3 pods updated"},
			{Object: dep("web"), Fixes: []string{"run-as-non-root"}, State: harden.RecordApplied, Note: "proven"},
		}},
		{ID: "20261103-090000-c3d4", Time: seen.Add(-25 * time.Hour), Cluster: "prod-eu", Objects: []harden.RecordObject{
			{Object: dep("api"), Fixes: []string{"drop-all-capabilities"}, State: harden.RecordUndone, Note: "undone"},
		}},
		{ID: "20261102-090000-e5f6", Time: seen.Add(-49 * time.Hour), Cluster: "prod-eu", Objects: []harden.RecordObject{
			{Object: dep("api"), Fixes: []string{"drop-all-capabilities"}, State: harden.RecordFailed, Note: "refused: admission webhook denied the request"},
		}},
	}
}
