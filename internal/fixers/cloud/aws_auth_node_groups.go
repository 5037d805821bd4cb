package cloud

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// AuthNodeGroups finds roles of nodes that are more than nodes in the cluster.
var AuthNodeGroups = &harden.Fixer{
	ID:       "aws-auth-node-groups",
	Title:    "makes the role of nodes more than a node",
	Area:     harden.AreaCloud,
	Severity: harden.High,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindConfigMap},
	Doc: `
The ConfigMap aws-auth gives the role of nodes other groups or another name than those of a node.

Fields:

    data.mapRoles of ConfigMap kube-system/aws-auth, groups and username of the entries of nodes

Allowed: the groups system:bootstrappers, system:nodes, and system:node-proxier (Fargate) or
eks:kube-proxy-windows; a username of system:node:{{EC2PrivateDNSName}} or system:node:{{SessionName}}. An
entry is that of a node by its username or by the group system:nodes.

**Why it matters.** Every pod that reaches the metadata service holds the role of its node. With one group
more it holds what that group may do; with a name that is the same for all nodes, the limit of a
kubelet to its own node is gone.

**The fix.** The other groups go to a role of their own. It is text only: a bad edit of this ConfigMap makes
all nodes NotReady.

**Traps.** {{SessionName}} is right on Fargate and for self-made sessions: it is taken for the node's name.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "RBAC"},
		{Standard: "Kubernetes", ID: "aws-iam-authenticator", URL: "https://github.com/kubernetes-sigs/aws-iam-authenticator#full-configuration-format"},
	},
	Reads: harden.ReadsNothing,
	Check: checkAuthNodeGroups,
	Fix: func(_ *harden.Pass, f *harden.Finding) []harden.Fix {
		return byHand("let the role of nodes be a node and nothing else",
			fmt.Sprintf("In mapRoles of kube-system/aws-auth give %s the username system:node:{{EC2PrivateDNSName}} and the groups system:bootstrappers and system:nodes alone (system:node-proxier too on Fargate), "+
				"or move it to an access entry of type EC2_LINUX. Give what needed the other groups a role of its own first.%s", f.Discriminator, handsOff),
			"A wrong entry makes the nodes of the role NotReady.")
	},
}

// nodeGroups are the groups of nodes, of Fargate and of Windows among them.
var nodeGroups = []string{"system:bootstrappers", "system:nodes", "system:node-proxier", "eks:kube-proxy-windows"}

func checkAuthNodeGroups(p *harden.Pass) {
	m, ok := authOf(p)
	if !ok {
		return
	}
	for _, e := range m.roles {
		if !e.node() {
			continue
		}
		var wrong []string
		for _, g := range e.Groups {
			if !slices.Contains(nodeGroups, g) {
				wrong = append(wrong, "group "+harden.OneLine(g))
			}
		}
		if !strings.HasPrefix(e.Username, "system:node:") || !strings.Contains(e.Username, "{{") {
			wrong = append(wrong, fmt.Sprintf("username %q, which is not one for each node", harden.OneLine(e.Username)))
		}
		if len(wrong) > 0 {
			p.Report(harden.Finding{
				Discriminator: e.arn(), Field: "data.mapRoles", Reason: "node role is more than a node: " + e.arn(),
				Detail: fmt.Sprintf("%s has %s: every pod that reaches the metadata service of its node has it too.", e.arn(), strings.Join(wrong, " and ")),
			})
		}
	}
}
