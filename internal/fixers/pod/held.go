package pod

import (
	"fmt"
	"slices"
	"strings"
)

// kernelCapabilities are the capabilities by their number (include/uapi/linux/capability.h).
var kernelCapabilities = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE",
	"NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE",
	"SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE",
	"AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}

// heldNames are the capabilities of a bit mask, for a sentence.
func heldNames(held uint64) string {
	var list []string
	for n, name := range kernelCapabilities {
		if held&(1<<n) != 0 {
			list = append(list, name)
		}
	}
	switch {
	case len(list) == 0:
		return "no capability"
	case len(list) > 5:
		return fmt.Sprintf("%d capabilities", len(list))
	}
	return strings.Join(list, ", ")
}

// mask is the bit mask of capabilities.
func mask(names []string) (bits uint64) {
	for _, name := range names {
		if n := slices.Index(kernelCapabilities, name); n >= 0 {
			bits |= 1 << n
		}
	}
	return bits
}
