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
	Refs:     refs("PSS restricted: privilege escalation", "CIS 5.2.6", "NSA pod security enforcement", "ATT&CK T1548", "ATT&CK T1611", "Trivy KSV-0001", "Kubescape C-0016"),
	Check:    checkPrivilegeEscalation,
	Fix:      proposing("set allowPrivilegeEscalation: false", fixPrivilegeEscalation),
	Doc: `**Fields** ` + "`securityContext.allowPrivilegeEscalation`" + ` of each container; the pod has no such field.

**Allowed** ` + "`false`" + `. Unset means true.

With false the kernel sets no_new_privs: no program that the container starts can have more rights than the one that started it. Without it, a process that was taken over uses a setuid
file of the image, such as su or mount, to become root.

**Fix** allowPrivilegeEscalation: false at the container. A person has to decide as long as nobody looked into the image: a setuid program or a file capability on the way of the
entrypoint stops working. gosu, su-exec and setpriv are not affected: they start as root and give rights up. sudo, su and a setuid ping are.

**Traps** For a privileged container the API refuses false, and for one that adds CAP_SYS_ADMIN in this spelling; with SYS_ADMIN it accepts false, but such a process needs no more rights.
The finding then waits for privileged-container or dangerous-capabilities, and its fix takes those away as well.
A file capability together with false and NET_BIND_SERVICE does not bind port 80 any more, though each looks right by itself (dunglas/mercure#1230).

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
		p.Report(f)
	}
}

func fixPrivilegeEscalation(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	fix := harden.Fix{
		Title: "forbid " + c.Name + " to gain privileges", Class: harden.Review,
		Evidence: []harden.Claim{
			missing("E-IMG-FS", "Nobody looked into the image: does it have setuid files, or a file capability on its entrypoint?"),
			missing("E-PROC", "Nobody looked into the running container: is NoNewPrivs set already?"),
		},
		Warning: "Setuid programs such as sudo and su stop working; an entrypoint with a file capability does not start.",
		Changes: []harden.Change{harden.SetSecurityContext(f.Object, c.Ref, map[string]any{"allowPrivilegeEscalation": false})},
	}
	// Not only what blocks the finding, but all that would make the API refuse it.
	if adds(c, capSysAdmin) {
		fix = after(fixDangerousCapabilities(p, f)[0], fix)
	}
	if isPrivileged(c) {
		fix = after(fixPrivileged(p, f)[0], fix)
	}
	return []harden.Fix{fix}
}

// after is the fix with the one that has to be made with it.
func after(first, fix harden.Fix) harden.Fix {
	fix.Title = first.Title + ", and " + fix.Title
	fix.Evidence = slices.Concat(first.Evidence, fix.Evidence)
	fix.Changes = slices.Concat(first.Changes, fix.Changes)
	fix.Warning = strings.TrimSpace(first.Warning + " " + fix.Warning)
	return fix
}
