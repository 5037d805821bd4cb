// Package fixers lists everything that the program knows how to find.
package fixers

import (
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/cloud"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/identity"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/namespace"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/network"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/pod"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/resilience"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Suite lists all fixers, by area and from the worst to the mildest within it.
// The order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		pod.PrivilegedContainer,
		pod.WindowsHostProcess,
		pod.RuntimeSocketMount,
		pod.DangerousCapabilities,
		pod.HostNetwork,
		pod.HostPID,
		pod.HostIPC,
		pod.RunAsNonRoot,
		pod.RunAsRootUser,
		pod.HostPathSensitive,
		pod.SeccompUnconfined,
		pod.AppArmorUnconfined,
		pod.ProcMountUnmasked,
		pod.AllowPrivilegeEscalation,
		pod.DropAllCapabilities,
		pod.NetRawCapability,
		pod.AddedCapabilitiesRestricted,
		pod.SeccompProfileMissing,
		pod.ReadOnlyRootFilesystem,
		pod.HostPort,
		pod.HostPathVolume,
		pod.SELinuxOptionsCustom,
		pod.UnsafeSysctls,
		pod.ProbeOrLifecycleHost,
		pod.RestrictedVolumeTypes,
		pod.WindowsPodOSUnset,

		image.Vulnerabilities,
		image.Secrets,
		image.TagMutable,
		image.RegistryAllowed,
		image.DeprecatedRegistry,
		image.Drift,
		image.EndOfLife,
		image.RunsAsRoot,
		image.UserNonNumeric,
		image.SetuidFiles,
		image.FileCapabilities,
		image.NotScanned,
		image.Unsigned,
		image.NotPinned,
		image.PullPolicy,
		image.Stale,

		network.Unenforced,
		network.WebhookBlocked,
		network.MissingIngress,
		network.MissingEgress,
		network.NoDefaultDeny,
		network.AllowAll,
		network.ServicePort,
		network.DNSBlocked,
		network.MeshMTLSPermissive,
		network.BroadPeer,
		network.AndOr,
		network.NamedPort,
		network.HostNetworkSubject,
		network.APIServerEgress,
		network.CNILimits,
		network.Dangling,
		network.EnforceRace,

		identity.TokenAutomount,

		cloud.IMDSReachable,

		resilience.MemoryLimit,
		resilience.SingleReplica,
		resilience.DuplicateEnv,

		namespace.PSAEnforceMissing,
		namespace.PSAWarnAudit,
	}
}
