package harden

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// TokenPath is where the ServiceAccount admission plugin mounts the token.
const TokenPath = "/var/run/secrets/kubernetes.io/serviceaccount"

// AutomaticTokenVolume begins the name of the volume that the plugin adds.
const AutomaticTokenVolume = "kube-api-access-"

// ServiceAccountName is the account that pods of the spec run under.
func ServiceAccountName(spec *corev1.PodSpec) string {
	switch {
	case spec.ServiceAccountName != "":
		return spec.ServiceAccountName
	case spec.DeprecatedServiceAccount != "":
		return spec.DeprecatedServiceAccount
	}
	return "default"
}

// NeedsTokenMount reports whether there is a container into which the token would
// be mounted: those with a mount of their own at its place are left alone
// (plugin/pkg/admission/serviceaccount). A live Pod shows the automatic mount too.
func NeedsTokenMount(spec *corev1.PodSpec) bool {
	own := func(m corev1.VolumeMount) bool {
		return m.MountPath == TokenPath && !strings.HasPrefix(m.Name, AutomaticTokenVolume)
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		if !slices.ContainsFunc(c.VolumeMounts, own) {
			return true
		}
	}
	return false
}

// MountsToken reports whether pods of the workload get a token for the API
// server: the automatic one, or one of their own without another audience.
// Known is false where that depends on a ServiceAccount that was not read.
func (i *Inventory) MountsToken(w *Workload) (mounts, known bool) {
	spec := &w.Template.Spec
	if hasOwnToken(spec) {
		return true, true
	}
	if w.IsStatic() || !NeedsTokenMount(spec) {
		return false, true
	}
	if own := spec.AutomountServiceAccountToken; own != nil {
		return *own, true
	}
	sa := i.ServiceAccounts[w.Ref.Namespace][ServiceAccountName(spec)]
	if sa == nil {
		return false, false
	}
	return sa.AutomountServiceAccountToken == nil || *sa.AutomountServiceAccountToken, true
}

func hasOwnToken(spec *corev1.PodSpec) bool {
	for _, v := range spec.Volumes {
		if v.Projected == nil || strings.HasPrefix(v.Name, AutomaticTokenVolume) {
			continue
		}
		if slices.ContainsFunc(v.Projected.Sources, func(s corev1.VolumeProjection) bool {
			return s.ServiceAccountToken != nil && s.ServiceAccountToken.Audience == ""
		}) {
			return true
		}
	}
	return false
}

// A TokenView is what the API token of a workload's pods can do, for people.
type TokenView struct {
	Account string // name of the ServiceAccount
	// Mounted says that the pods get the token; MountKnown that this is known.
	Mounted, MountKnown bool
	Lines               []TokenLine // from the worst; none: nothing beyond what every ServiceAccount may
	Unknown             []string    // sentence fragments about what could not be seen
}

// A TokenLine is one thing that a token can do.
type TokenLine struct {
	Severity Severity
	Text     string // what, and by which binding
}
