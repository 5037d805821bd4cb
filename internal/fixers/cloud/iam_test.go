package cloud

import (
	"strings"
	"testing"
)

func TestACKWildcard(t *testing.T) {
	policy := func(statement string) string {
		return "apiVersion: iam.services.k8s.aws/v1alpha1\nkind: Policy\nmetadata: {name: p, namespace: shop}\nspec:\n  policyDocument: |\n    {\"Statement\": " + statement + "}\n"
	}
	trust := func(statement string) string {
		return "apiVersion: iam.services.k8s.aws/v1alpha1\nkind: Role\nmetadata: {name: r, namespace: shop}\nspec:\n  assumeRolePolicyDocument: |\n    {\"Statement\": [" + statement + "]}\n"
	}
	oidc := func(condition string) string {
		return trust(`{"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": "arn:aws:iam::1:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/A"}, "Condition": {` + condition + `}}`)
	}
	const sub = `"oidc.eks.eu-west-1.amazonaws.com/id/A:sub"`
	crossplane := "apiVersion: iam.aws.upbound.io/v1beta1\nkind: Role\nmetadata: {name: r}\nspec: {forProvider: {inlinePolicy: [{name: all, policy: '{\"Statement\": {\"Effect\": \"Allow\", \"Action\": \"*\", \"Resource\": \"*\"}}'}]}}\n"
	for _, test := range []struct{ name, yaml, want string }{
		{"everything", policy(`[{"Effect": "Allow", "Action": "*", "Resource": "*"}]`), "fail spec.policyDocument"},
		{"everything, as a list", policy(`[{"Effect": "Allow", "Action": ["s3:GetObject", "*"], "Resource": ["*"]}]`), "fail spec.policyDocument"},
		{"everything, a single statement", policy(`{"Effect": "Allow", "Action": "*:*", "Resource": "*"}`), "fail spec.policyDocument"},
		{"all but", policy(`[{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]`), "fail spec.policyDocument"},
		{"one service", policy(`[{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]`), "fail medium spec.policyDocument"},
		{"IAM", policy(`[{"Effect": "Allow", "Action": "iam:*", "Resource": "*"}]`), "fail spec.policyDocument"},
		{"one service, one resource", policy(`[{"Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*"}]`), "pass"},
		{"named actions anywhere", policy(`[{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]`), "pass"},
		{"denied", policy(`[{"Effect": "Deny", "Action": "*", "Resource": "*"}]`), "pass"},
		{"no JSON", strings.Replace(policy(`[]`), `"Statement"`, `'`, 1), "unknown spec.policyDocument"},
		{"administrator", "apiVersion: iam.services.k8s.aws/v1alpha1\nkind: Role\nmetadata: {name: r, namespace: shop}\nspec: {policies: ['arn:aws:iam::aws:policy/AdministratorAccess']}\n", "fail spec.policies"},
		{"Crossplane", crossplane, "fail spec.forProvider.inlinePolicy[all]"},
		{"trust in everybody", trust(`{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}`), "fail spec.assumeRolePolicyDocument"},
		{"trust in a service", trust(`{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}`), "pass"},
		{"trust in one account of the cluster", oidc(`"StringEquals": {` + sub + `: "system:serviceaccount:shop:web"}`), "pass"},
		{"trust in all accounts", oidc(`"StringLike": {` + sub + `: "system:serviceaccount:*:*"}`), "fail spec.assumeRolePolicyDocument"},
		{"trust in a namespace", oidc(`"StringLike": {` + sub + `: ["system:serviceaccount:shop:*"]}`), "fail spec.assumeRolePolicyDocument"},
		{"trust in a prefix", oidc(`"StringLike": {` + sub + `: "system:serviceaccount:shop:web-*"}`), "pass"},
		{"a star that is a letter", oidc(`"StringEquals": {` + sub + `: "system:serviceaccount:shop:*"}`), "pass"},
		{"trust without a subject", oidc(`"StringEquals": {"oidc.eks.eu-west-1.amazonaws.com/id/A:aud": "sts.amazonaws.com"}`), "fail spec.assumeRolePolicyDocument"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, ACKWildcard, test.yaml); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
