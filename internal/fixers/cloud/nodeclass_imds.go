package cloud

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodeClassIMDS finds Karpenter's node classes whose nodes give their role to pods.
var NodeClassIMDS = &harden.Fixer{
	ID:       "nodeclass-imds",
	Title:    "makes nodes whose metadata service answers pods",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindEC2NodeClass},
	Doc: `
Nodes of this EC2NodeClass answer pods that ask for the node's credentials.

Fields:

    spec.metadataOptions.httpTokens
    spec.metadataOptions.httpPutResponseHopLimit
    spec.metadataOptions.httpEndpoint

Allowed: httpTokens required and a hop limit of 1, which are Karpenter's defaults (of karpenter.k8s.aws/v1;
v1beta1 had a limit of 2), or httpEndpoint disabled.

**Why it matters.** Without session tokens one forged GET of a web application brings the role of the node.
With a hop limit of 2 the answer reaches containers, which are one hop behind the node.

**The fix.** httpTokens: required and httpPutResponseHopLimit: 1. Karpenter sees the nodes as drifted and
replaces them, one after the other as the budgets of the NodePool allow. It is a review: programs that get
their region or credentials from the metadata service stop working.

**Traps.** Pods on the host's network are not stopped by the limit. Give workloads that use AWS a role of their own
first (aws-no-workload-identity), and set AWS_REGION for those that ask where they are. Node classes of EKS
Auto Mode have no such field: AWS sets both there. Launch templates of node groups are not visible in the cluster.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1552.005"},
		{Standard: "Kubernetes", ID: "Karpenter: spec.metadataOptions", URL: "https://karpenter.sh/docs/concepts/nodeclasses/#specmetadataoptions"},
	},
	Reads: harden.ReadsNothing,
	Check: checkNodeClassIMDS,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "require tokens and keep the answer on the node", Class: harden.Review,
			Changes: []harden.Change{harden.SetObject(p.Object, map[string]any{"spec": map[string]any{
				"metadataOptions": map[string]any{"httpTokens": "required", "httpPutResponseHopLimit": int64(1)},
			}})},
			Evidence: []harden.Claim{{Code: "E-FLOWS", State: harden.Missing, Text: "Nobody looked whether a pod asks the metadata service for its region or its credentials."}},
			Warning:  "Karpenter replaces all nodes of the class, and programs that ask the metadata service stop working.",
		}}
	},
}

func checkNodeClassIMDS(p *harden.Pass) {
	if !maybeAWS(p) {
		return
	}
	class := harden.Content[*unstructured.Unstructured](p.Item)
	if class == nil {
		p.Unknown("its content could not be read")
		return
	}
	options, _, _ := unstructured.NestedMap(class.Object, "spec", "metadataOptions")
	if options["httpEndpoint"] == "disabled" {
		return
	}
	var wrong []string
	if tokens, ok := options["httpTokens"]; ok && tokens != "required" {
		wrong = append(wrong, fmt.Sprintf("httpTokens is %s: a request without a session token is answered", harden.OneLine(fmt.Sprint(tokens))))
	}
	limit, ok := whole(options["httpPutResponseHopLimit"])
	if !ok && strings.HasSuffix(p.Object.APIVersion, "/v1beta1") {
		limit, ok = 2, true
	}
	if ok && limit > 1 {
		wrong = append(wrong, fmt.Sprintf("the hop limit is %d: the answer reaches containers", limit))
	}
	if len(wrong) > 0 {
		p.Report(harden.Finding{Field: "spec.metadataOptions", Reason: "metadata service answers pods", Detail: strings.Join(wrong, "; ") + "."})
	}
}

// whole is a whole number of a custom resource, whichever way it was decoded.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int64:
		return n, true
	case float64:
		return int64(n), true
	}
	return 0, false
}
