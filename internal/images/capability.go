package images

import (
	"encoding/binary"
	"fmt"
)

// capabilityRecord is how layers carry the extended attribute
// security.capability: a PAX record with the raw bytes.
const capabilityRecord = "SCHILY.xattr.security.capability"

// Layout of struct vfs_cap_data (include/uapi/linux/capability.h): a word of
// revision and flags, pairs of words permitted and inheritable, and in revision
// 3 the user id of a user namespace's root. All are little endian.
const (
	capabilityRevisionMask = 0xff000000
	capabilityEffective    = 0x000001
)

// capabilitySizes are the bytes that the kernel demands, by revision.
var capabilitySizes = map[uint32]int{0x01000000: 12, 0x02000000: 20, 0x03000000: 24}

// decodeCapability reads the permitted capabilities of a file and its effective
// bit. Bits that have no name are dropped, as the kernel does. The user
// namespace of revision 3 is not looked at: under another root the kernel
// ignores the attribute, and counting it is the careful choice.
func decodeCapability(attribute []byte) (names []string, effective bool, err error) {
	if len(attribute) < 4 {
		return nil, false, fmt.Errorf("file capability of %d bytes", len(attribute))
	}
	magic := binary.LittleEndian.Uint32(attribute)
	if want, ok := capabilitySizes[magic&capabilityRevisionMask]; !ok || want != len(attribute) {
		return nil, false, fmt.Errorf("file capability of unknown form: %d bytes, revision %#x", len(attribute), magic&capabilityRevisionMask)
	}
	permitted := uint64(binary.LittleEndian.Uint32(attribute[4:]))
	if len(attribute) >= 20 {
		permitted |= uint64(binary.LittleEndian.Uint32(attribute[12:])) << 32
	}
	for bit, name := range capabilityNames {
		if permitted&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names, magic&capabilityEffective != 0, nil
}

// capabilityNames are the capabilities by number, without CAP_
// (include/uapi/linux/capability.h).
var capabilityNames = []string{
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
	"LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
	"SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
	"SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
	"MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
	"CHECKPOINT_RESTORE",
}
