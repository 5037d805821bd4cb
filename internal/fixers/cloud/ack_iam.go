package cloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// ACKWildcard finds IAM policies, written as Kubernetes objects, that allow everything or trust everybody.
var ACKWildcard = &harden.Fixer{
	ID:       "ack-iam-wildcard",
	Title:    "IAM policy allows everything, or trusts every ServiceAccount",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds: []schema.GroupKind{
		harden.KindIAMPolicy, harden.KindIAMRole,
		harden.KindUpboundIAMPolicy, harden.KindUpboundIAMRole, harden.KindUpboundIAMRolePolicy,
		harden.KindCrossplaneIAMPolicy, harden.KindCrossplaneIAMRole,
	},
	Doc: `
A policy of AWS that is managed from this cluster has a wildcard where a name belongs.

Fields:

    AWS Controllers for Kubernetes (iam.services.k8s.aws): Policy spec.policyDocument; Role
    spec.inlinePolicies, spec.assumeRolePolicyDocument, spec.policies
    Crossplane (iam.aws.upbound.io, iam.aws.crossplane.io): Policy, Role and RolePolicy
    spec.forProvider.policy, document, inlinePolicy, assumeRolePolicy, assumeRolePolicyDocument

Allowed: statements that allow named actions; a trust that names one ServiceAccount.
Found are an allowed action "*", all actions of a service on all resources ("s3:*" on "*", medium),
NotAction with Allow, the policy AdministratorAccess, a trust in everybody (principal "*" without a condition), and a trust in
an OIDC provider whose condition on "sub" is missing or has a wildcard for the namespace or the account.

**Why it matters.** A role with "*" is the AWS account. A trust without the account's name lets every pod of the
cluster that may have a token, or every repository of a forge, assume the role.

**The fix.** Which actions are needed is not known here (IAM Access Analyzer tells), and a document is one
text: a person writes it, so there is text only.

**Traps.** Named actions on resource "*" are often right (ec2:Describe*), and pass. "*" in a StringEquals is
a letter and matches nothing. Documents that are no JSON, such as references, are unknown. Policies that are not managed
from this cluster are not visible.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubernetes", ID: "IAM best practices: least privilege", URL: "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html"},
	},
	Reads: harden.ReadsNothing,
	Check: checkACKWildcard,
	Fix: func(p *harden.Pass, f *harden.Finding) []harden.Fix {
		return byHand("name what is allowed",
			fmt.Sprintf("In %s of %s: %s. Let IAM Access Analyzer make a policy of what was used (aws accessanalyzer start-policy-generation), and write it there.", f.Field, p.Object.Long(), wildcardAdvice[f.Verdict]),
			"What uses the role loses the actions that are not named.")
	},
}

var wildcardAdvice = map[string]string{
	"allow": "replace the wildcard by the actions that are needed, on the resources that they are needed for",
	"trust": `give the trust a condition StringEquals on the provider's "sub" that names one ServiceAccount (system:serviceaccount:NAMESPACE:NAME), and one on "aud" (sts.amazonaws.com)`,
}

// A statement is one of an IAM policy. Lists may be written as one string.
type statement struct {
	Effect       string
	Action       stringList
	NotAction    stringList
	Resource     stringList
	Principal    any
	NotPrincipal any
	Condition    map[string]map[string]stringList
}

type stringList []string

func (l *stringList) UnmarshalJSON(b []byte) error {
	var one any
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	switch v := one.(type) {
	case string:
		*l = stringList{v}
	case bool:
		*l = stringList{fmt.Sprint(v)}
	case []any:
		for _, item := range v {
			*l = append(*l, fmt.Sprint(item))
		}
	default:
		return errors.New("no list of strings")
	}
	return nil
}

// statements reads a policy, whose statements may be a list or a single one.
func statements(document string) ([]statement, error) {
	var policy struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return nil, err
	}
	var list []statement
	if err := json.Unmarshal(policy.Statement, &list); err == nil {
		return list, nil
	}
	var one statement
	err := json.Unmarshal(policy.Statement, &one)
	return []statement{one}, err
}

// A document is one policy within an object.
type document struct {
	field, text string
	trust       bool
}

// documents are the policies of the object, in a stable order.
func documents(o map[string]any) []document {
	var out []document
	add := func(field, text string, trust bool) {
		if text != "" {
			out = append(out, document{field, text, trust})
		}
	}
	spec, _ := o["spec"].(map[string]any)
	add("spec.policyDocument", str(spec["policyDocument"]), false)
	add("spec.assumeRolePolicyDocument", str(spec["assumeRolePolicyDocument"]), true)
	inline, _ := spec["inlinePolicies"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(inline)) {
		add("spec.inlinePolicies["+name+"]", str(inline[name]), false)
	}
	provider, _ := spec["forProvider"].(map[string]any)
	add("spec.forProvider.policy", str(provider["policy"]), false)
	add("spec.forProvider.document", str(provider["document"]), false)
	add("spec.forProvider.assumeRolePolicy", str(provider["assumeRolePolicy"]), true)
	add("spec.forProvider.assumeRolePolicyDocument", str(provider["assumeRolePolicyDocument"]), true)
	list, _ := provider["inlinePolicy"].([]any)
	for _, item := range list {
		p, _ := item.(map[string]any)
		add("spec.forProvider.inlinePolicy["+str(p["name"])+"]", str(p["policy"]), false)
	}
	return out
}

func str(v any) string {
	s, _ := v.(string)
	return s
}

func checkACKWildcard(p *harden.Pass) {
	object := harden.Content[*unstructured.Unstructured](p.Item)
	if object == nil {
		p.Unknown("its content could not be read")
		return
	}
	if attached, _, _ := unstructured.NestedStringSlice(object.Object, "spec", "policies"); slices.ContainsFunc(attached, administrator) {
		p.Report(harden.Finding{
			Discriminator: "spec.policies", Field: "spec.policies", Verdict: "allow", Reason: "attaches AdministratorAccess",
			Detail: "The policy AdministratorAccess allows everything in the account.",
		})
	}
	for _, d := range documents(object.Object) {
		list, err := statements(d.text)
		if err != nil {
			p.Report(harden.Finding{
				Status: harden.StatusUnknown, Discriminator: d.field, Field: d.field, Reason: "could not be checked",
				Detail: d.field + " holds no JSON policy.",
			})
			continue
		}
		for _, s := range list {
			if f, found := s.judge(d); found {
				f.Discriminator, f.Field = d.field, d.field
				p.Report(f)
				break // one finding for each document
			}
		}
	}
}

func administrator(arn string) bool { return strings.HasSuffix(arn, ":policy/AdministratorAccess") }

// judge is the finding about a statement, if there is one.
func (s statement) judge(d document) (harden.Finding, bool) {
	switch {
	case s.Effect != "Allow":
		return harden.Finding{}, false
	case d.trust:
		why := s.trustsTooMany()
		return harden.Finding{Verdict: "trust", Reason: "trusts too many", Detail: why + "."}, why != ""
	}
	f := harden.Finding{Verdict: "allow", Reason: "allows everything"}
	anywhere := slices.Contains(s.Resource, "*")
	switch {
	case slices.ContainsFunc(s.Action, func(a string) bool { return a == "*" || a == "*:*" }):
		f.Detail = `A statement allows the action "*".`
		return f, true
	case len(s.NotAction) > 0 && anywhere:
		f.Reason, f.Detail = "allows everything but a few", "A statement allows all actions but "+harden.OneLine(strings.Join(s.NotAction, ", "))+"."
		return f, true
	}
	for _, a := range s.Action {
		if service, ok := strings.CutSuffix(a, ":*"); ok && anywhere {
			f.Reason = "allows all of " + harden.OneLine(service)
			f.Detail = fmt.Sprintf("A statement allows %s on all resources.", harden.OneLine(a))
			if service != "iam" && service != "sts" && service != "organizations" {
				f.Severity, f.SeverityWhy = harden.Medium, "it is one service"
			}
			return f, true
		}
	}
	return f, false
}

// trustsTooMany says how the statement of a trust policy lets in more than one account of a cluster; "" if it does not.
func (s statement) trustsTooMany() string {
	principal, _ := s.Principal.(map[string]any)
	if len(s.Condition) == 0 && (s.Principal == "*" || principal["AWS"] == "*") {
		return "Everybody on AWS may assume the role"
	}
	federated := fmt.Sprint(principal["Federated"])
	if !strings.Contains(federated, ":oidc-provider/") {
		return ""
	}
	named := false
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if !strings.HasSuffix(strings.ToLower(key), ":sub") {
				continue
			}
			named = true
			if !strings.Contains(operator, "Like") {
				continue
			}
			for _, v := range values {
				if tooWide(v) {
					return "The trust admits the subject " + harden.OneLine(v)
				}
			}
		}
	}
	if !named {
		return "The trust in an OIDC provider has no condition on its subject (sub): every token of that provider is let in"
	}
	return ""
}

// tooWide reports whether a pattern for subjects leaves the namespace or the
// account of a ServiceAccount open.
func tooWide(pattern string) bool {
	rest, ok := strings.CutPrefix(pattern, "system:serviceaccount:")
	if !ok {
		return strings.HasPrefix(pattern, "*")
	}
	namespace, account, _ := strings.Cut(rest, ":")
	return strings.Contains(namespace, "*") || account == "*" || account == ""
}
