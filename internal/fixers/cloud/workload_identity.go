package cloud

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// NoWorkloadIdentity finds workloads that use AWS with the role of their node.
var NoWorkloadIdentity = &harden.Fixer{
	ID:       "aws-no-workload-identity",
	Title:    "uses AWS with the role of its node",
	Area:     harden.AreaCloud,
	Severity: harden.Medium,
	Subject:  harden.SubjectWorkload,
	Doc: `
The pods show that they use AWS, and have no role of their own.

Fields:

    env of the containers: AWS_REGION, AWS_DEFAULT_REGION, hosts of AWS services, ARNs
    their image (such as aws-cli), and hosts of AWS in imported flows
    metadata.annotations['eks.amazonaws.com/role-arn'] of the ServiceAccount
    env of the live pods: AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE, or
    AWS_CONTAINER_CREDENTIALS_FULL_URI

Allowed: a role of the ServiceAccount (IRSA), or an association of EKS Pod Identity, which only live pods show.

**Why it matters.** Without credentials of its own the SDK asks the metadata service for those of the
node. Then every pod of the node has the same rights, those that this workload needs are given to all, and
the metadata service has to stay open.

**The fix.** The name of the role is not known here, so there is text: make a role for this workload, and
either annotate its ServiceAccount or associate it by EKS Pod Identity, then restart the pods.

**Traps.** Pods on the host's network, on Fargate (which has no role of a node), with credentials from
keys (see aws-static-keys) or by kiam or kube2iam are not judged. Where the container takes its
environment from Secrets as a whole the keys may be there: the verdict is unknown. So it is where no pod
runs, since Pod Identity shows in live pods alone. A region beside AWS_ENDPOINT_URL often belongs to a storage that only
speaks S3, and is no sign.
`,
	Refs: []harden.Reference{
		{Standard: "CIS EKS", ID: "5.2.1"},
		{Standard: "NSA", ID: "protecting cloud infrastructure"},
		{Standard: "ATT&CK", ID: "T1552.005"},
		{Standard: "ATT&CK", ID: "MS-TA9028"},
		{Standard: "Kubescape", ID: "C-0225"},
	},
	Reads: harden.InNamespace(harden.KindServiceAccount),
	Check: checkNoWorkloadIdentity,
	Fix:   fixNoWorkloadIdentity,
}

func checkNoWorkloadIdentity(p *harden.Pass) {
	if !onAWS(p) {
		return
	}
	sign := awsUse(p)
	if p.Pod.Spec.HostNetwork || p.Workload.Finished || sign == "" || otherCredentials(p) || fargate(p.Workload) != "" {
		p.NotApplicable()
		return
	}
	if sa := accountOf(p); sa != nil && sa.Annotations[roleAnnotation] != "" || ownIdentity(p.Pod.Spec) != "" {
		return
	}
	pods := running(p.Workload)
	if len(pods) == 0 {
		p.Unknown(sign + ". No pod of it runs, and only a live pod shows whether EKS Pod Identity gives it a role")
		return
	}
	for _, pod := range pods {
		if ownIdentity(&pod.Spec) != "" {
			continue
		}
		if from := wholeSecret(&pod.Spec); from != "" {
			p.Unknown(fmt.Sprintf("%s. Its environment comes from Secret %q as a whole, which may hold keys", sign, from))
			return
		}
		p.Report(harden.Finding{
			Field: p.Pod.Field("serviceAccountName"), Reason: "uses AWS with the node's role",
			Detail: fmt.Sprintf("%s, and pod %s has neither a role of its ServiceAccount nor one by EKS Pod Identity: it gets what the node may do.", sign, pod.Name),
		})
		return
	}
}

func wholeSecret(spec *corev1.PodSpec) string {
	for i := range spec.Containers {
		for _, from := range spec.Containers[i].EnvFrom {
			if from.SecretRef != nil {
				return from.SecretRef.Name
			}
		}
	}
	return ""
}

func fixNoWorkloadIdentity(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	name := harden.ServiceAccountName(p.Pod.Spec)
	first := ""
	if name == "default" {
		first = fmt.Sprintf("Make a ServiceAccount for %s first and set serviceAccountName: the role of \"default\" is that of all pods without an account of their own. ", p.Object)
		name = p.Object.Name
	}
	return byHand("give it a role of its own",
		fmt.Sprintf("%sMake an IAM role with what %s needs and nothing more. Then either associate it (EKS Pod Identity: aws eks create-pod-identity-association --cluster-name CLUSTER --namespace %s --service-account %s --role-arn ARN), "+
			"or let it trust the cluster's OIDC provider for system:serviceaccount:%s:%s and set the annotation %s: ARN on the ServiceAccount. Restart the pods: credentials are given when a pod is made.",
			first, p.Object, p.Object.Namespace, name, p.Object.Namespace, name, roleAnnotation),
		"From then on the pods have the rights of the new role, and no longer those of the node.")
}
