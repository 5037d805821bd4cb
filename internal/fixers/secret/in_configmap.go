package secret

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// InConfigMap finds ConfigMaps with credentials in them.
var InConfigMap = &harden.Fixer{
	ID:       "secret-in-configmap",
	Title:    "has a credential in a ConfigMap",
	Area:     harden.AreaSecret,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
An entry of the ConfigMap is a credential, or a file with one in it.

Fields:

    data.*, binaryData.* (of files alone: that of a cluster is not kept)

Allowed: no credential, a reference such as ${NAME} that the program fills in, or a
value that its reader decrypts (ENC[…], {cipher}, vault:…). Entries are read as
variables, ini, properties, JSON, YAML, TOML, XML and scripts, line by line; in pages,
schemas and translations only forms of credentials count. There is one finding for
each entry, with its lines.

**Why it matters.** ConfigMaps are what everybody may read: "view" has them and not
Secrets, encryption at rest leaves them out, and they are printed, copied and
committed without a thought.

**The fix.** By hand: the entry moves to a Secret and what reads it is pointed there.
The text names the workloads. No change is proposed, since the value is never copied
by this program.

**Traps.** An entry that is mounted has to keep its path: a Secret volume, or a
projected one for both. What reads the ConfigMap through the API needs the right to
get the Secret then. A test or an example that looks like a credential is found too:
waive it.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1552.001"},
		{Standard: "Trivy", ID: "KSV-0109"},
		{Standard: "Trivy", ID: "KSV-01010"},
		{Standard: "Kubescape", ID: "C-0012"},
		{Standard: "Kubescape", ID: "C-0258"},
	},
	Reads: harden.ReadsNothing,
	Check: checkInConfigMap,
	Fix:   fixInConfigMap,
}

// entries are those of the ConfigMap that are texts.
func entries(m *corev1.ConfigMap) map[string]string {
	if len(m.BinaryData) == 0 {
		return m.Data
	}
	all := maps.Clone(m.Data)
	if all == nil {
		all = map[string]string{}
	}
	for k, v := range m.BinaryData {
		if utf8.Valid(v) {
			all[k] = string(v)
		}
	}
	return all
}

func checkInConfigMap(p *harden.Pass) {
	m := harden.Content[*corev1.ConfigMap](p.Item)
	if m == nil || len(m.Data)+len(m.BinaryData) == 0 {
		p.NotApplicable()
		return
	}
	all := entries(m)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		found := secrets.Text(key, all[key])
		if len(found) == 0 {
			continue
		}
		var lines []string
		for _, h := range found {
			if text := describe(h); !slices.Contains(lines, text) {
				lines = append(lines, text)
			}
		}
		reason := key + " holds " + article(found[0].What)
		if len(lines) > 1 {
			reason = fmt.Sprintf("%s holds %d credentials", key, len(lines))
		}
		detail := "Entry " + key + " has in clear: " + some(lines) + "."
		if len(lines) > 1 {
			detail = "Entry " + key + " has in clear:\n" + some(lines)
		}
		p.Report(harden.Finding{Discriminator: key, Field: "data[" + key + "]", Verdict: string(found[0].Kind), Reason: reason, Detail: detail})
	}
}

func fixInConfigMap(p *harden.Pass, f *harden.Finding) []harden.Fix {
	users := "No workload that was read uses it."
	if all := harden.Derive(p.Inventory, newConfigMapUsers, harden.Templates)[types.NamespacedName{Namespace: p.Object.Namespace, Name: p.Object.Name}]; len(all) > 0 {
		users = "It is used by " + strings.Join(all, ", ") + "."
	}
	return []harden.Fix{{
		Title: "move " + f.Discriminator + " to a Secret", Class: harden.Review,
		Manual: makeSecret(p.Inventory, p.Object.Namespace, p.Object.Name, f.Discriminator) +
			" " + users + " Point them at the Secret: env valueFrom.secretKeyRef, or a projected volume with both, so that paths stay the same. Or leave the file where it is and write a reference in it that the program fills in from its environment. Take the entry out of the ConfigMap last. " + rotate,
		Warning: "What reads the ConfigMap by another way, such as the API, does not find the entry any more.",
	}}
}

// configMapUsers are the workloads that use each ConfigMap, as KIND/NAME.
type configMapUsers map[types.NamespacedName][]string

func newConfigMapUsers(inv *harden.Inventory) configMapUsers {
	users := configMapUsers{}
	for _, w := range inv.Workloads {
		add := func(name string) {
			at := types.NamespacedName{Namespace: w.Ref.Namespace, Name: name}
			if who := w.Ref.String(); name != "" && !slices.Contains(users[at], who) {
				users[at] = append(users[at], who)
			}
		}
		for _, name := range configMapsOf(&w.Template.Spec) {
			add(name)
		}
	}
	return users
}

func configMapsOf(spec *corev1.PodSpec) []string {
	var names []string
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, from := range c.EnvFrom {
			if from.ConfigMapRef != nil {
				names = append(names, from.ConfigMapRef.Name)
			}
		}
		for _, e := range c.Env {
			if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
				names = append(names, e.ValueFrom.ConfigMapKeyRef.Name)
			}
		}
	}
	for i := range spec.Volumes {
		v := &spec.Volumes[i]
		if v.ConfigMap != nil {
			names = append(names, v.ConfigMap.Name)
		}
		if v.Projected != nil {
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					names = append(names, s.ConfigMap.Name)
				}
			}
		}
	}
	return names
}
