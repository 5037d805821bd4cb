package propose

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A subject is a workload and the selector that finds its pods.
type subject struct {
	workload *harden.Workload
	selector metav1.LabelSelector
	twins    []*harden.Workload // others of the namespace that it finds as well, by their templates
	cannot   string             // why there is no selector
}

// passing are labels that controllers give to pods and that change.
var passing = []string{
	"pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index", "pod-template-generation",
	"job-name", "controller-uid", "batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-completion-index",
}

// versions are labels that change with a release. They are used only where
// nothing else tells workloads apart.
var versions = []string{"version", "app.kubernetes.io/version", "helm.sh/chart", "chart", "heritage", "app.kubernetes.io/managed-by", "release-version", "revision"}

// subject finds the selector of a workload: its stable labels, without those of
// a version where that is enough; with what others have and it has not where it
// is not.
func (d *drafter) subject(w *harden.Workload) *subject {
	peer := harden.WorkloadPeer(w.Ref)
	if s := d.known[peer]; s != nil {
		return s
	}
	s := &subject{workload: w}
	d.known[peer] = s
	stable := map[string]string{}
	for k, v := range w.Template.Labels {
		if !slices.Contains(passing, k) {
			stable[k] = v
		}
	}
	if len(stable) == 0 {
		s.cannot = "its pods have no labels of their own, so no policy can select them: give the pod template a label"
		return s
	}
	lasting := maps.Clone(stable)
	maps.DeleteFunc(lasting, func(k, _ string) bool { return slices.Contains(versions, k) })
	if len(lasting) == 0 {
		lasting = stable
	}
	s.selector.MatchLabels = lasting
	if s.twins = d.alsoFound(s); len(s.twins) == 0 {
		return s
	}
	s.selector.MatchLabels = stable
	if s.twins = d.alsoFound(s); len(s.twins) == 0 {
		return s
	}
	for _, other := range s.twins {
		if key := only(other.Template.Labels, w.Template.Labels); key != "" {
			s.selector.MatchExpressions = append(s.selector.MatchExpressions, metav1.LabelSelectorRequirement{Key: key, Operator: metav1.LabelSelectorOpDoesNotExist})
		}
	}
	slices.SortFunc(s.selector.MatchExpressions, func(a, b metav1.LabelSelectorRequirement) int { return strings.Compare(a.Key, b.Key) })
	s.selector.MatchExpressions = slices.CompactFunc(s.selector.MatchExpressions, func(a, b metav1.LabelSelectorRequirement) bool { return a.Key == b.Key })
	if s.twins = d.alsoFound(s); len(s.twins) > 0 {
		s.selector.MatchLabels = lasting
	}
	return s
}

// only is a label key of one template that the other has not, the first by name.
func only(of, not map[string]string) string {
	for _, k := range slices.Sorted(maps.Keys(of)) {
		if _, has := not[k]; !has && !slices.Contains(passing, k) {
			return k
		}
	}
	return ""
}

// alsoFound are the other workloads of the namespace whose pods the selector finds.
func (d *drafter) alsoFound(s *subject) []*harden.Workload {
	selector, err := metav1.LabelSelectorAsSelector(&s.selector)
	if err != nil {
		s.cannot = fmt.Sprintf("the labels of its pods are not valid: %v", err)
		return nil
	}
	var out []*harden.Workload
	for _, w := range d.spaces[s.workload.Ref.Namespace] {
		if w != s.workload && selector.Matches(labels.Set(w.Template.Labels)) {
			out = append(out, w)
		}
	}
	return out
}

// strays are live pods that the selector should find and does not, or the other
// way round, by name. Pods that are on their way out do not count.
func (d *drafter) strays(s *subject) []string {
	selector, err := metav1.LabelSelectorAsSelector(&s.selector)
	if err != nil {
		return nil
	}
	var out []string
	for _, w := range d.spaces[s.workload.Ref.Namespace] {
		want := w == s.workload || slices.Contains(s.twins, w)
		for _, p := range w.Pods {
			gone := p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
			if !gone && selector.Matches(labels.Set(p.Labels)) != want {
				out = append(out, p.Name)
			}
		}
	}
	slices.Sort(out)
	return out
}
