package apply

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-harden/kubectl-harden/internal/apply/journal"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// baseline adds to base how the pods of a workload do before it is changed.
// Without the right to read pods there is nothing to compare with.
func (a *Applier) baseline(ctx context.Context, ref harden.Ref, r *rollout, places []harden.Path, base *journal.Baseline) (*logs, error) {
	reader := a.newLogs(nil, places)
	base.Lame = r.lame
	found, err := a.newPods(ctx, ref, r)
	if apierrors.IsForbidden(err) {
		return reader, nil
	}
	if err != nil {
		return nil, explain("reading the pods of", ref, err)
	}
	base.Pods, base.Restarts = true, map[string]int32{}
	for i := range found {
		for _, s := range statusesOf(&found[i]) {
			base.Restarts[s.Name] = max(base.Restarts[s.Name], s.RestartCount)
		}
	}
	base.Noise = reader.before(ctx, found)
	for _, n := range base.Noise {
		reader.noise[n] = true
	}
	return reader, nil
}

// lamePods counts the pods of a DaemonSet that are not available because their
// node is not ready, if all that are not available are such, and if the
// controller gets on regardless: it counts them against maxUnavailable, so that
// with as many of them as that it replaces no other pod
// (k8s.io/kubernetes, pkg/controller/daemon/update.go). Otherwise it is 0, and
// the DaemonSet is left alone as any workload that is not healthy.
func (a *Applier) lamePods(ctx context.Context, u *unstructured.Unstructured, r *rollout) int32 {
	missing := r.want - r.ready
	if u.GetKind() != "DaemonSet" || missing <= 0 {
		return 0
	}
	d, err := convert[appsv1.DaemonSet](u)
	if err != nil || missing >= maxUnavailable(d) {
		return 0
	}
	list, err := a.typed.CoreV1().Pods(u.GetNamespace()).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(r.selector)})
	if err != nil {
		return 0
	}
	var lame int32
	for i := range list.Items {
		p := &list.Items[i]
		if c := metav1.GetControllerOf(p); c == nil || c.UID != u.GetUID() || isReady(p) || p.Spec.NodeName == "" {
			continue
		}
		n, err := a.typed.CoreV1().Nodes().Get(ctx, p.Spec.NodeName, metav1.GetOptions{})
		if err == nil && !nodeReady(n) {
			lame++
		}
	}
	if lame < missing {
		return 0
	}
	return missing
}

func maxUnavailable(d *appsv1.DaemonSet) int32 {
	u := d.Spec.UpdateStrategy.RollingUpdate
	if u == nil || u.MaxUnavailable == nil {
		return 1
	}
	n, err := intstr.GetScaledValueFromIntOrPercent(u.MaxUnavailable, int(d.Status.DesiredNumberScheduled), true)
	if err != nil {
		return 1
	}
	return int32(n)
}

func nodeReady(n *corev1.Node) bool {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// deadlock says why the new pods of a Deployment could never start while the old
// ones hold its volume: a claim that one node (or one pod) may use at a time, and
// a strategy that keeps every old pod until a new one is there. Empty when they
// can, or when the claims may not be read.
func (a *Applier) deadlock(ctx context.Context, u *unstructured.Unstructured) string {
	if u.GetKind() != "Deployment" {
		return ""
	}
	d, err := convert[appsv1.Deployment](u)
	if err != nil || !keepsAllOld(d) {
		return ""
	}
	const wayOut = "; give it strategy Recreate, or a maxUnavailable of 1"
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.PersistentVolumeClaim == nil || v.PersistentVolumeClaim.ReadOnly {
			continue
		}
		name := v.PersistentVolumeClaim.ClaimName
		claim, err := a.typed.CoreV1().PersistentVolumeClaims(d.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			continue
		}
		switch exclusive(claim) {
		case corev1.ReadWriteOncePod:
			return fmt.Sprintf("its rollout could not work: the claim %q may be used by one pod at a time (ReadWriteOncePod), and its strategy starts a new pod before an old one ends%s", name, wayOut)
		case corev1.ReadWriteOnce:
			if !a.oneNode(ctx, d, claim) {
				return fmt.Sprintf("its rollout might hang: the claim %q may be used on one node at a time (ReadWriteOnce), its strategy starts a new pod before an old one ends, and the new pod may land on another node%s", name, wayOut)
			}
		}
	}
	return ""
}

// keepsAllOld reports whether the Deployment ends no old pod before a new one is
// available. maxUnavailable is rounded down, its default is 25%
// (k8s.io/kubernetes, pkg/controller/deployment/util: ResolveFenceposts).
func keepsAllOld(d *appsv1.Deployment) bool {
	want := replicas(d.Spec.Replicas)
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType || want == 0 {
		return false
	}
	unavailable, surge := intstr.FromString("25%"), intstr.FromString("25%")
	if u := d.Spec.Strategy.RollingUpdate; u != nil {
		if u.MaxUnavailable != nil {
			unavailable = *u.MaxUnavailable
		}
		if u.MaxSurge != nil {
			surge = *u.MaxSurge
		}
	}
	more, err := intstr.GetScaledValueFromIntOrPercent(&surge, int(want), true)
	if err != nil {
		return false
	}
	less, err := intstr.GetScaledValueFromIntOrPercent(&unavailable, int(want), false)
	// When both are 0 the controller takes maxUnavailable for 1.
	return err == nil && less == 0 && more > 0
}

// exclusive is the access mode of a claim that can only be used in one place;
// empty for others.
func exclusive(claim *corev1.PersistentVolumeClaim) corev1.PersistentVolumeAccessMode {
	var mode corev1.PersistentVolumeAccessMode
	for _, m := range claim.Spec.AccessModes {
		switch m {
		case corev1.ReadWriteOncePod, corev1.ReadWriteOnce:
			mode = m
		default:
			return ""
		}
	}
	return mode
}

// oneNode reports whether all pods land on the same node for sure: the cluster
// has one, the template names it, or the volume is tied to one.
func (a *Applier) oneNode(ctx context.Context, d *appsv1.Deployment, claim *corev1.PersistentVolumeClaim) bool {
	spec := &d.Spec.Template.Spec
	if spec.NodeName != "" || spec.NodeSelector[corev1.LabelHostname] != "" {
		return true
	}
	nodes, err := a.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{Limit: 2})
	if err == nil && len(nodes.Items) == 1 {
		return true
	}
	if claim.Spec.VolumeName == "" {
		return false
	}
	volume, err := a.typed.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil || volume.Spec.NodeAffinity == nil || volume.Spec.NodeAffinity.Required == nil {
		return false
	}
	for _, term := range volume.Spec.NodeAffinity.Required.NodeSelectorTerms {
		for _, e := range term.MatchExpressions {
			if e.Key == corev1.LabelHostname && e.Operator == corev1.NodeSelectorOpIn && len(e.Values) == 1 {
				return true
			}
		}
	}
	return false
}
