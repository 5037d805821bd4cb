// Package exposure holds the fixers for how the cluster is reached from outside.
package exposure

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		SvcSensitivePort,
		IngressAnnotationInjection,
		SvcExternalIPs,
		IngressNoTLS,
		IngressTLSSecret,
		IngressSnippets,
		IngressControllerEOL,
		IngressAdminUI,
		GatewayTLSRefs,
		SvcLBPublic,
		SvcLBSourceRanges,
		SvcExternalName,
		IngressHTTPOpen,
		IngressWeakTLS,
		IngressManagementPath,
		IngressCORSWildcard,
		GatewayHTTPListener,
		GatewayRoutesFromAll,
		ReferenceGrantBroad,
		HeaderHSTS,
		HeaderCSP,
		SvcNodePort,
		SvcDangling,
		IngressWildcardHost,
		IngressDefaultBackend,
		IngressBodySize,
		IngressAccessLog,
		IngressDangling,
		RouteDangling,
		HeaderContentTypeOptions,
		HeaderFrameOptions,
		HeaderReferrerPolicy,
		IngressWAF,
		BackendTLS,
		HeaderXSSProtection,
		HeaderServerLeak,
	}
}
