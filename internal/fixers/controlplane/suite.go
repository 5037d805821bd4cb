// Package controlplane holds the fixers for the flags of the control plane and its nodes, as far as its pods show them.
package controlplane

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		Authorization,
		KubeletConfig,
		TokenAuthFile,
		EtcdTLS,
		EncryptionAtRest,
		AuditLog,
		AnonymousAuth,
		AdmissionPlugins,
		Profiling,
		BindAddress,
		TokenLifetime,
		KubeProxyMetrics,
	}
}
