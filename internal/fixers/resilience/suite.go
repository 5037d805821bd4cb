package resilience

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		MemoryLimit,
		PDBBlocksDrain,
		RolloutStuck,
		MemoryRequest,
		CPURequest,
		EphemeralStorageLimit,
		ReadinessProbe,
		LivenessProbe,
		SingleReplica,
		PDBMissing,
		PDBDangling,
		TopologySpread,
		NakedPod,
		RolloutStrategy,
		NoRollbackHistory,
		HPADangling,
		StatefulBackup,
		DuplicateEnv,
		ProbeSame,
		JobUnbounded,
		PVReclaimDelete,
		CPULimit,
	}
}
