package identity

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		ClusterAdmin,
		SystemMasters,
		Anonymous,
		AuthenticatedBroad,
		Takeover,
		Escalate,
		NodeProxy,
		TokenCreate,
		CSRApprove,
		WebhookWrite,
		SystemConfigMapWrite,
		Wildcard,
		SecretsRead,
		PodCreate,
		Exec,
		EphemeralContainers,
		RoleWrite,
		NodeWrite,
		PVCreate,
		APIServiceWrite,
		NamespaceWrite,
		AggregateEscalation,
		Dashboard,
		DefaultBound,
		NetworkWrite,
		EventsDelete,
		DeleteBroad,
		Missing,
		LegacyToken,
		TokenAutomount,
		DefaultUsed,
		DefaultAutomount,
		ProjectedScope,
		Dangling,
		Shared,
		DeprecatedField,
	}
}
