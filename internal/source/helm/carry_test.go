package helm

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/plan"
)

// live is an object as a cluster has it: with what servers and webhooks add.
func live(t *testing.T, o Object) *unstructured.Unstructured {
	t.Helper()
	u := o.DeepCopy()
	u.SetNamespace(o.Ref.Namespace)
	u.SetUID("1")
	plan.Put(u, pathOf(o.Ref.Kind, "pod.terminationGracePeriodSeconds"), int64(30))
	plan.Put(u, pathOf(o.Ref.Kind, "pod.containers[worker].imagePullPolicy"), "IfNotPresent")
	plan.Put(u, pathOf(o.Ref.Kind, "pod.containers[sidecar].image"), "example.com/sidecar")
	return u
}

func TestFindForWhatTheClusterHas(t *testing.T) {
	c := chartOf(t, "shared")
	objects, err := c.Objects(testRelease)
	if err != nil {
		t.Fatal(err)
	}
	worker := byKey(objects)[harden.Key{Group: "apps", Kind: "Deployment", Namespace: "apps", Name: "rel-worker"}]
	for name, test := range map[string]struct {
		before func(*unstructured.Unstructured)
		after  func(*unstructured.Unstructured)
		left   string
	}{
		"what the server adds is no matter": {
			after: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.containers[worker].securityContext.runAsNonRoot"), true)
			},
		},
		"a sidecar of somebody else": {
			after: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.containers[sidecar].securityContext.runAsNonRoot"), true)
			},
			left: `the chart does not render spec.template.spec.containers[name="sidecar"]: something else adds it`,
		},
		"the chart has another value": {
			before: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.securityContext.fsGroup"), int64(1))
			},
			after: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.securityContext.fsGroup"), int64(3))
			},
			left: "the chart renders spec.template.spec.securityContext.fsGroup with another value than it was planned for",
		},
		"the chart has it already": {
			before: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.securityContext.fsGroup"), int64(1))
			},
			after: func(u *unstructured.Unstructured) {
				plan.Put(u, pathOf("Deployment", "pod.securityContext.fsGroup"), int64(2000))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := harden.ObjectChange{Target: worker.Ref, Before: live(t, worker)}
			change.Target.UID = "1"
			if test.before != nil {
				test.before(change.Before)
			}
			change.After = change.Before.DeepCopy()
			test.after(change.After)
			found, err := c.Find(testRelease, []harden.ObjectChange{change})
			if err != nil {
				t.Fatal(err)
			}
			if why := found.Left[worker.Ref.Key()]; !strings.Contains(why, test.left) || (why == "") != (test.left == "") {
				t.Errorf("left because %q, want %q", why, test.left)
			}
		})
	}
}

func TestFindLeavesWhatTheChartDoesNotBring(t *testing.T) {
	c := load(t, unpack(t, "strict", map[string]string{
		"templates/twice.yaml": strings.Repeat("---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: twice}\n", 2),
	}))
	account := func(name string) *unstructured.Unstructured {
		u := &unstructured.Unstructured{}
		u.SetAPIVersion("v1")
		u.SetKind("ServiceAccount")
		u.SetName(name)
		return u
	}
	ref := func(name string) harden.Ref {
		return harden.Ref{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "apps", Name: name}
	}
	after := account("twice")
	after.Object["automountServiceAccountToken"] = false
	found, err := c.Find(testRelease, []harden.ObjectChange{
		{Target: ref("new"), After: account("new")},
		{Target: ref("other"), Before: account("other"), After: account("other")},
		{Target: ref("twice"), Before: account("twice"), After: after},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"new": "it is a new object", "other": "the chart does not render it", "twice": "more than once",
	} {
		if why := found.Left[ref(name).Key()]; !strings.Contains(why, want) {
			t.Errorf("%s is left because %q, want %q", name, why, want)
		}
	}
	if len(found.Values) > 0 {
		t.Errorf("found %v", found.Values)
	}
}

// A chart must not be able to play the part of a probe.
func TestProbesOfAStranger(t *testing.T) {
	c := load(t, unpack(t, "strict", map[string]string{
		"templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {hardenprobe0x: hardenprobe0x, hardenprobe99999x: hardenprobe7x, list: [{name: hardenprobe99999x}]}\n",
	}))
	objects, err := c.Objects(testRelease)
	if err != nil {
		t.Fatal(err)
	}
	wanted := changes(t, objects, "Deployment/app:\n  pod.containers[app].securityContext.runAsNonRoot: true\n")
	found, err := c.Find(testRelease, wanted)
	if err != nil {
		t.Fatal(err)
	}
	prove(t, c, testRelease, wanted, found)
}
