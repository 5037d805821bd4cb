package pod

import (
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AllowPrivilegeEscalation reports containers whose processes may gain rights
// through setuid files or file capabilities.
var AllowPrivilegeEscalation = &harden.Fixer{
	ID:       "allow-privilege-escalation",
	Title:    "container may gain privileges",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: privilege escalation", "CIS 5.2.6", "CIS EKS 4.2.5", "NSA pod security enforcement", "ATT&CK T1548", "ATT&CK T1611", "Trivy KSV-0001", "Kubescape C-0016"),
	Reads:    harden.ReadsPodStatus,
	Check:    checkPrivilegeEscalation,
	Fix:      proposing("set allowPrivilegeEscalation: false", fixPrivilegeEscalation),
	Doc: `**Fields** ` + "`securityContext.allowPrivilegeEscalation`" + ` of each container; the pod has no such field.

**Allowed** ` + "`false`" + `. Unset means true.

With false the kernel sets no_new_privs: no program that the container starts can have more rights than the one that started it. Without it, a process that was taken over uses a setuid
file of the image, such as su or mount, to become root.

It matters more where the image has setuid files of root or file capabilities and the container does not run as root: the severity is high then.

**Fix** allowPrivilegeEscalation: false at the container. It is safe where all processes were seen with no_new_privs already. It is proven where the image was looked into and no program on the
way of the entrypoint (through links, interpreters, and the programs that its scripts name) has a setuid bit or a file capability, and where it has no others but those of its distribution, such as
su and mount. sudo, pkexec, a setuid ping, and programs of one's own with such a file leave it to a person, and so does an image that nobody looked into. gosu, su-exec and setpriv are not
affected: they start as root and give rights up.

**Traps** For a privileged container the API refuses false, and for one that adds CAP_SYS_ADMIN in this spelling; with SYS_ADMIN it accepts false, but such a process needs no more rights.
The finding then waits for privileged-container or dangerous-capabilities, and its fix takes those away as well.
A file capability together with false and NET_BIND_SERVICE does not bind port 80 any more, though each looks right by itself (dunglas/mercure#1230), unless any user may bind it: with
containerd 2.0 and later, or by the sysctl net.ipv4.ip_unprivileged_port_start, which a second fix sets.

It does not apply to Windows.
`,
}

func checkPrivilegeEscalation(p *harden.Pass) {
	for _, c := range linuxContainers(p, anyContainer) {
		value := security(c).AllowPrivilegeEscalation
		if isFalse(value) {
			continue
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.allowPrivilegeEscalation",
			Reason: "may gain privileges: allowPrivilegeEscalation is not set",
			Detail: "allowPrivilegeEscalation is not set, which means true: setuid files and file capabilities of the image take effect.",
		}
		if value != nil {
			f.Reason, f.Detail = "may gain privileges: allowPrivilegeEscalation is true", "allowPrivilegeEscalation is true: setuid files and file capabilities of the image take effect."
		}
		switch {
		case isPrivileged(c):
			f.BlockedBy = PrivilegedContainer.ID
			f.Detail += " The API refuses false for a privileged container."
		case adds(c, capSysAdmin):
			f.BlockedBy = DangerousCapabilities.ID
			f.Detail += " It means little while the container adds SYS_ADMIN, and the API refuses false together with the spelling CAP_SYS_ADMIN."
		}
		if severity, why := escalationSeverity(p, c); why != "" && f.BlockedBy == "" {
			f.Severity, f.SeverityWhy = severity, why
		}
		p.Report(f)
	}
}

func fixPrivilegeEscalation(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	claims, best := escalationClaims(p, c)
	fix := harden.Fix{
		Title: "forbid " + c.Name + " to gain privileges", Class: harden.ClassOf(best, claims...), Evidence: claims,
		Warning: "Setuid programs such as sudo and su stop working; a file capability has no effect any more.",
		Changes: []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"allowPrivilegeEscalation": false})},
	}
	fixes := []harden.Fix{fix}
	if bind, ok := bindsByFile(p, c); ok {
		fixes = append(fixes, withPortSysctl(p, f.Object, fix, bind))
	}
	// Not only what blocks the finding, but all that would make the API refuse it.
	for i := range fixes {
		if adds(c, capSysAdmin) {
			fixes[i] = after(fixDangerousCapabilities(p, f)[0], fixes[i])
		}
		if isPrivileged(c) {
			fixes[i] = after(fixPrivileged(p, f)[0], fixes[i])
		}
	}
	return fixes
}

// after is the fix with the one that has to be made with it.
func after(first, fix harden.Fix) harden.Fix {
	fix.Title = first.Title + ", and " + fix.Title
	fix.Evidence = slices.Concat(first.Evidence, fix.Evidence)
	fix.Changes = slices.Concat(first.Changes, fix.Changes)
	fix.Class = max(first.Class, fix.Class)
	fix.Warning = strings.TrimSpace(first.Warning + " " + fix.Warning)
	return fix
}
