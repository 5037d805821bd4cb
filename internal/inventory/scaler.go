package inventory

import (
	"cmp"
	"slices"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ScalerOf makes the scaler of an object: a HorizontalPodAutoscaler of a
// built-in type, or a VerticalPodAutoscaler, whose type is not. It is nil for
// other kinds, and for a VerticalPodAutoscaler that only recommends.
func ScalerOf(ref harden.Ref, o any) *harden.Scaler {
	scaler := func(apiVersion, kind, name string, least *int32) *harden.Scaler {
		s := &harden.Scaler{Ref: ref, Target: harden.Ref{APIVersion: apiVersion, Kind: kind, Namespace: ref.Namespace, Name: name}, MinReplicas: 1}
		if least != nil {
			s.MinReplicas = *least
		}
		return s
	}
	switch o := o.(type) {
	case *autoscalingv2.HorizontalPodAutoscaler:
		t := o.Spec.ScaleTargetRef
		return scaler(t.APIVersion, t.Kind, t.Name, o.Spec.MinReplicas)
	case *autoscalingv1.HorizontalPodAutoscaler:
		t := o.Spec.ScaleTargetRef
		return scaler(t.APIVersion, t.Kind, t.Name, o.Spec.MinReplicas)
	case *unstructured.Unstructured:
		if ref.Kind != harden.VerticalPodAutoscaler || updateMode(o) == "Off" {
			return nil
		}
		text := func(field string) string {
			s, _, _ := unstructured.NestedString(o.Object, "spec", "targetRef", field)
			return s
		}
		none := int32(0)
		return scaler(text("apiVersion"), text("kind"), text("name"), &none)
	}
	return nil
}

// updateMode is that of a VerticalPodAutoscaler. All but Off, Initial included,
// set the resources of new pods (vertical-pod-autoscaler, pkg/apis/autoscaling.k8s.io/v1).
func updateMode(o *unstructured.Unstructured) string {
	mode, _, _ := unstructured.NestedString(o.Object, "spec", "updatePolicy", "updateMode")
	return mode
}

// SortScalers orders scalers as an Inventory holds them.
func SortScalers(scalers []harden.Scaler) {
	slices.SortStableFunc(scalers, func(a, b harden.Scaler) int {
		return cmp.Or(cmp.Compare(a.Ref.Namespace, b.Ref.Namespace), cmp.Compare(a.Ref.Kind, b.Ref.Kind), cmp.Compare(a.Ref.Name, b.Ref.Name))
	})
}
