// Package podsecurity says which level of the Pod Security Standards a pod meets,
// and what keeps it from a higher one. The judge is k8s.io/pod-security-admission,
// the code that API servers run; nothing of it is written anew here. It is pure.
package podsecurity

import (
	"cmp"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// The levels of the standards, from the one that allows everything to the
// strictest (https://kubernetes.io/docs/concepts/security/pod-security-standards/).
const (
	Privileged = string(api.LevelPrivileged)
	Baseline   = string(api.LevelBaseline)
	Restricted = string(api.LevelRestricted)
)

// A Verdict is what the standards say to one pod.
type Verdict struct {
	Level string // the highest that it meets: Privileged, Baseline or Restricted
	// Forbidden are the controls that it fails, those of Baseline first. Where a
	// control of Restricted replaces one of Baseline that fails too (seccomp,
	// capabilities), both are in it.
	Forbidden []Control
}

// A Control is one check of the standards that a pod fails.
type Control struct {
	Level  string // Baseline or Restricted: the lowest level that has it
	ID     string // upstream's, such as runAsNonRoot or capabilities_baseline
	Reason string // upstream's words, such as "runAsNonRoot != true"
	Detail string // which containers and values; may be empty
}

// Newest is the newest minor version whose standards are known here.
func Newest() int {
	newest := 0
	for _, check := range policy.DefaultChecks() {
		newest = max(newest, check.Versions[len(check.Versions)-1].MinimumVersion.Minor())
	}
	return newest
}

// Evaluate judges a pod, or the template of one, by the standards as they are
// in Kubernetes 1.minor; 0 is the newest version known here, and so is a minor
// above that. Meta counts too: AppArmor and seccomp were annotations once.
func Evaluate(meta *metav1.ObjectMeta, spec *corev1.PodSpec, minor int) Verdict {
	version := api.LatestVersion()
	if minor > 0 {
		version = api.MajorMinorVersion(1, minor)
	}
	v := Verdict{Level: Restricted}
	for _, c := range controls() {
		for _, r := range c.evaluator.EvaluatePod(api.LevelVersion{Level: c.level, Version: version}, meta, spec) {
			if !r.Allowed {
				v.Level = Lower(v.Level, below(c.level))
				v.Forbidden = append(v.Forbidden, Control{Level: string(c.level), ID: string(c.id), Reason: cmp.Or(r.ForbiddenReason, policy.UnknownForbiddenReason), Detail: r.ForbiddenDetail})
			}
		}
	}
	return v
}

// Against are the controls that keep the pod from a level; none for Privileged.
func (v Verdict) Against(level string) []Control {
	return slices.DeleteFunc(slices.Clone(v.Forbidden), func(c Control) bool { return Lower(c.Level, level) != c.Level })
}

// Lower is the less strict of two levels.
func Lower(a, b string) string {
	if api.CompareLevels(api.Level(a), api.Level(b)) < 0 {
		return a
	}
	return b
}

// below is the highest level that does not have the controls of the level.
func below(level api.Level) string {
	if level == api.LevelRestricted {
		return Baseline
	}
	return Privileged
}

// A control is one check with an evaluator of its own: a result of upstream's
// does not tell which check it comes from.
type control struct {
	id        policy.CheckID
	level     api.Level
	evaluator policy.Evaluator
}

// controls lists upstream's checks, those of Baseline first, then by id.
var controls = sync.OnceValue(func() []control {
	var all []control
	for _, check := range policy.DefaultChecks() {
		e, err := policy.NewEvaluator([]policy.Check{check}, nil)
		if err != nil {
			panic("evaluating by " + string(check.ID) + " of k8s.io/pod-security-admission: " + err.Error()) // a broken dependency, not an input
		}
		all = append(all, control{check.ID, check.Level, e})
	}
	slices.SortFunc(all, func(a, b control) int {
		return cmp.Or(api.CompareLevels(a.level, b.level), cmp.Compare(a.id, b.id))
	})
	return all
})
