package pod

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WindowsRunAsAdmin reports Windows containers that run as the administrator.
var WindowsRunAsAdmin = &harden.Fixer{
	ID:       "windows-run-as-admin",
	Title:    "runs as ContainerAdministrator",
	Area:     harden.AreaPod,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A Windows container runs as ContainerAdministrator, the root of such containers.

Fields:

    spec.securityContext.windowsOptions.runAsUserName
    spec.containers[].securityContext.windowsOptions.runAsUserName   (init and ephemeral containers too)
    User in the config of the image, where images were looked into

Allowed: another user, such as ContainerUser; and unset, unless the image is known to name
ContainerAdministrator. The container's value wins.

**Why it matters.** ContainerAdministrator may change anything in its container, and is one
bug of the kernel away from the node, which Windows containers share with less between
them than Linux ones.

**The fix.** runAsUserName: ContainerUser. A person has to decide: services that were made to
be installed on a server often write to the registry or to Program Files.

**Traps.** run-as-non-root asks that nothing else may run (runAsNonRoot: true), which refuses
ContainerAdministrator; with both in force the container does not start. Images of Windows
Server Core run as ContainerAdministrator when nobody says otherwise, those of Nano Server
as ContainerUser. HostProcess containers are the matter of windows-host-process.
`,
	Refs:  refs("PSS restricted: running as non-root user"),
	Reads: harden.ReadsPodStatus,
	Check: func(p *harden.Pass) {
		if !p.Pod.Windows() {
			p.NotApplicable()
			return
		}
		for _, c := range p.Pod.Containers() {
			if isHostProcess(security(c).WindowsOptions) || isHostProcess(podSecurity(p).WindowsOptions) {
				continue
			}
			f := harden.Finding{Container: c.Ref, Field: c.Field + ".securityContext.windowsOptions.runAsUserName", Reason: "runs as " + windowsAdmin}
			switch name := effectiveRunAsUserName(p, c); {
			case strings.EqualFold(name, windowsAdmin):
				f.Detail = fmt.Sprintf("windowsOptions.runAsUserName is %q: the processes may change anything in the container.", name)
			case name == "" && adminImage(p, c) != "":
				f.Reason += ": so the image says"
				f.Detail = fmt.Sprintf("The user of image %s is %s, and the pod does not say another one.", adminImage(p, c), windowsAdmin)
			default:
				continue
			}
			p.Report(f)
		}
	},
	Fix: proposing("set runAsUserName: ContainerUser", func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "run " + f.Container.Name + " as ContainerUser", Class: harden.Review,
			Evidence: []harden.Claim{missing("E-PROC", "Nobody looked into the running container: does it write what only the administrator may?")},
			Warning:  "What the program writes to the registry or to folders of the system fails with \"Access is denied\".",
			Changes:  []harden.Change{harden.SetSecurityContext(f.Object, f.Container, map[string]any{"windowsOptions": map[string]any{"runAsUserName": "ContainerUser"}})},
		}}
	}),
}

const windowsAdmin = "ContainerAdministrator"

// adminImage is the image of the container that names the administrator, or "".
func adminImage(p *harden.Pass, c harden.Container) string {
	images, _ := imagesOf(p, c)
	for _, i := range images {
		if strings.EqualFold(i.User, windowsAdmin) {
			return i.name
		}
	}
	return ""
}
