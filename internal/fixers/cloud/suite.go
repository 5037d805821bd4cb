package cloud

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		AuthMasters,
		AWSStaticKeys,
		IMDSReachable,
		NodeClassIMDS,
		RoleOnDefaultSA,
		AuthNodeGroups,
		VersionEOL,
		ACKWildcard,
		NoWorkloadIdentity,
		RoleShared,
		IMDSHostNetwork,
		NodeClassEBS,
		NodeIdentity,
		AuthUsers,
		StorageClassEBS,
		PersistentVolumeEBS,
		EFSInTransit,
		NodePublicIP,
		VersionSkew,
		IdentityNotInjected,
		LBScheme,
		NodeSingleZone,
		PodIdentityAgent,
		NodeOS,
		APIServerPublic,
		AuthDeprecated,
		FargateLimits,
	}
}
