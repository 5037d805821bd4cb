package namespace

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		Tiller,
		WebhookExternal,
		WebhookDangling,
		PSALiveViolations,
		PSAEnforceMissing,
		PolicyEngine,
		PolicyNotEnforcing,
		WebhookFailOpen,
		WebhookBlastRadius,
		MutableNamespaceLabels,
		SystemNamespaceUser,
		PSALevelRaisable,
		PSAWarnAudit,
		PSAVersion,
		DefaultNamespace,
		ResourceQuota,
		LimitRange,
		DeprecatedAPI,
		RuntimeDetection,
		ImageScanner,
		ImageProvenance,
		LogCollection,
		Alerting,
		AuditEvents,
		BenchmarkEvidence,
		OwnershipLabels,
		PSPLeftover,
	}
}
