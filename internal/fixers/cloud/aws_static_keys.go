package cloud

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// AWSStaticKeys finds containers that hold access keys of AWS.
var AWSStaticKeys = &harden.Fixer{
	ID:       "aws-static-keys",
	Title:    "uses access keys of AWS",
	Area:     harden.AreaCloud,
	Severity: harden.Critical,
	Subject:  harden.SubjectPod,
	Doc: `
A container has an access key of AWS: in clear, from a ConfigMap, or from a Secret.

Fields:

    spec.containers[].env[].value, command, args   (init and ephemeral containers too)
    spec.containers[].env[].valueFrom, envFrom, and the volumes of ConfigMaps that it mounts

Allowed: no key at all, with the identity of a role instead (EKS Pod Identity, or
IRSA by the annotation eks.amazonaws.com/role-arn of the ServiceAccount). Keys are
known by their names (AWS_SECRET_ACCESS_KEY and its like) and by their form (AKIA or
ASIA with 16 letters, beside a secret of 40). Where the environment or a flag points
S3 clients at another endpoint than AWS's, such as MinIO, references do not count.

**Why it matters.** A key in clear is that of a user of AWS, good from anywhere for
as long as nobody deletes it: who reads the manifest has what the user may do. From a
Secret it is high: fewer can read it, and it still does not end. A temporary key
(ASIA) ends by itself within hours and is high too.

**The fix.** A role takes the place of the keys; which one, and what it may do, is for
you to say. Where the ServiceAccount has a role already, taking the variables away is
proposed, for review: the SDKs look at the environment first and never reach the role
while the keys are there. Then delete the key in IAM.

**Traps.** An old SDK does not know web identity or Pod Identity. The role needs the
rights that the user had; CloudTrail tells which were used. Keys for S3-compatible
stores have the same names and no role.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1078.004"},
		{Standard: "ATT&CK", ID: "T1552.001"},
		{Standard: "ATT&CK", ID: "MS-TA9001"},
		{Standard: "ATT&CK", ID: "MS-TA9020"},
		{Standard: "Kubescape", ID: "C-0012"},
		{Standard: "Kubescape", ID: "C-0020"},
	},
	Reads: harden.InNamespace(harden.KindConfigMap),
	Check: checkAWSStaticKeys,
	Fix:   fixAWSStaticKeys,
}

// awsNames are the variables that AWS's SDKs read.
var awsNames = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

// An awsKey is a place that holds one.
type awsKey struct {
	place string // discriminator: where it is, without a list index
	field string
	what  string
	from  string // "", ConfigMap or Secret
	brief bool   // it is a temporary one
}

func checkAWSStaticKeys(p *harden.Pass) {
	for _, c := range p.Pod.Containers() {
		for _, k := range awsKeysOf(p, c) {
			f := harden.Finding{
				Container: c.Ref, Discriminator: k.place, Field: k.field, Verdict: cmp.Or(k.from, "literal"),
				Reason: k.what + " in clear", Detail: fmt.Sprintf("%s holds %s, readable by whoever may read the %s.", k.place, k.what, p.Object.Kind),
			}
			switch k.from {
			case "Secret":
				f.Reason = k.place + " comes from a Secret"
				f.Detail = k.place + " is an access key of AWS, which does not end, from a Secret."
				f.Severity, f.SeverityWhy = harden.High, "it comes from a Secret, which fewer can read"
			case "ConfigMap":
				f.Reason = k.what + " from a ConfigMap"
				f.Detail = fmt.Sprintf("%s holds %s, readable by whoever may read ConfigMaps.", k.place, k.what)
			}
			if k.brief {
				f.Severity, f.SeverityWhy = harden.High, "a temporary key ends by itself within hours"
			}
			p.Report(f)
		}
	}
}

func awsKeysOf(p *harden.Pass, c harden.Container) []awsKey {
	var keys []awsKey
	add := func(k awsKey) {
		if !slices.ContainsFunc(keys, func(o awsKey) bool { return o.place == k.place }) {
			keys = append(keys, k)
		}
	}
	elsewhere := otherEndpoint(c.Container)
	for i := range c.Env {
		e := &c.Env[i]
		field := c.Field + ".env[" + e.Name + "]"
		switch from := e.ValueFrom; {
		case from == nil:
			if h, ok := secrets.Pair(e.Name, e.Value); ok && h.Kind.AWS() && !(elsewhere && h.Kind == secrets.AWSKey && slices.Contains(awsNames, e.Name)) {
				add(awsKey{place: h.Key, field: field + ".value", what: h.What, brief: h.Kind == secrets.AWSSession})
			}
		case elsewhere:
		case from.SecretKeyRef != nil && e.Name == "AWS_SECRET_ACCESS_KEY":
			add(awsKey{place: e.Name, field: field + ".valueFrom", what: "AWS secret access key", from: "Secret"})
		case from.ConfigMapKeyRef != nil && e.Name == "AWS_SECRET_ACCESS_KEY":
			add(awsKey{place: e.Name, field: field + ".valueFrom", what: "AWS secret access key", from: "ConfigMap"})
		}
	}
	for _, h := range secrets.Args(slices.Concat(c.Command, c.Args)) {
		if h.Kind.AWS() {
			add(awsKey{place: strings.TrimSpace("command line " + h.Key), field: c.Field + ".args", what: h.What, brief: h.Kind == secrets.AWSSession})
		}
	}
	for _, name := range configMapsOf(p.Pod.Spec, c.Container) {
		if h, entry, ok := awsKeyIn(p.Inventory, p.Object.Namespace, name); ok {
			add(awsKey{place: "ConfigMap " + name, field: "ConfigMap/" + name + " data[" + entry + "]", what: h.What, from: "ConfigMap", brief: h.Kind == secrets.AWSSession})
		}
	}
	return withoutIDs(keys)
}

// withoutIDs lets the secret stand for the id and the session token beside it.
func withoutIDs(keys []awsKey) []awsKey {
	at := slices.IndexFunc(keys, func(k awsKey) bool { return k.place == "AWS_SECRET_ACCESS_KEY" })
	if at < 0 {
		return keys
	}
	for _, k := range keys {
		if k.place == "AWS_ACCESS_KEY_ID" && k.brief {
			keys[at].brief = true
		}
	}
	return slices.DeleteFunc(keys, func(k awsKey) bool { return k.place != "AWS_SECRET_ACCESS_KEY" && slices.Contains(awsNames, k.place) })
}

// otherEndpoint reports whether the container speaks to an S3 store that is not AWS's.
func otherEndpoint(c *corev1.Container) bool {
	texts := slices.Concat(c.Command, c.Args)
	for _, e := range c.Env {
		if strings.Contains(strings.ToUpper(e.Name), "ENDPOINT") || strings.Contains(strings.ToUpper(e.Name), "S3_URL") {
			texts = append(texts, "endpoint="+e.Value)
		}
	}
	for _, t := range texts {
		lower := strings.ToLower(t)
		if strings.Contains(lower, "endpoint") && !strings.Contains(lower, "amazonaws.com") && strings.Contains(lower, "=") && !strings.HasSuffix(lower, "=") {
			return true
		}
	}
	return false
}

// configMapsOf are those that the container gets, as its environment or as files.
func configMapsOf(spec *corev1.PodSpec, c *corev1.Container) []string {
	var names []string
	for _, from := range c.EnvFrom {
		if from.ConfigMapRef != nil {
			names = append(names, from.ConfigMapRef.Name)
		}
	}
	for _, m := range c.VolumeMounts {
		for i := range spec.Volumes {
			v := &spec.Volumes[i]
			if v.Name != m.Name {
				continue
			}
			if v.ConfigMap != nil {
				names = append(names, v.ConfigMap.Name)
			}
			if v.Projected == nil {
				continue
			}
			for _, s := range v.Projected.Sources {
				if s.ConfigMap != nil {
					names = append(names, s.ConfigMap.Name)
				}
			}
		}
	}
	return names
}

// An awsConfigMap is the first key of AWS in a ConfigMap.
type awsConfigMap struct {
	hit   secrets.Hit
	entry string
}

type awsConfigMaps map[[2]string]awsConfigMap

func awsKeyIn(inv *harden.Inventory, namespace, name string) (secrets.Hit, string, bool) {
	found, ok := harden.Derive(inv, newAWSConfigMaps, harden.KindConfigMap)[[2]string{namespace, name}]
	return found.hit, found.entry, ok
}

func newAWSConfigMaps(inv *harden.Inventory) awsConfigMaps {
	found := awsConfigMaps{}
	for o, m := range harden.All[*corev1.ConfigMap](inv, harden.KindConfigMap) {
		for entry, text := range m.Data {
			if !strings.Contains(text, "AKIA") && !strings.Contains(text, "ASIA") && !strings.Contains(strings.ToLower(text+entry), "secret_access_key") {
				continue
			}
			for _, h := range secrets.Text(entry, text) {
				at := [2]string{o.Ref.Namespace, o.Ref.Name}
				if old, ok := found[at]; h.Kind.AWS() && (!ok || entry < old.entry) {
					found[at] = awsConfigMap{h, entry}
				}
			}
		}
	}
	return found
}

func fixAWSStaticKeys(p *harden.Pass, f *harden.Finding) []harden.Fix {
	const title = "take a role instead of access keys"
	if instead, ok := f.OutOfReach("take the access keys out, and give the ServiceAccount a role"); ok {
		return []harden.Fix{instead}
	}
	sa := p.Inventory.ServiceAccounts[p.Object.Namespace][harden.ServiceAccountName(p.Pod.Spec)]
	const after = "Then delete the key in IAM (aws iam delete-access-key): whoever could read it has it."
	if sa == nil || sa.Annotations["eks.amazonaws.com/role-arn"] == "" {
		return []harden.Fix{{
			Title: title, Class: harden.Review,
			Manual: "Make a role with the rights that are used (CloudTrail tells them), and bind it to a ServiceAccount of this workload alone: by EKS Pod Identity (aws eks create-pod-identity-association), or by IRSA with the annotation eks.amazonaws.com/role-arn. " +
				"Take the access keys out of " + f.Field + " in the same change: SDKs look at the environment first. " + after,
			Warning: "A program that does not know these identities finds no credential any more.",
		}}
	}
	fix := harden.Fix{
		Title: title, Class: harden.Review, Manual: after, Warning: "Where the role may do less than the keys, calls are refused.",
		Evidence: []harden.Claim{
			{Code: "E-SPEC", State: harden.Holds, Time: p.Inventory.Now, Text: "ServiceAccount " + sa.Name + " has a role of AWS (eks.amazonaws.com/role-arn)."},
			{Code: "E-SPEC", State: harden.Missing, Text: "Whether that role may do what the keys may is not visible from Kubernetes."},
		},
	}
	c, ok := p.Pod.Container(f.Container)
	if !ok || !slices.Contains(awsNames, f.Discriminator) {
		fix.Manual = "Take the access key out of " + f.Field + ": the ServiceAccount has a role already. " + after
		return []harden.Fix{fix}
	}
	// All of them go together: an id without its secret is an error to the SDKs.
	var gone []harden.Path
	for _, e := range c.Env {
		if slices.Contains(awsNames, e.Name) {
			gone = append(gone, harden.ContainerPath(p.Object, f.Container, "env", fieldpath.KeyByFields("name", e.Name)))
		}
	}
	fix.Changes = []harden.Change{harden.RemoveFrom(p.Object, gone...)}
	return []harden.Fix{fix}
}
