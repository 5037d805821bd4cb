package cloud

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	workload = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, spec: {serviceAccountName: web, containers: [{name: c, image: c, env: [{name: AWS_REGION, value: eu-west-1}]}]}}}
`
	awsNode = "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: aws-node, namespace: kube-system}\n"
	irsa    = "{name: AWS_ROLE_ARN, value: a}, {name: AWS_WEB_IDENTITY_TOKEN_FILE, value: /t}"
	agentV4 = "{name: AWS_CONTAINER_CREDENTIALS_FULL_URI, value: 'http://169.254.170.23/v1/credentials'}"
	agentV6 = "{name: AWS_CONTAINER_CREDENTIALS_FULL_URI, value: 'http://[fd00:ec2::23]/v1/credentials'}"
	agent   = "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: eks-pod-identity-agent, namespace: kube-system}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}\n"
)

func account(name string) string {
	return "---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: " + name + ", namespace: shop, annotations: {eks.amazonaws.com/role-arn: 'arn:aws:iam::1:role/web'}}\n"
}

// pods is a live pod of the workload for each of the lists of env.
func pods(envs ...string) string {
	var out strings.Builder
	for i, env := range envs {
		fmt.Fprintf(&out, `---
apiVersion: v1
kind: Pod
metadata: {name: web-%d, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}
spec: {nodeName: n, containers: [{name: c, image: c, env: [%s]}]}
`, i, env)
	}
	return out.String()
}

func TestNoWorkloadIdentity(t *testing.T) {
	env := func(list string) string {
		return strings.Replace(workload, "{name: AWS_REGION, value: eu-west-1}", list, 1)
	}
	flow := func(i *harden.Inventory) {
		i.Flows = append(i.Flows, harden.ObservedFlow{From: harden.ObservedEnd{Namespace: "shop", Pod: "web-0"}, To: harden.ObservedEnd{Name: "sqs.eu-west-1.amazonaws.com."}})
	}
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       string
	}{
		{"the role of the node", workload + pods(""), eks, "fail"},
		{"one pod without", workload + pods(irsa, ""), eks, "fail"},
		{"IRSA", workload + pods(irsa), eks, "pass"},
		{"Pod Identity", workload + pods(agentV4), eks, "pass"},
		{"Pod Identity by IPv6", workload + pods(agentV6), eks, "pass"},
		{"an annotated account", workload + account("web") + pods(""), eks, "pass"},
		{"no pods", workload, eks, "unknown"},
		{"no sign", env("") + pods(""), eks, "does not apply"},
		{"a host", env("{name: QUEUE, value: 'https://sqs.eu-west-1.amazonaws.com/1/q'}") + pods(""), eks, "fail"},
		{"an ARN", env("{name: TOPIC, value: 'arn:aws:sns:eu-west-1:1:t'}") + pods(""), eks, "fail"},
		{"a database", env("{name: DB, value: db.x.eu-west-1.rds.amazonaws.com}") + pods(""), eks, "does not apply"},
		{"a load balancer", env("{name: API, value: 'https://a-1.eu-west-1.elb.amazonaws.com'}") + pods(""), eks, "does not apply"},
		{"a storage that speaks S3", env("{name: AWS_REGION, value: x}, {name: AWS_ENDPOINT_URL, value: 'http://minio:9000'}") + pods(""), eks, "does not apply"},
		{"a tool", strings.Replace(env(""), "image: c", "image: 'public.ecr.aws/aws-cli/aws-cli:2.1@sha256:0'", 1) + pods(""), eks, "fail"},
		{"keys", env("{name: AWS_REGION, value: a}, {name: AWS_ACCESS_KEY_ID, valueFrom: {secretKeyRef: {name: s, key: k}}}") + pods(""), eks, "does not apply"},
		{"a Secret as a whole", workload + strings.Replace(pods(""), "env: []", "envFrom: [{secretRef: {name: s}}]", 1), eks, "unknown"},
		{"kube2iam", strings.Replace(workload, "labels: {app: web}}, spec", "labels: {app: web}, annotations: {iam.amazonaws.com/role: r}}, spec", 1) + pods(""), eks, "does not apply"},
		{"host network", strings.Replace(workload, "serviceAccountName", "hostNetwork: true, serviceAccountName", 1) + pods(""), eks, "does not apply"},
		{"Fargate", workload + strings.Replace(pods(""), "nodeName: n", "nodeName: fargate-ip-1", 1), eks, "does not apply"},
		{"a flow", env("") + pods(""), append([]fixtest.Option{flow}, eks...), "fail"},
		{"files", workload, nil, "does not apply"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, NoWorkloadIdentity, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	fixes := fixtest.Fixes(t, NoWorkloadIdentity, workload+pods(""), eks...)
	if m := fixes[0].Manual; !strings.Contains(m, "eks.amazonaws.com/role-arn: ARN") || !strings.Contains(m, "system:serviceaccount:shop:web") {
		t.Errorf("the fix does not say how: %s", m)
	}
}

func TestIdentities(t *testing.T) {
	related := strings.Replace(account("web")+account("worker"), "namespace: shop,", "namespace: shop, labels: {app.kubernetes.io/part-of: shop},", 2)
	ready := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: agent, namespace: kube-system, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: eks-pod-identity-agent, uid: u, controller: true}]}\nspec: {nodeName: n, containers: [{name: c, image: c}]}\nstatus: {conditions: [{type: Ready, status: 'True'}]}\n"
	cni := "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: aws-node, namespace: kube-system}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: c}]}}}\n" +
		"---\napiVersion: v1\nkind: Pod\nmetadata: {name: aws-node-1, namespace: kube-system, ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: aws-node, uid: u, controller: true}]}\nspec: {nodeName: n, containers: [{name: c, image: c, env: [ENV]}]}\n"
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		opts  []fixtest.Option
		want  string
	}{
		{"role on default", RoleOnDefaultSA, account("default"), nil, "fail"},
		{"role on another", RoleOnDefaultSA, account("web"), nil, "does not apply"},
		{"one account", RoleShared, account("web"), nil, "pass"},
		{"two of one namespace", RoleShared, account("web") + account("worker"), nil, "fail, fail"},
		{"two of one application", RoleShared, related, nil, "pass"},
		{"two namespaces", RoleShared, account("web") + strings.Replace(account("web"), "shop", "jobs", 1), nil, "fail, fail"},
		{"injected", IdentityNotInjected, workload + account("web") + pods(irsa), eks, "pass"},
		{"by Pod Identity instead", IdentityNotInjected, workload + account("web") + pods(agentV4), eks, "pass"},
		{"not injected", IdentityNotInjected, workload + account("web") + pods(irsa, ""), eks, "fail"},
		{"an ended pod", IdentityNotInjected, workload + account("web") + pods("") + "status: {phase: Succeeded}\n", eks, "does not apply"},
		{"account without a role", IdentityNotInjected, workload + pods(""), eks, "does not apply"},
		{"nobody needs the agent", PodIdentityAgent, workload + pods(irsa), eks, "does not apply"},
		{"no agent", PodIdentityAgent, workload + pods(agentV4), eks, "fail"},
		{"agent on the node", PodIdentityAgent, workload + pods(agentV4) + agent + ready, eks, "pass"},
		{"agent elsewhere", PodIdentityAgent, workload + pods(agentV4) + agent + strings.Replace(ready, "nodeName: n", "nodeName: m", 1), eks, "fail"},
		{"agent not ready", PodIdentityAgent, workload + pods(agentV4) + agent + strings.Replace(ready, "'True'", "'False'", 1), eks, "fail"},
		{"a node of Auto Mode", PodIdentityAgent, workload + pods(agentV4) + strings.Replace(node("n", "aws:///a/i"), "{name: n}", "{name: n, labels: {eks.amazonaws.com/compute-type: auto}}", 1), eks, "does not apply"},
		{"DaemonSets not read", PodIdentityAgent, workload + pods(agentV4), append([]fixtest.Option{fixtest.Unreadable("daemonsets.apps", "forbidden")}, eks...), "unknown"},
		{"CNI with the node's role", NodeIdentity, awsNode + strings.Replace(cni, "ENV", "", 1), eks, "fail"},
		{"CNI with Pod Identity", NodeIdentity, awsNode + strings.Replace(cni, "ENV", agentV4, 1), eks, "pass"},
		{"no CNI runs", NodeIdentity, awsNode, eks, "does not apply"},
		{"on Fargate", FargateLimits, workload + strings.Replace(pods(""), "nodeName: n", "nodeName: fargate-ip-1", 1), eks, "fail"},
		{"aws-auth beside no EKS", AuthDeprecated, auth("mapRoles: '[{rolearn: r}]'") + node("a", "aws:///eu-west-1a/i-0"), []fixtest.Option{fixtest.Live()}, "does not apply"},
		{"on nodes", FargateLimits, workload + pods(""), eks, "pass"},
		{"host network on AWS", IMDSHostNetwork, strings.Replace(web, "{containers", "{hostNetwork: true, containers", 1), []fixtest.Option{fixtest.Live(), fixtest.Engine(on("aws", harden.EngineVPCCNI))}, "fail"},
		{"host network on kind", IMDSHostNetwork, strings.Replace(web, "{containers", "{hostNetwork: true, containers", 1), []fixtest.Option{fixtest.Live(), fixtest.Engine(on("kind", harden.EngineKindnet))}, "does not apply"},
		{"host network of the system", IMDSHostNetwork, strings.ReplaceAll(strings.Replace(web, "{containers", "{hostNetwork: true, containers", 1), "shop", "kube-system"), []fixtest.Option{fixtest.Live(), fixtest.Engine(on("aws", harden.EngineVPCCNI))}, "does not apply"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func auth(data ...string) string {
	return "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: aws-auth, namespace: kube-system}\ndata: {" + strings.Join(data, ", ") + "}\n"
}

func TestAuth(t *testing.T) {
	role := func(name, groups string) string {
		return "mapRoles: '[{rolearn: r, username: \"" + name + "\", groups: [" + groups + "]}]'"
	}
	const perNode = "system:node:{{EC2PrivateDNSName}}"
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		want  string
	}{
		{"a role is master", AuthMasters, auth(role("a", "system:masters")), "fail r"},
		{"a user is master", AuthMasters, auth("mapUsers: '[{userarn: u, groups: [a, system:masters]}]'"), "fail u"},
		{"no master", AuthMasters, auth(role(perNode, "system:nodes")), "pass"},
		{"malformed", AuthMasters, auth("mapRoles: 'a: [b'"), "unknown"},
		{"another ConfigMap", AuthMasters, strings.Replace(auth(role("a", "system:masters")), "aws-auth", "web", 1), "does not apply"},
		{"users", AuthUsers, auth("mapUsers: '[{userarn: u}]'"), "fail mapUsers"},
		{"accounts", AuthUsers, auth("mapAccounts: '[\"1\"]'"), "fail mapAccounts"},
		{"roles alone", AuthUsers, auth(role(perNode, "system:nodes")), "pass"},
		{"nodes", AuthNodeGroups, auth(role(perNode, "system:bootstrappers, system:nodes")), "pass"},
		{"nodes of Fargate", AuthNodeGroups, auth(role("system:node:{{SessionName}}", "system:bootstrappers, system:nodes, system:node-proxier")), "pass"},
		{"nodes of Windows", AuthNodeGroups, auth(role(perNode, "system:nodes, eks:kube-proxy-windows")), "pass"},
		{"nodes and more", AuthNodeGroups, auth(role(perNode, "system:nodes, admins")), "fail r"},
		{"one name for all nodes", AuthNodeGroups, auth(role("system:node:all", "system:nodes")), "fail r"},
		{"no node", AuthNodeGroups, auth(role("deploy", "deployers")), "pass"},
		{"in use", AuthDeprecated, auth(role(perNode, "system:nodes")), "fail"},
		{"empty", AuthDeprecated, auth(), "pass"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	for _, f := range []*harden.Fixer{AuthMasters, AuthUsers, AuthNodeGroups, AuthDeprecated} {
		for _, fixes := range fixtest.AllFixes(t, f, auth(role("system:node:x", "system:nodes, system:masters"), "mapUsers: '[{userarn: u}]'")) {
			if len(fixes) != 1 || len(fixes[0].Changes) > 0 || fixes[0].Manual == "" {
				t.Errorf("%s: aws-auth must never be changed: %+v", f.ID, fixes)
			}
		}
	}
}
