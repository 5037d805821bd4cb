package secret

import (
	"fmt"

	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// LiteralEnv finds environment variables that hold a credential in clear.
var LiteralEnv = &harden.Fixer{
	ID:       "secret-literal-env",
	Title:    "has a credential in its environment in clear",
	Area:     harden.AreaSecret,
	Severity: harden.High,
	Subject:  harden.SubjectPod,
	Doc: `
A variable of the environment is a credential, and its value stands in the manifest.

Fields:

    spec.containers[].env[].value   (init and ephemeral containers too)

Allowed: valueFrom.secretKeyRef, or no credential at all. A value counts as one by
its form (private keys, tokens of known issuers, URLs with a password) or by the name
of the variable, unless it is a path, a URL, a number, a duration, a boolean, a
template such as $(NAME), a placeholder, or the name of another object. Keys of AWS
are left to aws-static-keys.

**Why it matters.** Whoever may get pods or the workload reads it, and that is nearly
everybody who may look at the namespace. It is in every former ReplicaSet, in the
source of the manifest, in backups, and in the audit log of whoever changed it last.

**The fix.** Where Secret WORKLOAD-credentials exists, the variable refers to its key
and the value goes away, in one change; otherwise the text says how to make that
Secret, or an ExternalSecret for it where a store is there. Both are for review: the
value itself is never copied by this program, so only you can know that the Secret
has it. Afterwards the credential has to be replaced by a new one.

**Traps.** The pods restart, and do not start while the Secret lacks the key. The
value belongs to whoever applied it: their next apply brings it back unless the
source changes too. A variable whose value refers to another by $(NAME) needs that
one to come before it.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "secrets"},
		{Standard: "ATT&CK", ID: "T1552.001"},
		{Standard: "ATT&CK", ID: "MS-TA9027"},
		{Standard: "Kubescape", ID: "C-0012"},
		{Standard: "Kubescape", ID: "C-0259"},
	},
	Reads: harden.ReadsNothing,
	Check: checkLiteralEnv,
	Fix:   fixLiteralEnv,
}

func checkLiteralEnv(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		seen := map[string]bool{}
		for i := range c.Env {
			e := &c.Env[i]
			if e.ValueFrom != nil || e.Value == "" || seen[e.Name] {
				continue
			}
			hit, ok := secrets.Pair(e.Name, e.Value)
			if !ok || hit.Kind.AWS() {
				continue
			}
			seen[e.Name] = true
			p.Report(harden.Finding{
				Container: c.Ref, Discriminator: hit.Key, Field: c.Field + ".env[" + hit.Key + "].value",
				Verdict: string(hit.Kind), Reason: hit.Key + " holds " + article(hit.What) + " in clear",
				Detail: fmt.Sprintf("The value of %s is %s and stands in the manifest: whoever may read the %s has it.", hit.Key, article(hit.What), p.Object.Kind),
			})
		}
	}
}

func fixLiteralEnv(p *harden.Pass, f *harden.Finding) []harden.Fix {
	name := f.Discriminator
	if instead, ok := f.OutOfReach("take " + name + " from a Secret (valueFrom.secretKeyRef)"); ok {
		return []harden.Fix{instead}
	}
	inv, secretName := p.Inventory, ownSecret(p.Workload)
	title := "take " + name + " from Secret " + secretName
	s, ok := secretFor(inv, p.Workload, name)
	if !ok {
		return []harden.Fix{{
			Title: title, Class: harden.Review,
			Manual: makeSecret(inv, p.Object.Namespace, secretName, name) + " Scan again: the change of the workload is proposed then. " + rotate,
		}}
	}
	ref := map[string]any{"secretKeyRef": map[string]any{"name": secretName, "key": name}}
	change := harden.SetContainer(p.Object, f.Container, map[string]any{"env": []any{map[string]any{"name": name, "valueFrom": ref}}})
	change.Remove = []harden.Path{harden.ContainerPath(p.Object, f.Container, "env", fieldpath.KeyByFields("name", name), "value")}
	return []harden.Fix{{
		Title: title, Class: harden.Review, Changes: []harden.Change{change}, Evidence: secretClaims(inv, s, name),
		Manual:  rotate,
		Warning: "Pods do not start where the Secret lacks the key, and the program fails where the key has another value than this one.",
	}}
}

// secretClaims say what is known of the Secret that is to be referred to.
func secretClaims(inv *harden.Inventory, s *harden.SecretMeta, key string) []harden.Claim {
	if !inv.Live() {
		return []harden.Claim{{Code: "E-SPEC", State: harden.Holds, Time: inv.Now, Text: fmt.Sprintf("Secret %s has the key %s.", s.Name, key), Limits: "whether its value is the same"}}
	}
	return []harden.Claim{
		{Code: "E-LIVE", State: harden.Holds, Time: inv.Now, Text: fmt.Sprintf("Secret %s exists.", s.Name)},
		{Code: "E-LIVE", State: harden.Missing, Text: fmt.Sprintf("Whether it has the key %s, with the same value, is not known: the data of Secrets is not read. kubectl describe secret %s -n %s shows its keys.", key, s.Name, s.Namespace)},
	}
}
