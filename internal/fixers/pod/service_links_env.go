package pod

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ServiceLinksEnv reports pods that get the Services of their namespace as
// environment variables.
var ServiceLinksEnv = &harden.Fixer{
	ID:       "service-links-env",
	Title:    "has all Services of its namespace in its environment",
	Area:     harden.AreaPod,
	Severity: harden.Info,
	Subject:  harden.SubjectPod,
	Doc: `
The kubelet puts the address of every Service of the namespace into the environment.

Fields:

    spec.enableServiceLinks
    spec.{clusterIP,type} of the Services in the namespace

Allowed: false; and anything in a namespace without a Service that has a cluster address.

**Why it matters.** Who reads the environment of one process, by a page of debugging or a
bug, holds a map of what runs next to it. A Service called redis also sets REDIS_PORT to
tcp://10.0.0.7:6379, and programs that read their port from such a variable fail, for no
reason that their own manifest shows. With thousands of Services pods no longer start.

**The fix.** enableServiceLinks: false. It is proven where neither commands nor variables nor
the ConfigMaps of the pod nor the scripts of its images name such a variable, once somebody
has asked for images to be looked into.

**Traps.** A program may read them by itself: samples from the time before DNS do, and some
clients of Redis and PostgreSQL take PORT-like names. The Service kubernetes of the API
server stays in the environment in any case. DNS names say the same, and stay right.
`,
	Refs:  refs("NSA network policies", "ATT&CK T1613", "Kubernetes Accessing Services: environment variables"),
	Reads: harden.InNamespace(harden.KindService),
	Check: func(p *harden.Pass) {
		if !p.Pod.PodLevel {
			p.NotApplicable()
			return
		}
		if isFalse(p.Pod.Spec.EnableServiceLinks) || !p.Needs(p.Object.Namespace, harden.KindService) {
			return
		}
		services := harden.Derive(p.Inventory, linkedServices, harden.KindService)[p.Object.Namespace]
		if services == 0 {
			return
		}
		p.Report(harden.Finding{
			Field:  p.Pod.Field("enableServiceLinks"),
			Reason: fmt.Sprintf("has the addresses of %s in its environment", countServices(services)),
			Detail: fmt.Sprintf("enableServiceLinks is not false: the addresses and ports of %s of the namespace are in the environment of all containers.", countServices(services)),
		})
	},
	Fix: proposing("set enableServiceLinks: false", func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		claims := linkClaims(p)
		return []harden.Fix{{
			Title: "keep the Services out of the environment", Class: harden.ClassOf(harden.Evidence, claims...), Evidence: claims,
			Changes: []harden.Change{harden.SetPodSpec(f.Object, map[string]any{"enableServiceLinks": false})},
			Warning: "A program that finds others by variables such as REDIS_SERVICE_HOST no longer does.",
		}}
	}),
}

func countServices(n int) string {
	if n == 1 {
		return "1 Service"
	}
	return fmt.Sprintf("%d Services", n)
}

// links is how many Services the kubelet would tell, by namespace.
type links map[string]int

// linkedServices leaves out Services without a cluster address, and the API
// server's, which every pod gets (getServiceEnvVarMap in pkg/kubelet/kubelet_pods.go).
func linkedServices(i *harden.Inventory) links {
	out := links{}
	for _, s := range i.Net.Services {
		if s.Spec.ClusterIP != corev1.ClusterIPNone && s.Spec.Type != corev1.ServiceTypeExternalName &&
			(s.Namespace != metav1.NamespaceDefault || s.Name != "kubernetes") {
			out[s.Namespace]++
		}
	}
	return out
}

// linkName is a variable that the kubelet makes for a Service, but those of the API server.
var linkName = regexp.MustCompile(`\b[A-Z][A-Z0-9_]*_(?:SERVICE_HOST|SERVICE_PORT(?:_[A-Z0-9_]+)?|PORT_\d+_(?:TCP|UDP|SCTP)\w*)\b`)

func linkIn(text string) string {
	for _, name := range linkName.FindAllString(text, -1) {
		if !strings.HasPrefix(name, "KUBERNETES_") {
			return name
		}
	}
	return ""
}

// linkClaims say whether something names a variable of a Service.
func linkClaims(p *harden.Pass) []harden.Claim {
	var claims []harden.Claim
	refute := func(name, where string) {
		claims = append(claims, dated(p, "E-ENV", harden.Refutes, p.Inventory.Now, fmt.Sprintf("%s is named in %s.", name, where), ""))
	}
	for _, c := range p.Pod.Containers() {
		texts := slices.Concat(c.Command, c.Args)
		for _, e := range c.Env {
			texts = append(texts, e.Value)
		}
		if name := linkIn(strings.Join(texts, "\n")); name != "" {
			refute(name, "the commands or variables of container "+c.Name)
		}
	}
	for _, name := range configMaps(p) {
		o := p.Inventory.Object(harden.KindConfigMap, p.Object.Namespace, name)
		if o == nil {
			claims = append(claims, missing("E-ENV", fmt.Sprintf("ConfigMap %s was not read: does it name variables of Services?", name)))
			continue
		}
		data := harden.Content[*corev1.ConfigMap](o).Data
		for _, key := range slices.Sorted(maps.Keys(data)) {
			if link := linkIn(data[key]); link != "" {
				refute(link, "ConfigMap "+name)
				break
			}
		}
	}
	if claims == nil {
		claims = append(claims, seen(p, "E-ENV", "Neither the commands and variables of its containers nor its ConfigMaps name a variable of a Service.", "Secrets, and files of volumes."))
	}
	for _, c := range p.Pod.Containers() {
		claims = append(claims, linkScripts(p, c))
	}
	return claims
}

func linkScripts(p *harden.Pass, c harden.Container) harden.Claim {
	images, gap := filesOf(p, c)
	if gap != "" {
		return ask("E-IMG-FS", gap, "do its scripts name variables of Services?")
	}
	for _, i := range images {
		for _, at := range slices.Sorted(maps.Keys(i.Files.Scripts)) {
			if name := linkIn(i.Files.Scripts[at]); name != "" {
				return imageClaim(p, "E-IMG-FS", harden.Refutes, images, fmt.Sprintf("%s of image %s names %s.", at, i.name, name), "")
			}
		}
	}
	return imageClaim(p, "E-IMG-FS", harden.Holds, images, fmt.Sprintf("No script of image %s names a variable of a Service.", names(images)), "Programs that read them by themselves.")
}

// configMaps are the names of the ConfigMaps that the pod reads, sorted.
func configMaps(p *harden.Pass) []string {
	found := map[string]bool{}
	for _, c := range p.Pod.Containers() {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				found[from.ConfigMapRef.Name] = true
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				found[e.ValueFrom.ConfigMapKeyRef.Name] = true
			}
		}
	}
	for i := range p.Pod.Spec.Volumes {
		v := &p.Pod.Spec.Volumes[i]
		if v.ConfigMap != nil {
			found[v.ConfigMap.Name] = true
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					found[s.ConfigMap.Name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
