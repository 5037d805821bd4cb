package harden

import (
	"cmp"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

const webDigest = "registry.example.com/web@sha256:1111111111111111111111111111111111111111111111111111111111111111"

func runs(name string, images ...string) *Workload {
	w := &Workload{Ref: Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: name}}
	for i, image := range images {
		w.Template.Spec.Containers = append(w.Template.Spec.Containers, corev1.Container{Name: string(rune('a' + i)), Image: image})
	}
	return w
}

// live gives the workload a pod whose first container reports a digest.
func live(w *Workload, node, imageID string) *Workload {
	pod := &corev1.Pod{Spec: *w.Template.Spec.DeepCopy()}
	pod.Spec.NodeName = node
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "a", ImageID: imageID}}
	w.Pods = append(w.Pods, pod)
	return w
}

func node(name, arch string) *corev1.Node {
	n := &corev1.Node{}
	n.Name = name
	n.Status.NodeInfo = corev1.NodeSystemInfo{Architecture: arch, OperatingSystem: "linux"}
	return n
}

func TestImageUses(t *testing.T) {
	inv := &Inventory{
		Nodes: []*corev1.Node{node("one", "amd64"), node("two", "arm64")},
		Workloads: []*Workload{
			live(live(runs("web", "registry.example.com/web:1"), "one", webDigest), "one", webDigest),
			live(runs("admin", "registry.example.com/web:latest"), "one", webDigest),
			runs("job", "registry.example.com/job:1", ""),
		},
	}
	scan := &ImageScan{Known: true, Digest: "sha256:2"}
	inv.Scans = map[ImageKey]*ImageScan{{webDigest, "linux/amd64"}: scan}
	inv.Tags = map[string]*ImageTag{"registry.example.com/web:latest": {Known: true}}
	type use struct {
		Key, Name, Digest string
		References, By    []string
	}
	var got []use
	for _, u := range inv.ImageUses() {
		g := use{Key: u.Key.Reference + " " + u.Key.Platform, Name: u.Name(), Digest: u.Digest()}
		for _, r := range u.References {
			g.References = append(g.References, r.Name)
		}
		for _, b := range u.By {
			g.By = append(g.By, b.Workload.Ref.Name+" "+b.Container.String())
		}
		got = append(got, g)
	}
	want := []use{
		{Key: "registry.example.com/job:1 linux/amd64", Name: "registry.example.com/job:1", References: []string{"registry.example.com/job:1"}, By: []string{"job app:a"}},
		{Key: "registry.example.com/job:1 linux/arm64", Name: "registry.example.com/job:1", References: []string{"registry.example.com/job:1"}, By: []string{"job app:a"}},
		{
			Key: webDigest + " linux/amd64", Name: "registry.example.com/web:1", Digest: "sha256:1111111111111111111111111111111111111111111111111111111111111111",
			References: []string{"registry.example.com/web:1", "registry.example.com/web:latest"}, By: []string{"web app:a", "admin app:a"},
		},
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("images (-want +got):\n%s", diff)
	}
	web := inv.ImageUses()[2]
	if web.Scan != scan || web.References[0].Tag != nil || web.References[1].Tag == nil {
		t.Errorf("the scan and the tag of an image are not with it: %+v", web)
	}
}

// Worst first; what nobody scanned is not clean.
func TestCompareImageUses(t *testing.T) {
	use := func(name string, scan *ImageScan) *ImageUse {
		return &ImageUse{References: []ImageReference{{Name: name}}, Scan: scan}
	}
	known := func(v ...Vulnerability) *ImageScan { return &ImageScan{Known: true, Vulnerabilities: v} }
	high, low := Vulnerability{ID: "CVE-1", Severity: High}, Vulnerability{ID: "CVE-2", Severity: Low}
	fixable := high
	fixable.Fixed = "1.2"
	secret := known()
	secret.Secrets = []ImageSecret{{Rule: "aws-access-key-id"}}
	order := []*ImageUse{
		use("critical", known(Vulnerability{Severity: Critical})),
		use("high-and-low", known(high, low)),
		use("high-fixable", known(fixable)),
		use("high", known(high)),
		use("low", known(low, low, low)),
		use("secret", secret),
		use("failed", &ImageScan{Why: "timed out"}),
		use("unscanned", nil),
		use("clean", known()),
	}
	for i := range order {
		for j := range order {
			if got, want := CompareImageUses(order[i], order[j]), cmp.Compare(i, j); got != want {
				t.Errorf("%s against %s: %d, want %d", order[i].Name(), order[j].Name(), got, want)
			}
		}
	}
}
