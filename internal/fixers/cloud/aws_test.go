package cloud

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// verdict is what all findings say together: status, severity where it is not the
// fixer's own, and discriminator; pass where there is none.
func verdict(t *testing.T, f *harden.Fixer, yaml string, opts ...fixtest.Option) string {
	t.Helper()
	var out []string
	for _, finding := range fixtest.Run(t, f, yaml, opts...) {
		words := []string{finding.Status.String()}
		if finding.Severity != finding.Base {
			words = append(words, finding.Severity.String())
		}
		if finding.Discriminator != "" {
			words = append(words, finding.Discriminator)
		}
		out = append(out, strings.Join(words, " "))
	}
	switch {
	case len(out) > 0:
		return strings.Join(out, ", ")
	case fixtest.NotApplicable(t, f, yaml, opts...):
		return "does not apply"
	}
	return "pass"
}

func version(v string) fixtest.Option {
	return func(i *harden.Inventory) { i.Cluster.Version = v }
}

func groups(names ...string) fixtest.Option {
	return func(i *harden.Inventory) {
		i.Cluster.Groups = map[string]bool{}
		for _, n := range names {
			i.Cluster.Groups[n] = true
		}
	}
}

var eks = []fixtest.Option{fixtest.Live(), fixtest.Minor(34), version("v1.34.1-eks-1")}

func node(name, provider string) string {
	return "---\napiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\nspec: {providerID: '" + provider + "'}\n"
}

func TestPlatform(t *testing.T) {
	for _, test := range []struct {
		name, yaml string
		opts       []fixtest.Option
		want       platform
	}{
		{"files", node("a", "aws:///eu-west-1a/i-0"), nil, platform{}},
		{"EKS by version", "", eks, platform{aws: true, eks: true}},
		{"AWS by nodes", node("a", "aws:///eu-west-1a/i-0"), []fixtest.Option{fixtest.Live()}, platform{aws: true}},
		{"EKS hybrid nodes", node("a", "eks-hybrid:///r/c/a"), []fixtest.Option{fixtest.Live()}, platform{aws: true, eks: true}},
		{"AWS by API groups", "", []fixtest.Option{fixtest.Live(), groups("karpenter.k8s.aws")}, platform{aws: true}},
		{"kind", node("a", "kind://docker/kind/a"), []fixtest.Option{fixtest.Live()}, platform{other: true}},
		{"GKE", node("a", "gce://p/z/a"), []fixtest.Option{fixtest.Live(), version("v1.33.1-gke.1")}, platform{other: true}},
		{"bare metal that manages AWS", node("a", ""), []fixtest.Option{fixtest.Live(), groups("iam.services.k8s.aws", "elbv2.k8s.aws")}, platform{other: true}},
		{"nobody knows", "", []fixtest.Option{fixtest.Live()}, platform{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := platformOf(fixtest.Load(t, test.yaml, test.opts...)); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
		})
	}
}

// silent are the rules that are about AWS.
var silent = []*harden.Fixer{
	NoWorkloadIdentity, RoleOnDefaultSA, RoleShared, IdentityNotInjected, PodIdentityAgent, IMDSHostNetwork, NodeClassIMDS, NodeClassEBS, NodeIdentity,
	AuthMasters, AuthUsers, AuthNodeGroups, AuthDeprecated, StorageClassEBS, PersistentVolumeEBS, EFSInTransit, LBScheme, FargateLimits,
}

// TestSilentElsewhere feeds everything that is found on AWS to rules on other clusters.
func TestSilentElsewhere(t *testing.T) {
	all := account("default") + account("web") + strings.Replace(account("web"), "shop", "jobs", 1) + awsNode + workload + pods("") +
		auth("mapRoles: '[{rolearn: a, username: system:node:b, groups: [system:nodes, system:masters]}]'", "mapUsers: '[{userarn: a}]'") +
		class("gp3", "type: gp3") + nodeClass("v1", "metadataOptions: {httpTokens: optional}, blockDeviceMappings: [{deviceName: a, ebs: {}}]") +
		volume("gp3", "csi: {driver: ebs.csi.aws.com, volumeHandle: v}") + service("", "a.eu-west-1.elb.amazonaws.com")
	for _, where := range []string{"kind://docker/kind/a", "gce://p/z/a", ""} {
		for _, f := range silent {
			if got := verdict(t, f, all+node("n", where), fixtest.Live()); got != "does not apply" {
				t.Errorf("%s on %q: %s", f.ID, where, got)
			}
		}
	}
}
