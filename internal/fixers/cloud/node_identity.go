package cloud

import (
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NodeIdentity finds a VPC CNI that works with the role of the nodes.
var NodeIdentity = &harden.Fixer{
	ID:       "aws-node-identity",
	Title:    "VPC CNI manages network interfaces with the role of the nodes",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectServiceAccount,
	Doc: `
The ServiceAccount aws-node has no role of its own.

Fields:

    metadata.annotations['eks.amazonaws.com/role-arn'] of ServiceAccount kube-system/aws-node
    env of the live pods of DaemonSet aws-node (EKS Pod Identity)

Allowed: a role with AmazonEKS_CNI_Policy on the account, or an association of EKS Pod Identity.

**Why it matters.** Otherwise the role of the nodes needs that policy, and whoever gets the node's credentials
detaches and moves the network interfaces of other nodes.

**The fix.** The role is made on AWS and set in the add-on: there is text only.

**Traps.** Take AmazonEKS_CNI_Policy from the node role only when all nodes run pods that have the new role:
without either, pods get no addresses. EKS Auto Mode has no aws-node.
`,
	Refs: []harden.Reference{
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "Kubernetes", ID: "EKS: VPC CNI with a role of its own", URL: "https://docs.aws.amazon.com/eks/latest/userguide/cni-iam-role.html"},
	},
	Reads: harden.InCluster(harden.Templates, harden.Pods),
	Check: checkNodeIdentity,
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return byHand("give the VPC CNI a role of its own",
			"Make a role with AmazonEKS_CNI_Policy (AmazonEKS_CNI_IPv6_Policy has to be made by you) and set it in the add-on: aws eks update-addon --cluster-name CLUSTER --addon-name vpc-cni --pod-identity-associations serviceAccount=aws-node,roleArn=ARN (or --service-account-role-arn ARN). "+
				"When kubectl rollout status daemonset/aws-node -n kube-system is done, take the policy from the role of the nodes.",
			"While neither role has the policy, new pods get no addresses.")
	},
}

func checkNodeIdentity(p *harden.Pass) {
	if p.Object.Namespace != "kube-system" || p.Object.Name != "aws-node" || !onAWS(p) {
		p.NotApplicable()
		return
	}
	if p.ServiceAccount.Annotations[roleAnnotation] != "" {
		return
	}
	for _, w := range p.Inventory.Workloads {
		if w.Ref.Namespace != "kube-system" || w.Ref.Kind != "DaemonSet" || w.Ref.Name != "aws-node" {
			continue
		}
		pods := running(w)
		for _, pod := range pods {
			if ownIdentity(&pod.Spec) == "" {
				p.Report(harden.Finding{
					Field: annotationField(roleAnnotation), Reason: "VPC CNI uses the role of the nodes",
					Detail: "aws-node has neither a role on its ServiceAccount nor one by EKS Pod Identity: the role of the nodes has to allow it to manage network interfaces.",
				})
				return
			}
		}
		if len(pods) > 0 {
			return
		}
	}
	if why := p.Inventory.Unreadable("daemonsets.apps", "kube-system"); why != "" {
		p.Unknown("daemonsets.apps could not be read: " + why)
		return
	}
	p.NotApplicable() // no aws-node runs
}
