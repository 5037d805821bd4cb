package cluster

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	hpasPath = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers"
	vpasPath = "/apis/autoscaling.k8s.io/v1/namespaces/shop/verticalpodautoscalers"
	withVPA  = `{"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": "autoscaling.k8s.io"}]}`
)

func hpa(version string, least, current int) string {
	return fmt.Sprintf(`{"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop", "uid": "h", "resourceVersion": %q},
		"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": %d, "maxReplicas": 9}, "status": {"currentReplicas": %d}}`, version, least, current)
}

func vpa(name, mode string) string {
	return fmt.Sprintf(`{"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": %[1]q, "namespace": "shop", "uid": %[1]q, "resourceVersion": "1"},
		"spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}, "updatePolicy": {"updateMode": %[2]q}}}`, name, mode)
}

func vpas(items ...string) http.HandlerFunc {
	return answer(`{"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscalerList", "metadata": {"resourceVersion": "1"}, "items": [` + strings.Join(items, ",") + `]}`)
}

func TestScalers(t *testing.T) {
	horizontal := harden.Scaler{
		Ref:         harden.Ref{APIVersion: "autoscaling/v2", Kind: "HorizontalPodAutoscaler", Namespace: "shop", Name: "web", UID: "h"},
		Target:      harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"},
		MinReplicas: 3,
	}
	vertical := harden.Scaler{
		Ref:    harden.Ref{APIVersion: "autoscaling.k8s.io/v1", Kind: "VerticalPodAutoscaler", Namespace: "shop", Name: "db", UID: "db"},
		Target: harden.Ref{APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "shop", Name: "db"},
	}
	notFound := refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
	for _, test := range []struct {
		name   string
		set    func(*server)
		want   []harden.Scaler
		unread []harden.Unread
	}{
		{"neither", func(*server) {}, nil, nil},
		{"horizontal", func(s *server) { s.on(hpasPath, answer(listOf("1", hpa("1", 3, 3)))) }, []harden.Scaler{horizontal}, nil},
		{"no such group: VerticalPodAutoscalers are not asked for", func(s *server) { s.on(vpasPath, forbidden("x is forbidden: no")) }, nil, nil},
		{"vertical", func(s *server) {
			s.on("/apis", answer(withVPA))
			s.on(vpasPath, vpas(vpa("db", "Auto")))
		}, []harden.Scaler{vertical}, nil},
		{"vertical that only recommends", func(s *server) {
			s.on("/apis", answer(withVPA))
			s.on(vpasPath, vpas(vpa("db", "Off")))
		}, nil, nil},
		{"the group without the kind", func(s *server) {
			s.on("/apis", answer(withVPA))
			s.on(vpasPath, notFound)
		}, nil, nil},
		{"groups may not be asked for", func(s *server) {
			s.on("/apis", forbidden("no"))
			s.on(vpasPath, notFound)
		}, nil, []harden.Unread{{Resource: harden.CustomResources, Why: "which of them the server has may not be asked"}}},
		{"forbidden", func(s *server) {
			s.on("/apis", answer(withVPA))
			s.on(vpasPath, forbidden("x is forbidden: not VPAs"))
			s.on(hpasPath, forbidden("x is forbidden: not HPAs"))
		}, nil, []harden.Unread{
			{Resource: "horizontalpodautoscalers.autoscaling", Namespace: "shop", Why: "not HPAs"},
			{Resource: "verticalpodautoscalers.autoscaling.k8s.io", Namespace: "shop", Why: "not VPAs"},
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			test.set(s)
			s.on(deploymentsPath, answer(listOf("1", fmt.Sprintf(webDeployment, "1", 1, false))))
			r := newReader(t, s)
			inv, err := r.Read(t.Context(), shop)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, inv.Scalers); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.unread, inv.Unread); diff != "" {
				t.Errorf("unread (-want +got):\n%s", diff)
			}
		})
	}
}

// What is read anew after a change must be judged by the same facts.
func TestReadOneKnowsScalersAndTheServer(t *testing.T) {
	s := newServer(t)
	web := fmt.Sprintf(webDeployment, "1", 1, false)
	s.on(deploymentsPath, answer(listOf("1", web)))
	s.on(hpasPath, answer(listOf("1", hpa("1", 3, 3))))
	s.on("/apis", answer(withVPA))
	s.on(vpasPath, vpas(vpa("db", "Auto")))
	r := newReader(t, s)
	inv, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	one, err := r.ReadOne(t.Context(), inv.Workloads[0].Ref)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(inv.Scalers, one.Scalers); diff != "" || len(one.Scalers) != 2 {
		t.Errorf("scalers (-all +one):\n%s", diff)
	}
	if diff := cmp.Diff(inv.Cluster, one.Cluster); diff != "" {
		t.Errorf("cluster (-all +one):\n%s", diff)
	}
}

func TestOpenShiftIsKnownByItsGroups(t *testing.T) {
	for groups, want := range map[string]bool{
		`{"groups": [{"name": "apps"}, {"name": "security.openshift.io"}]}`: true,
		`{"groups": [{"name": "apps"}]}`:                                    false,
		`no JSON`:                                                           false,
	} {
		s := newServer(t)
		s.on("/apis", answer(groups))
		c, err := newReader(t, s).Cluster(t.Context())
		if err != nil || c.OpenShift != want {
			t.Errorf("%s: %v, %v; want %v", groups, c.OpenShift, err, want)
		}
	}
}

func TestWatchFollowsScalers(t *testing.T) {
	s := newServer(t)
	hpas, verticals, pods := make(chan string), make(chan string), make(chan string)
	s.on("/apis", answer(withVPA))
	s.on(vpasPath, vpas(vpa("db", "Off")))
	s.on(hpasPath, answer(listOf("1", hpa("1", 1, 1))))
	s.on(hpasPath+"?watch", stream(hpas))
	s.on(vpasPath+"?watch", stream(verticals))
	s.on(podsPath+"?watch", stream(pods))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), shop, first)
	least := func(n int32) func(Update) bool {
		return func(u Update) bool { return len(u.Inventory.Scalers) > 0 && u.Inventory.Scalers[0].MinReplicas == n }
	}
	hpas <- changed("MODIFIED", hpa("2", 3, 1))
	receive(t, updates, "minReplicas was raised", least(3))

	// A status alone is nothing to tell: the next update must be that of the pod.
	hpas <- changed("MODIFIED", hpa("3", 3, 2))
	pods <- changed("ADDED", watchedPod("new", "q", "4"))
	u := receive(t, updates, "a pod was added", func(Update) bool { return true })
	if names(u.Inventory) != "Pod/new" {
		t.Errorf("the status of an autoscaler made an update: %s", names(u.Inventory))
	}

	verticals <- changed("MODIFIED", strings.Replace(vpa("db", "Initial"), `"resourceVersion": "1"`, `"resourceVersion": "5"`, 1))
	receive(t, updates, "the VerticalPodAutoscaler sets resources", func(u Update) bool { return len(u.Inventory.Scalers) == 2 })
}
