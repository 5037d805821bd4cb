package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// awsHost matches hosts of services that take credentials of IAM; databases and
// load balancers, which have hosts there too, do not.
var awsHost = regexp.MustCompile(`(^|[/.@])(s3|sqs|sns|dynamodb|kinesis|firehose|secretsmanager|ssm|kms|sts|events|lambda|athena|bedrock-runtime)[.-][a-z0-9.-]*amazonaws\.com(\.cn)?($|[:/])`)

// awsTools are images of programs that do nothing without AWS.
var awsTools = []string{
	"amazon/aws-cli", "public.ecr.aws/aws-cli/aws-cli",
	"amazon/cloudwatch-agent", "public.ecr.aws/cloudwatch-agent/cloudwatch-agent",
	"amazon/aws-for-fluent-bit", "public.ecr.aws/aws-observability/aws-for-fluent-bit",
	"amazon/aws-xray-daemon", "public.ecr.aws/xray/aws-xray-daemon",
}

// awsUse says by what the workload is seen to use AWS, or "".
func awsUse(p *harden.Pass) string {
	for _, c := range p.Pod.Containers() {
		if slices.Contains(awsTools, repository(c.Image)) {
			return fmt.Sprintf("Container %q runs %s", c.Name, harden.OneLine(c.Image))
		}
		if sign := envSign(c.Env); sign != "" {
			return fmt.Sprintf("Container %q has %s", c.Name, sign)
		}
		for _, word := range slices.Concat(c.Command, c.Args) {
			if awsHost.MatchString(word) {
				return fmt.Sprintf("Container %q is told a host of AWS", c.Name)
			}
		}
	}
	hosts := harden.Derive(p.Inventory, flowsToAWS, harden.Frame)
	if host := hosts[p.Object.Namespace+"/"+p.Object.Name]; host != "" {
		return "It was seen to connect to " + harden.OneLine(host)
	}
	for _, pod := range running(p.Workload) {
		if host := hosts[pod.Namespace+"/"+pod.Name]; host != "" {
			return "It was seen to connect to " + harden.OneLine(host)
		}
	}
	return ""
}

func envSign(env []corev1.EnvVar) string {
	for _, e := range env {
		if strings.HasPrefix(e.Name, "AWS_ENDPOINT_URL") && e.Value != "" && !awsHost.MatchString(e.Value) {
			return "" // something that only speaks the protocols of AWS
		}
	}
	for _, e := range env {
		switch {
		case e.Name == "AWS_REGION" || e.Name == "AWS_DEFAULT_REGION":
			return e.Name
		case awsHost.MatchString(e.Value):
			return "a host of AWS in " + harden.OneLine(e.Name)
		case strings.HasPrefix(e.Value, "arn:aws"):
			return "an ARN in " + harden.OneLine(e.Name)
		}
	}
	return ""
}

// repository is an image without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if at := strings.LastIndex(image, ":"); at > strings.LastIndex(image, "/") {
		image = image[:at]
	}
	return strings.TrimPrefix(image, "docker.io/")
}

// awsFlows are hosts of AWS by NAMESPACE/NAME of the workload or pod that was seen to connect to them.
type awsFlows map[string]string

func flowsToAWS(inv *harden.Inventory) awsFlows {
	out := awsFlows{}
	for _, f := range inv.Flows {
		host := strings.TrimSuffix(f.To.Name, ".")
		if !awsHost.MatchString(host) {
			continue
		}
		for _, name := range []string{f.From.Workload, f.From.Pod} {
			key := f.From.Namespace + "/" + name
			if name != "" && (out[key] == "" || host < out[key]) {
				out[key] = host
			}
		}
	}
	return out
}

// otherCredentials reports whether the workload gets credentials in a way that
// other rules judge, or that is older than those of EKS.
func otherCredentials(p *harden.Pass) bool {
	if p.Workload.Template.Annotations["iam.amazonaws.com/role"] != "" { // kiam and kube2iam
		return true
	}
	for _, c := range p.Pod.Containers() {
		for _, e := range c.Env {
			switch e.Name {
			case "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE", "AWS_PROFILE":
				return true
			}
		}
	}
	return false
}
