// Package secret holds the fixers for how credentials are kept.
package secret

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
//
// What Helm keeps of its values is in Secrets, whose data is never read: there is
// no rule about it.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		LiteralEnv,
		InConfigMap,
		InArgs,
		StoreCredentials,
		CertExpiring,
		LastApplied,
		ExternalUnhealthy,
		WeakKey,
		BootstrapToken,
		Env,
		EnvFrom,
		VolumeMode,
		MountedEverywhere,
		Unused,
		ExternalStore,
	}
}
