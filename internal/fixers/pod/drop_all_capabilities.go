package pod

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DropAllCapabilities reports containers that keep capabilities nobody asked for.
var DropAllCapabilities = &harden.Fixer{
	ID:       "drop-all-capabilities",
	Title:    "container keeps the default capabilities",
	Area:     harden.AreaPod,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Refs:     refs("PSS restricted: capabilities", "CIS 5.2.10 (5.2.9 since v1.12)", "CIS 5.2.8", "NSA pod security enforcement", "ATT&CK T1611", "ATT&CK MS-TA9018", "Trivy KSV-0003", "Trivy KSV-0004", "Trivy KSV-0106", "Kubescape C-0055", "Kubescape C-0201"),
	Reads:    harden.ReadsNothing,
	Check:    checkDropAll,
	Fix:      proposing(`drop "ALL" in securityContext.capabilities`, fixDropAll),
	Doc: `**Fields** ` + "`securityContext.capabilities.drop`" + ` of each container; the pod has no such field.

**Allowed** a list that holds ` + "`ALL`" + `, in capitals.

A runtime gives a container up to 14 capabilities of root unless it is told otherwise: to open any file, to become any user, to send raw packets. Few programs use them.

The verdicts: *lowercase*, where the list holds all, which runtimes understand and Pod Security does not; *enumerated*, where all 14 are listed one by one, which
misses what a later runtime adds.

**Fix** drop: ["ALL"]. What is added stays added. In the two cases above the runtime drops the same set as before, so the fix is proven. It is proven as well for a container that starts as another
user than root, because Kubernetes gives such a process no capability: where no file of the image on the way of the entrypoint has one, or where all processes were seen without any. A file
capability NET_BIND_SERVICE is added, so that the program still starts. The ports below 1024 that it declares, exposes or listens on must be open to any user on the nodes.

For a container that starts as root a person decides. What its entrypoint is seen to need is added: for chown and useradd CHOWN, DAC_OVERRIDE, FOWNER; for gosu, su-exec, setpriv SETUID, SETGID; for
chroot SYS_CHROOT; and NET_BIND_SERVICE for a port below 1024, unless any user may bind it.

**Traps** The lists are atomic: a change replaces the whole list. A runtime takes ALL first, then adds, then drops the rest; so an entry that stands in both lists is kept in drop.
A binary with a file capability, such as caddy's, dies at exec when its capability is gone, even as root (caddyserver/caddy-docker#396). Images that start as
root and change user themselves (postgres, redis) need CHOWN, SETUID, SETGID, FOWNER, DAC_OVERRIDE, and often only at their first start with an empty volume
(docker-library/postgres#649). Whether another user may bind a port below 1024 without a capability depends on the runtime: containerd allows it from 2.0 on, CRI-O does not.

It does not apply to privileged containers, which have all capabilities whatever the list says, and to Windows.
`,
}

// Verdicts of drop-all-capabilities.
const (
	verdictLowercase  = "lowercase"
	verdictEnumerated = "enumerated"
)

func checkDropAll(p *harden.Pass) {
	for _, c := range linuxContainers(p, unprivileged) {
		dropped := droppedCapabilities(c)
		if slices.Contains(dropped, capAll) {
			continue
		}
		f := harden.Finding{
			Container: c.Ref, Field: c.Field + ".securityContext.capabilities.drop",
			Reason: "drops no capabilities", Detail: "capabilities.drop is not set: the container has all that its runtime gives by default.",
		}
		switch {
		case drops(c, capAll):
			f.Verdict, f.Severity, f.SeverityWhy = verdictLowercase, harden.Low, "runtimes drop all, only Pod Security does not understand it"
			f.Reason = `drops "all": Pod Security wants "ALL"`
			f.Detail = fmt.Sprintf("capabilities.drop is %q. Runtimes ignore letter case; Pod Security admission compares exactly and refuses the pod under restricted.", dropped)
		case dropsDefaults(c):
			f.Verdict, f.Severity, f.SeverityWhy = verdictEnumerated, harden.Low, "all default capabilities are dropped, one by one"
			f.Reason = "lists the capabilities to drop one by one"
			f.Detail = fmt.Sprintf("capabilities.drop lists all %d default capabilities. That equals ALL with today's runtimes; Pod Security refuses it under restricted.", len(defaultCapabilities))
		case len(dropped) > 0:
			f.Reason = "does not drop all capabilities"
			f.Detail = fmt.Sprintf("capabilities.drop is %q: the container keeps the other default capabilities.", dropped)
		}
		p.Report(f)
	}
}

func dropsDefaults(c harden.Container) bool {
	for _, name := range defaultCapabilities {
		if !drops(c, name) {
			return false
		}
	}
	return true
}

func fixDropAll(p *harden.Pass, f *harden.Finding) []harden.Fix {
	c, ok := p.Pod.Container(f.Container)
	if !ok {
		return nil
	}
	if f.Verdict == "" {
		return dropAllFixes(p, f, c)
	}
	fix := harden.Fix{Title: "drop all capabilities of " + c.Name, Changes: []harden.Change{capabilityLists(f.Object, c, dropAll(c), nil)}}
	if f.Verdict == verdictLowercase {
		fix.Evidence = []harden.Claim{seen(p, "E-SPEC", `containerd and CRI-O compare "all" without regard to letter case: the same set is dropped.`, "Other runtimes.")}
	} else {
		fix.Evidence = []harden.Claim{seen(p, "E-SPEC", "All default capabilities of containerd and CRI-O are dropped already: none is left to lose.", "A runtime that is configured to give more than its default.")}
	}
	fix.Class = harden.ClassOf(harden.Evidence, fix.Evidence...)
	return []harden.Fix{fix}
}

// dropAllFixes drop all capabilities but those that are known to be needed.
func dropAllFixes(p *harden.Pass, f *harden.Finding, c harden.Container) []harden.Fix {
	d := droppingAll(p, c)
	plain := harden.Fix{
		Title: "drop all capabilities of " + c.Name, Evidence: d.claims, Class: harden.ClassOf(d.best, d.claims...), Warning: d.warning,
		Changes: []harden.Change{capabilityLists(f.Object, c, dropAll(c), nil)},
	}
	fixes := []harden.Fix{plain}
	if add := d.added(c); len(add) > 0 {
		keeping := plain
		keeping.Title += " but " + strings.Join(add, ", ")
		keeping.Changes = []harden.Change{capabilityLists(f.Object, c, dropAll(c), add)}
		fixes = []harden.Fix{keeping}
		if !d.certain {
			fixes = append(fixes, plain)
		}
	}
	if bind, ok := bindsByFile(p, c); ok {
		fixes = append(fixes, withPortSysctl(p, f.Object, fixes[0], bind))
	}
	return fixes
}
