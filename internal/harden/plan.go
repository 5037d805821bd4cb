package harden

import (
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// A Plan is what will be done for a set of chosen fixes: one entry per object.
type Plan struct {
	Live bool // for a cluster; otherwise for files
	// InSource is PlanOptions.InSource: the plan goes to where the objects come from.
	InSource bool
	Objects  []*ObjectPlan
	LeftOut  []LeftOut // findings whose fixes are not in the plan, and why
	// PodSecurity tells, for each workload that the findings are about, what Pod
	// Security says to its pods before and after; ordered as inventories are.
	PodSecurity []PodSecurity
}

// PodSecurity is the level of the Pod Security Standards that the pods of a
// workload meet: privileged, baseline or restricted.
type PodSecurity struct {
	Object        Ref
	Before, After string
	Open          []PodSecurityControl // what keeps it from restricted after the plan
}

// A PodSecurityControl is one control that pods do not meet.
type PodSecurityControl struct {
	Level  string // the lowest level that has the control
	ID     string // of upstream's check, such as runAsNonRoot
	Reason string // upstream's words
	Why    string // why the plan does not bring it
}

// An ObjectPlan is one object and everything that will be done to it at once.
type ObjectPlan struct {
	Target Ref
	Verb   Verb
	// Set is the union of what its fixes set: a partial object without guards;
	// nil when there are only removals.
	Set    *unstructured.Unstructured
	Remove []Path
	Fixes  []PlannedFix
	// Force are fields (as Conflict.Field writes them) that may be taken over on
	// this object from managers that hold them by Update; "*" means all of those.
	Force []string

	Owner *Owner // who else manages the object; nil when nobody is seen
	// Fields are what the plan changes on an object that exists, with who holds it
	// now; empty for files.
	Fields      []FieldOwners
	Fate        Fate // of a live patch, whether it is delivered live or not; empty for files and new objects
	Delivery    Delivery
	DeliveryWhy string // why not live and what to do instead, or what will happen to a live patch
	// Restarts counts rollouts that the plan causes on this object: 0, 1, or 2
	// when removals need a request of their own.
	Restarts int

	// Before and After are the object without status and managedFields; After
	// is computed here, or is the answer of the server's dry run.
	Before, After *unstructured.Unstructured
	Diff          string  // unified diff of Before and After as YAML; empty when they are equal
	DryRun        *DryRun // nil until the server was asked
}

// A PlannedFix is a fix with the finding that it repairs.
type PlannedFix struct {
	Finding *Finding
	Fix     Fix
}

// A LeftOut is a finding that the plan will not repair.
type LeftOut struct {
	Finding *Finding
	Fix     *Fix // the fix that was not taken; nil when there is none
	Why     string
	Held    *Conflict // it was not taken because another manager holds the field
}

// A DryRun is what the API server said to a plan without storing it.
type DryRun struct {
	Err        error      // refusal, in words for people; nil when accepted
	Conflicts  []Conflict // fields that another manager holds with another value
	Taken      []Conflict // conflicts that the user chose to force: the plan takes these fields over
	Warnings   []string   // warnings of the API server, such as Pod Security
	Unintended []string   // fields that would change though nobody asked: admission interferes
	// ResourceVersion of the object that was asked about.
	ResourceVersion string
}

// OK reports whether the plan may be applied as it is.
func (d *DryRun) OK() bool {
	return d != nil && d.Err == nil && len(d.Conflicts) == 0 && len(d.Unintended) == 0
}

// A Conflict is a field that another manager holds.
type Conflict struct {
	Field   string // as the server writes it
	Manager string
	Applies bool // the manager holds it by server-side apply: never forced
}

// A Phase is the state of one object while a plan is applied or undone.
type Phase int

// Phases. Those from Proven on are final.
const (
	Waiting     Phase = iota
	Checking          // reading the object anew, asking the server
	Applying          // the request is on its way
	RollingOut        // pods are being replaced
	Soaking           // the new pods are watched for a while
	RollingBack       // it went wrong and is being taken back
	Proven            // read back, pods replaced, findings gone
	Unproven          // applied, but nothing has shown yet that it works: CronJob, OnDelete, --wait=false
	NotFixed          // applied, and the finding is still there
	Failed            // the rollout did not finish
	Refused           // nothing was written
	Undone            // taken back
	RolledBack        // it went wrong and was taken back by itself
	Skipped           // not tried: cancelled or an earlier object failed
)

var phaseNames = []string{"waiting", "checking", "applying", "rolling out", "soaking", "rolling back", "proven", "applied, unproven", "applied, not fixed", "failed", "refused", "undone", "rolled back", "skipped"}

func (p Phase) String() string { return name(phaseNames, int(p)) }

// MarshalText writes the name.
func (p Phase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Final reports whether the object will not move on.
func (p Phase) Final() bool { return p >= Proven }

// Good reports whether the phase is an outcome to be content with.
func (p Phase) Good() bool { return p == Proven || p == Unproven || p == Undone }

// An Event tells about one object while a plan is applied or undone.
type Event struct {
	Object  Ref
	Phase   Phase
	Message string // such as "2 of 3 pods updated", or the reason of a refusal
}

// An Outcome is how it ended for one object.
type Outcome struct {
	Object  Ref
	Phase   Phase
	Message string
	Fixed   []*Finding // gone after reading back
	Waived  []*Finding // there after reading back, and excused
	Counted []*Finding // there after reading back, and excused no more, as was wanted
	Open    []*Finding // not as the plan wants them: still there, or still waived
	Err     error      // why, for Failed, Refused, RolledBack and NotFixed
	// Symptoms are what was seen on the new pods, for Failed and RolledBack; the
	// first is what ended it.
	Symptoms []Symptom
}

// A Symptom is one sign that a change broke a pod.
type Symptom struct {
	Kind      SymptomKind
	Pod       string
	Container string
	Image     string // REPOSITORY@DIGEST as the pod reports it, else the reference in its spec
	// Line is the log line, or the message of the kubelet or controller; at most 300 characters.
	Line string
	// Path is the file that the line names, if any; absolute.
	Path string
	// Port is the port that may not be bound, for SymptomBind; 0 when the line names none.
	Port int
}

// String is one line for people.
func (s Symptom) String() string {
	out := ""
	if s.Pod != "" {
		out = "pod " + s.Pod
	}
	if s.Container != "" {
		out += ", container " + s.Container
	}
	if out != "" {
		out += ": "
	}
	return out + s.Line
}

// SymptomKind says what a sign points at.
type SymptomKind string

// Symptom kinds.
const (
	SymptomReadOnly     SymptomKind = "read-only"     // a write to a read-only file system (EROFS)
	SymptomDenied       SymptomKind = "denied"        // a file that may not be opened (EACCES)
	SymptomBind         SymptomKind = "bind"          // a port that may not be bound
	SymptomOwner        SymptomKind = "owner"         // chown, chmod, setuid, setgid, setgroups refused
	SymptomNotPermitted SymptomKind = "not-permitted" // another operation refused (EPERM)
	SymptomNoNewPrivs   SymptomKind = "no-new-privs"  // sudo, su and the like
	SymptomSeccomp      SymptomKind = "seccomp"       // a system call refused (SIGSYS, ENOSYS, pthread_create)
	SymptomToken        SymptomKind = "token"         // no ServiceAccount token, or Unauthorized
	SymptomUser         SymptomKind = "user"          // the kubelet refuses the user (runAsNonRoot)
	SymptomMemory       SymptomKind = "memory"        // OOMKilled
	SymptomRefusedPod   SymptomKind = "refused-pod"   // admission or quota refuses the pods
	SymptomImage        SymptomKind = "image"         // the image cannot be pulled
	SymptomCrash        SymptomKind = "crash"         // it ended or restarts, and nothing says why
	SymptomNotReady     SymptomKind = "not-ready"     // it does not become ready in time
	SymptomMount        SymptomKind = "mount"         // a volume cannot be mounted
	SymptomDNS          SymptomKind = "dns"           // a name that is not resolved
	SymptomNetwork      SymptomKind = "network"       // a connection that is not let through
)

// An ApplyReport is how it ended for a plan.
type ApplyReport struct {
	ID       string // of the journal record, for undo; empty when nothing was written
	Outcomes []Outcome
}

// A Record is an applied plan in the journal, for the list of what can be undone.
type Record struct {
	ID      string
	Time    time.Time
	Cluster string // context at that time
	Objects []RecordObject
}

// A RecordObject is one object in a Record.
type RecordObject struct {
	Object Ref
	Fixes  []string // fixer ids; with "waive " or "unwaive " before where nothing is repaired
	State  RecordState
	Note   string // outcome in words
	Made   bool   // by the plan: undo deletes it
}

// Undoable are the objects that were, or may have been, written.
func (r *Record) Undoable() []Ref { return r.objects(RecordState.Stands) }

// Interrupted are the objects of which nobody has said how they went.
func (r *Record) Interrupted() []Ref { return r.objects(RecordState.Open) }

func (r *Record) objects(wanted func(RecordState) bool) []Ref {
	var out []Ref
	for _, o := range r.Objects {
		if wanted(o.State) {
			out = append(out, o.Object)
		}
	}
	return out
}

// RecordState is what became of an applied object.
type RecordState string

// Record states.
const (
	RecordStarted RecordState = "started" // written before the request; the outcome is not known
	RecordApplied RecordState = "applied"
	RecordOnTrial RecordState = "on trial" // applied, and nobody has said yet how it went: a run is at it, or was interrupted
	RecordFailed  RecordState = "failed"   // it did not arrive, or nothing of it is left: nothing to undo
	RecordUndone  RecordState = "undone"
)

// Stands reports whether the change is on the cluster, or may be: it can be undone.
func (s RecordState) Stands() bool { return s != RecordFailed && s != RecordUndone }

// Open reports whether the outcome is not known yet: it can be resumed.
func (s RecordState) Open() bool { return s == RecordStarted || s == RecordOnTrial }
