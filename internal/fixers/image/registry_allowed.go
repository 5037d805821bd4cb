package image

import (
	"fmt"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// RegistryAllowed finds images from registries that the team did not choose.
var RegistryAllowed = &harden.Fixer{
	ID:       "image-registry-allowed",
	Title:    "runs an image from a registry that is not allowed",
	Area:     harden.AreaImage,
	Severity: harden.Medium,
	Subject:  harden.SubjectPod,
	Doc: `
The image comes from a place that is not on the team's list.

Fields:

    spec.containers[].image   (init and ephemeral containers too)

Allowed: images whose full name is on the list, or lies below an entry of it. The
list is in the settings; without one, the rule does not apply.

**Why it matters.** Whoever can push to a registry runs code in the clusters that
pull from it. A short list of registries with known rules for pushing, scanning
and keeping is the difference between a supply chain and a hope.

**The fix.** Copy the image into a registry of the list and name it there. That is
advice only: nobody looked whether the copy exists and is the same.

**Traps.** Names are compared in full and up to a slash: nginx is
docker.io/library/nginx, registry.corp/team allows neither registry.corp/team-evil/x
nor registry.corp.evil.io/x, and localhost:5000/x is not on Docker Hub. A webhook or
a mirror in the runtime's configuration may fetch the image from somewhere else
than it says.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.1.4"},
		{Standard: "ATT&CK", ID: "T1204.003"},
		{Standard: "ATT&CK", ID: "T1195.002"},
		{Standard: "ATT&CK", ID: "MS-TA9002"},
		{Standard: "Trivy", ID: "KSV-0125"},
		{Standard: "Trivy", ID: "KSV-0034"},
		{Standard: "Trivy", ID: "KSV-0035"},
		{Standard: "Trivy", ID: "KSV-0124"},
		{Standard: "Kubescape", ID: "C-0078"},
		{Standard: "Kubescape", ID: "C-0001"},
	},
	Reads: harden.ReadsNothing,
	Check: checkRegistryAllowed,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		if instead, ok := f.OutOfReach("take the image from an allowed registry"); ok {
			return []harden.Fix{instead}
		}
		return []harden.Fix{{
			Title: "take the image from an allowed registry", Class: harden.Review,
			Evidence: []harden.Claim{{Code: "E-IMG-CONFIG", State: harden.Missing, Text: "No registry was asked whether it holds the image."}},
			Manual:   fmt.Sprintf("Copy the image to a registry that is allowed (%s), and name it there, with its digest.", strings.Join(p.Settings.AllowedRegistries, ", ")),
		}}
	},
}

func checkRegistryAllowed(p *harden.Pass) {
	if len(p.Settings.AllowedRegistries) == 0 {
		p.NotApplicable()
		return
	}
	for _, c := range p.Pod.Containers() {
		f := harden.Finding{Container: c.Ref, Field: c.Field + ".image"}
		r, err := referenceOf(p.Inventory, c.Image)
		if err != nil {
			reportUnreadable(p, f, c, err)
			continue
		}
		if allowed(r, p.Settings.AllowedRegistries) {
			continue
		}
		f.Reason = "image is from " + r.Domain
		f.Detail = fmt.Sprintf("%q is %s, which is not below %s.", c.Image, r.Name(), strings.Join(p.Settings.AllowedRegistries, " or "))
		p.Report(f)
	}
}

func allowed(r Reference, prefixes []string) bool {
	for _, prefix := range prefixes {
		if prefix = fullPrefix(prefix); prefix == "" {
			continue
		}
		if r.Name() == prefix || strings.HasPrefix(r.Name(), prefix+"/") {
			return true
		}
	}
	return false
}

// fullPrefix fills in what an entry of the list leaves out, as for references:
// a first segment without dot and colon that is not localhost is a path on docker.io.
func fullPrefix(prefix string) string {
	prefix = strings.TrimRight(strings.TrimSpace(prefix), "/")
	domain, path, _ := strings.Cut(prefix, "/")
	switch {
	case prefix == "":
		return ""
	case domain == "index.docker.io":
		domain = "docker.io"
	case domain != "localhost" && !strings.ContainsAny(domain, ".:"):
		domain, path = "docker.io", prefix
	}
	if path == "" {
		return domain
	}
	return domain + "/" + path
}
