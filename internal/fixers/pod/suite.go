package pod

import "github.com/kubectl-harden/kubectl-harden/internal/harden"

// Suite lists the fixers of this package, from the worst to the mildest. The
// order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return []*harden.Fixer{
		PrivilegedContainer,
		WindowsHostProcess,
		RuntimeSocketMount,
		DangerousCapabilities,
		HostNetwork,
		HostPID,
		HostIPC,
		RunAsNonRoot,
		RunAsRootUser,
		HostPathSensitive,
		SeccompUnconfined,
		AppArmorUnconfined,
		ProcMountUnmasked,
		AllowPrivilegeEscalation,
		DropAllCapabilities,
		NetRawCapability,
		AddedCapabilitiesRestricted,
		SeccompProfileMissing,
		ReadOnlyRootFilesystem,
		HostPort,
		HostPathVolume,
		SELinuxOptionsCustom,
		UnsafeSysctls,
		ProbeOrLifecycleHost,
		RestrictedVolumeTypes,
		WindowsPodOSUnset,
	}
}
