package cloud

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A platform is where a live cluster runs, as far as its nodes and its API tell.
// All is false for files, and where nothing tells.
type platform struct {
	aws   bool // on AWS
	eks   bool // and it is EKS
	other bool // known to be elsewhere
}

func platformOf(inv *harden.Inventory) platform { return harden.Derive(inv, detect, harden.Frame) }

// awsGroups are API groups that are of no use but on AWS. Those of controllers that
// manage AWS from anywhere (services.k8s.aws) are not among them.
var awsGroups = []string{"eks.amazonaws.com", "karpenter.k8s.aws", "vpcresources.k8s.aws", "elbv2.k8s.aws"}

func detect(inv *harden.Inventory) platform {
	var p platform
	if !inv.Live() {
		return p
	}
	p.eks = strings.Contains(inv.Cluster.Version, "-eks-")
	p.aws = p.eks || inv.Net.Engine.Provider == "aws"
	for _, n := range inv.Nodes {
		switch scheme, _, _ := strings.Cut(n.Spec.ProviderID, "://"); scheme {
		case "aws":
			p.aws = true
		case "eks-hybrid":
			p.aws, p.eks = true, true
		}
	}
	if !p.aws && len(inv.Nodes) == 0 {
		for _, g := range awsGroups {
			p.aws = p.aws || inv.Cluster.Groups[g]
		}
	}
	p.other = !p.aws && len(inv.Nodes) > 0
	return p
}

// onAWS reports whether the cluster of the pass is known to run on AWS; where it
// is not, the rule does not apply.
func onAWS(p *harden.Pass) bool {
	if platformOf(p.Inventory).aws {
		return true
	}
	p.NotApplicable()
	return false
}

// maybeAWS is onAWS for objects that are of no use elsewhere, which are judged
// unless the cluster is known to run elsewhere.
func maybeAWS(p *harden.Pass) bool {
	if !platformOf(p.Inventory).other {
		return true
	}
	p.NotApplicable()
	return false
}

// roleAnnotation names the IAM role of a ServiceAccount (IAM roles for service
// accounts, eks-pod-identity-webhook).
const roleAnnotation = "eks.amazonaws.com/role-arn"

// ownIdentity says how the containers of a pod get credentials of AWS of their
// own: what EKS's webhook adds for an annotated account or a Pod Identity
// association, or the same by hand. Empty: they have what the node has.
func ownIdentity(spec *corev1.PodSpec) string {
	for _, list := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range list {
			env := map[string]string{}
			for _, e := range list[i].Env {
				env[e.Name] = e.Value
			}
			switch uri := env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]; {
			case podIdentity(uri):
				return "EKS Pod Identity"
			case env["AWS_ROLE_ARN"] != "" && env["AWS_WEB_IDENTITY_TOKEN_FILE"] != "":
				return "an IAM role of its ServiceAccount"
			case uri != "":
				return "AWS_CONTAINER_CREDENTIALS_FULL_URI"
			}
		}
	}
	return ""
}

// podIdentity reports whether the address of credentials is that of the agent of
// EKS Pod Identity, by IPv4 or by IPv6.
func podIdentity(uri string) bool {
	return strings.HasPrefix(uri, "http://169.254.170.23/") || strings.HasPrefix(uri, "http://[fd00:ec2::23]/")
}

// running are the live pods of a workload that have not ended and are not about to, by name.
func running(w *harden.Workload) []*corev1.Pod {
	var out []*corev1.Pod
	for _, pod := range w.Pods {
		if pod.DeletionTimestamp == nil && pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed {
			out = append(out, pod)
		}
	}
	slices.SortFunc(out, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// accountOf is the ServiceAccount of the workload; nil where it was not read.
func accountOf(p *harden.Pass) *corev1.ServiceAccount {
	return p.Inventory.ServiceAccounts[p.Object.Namespace][harden.ServiceAccountName(p.Pod.Spec)]
}

// fargate says by what the pods are seen to run on Fargate, or "".
func fargate(w *harden.Workload) string {
	for _, pod := range running(w) {
		if profile := pod.Labels["eks.amazonaws.com/fargate-profile"]; profile != "" {
			return "Fargate profile " + harden.OneLine(profile)
		}
		if strings.HasPrefix(pod.Spec.NodeName, "fargate-") {
			return "node " + pod.Spec.NodeName
		}
	}
	return ""
}

// autoNode reports whether EKS Auto Mode runs the node.
func autoNode(n *corev1.Node) bool { return n.Labels["eks.amazonaws.com/compute-type"] == "auto" }

// fargateNode reports whether the node is one pod of Fargate.
func fargateNode(n *corev1.Node) bool { return n.Labels["eks.amazonaws.com/compute-type"] == "fargate" }

// byHand is a fix that a person has to make.
func byHand(title, manual, warning string) []harden.Fix {
	return []harden.Fix{{Title: title, Class: harden.Review, Manual: manual, Warning: warning}}
}
