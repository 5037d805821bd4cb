package cloud

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func machine(name, labels, status string) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {%s}}\nstatus: {%s}\n", name, labels, status)
}

func info(kubelet, runtime, system string) string {
	return fmt.Sprintf("nodeInfo: {kubeletVersion: %s, containerRuntimeVersion: '%s', osImage: '%s', machineID: '', systemUUID: '', bootID: '', kernelVersion: '', kubeProxyVersion: '', operatingSystem: linux, architecture: ''}", kubelet, runtime, system)
}

func TestNodes(t *testing.T) {
	live := []fixtest.Option{fixtest.Live()}
	at := func(minor int, v string) []fixtest.Option {
		return []fixtest.Option{fixtest.Live(), fixtest.Minor(minor), version(v)}
	}
	external := func(address string) string {
		return machine("a", "", "addresses: [{type: InternalIP, address: 10.0.0.1}, {type: ExternalIP, address: '"+address+"'}]")
	}
	zone := func(name, zone string) string { return machine(name, "topology.kubernetes.io/zone: "+zone, "") }
	system := func(name string) string { return machine("a", "", info("v1.33.1", "containerd://2.2.0", name)) }
	skew := func(kubelet, runtime string) string { return machine("a", "", info(kubelet, runtime, "Talos")) }
	for _, test := range []struct {
		name  string
		fixer *harden.Fixer
		yaml  string
		opts  []fixtest.Option
		want  string
	}{
		{"public", NodePublicIP, external("203.0.113.7"), live, "fail"},
		{"public by IPv6", NodePublicIP, external("2a05:d018::1"), live, "fail"},
		{"private", NodePublicIP, external("10.0.0.1"), live, "pass"},
		{"of a carrier", NodePublicIP, external("100.64.0.1"), live, "pass"},
		{"a name", NodePublicIP, external("a.example.com"), live, "pass"},
		{"files", NodePublicIP, external("203.0.113.7"), nil, "does not apply"},
		{"one zone", NodeSingleZone, zone("a", "x") + zone("b", "x"), live, "fail"},
		{"two zones", NodeSingleZone, zone("a", "x") + zone("b", "y"), live, "pass"},
		{"no zones", NodeSingleZone, machine("a", "", ""), live, "does not apply"},
		{"Ubuntu", NodeOS, system("Ubuntu 24.04.3 LTS"), live, "fail Ubuntu 24.04.3 LTS"},
		{"Bottlerocket", NodeOS, system("Bottlerocket OS 1.44.0 (aws-k8s-1.33)"), live, "pass"},
		{"Container-Optimized OS", NodeOS, system("Container-Optimized OS from Google"), live, "pass"},
		{"Flatcar", NodeOS, system("Flatcar Container Linux by Kinvolk 4230"), live, "pass"},
		{"kind", NodeOS, strings.Replace(system("Debian GNU/Linux 12"), "status:", "spec: {providerID: 'kind://docker/kind/a'}\nstatus:", 1), live, "does not apply"},
		{"Windows", NodeOS, strings.Replace(system("Windows Server 2022"), "operatingSystem: linux", "operatingSystem: windows", 1), live, "does not apply"},
		{"same version", VersionSkew, skew("v1.33.1", "containerd://2.2.0"), at(33, "v1.33.4"), "pass"},
		{"three older", VersionSkew, skew("v1.30.1", "containerd://2.2.0"), at(33, "v1.33.4"), "pass"},
		{"four older", VersionSkew, skew("v1.29.1", "containerd://2.2.0"), at(33, "v1.33.4"), "fail kubelet"},
		{"three older, before 1.28", VersionSkew, skew("v1.24.1", "containerd://2.2.0"), at(27, "v1.27.4"), "fail kubelet"},
		{"newer", VersionSkew, skew("v1.34.1", "containerd://2.2.0"), at(33, "v1.33.4"), "fail kubelet"},
		{"old containerd", VersionSkew, skew("v1.33.1", "containerd://1.6.36"), at(33, "v1.33.4"), "fail runtime"},
		{"old containerd of EKS", VersionSkew, skew("v1.33.1-eks-1", "containerd://1.6.36"), at(33, "v1.33.4-eks-1"), "fail low runtime"},
		{"containerd of the day", VersionSkew, skew("v1.33.1", "containerd://1.7.28"), at(33, "v1.33.4"), "pass"},
		{"CRI-O", VersionSkew, skew("v1.33.1", "cri-o://1.6.0"), at(33, "v1.33.4"), "pass"},
		{"a strange version", VersionSkew, skew("unknown", "x"), at(33, "v1.33.4"), "unknown"},
		{"no version", VersionSkew, skew("v1.33.1", "containerd://2.2.0"), live, "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := verdict(t, test.fixer, test.yaml, test.opts...); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestVersionEOL(t *testing.T) {
	azure := machine("a", "kubernetes.azure.com/cluster: c", "")
	for _, test := range []struct {
		name    string
		version string
		yaml    string
		now     string
		want    string
	}{
		{"supported", "v1.34.2", "", "2026-03-01", "pass"},
		{"on its last day", "v1.34.2", "", "2026-10-27", "pass"},
		{"on the day after", "v1.34.2", "", "2026-10-28", "fail"},
		{"long over", "v1.19.3", "", "2026-03-01", "fail"},
		{"k3s", "v1.31.9+k3s1", "", "2026-03-01", "fail"},
		{"newer than the table", "v1.39.0", "", "2027-06-01", "pass"},
		{"newer than the table, and the table is old", "v1.39.0", "", "2027-11-01", "unknown"},
		{"over, and the table is old", "v1.36.0", "", "2028-01-01", "fail"},
		{"EKS, over upstream", "v1.32.3-eks-1", "", "2026-03-10", "pass"},
		{"EKS, extended", "v1.31.3-eks-1", "", "2026-03-10", "fail medium"},
		{"EKS, over", "v1.31.3-eks-1", "", "2026-11-27", "fail"},
		{"EKS, long over", "v1.24.3-eks-1", "", "2026-03-10", "fail"},
		{"EKS, newer than the table", "v1.36.1-eks-1", "", "2026-11-29", "pass"},
		{"EKS, newer than the table and over upstream", "v1.36.1-eks-1", "", "2027-07-29", "unknown"},
		{"GKE, over upstream", "v1.31.3-gke.100", "", "2026-03-10", "unknown"},
		{"GKE", "v1.34.3-gke.100", "", "2026-03-10", "pass"},
		{"AKS, over upstream", "v1.31.3", azure, "2026-03-10", "unknown"},
		{"a distribution, over upstream", "v1.31.3+vmware.1", "", "2026-03-10", "unknown"},
		{"no version", "", "", "2026-03-10", "unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			now, err := time.Parse(time.DateOnly, test.now)
			if err != nil {
				t.Fatal(err)
			}
			clock := func(i *harden.Inventory) { i.Now = now.Add(12 * time.Hour) }
			if got := verdict(t, VersionEOL, test.yaml, fixtest.Live(), version(test.version), clock); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// TestTables holds the tables together: no gaps, later versions end later, and
// EKS ends standard support after upstream.
func TestTables(t *testing.T) {
	for minor, end := range upstreamEnds {
		if next, ok := upstreamEnds[minor+1]; ok && !end.Before(next) {
			t.Errorf("1.%d ends on %s, after 1.%d", minor, day(end), minor+1)
		} else if !ok && !end.Equal(supportKnownUntil) {
			t.Errorf("1.%d is the last of the table or a gap follows; supportKnownUntil is %s", minor, day(supportKnownUntil))
		}
	}
	for minor, e := range eksEnds {
		if !e.standard.AddDate(1, 0, 0).Equal(e.extended) {
			t.Errorf("extended support of 1.%d is not a year", minor)
		}
		if _, ok := eksEnds[minor+1]; !ok && minor != 35 {
			t.Errorf("a gap follows 1.%d", minor)
		}
	}
}

func TestAPIServerPublic(t *testing.T) {
	for server, want := range map[string]string{
		"https://203.0.113.7":                                  "fail",
		"https://[2a05:d018::1]:6443":                          "fail",
		"https://10.0.0.1:6443":                                "pass",
		"https://127.0.0.1:6443":                               "pass",
		"https://control-plane:6443":                           "pass",
		"https://kubernetes.default.svc":                       "pass",
		"https://A1.gr7.eu-west-1.eks.amazonaws.com":           "unknown",
		"https://private.A1.cluster.internal/k8s/clusters/c-1": "pass",
		"://": "does not apply",
	} {
		at := func(i *harden.Inventory) { i.Cluster.Server = server }
		if got := verdict(t, APIServerPublic, "", fixtest.Live(), at); got != want {
			t.Errorf("%s: got %s, want %s", server, got, want)
		}
	}
}
