package image

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		Vulnerabilities,
		Secrets,
		TagMutable,
		RegistryAllowed,
		DeprecatedRegistry,
		Drift,
		EndOfLife,
		RunsAsRoot,
		UserNonNumeric,
		SetuidFiles,
		FileCapabilities,
		WorldWritable,
		NotScanned,
		Unsigned,
		NotPinned,
		PullPolicy,
		PullSecretBroad,
		PublicRegistry,
		NotMinimal,
		BuildTools,
		Stale,
		DocsLeft,
	}
}
