package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/engine"
)

const (
	servicesPath = "/api/v1/namespaces/shop/services"
	cnpPath      = "/apis/cilium.io/v2/namespaces/shop/ciliumnetworkpolicies"
	ccnpPath     = "/apis/cilium.io/v2/ciliumclusterwidenetworkpolicies"
	dsPath       = "/apis/apps/v1/daemonsets"
)

// groups is what /apis says of GROUP/VERSION.
func groups(versions ...string) http.HandlerFunc {
	var list []string
	for _, gv := range versions {
		group, _, _ := strings.Cut(gv, "/")
		list = append(list, fmt.Sprintf(`{"name": %q, "versions": [{"groupVersion": %q}]}`, group, gv))
	}
	return answer(`{"kind": "APIGroupList", "apiVersion": "v1", "groups": [` + strings.Join(list, ",") + `]}`)
}

// resources is what a group version says of its resources.
func resources(plurals ...string) http.HandlerFunc {
	var list []string
	for _, p := range plurals {
		list = append(list, fmt.Sprintf(`{"name": %q}`, p))
	}
	return answer(`{"kind": "APIResourceList", "apiVersion": "v1", "resources": [` + strings.Join(list, ",") + `]}`)
}

// customList is a list of custom resources "namespace/name" of one kind.
func customList(apiVersion, kind string, names ...string) http.HandlerFunc {
	var list []string
	for _, name := range names {
		list = append(list, customObject(apiVersion, kind, name, "1", "{}"))
	}
	return answer(fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"resourceVersion": "1"}, "items": [%s]}`, apiVersion, kind+"List", strings.Join(list, ",")))
}

func customObject(apiVersion, kind, name, version, spec string) string {
	ns, name, _ := strings.Cut(name, "/")
	return fmt.Sprintf(`{"apiVersion": %q, "kind": %q, "metadata": {"namespace": %q, "name": %q, "uid": %q, "resourceVersion": %q, "managedFields": [{}]}, "spec": %s, "status": {"seen": %q}}`,
		apiVersion, kind, ns, name, ns+name, version, spec, version)
}

func serviceOn(name, version, port string) string {
	return fmt.Sprintf(`{"apiVersion": "v1", "kind": "Service", "metadata": {"name": %q, "namespace": "shop", "uid": %q, "resourceVersion": %q}, "spec": {"ports": [{"port": %s}]}}`, name, name, version, port)
}

const webhooks = `{"metadata": {"name": "checks", "uid": "v"}, "webhooks": [
	{"name": "b.example.com", "clientConfig": {"caBundle": "Q0E=", "service": {"namespace": "hooks", "name": "checker"}}, "rules": [{"operations": ["*"]}]},
	{"name": "a.example.com", "failurePolicy": "Ignore", "clientConfig": {"service": {"namespace": "hooks", "name": "checker", "port": 8443}}},
	{"name": "c.example.com", "clientConfig": {"url": "https://example.com/"}}]}`

// policies lists the policies of other kinds as KIND namespace/name.
func policies(inv *harden.Inventory) (out []string) {
	for _, p := range inv.Net.Policies {
		out = append(out, p.GetKind()+" "+p.GetNamespace()+"/"+p.GetName())
	}
	return out
}

func TestReadOfNet(t *testing.T) {
	s := newServer(t)
	s.on("/apis", groups("cilium.io/v2", "apiregistration.k8s.io/v1"))
	s.on("/apis/cilium.io/v2", resources("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"))
	s.on(servicesPath, answer(listOf("1", serviceOn("web", "1", "80"), serviceOn("api", "1", "81"))))
	s.on("/apis/networking.k8s.io/v1/namespaces/shop/ingresses", answer(listOf("1", `{"metadata": {"name": "web", "namespace": "shop"}}`)))
	s.on("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", answer(listOf("1", webhooks)))
	s.on("/apis/apiregistration.k8s.io/v1/apiservices", answer(`{"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIServiceList", "metadata": {}, "items": [
		{"metadata": {"name": "v1.apps"}, "spec": {}}, {"metadata": {"name": "v1.m"}, "spec": {"caBundle": "Q0E=", "service": {"namespace": "metrics", "name": "adapter", "port": 6443}}}]}`))
	s.on(cnpPath, customList("cilium.io/v2", "CiliumNetworkPolicy", "shop/b", "shop/a"))
	s.on(ccnpPath, customList("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "/all"))
	inv, err := newReader(t, s).Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Unread) > 0 {
		t.Errorf("got unread %v", inv.Unread)
	}
	var services []string
	for _, s := range inv.Net.Services {
		services = append(services, s.Name)
	}
	if got := strings.Join(services, " "); got != "api web" || len(inv.Net.Ingresses) != 1 || inv.Net.Service("shop", "web") == nil {
		t.Errorf("got services %s and %d ingresses", got, len(inv.Net.Ingresses))
	}
	by := harden.Ref{APIVersion: "admissionregistration.k8s.io/v1", Kind: "ValidatingWebhookConfiguration", Name: "checks", UID: "v"}
	want := []harden.Callee{
		{By: by, Webhook: "b.example.com", Namespace: "hooks", Service: "checker", Port: 443, Policy: "Fail"},
		{By: by, Webhook: "a.example.com", Namespace: "hooks", Service: "checker", Port: 8443, Policy: "Ignore"},
		{By: harden.Ref{APIVersion: "apiregistration.k8s.io/v1", Kind: "APIService", Name: "v1.m"}, Namespace: "metrics", Service: "adapter", Port: 6443},
	}
	if diff := cmp.Diff(want, inv.Net.Callees); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CiliumClusterwideNetworkPolicy /all", "CiliumNetworkPolicy shop/a", "CiliumNetworkPolicy shop/b"}, policies(inv)); diff != "" {
		t.Error(diff)
	}
	if p := inv.Net.Policies[0]; p.Object["status"] != nil || p.GetManagedFields() != nil {
		t.Errorf("%v was not trimmed", p)
	}
	if diff := cmp.Diff([]string{"shop"}, inv.Scope); diff != "" {
		t.Error(diff)
	}
}

func TestWhichPoliciesAreRead(t *testing.T) {
	unavailable := refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request")
	for _, test := range []struct {
		name   string
		set    func(*server)
		want   []string
		unread []harden.Unread
		never  string // a path that is not asked for
	}{
		{"no group", func(s *server) { s.on(cnpPath, forbidden("x is forbidden: no")) }, nil, nil, cnpPath},
		{"a group without one of the kinds", func(s *server) {
			s.on("/apis", groups("cilium.io/v2"))
			s.on("/apis/cilium.io/v2", resources("ciliumnetworkpolicies"))
			s.on(cnpPath, customList("cilium.io/v2", "CiliumNetworkPolicy", "shop/a"))
			s.on(ccnpPath, forbidden("x is forbidden: no"))
		}, []string{"CiliumNetworkPolicy shop/a"}, nil, ccnpPath},
		{"a group of which it may not be asked what it has", func(s *server) {
			s.on("/apis", groups("cilium.io/v2"))
			s.on("/apis/cilium.io/v2", forbidden("x is forbidden: no"))
			s.on(cnpPath, customList("cilium.io/v2", "CiliumNetworkPolicy", "shop/a"))
		}, []string{"CiliumNetworkPolicy shop/a"}, nil, ""},
		{"a group in another version", func(s *server) {
			s.on("/apis", groups("policy.networking.k8s.io/v1alpha2"))
			s.on("/apis/policy.networking.k8s.io/v1alpha2", resources("clusternetworkpolicies"))
			s.on("/apis/policy.networking.k8s.io/v1alpha2/clusternetworkpolicies", customList("policy.networking.k8s.io/v1alpha2", "ClusterNetworkPolicy", "/all"))
		}, []string{"ClusterNetworkPolicy /all"}, nil, ""},
		{"Calico by both of its groups", func(s *server) {
			s.on("/apis", groups("crd.projectcalico.org/v1", "projectcalico.org/v3"))
			s.on("/apis/crd.projectcalico.org/v1/namespaces/shop/networkpolicies", customList("crd.projectcalico.org/v1", "NetworkPolicy", "shop/default.a"))
			s.on("/apis/projectcalico.org/v3/namespaces/shop/networkpolicies", customList("projectcalico.org/v3", "NetworkPolicy", "shop/a"))
		}, []string{"NetworkPolicy shop/default.a"}, nil, "/apis/projectcalico.org/v3/namespaces/shop/networkpolicies"},
		{"Calico by its served group", func(s *server) {
			s.on("/apis", groups("projectcalico.org/v3"))
			s.on("/apis/projectcalico.org/v3/namespaces/shop/networkpolicies", customList("projectcalico.org/v3", "NetworkPolicy", "shop/a"))
		}, []string{"NetworkPolicy shop/a"}, nil, ""},
		{"a server of its own that is down", func(s *server) {
			s.on("/apis", groups("projectcalico.org/v3"))
			s.on("/apis/projectcalico.org/v3", unavailable)
			s.on("/apis/projectcalico.org/v3/namespaces/shop/networkpolicies", unavailable)
			s.on("/apis/projectcalico.org/v3/globalnetworkpolicies", unavailable)
		}, nil, []harden.Unread{
			{Resource: "globalnetworkpolicies.projectcalico.org", Why: "what serves it does not answer: the server is currently unable to handle the request"},
			{Resource: "networkpolicies.projectcalico.org", Namespace: "shop", Why: "what serves it does not answer: the server is currently unable to handle the request"},
		}, ""},
		{"refusals", func(s *server) {
			s.on("/apis", groups("cilium.io/v2"))
			s.on(cnpPath, forbidden("x is forbidden: no CNP"))
			s.on(ccnpPath, forbidden("x is forbidden: no CCNP"))
			s.on(servicesPath, forbidden("x is forbidden: no Services"))
			s.on("/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", forbidden("x is forbidden: no webhooks"))
		}, nil, []harden.Unread{
			{Resource: "ciliumclusterwidenetworkpolicies.cilium.io", Why: "no CCNP"},
			{Resource: "ciliumnetworkpolicies.cilium.io", Namespace: "shop", Why: "no CNP"},
			{Resource: harden.MutatingWebhookConfigurations, Why: "no webhooks"},
			{Resource: harden.Services, Namespace: "shop", Why: "no Services"},
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			test.set(s)
			inv, err := newReader(t, s).Read(t.Context(), shop)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, policies(inv)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.unread, inv.Unread); diff != "" {
				t.Error(diff)
			}
			if !inv.NoWorkloads("shop") {
				t.Error("what tells of networks makes it doubtful that there are no workloads")
			}
			if test.never != "" && s.count(test.never) > 0 {
				t.Errorf("%s was asked for", test.never)
			}
		})
	}
}

func TestServicesAloneAreNothingRead(t *testing.T) {
	s := newServer(t)
	r := newReader(t, s)
	for _, k := range r.kinds {
		if k.namespaced && !k.net && k.group == "" {
			plural, _, _ := strings.Cut(k.resource, ".")
			prefix := "/apis/" + k.apiVersion
			if k.apiVersion == "v1" {
				prefix = "/api/v1"
			}
			s.on(prefix+"/namespaces/shop/"+plural, forbidden("x is forbidden: no"))
		}
	}
	if _, err := r.Read(t.Context(), shop); !errors.Is(err, ErrForbidden) {
		t.Errorf("got %v, want ErrForbidden", err)
	}
}

func TestWatchFollowsNet(t *testing.T) {
	s := newServer(t)
	s.on("/apis", groups("cilium.io/v2"))
	s.on(servicesPath, answer(listOf("1", serviceOn("web", "1", "80"))))
	s.on(cnpPath, customList("cilium.io/v2", "CiliumNetworkPolicy", "shop/a"))
	s.on(ccnpPath, customList("cilium.io/v2", "CiliumClusterwideNetworkPolicy"))
	serviceEvents, policyEvents, hookEvents := make(chan string), make(chan string), make(chan string)
	s.on(servicesPath+"?watch", stream(serviceEvents))
	s.on(cnpPath+"?watch", stream(policyEvents))
	s.on("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations?watch", stream(hookEvents))
	// An API with a server of its own that is down makes nothing stale.
	s.on(ccnpPath+"?watch", refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "down"))
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	updates := r.Watch(t.Context(), shop, first)
	next := func(what string, want func(u Update) bool) *harden.Inventory {
		t.Helper()
		u := receive(t, updates, what, want)
		if u.Stale || u.Err != nil {
			t.Errorf("%s: stale %v: %v", what, u.Stale, u.Err)
		}
		return u.Inventory
	}
	serviceEvents <- changed("MODIFIED", serviceOn("web", "2", "81"))
	inv := next("the port", func(u Update) bool { return u.Inventory.Net.Services[0].Spec.Ports[0].Port == 81 })
	before := inv.Net.Policies[0]
	// A status alone is nothing to tell: the next update is that of the webhook.
	policyEvents <- changed("MODIFIED", customObject("cilium.io/v2", "CiliumNetworkPolicy", "shop/a", "3", "{}"))
	hookEvents <- changed("ADDED", strings.Replace(webhooks, `{"metadata"`, `{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata"`, 1))
	inv = next("the webhook", func(u Update) bool { return len(u.Inventory.Net.Callees) == 2 })
	if inv.Net.Policies[0] != before {
		t.Error("a policy changed by its status")
	}
	policyEvents <- changed("MODIFIED", customObject("cilium.io/v2", "CiliumNetworkPolicy", "shop/a", "4", `{"ingress": []}`))
	inv = next("the policy", func(u Update) bool { return u.Inventory.Net.Policies[0] != before })
	if inv.Net.Policies[0].Object["status"] != nil {
		t.Error("a status that came by a watch was kept")
	}
	// The engine is looked at from time to time.
	s.on(dsPath, answer(listOf("2", ciliumDaemonSet)))
	next("the engine", func(u Update) bool { return u.Inventory.Net.Engine.Enforces == harden.Enforced })
}

const ciliumDaemonSet = `{"metadata": {"name": "cilium", "namespace": "kube-system", "uid": "c"}, "spec": {"template": {"spec": {"containers": [{"name": "cilium-agent", "image": "cilium:1"}]}}}}`

func TestEngineIsRead(t *testing.T) {
	config := `{"metadata": {"name": "cilium-config", "namespace": "kube-system"}, "data": {"enable-policy": "never"}}`
	for _, test := range []struct {
		name   string
		set    func(*server)
		scope  harden.Scope
		want   harden.Engine
		unread string // why it is said not to be readable
	}{
		{
			"all DaemonSets", func(s *server) { s.on(dsPath, answer(listOf("1", ciliumDaemonSet))) }, shop,
			harden.Engine{Name: harden.EngineCilium, Enforces: harden.Enforced, Why: "DaemonSet kube-system/cilium"},
			"",
		},
		{
			"and their settings, in all namespaces", func(s *server) {
				s.on(dsPath, answer(listOf("1", ciliumDaemonSet)))
				s.on("/api/v1/namespaces/kube-system/configmaps/cilium-config", answer(config))
			},
			harden.Scope{All: true},
			harden.Engine{Name: harden.EngineCilium, Enforces: harden.NotEnforced, Why: "DaemonSet kube-system/cilium with enable-policy=never"},
			"",
		},
		{
			"none, and all may be read", func(*server) {}, shop,
			harden.Engine{Why: "no DaemonSet of an engine was found, and Nodes, which may have one of their own, were not read"},
			"",
		},
		{
			"those of kube-system alone", func(s *server) {
				s.on(dsPath, forbidden("x is forbidden: not all"))
				s.on("/apis/apps/v1/namespaces/kube-system/daemonsets", answer(listOf("1", ciliumDaemonSet)))
			}, shop,
			harden.Engine{Name: harden.EngineCilium, Enforces: harden.Enforced, Why: "DaemonSet kube-system/cilium"},
			"",
		},
		{
			"none", func(s *server) {
				s.on(dsPath, forbidden("x is forbidden: not all"))
				for _, ns := range engine.Namespaces {
					s.on("/apis/apps/v1/namespaces/"+ns+"/daemonsets", forbidden("x is forbidden: not in "+ns))
				}
			}, shop,
			harden.Engine{Why: "DaemonSets, by which an engine is recognised, could not be read: not all"},
			"not all",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t)
			s.on("/api/v1/namespaces/kube-system/configmaps/cilium-config", refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "no"))
			test.set(s)
			inv, err := newReader(t, s).Read(t.Context(), test.scope)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, inv.Net.Engine); diff != "" {
				t.Error(diff)
			}
			if got := inv.Unreadable(harden.EngineResource, ""); got != test.unread {
				t.Errorf("unreadable because %q, want %q", got, test.unread)
			}
			if test.scope.All && s.count(dsPath) != 1 {
				t.Errorf("DaemonSets were listed %d times", s.count(dsPath))
			}
		})
	}
}

func TestReadOneHasWhatItsRulesLookAt(t *testing.T) {
	s := newServer(t)
	s.on("/apis", groups("cilium.io/v2"))
	s.on(podsPath, answer(listOf("1", barePod)))
	s.on(servicesPath, answer(listOf("1", serviceOn("web", "1", "80"))))
	s.on(cnpPath, customList("cilium.io/v2", "CiliumNetworkPolicy", "shop/a"))
	s.on(ccnpPath, customList("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "/all"))
	s.on("/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations", answer(listOf("1", webhooks)))
	s.on(dsPath, answer(listOf("1", strings.ReplaceAll(ciliumDaemonSet, "cilium", "calico-node"))))
	r := newReader(t, s)
	ref := harden.Ref{APIVersion: "v1", Kind: "Pod", Namespace: "shop", Name: "bare"}
	if _, err := r.Read(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	inv, err := r.ReadOne(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	if len(inv.Net.Services) != 1 || len(inv.Net.Policies) != 2 || len(inv.Net.Callees) != 2 || inv.Net.Engine.Name != harden.EngineCalico {
		t.Errorf("got %+v", inv.Net)
	}
	if n := s.count(dsPath); n != 1 {
		t.Errorf("the engine was looked for %d times", n)
	}
	fresh, err := newReader(t, s).ReadOne(t.Context(), ref)
	if err != nil || fresh.Net.Engine.Name != harden.EngineCalico {
		t.Errorf("without a Read before: %v, %v", fresh, err)
	}
	inv, err = r.ReadOne(t.Context(), harden.Ref{APIVersion: "cilium.io/v2", Kind: "CiliumNetworkPolicy", Namespace: "shop", Name: "a"})
	if err != nil || names(inv) != "Pod/bare" {
		t.Errorf("a policy of Cilium: %v", err)
	}
	if _, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "cilium.io/v2", Kind: "CiliumNetworkPolicy", Namespace: "shop", Name: "gone"}); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
	if _, err := r.ReadOne(t.Context(), harden.Ref{APIVersion: "v1", Kind: "Event", Namespace: "shop", Name: "web"}); err == nil || !strings.Contains(err.Error(), "not one that is judged") {
		t.Errorf("an Event: %v", err)
	}
}

func TestReadWhole(t *testing.T) {
	s := newServer(t)
	s.on("/apis", answer(`{"groups": [{"name": "gateway.networking.k8s.io", "versions": [{"groupVersion": "gateway.networking.k8s.io/v1"}, {"groupVersion": "gateway.networking.k8s.io/v1alpha2"}]}]}`))
	s.on("/apis/gateway.networking.k8s.io/v1", resources("httproutes"))
	s.on("/apis/gateway.networking.k8s.io/v1alpha2", resources("httproutes", "tcproutes"))
	s.on("/apis/gateway.networking.k8s.io/v1/httproutes", customList("gateway.networking.k8s.io/v1", "HTTPRoute", "shop/web"))
	s.on("/apis/gateway.networking.k8s.io/v1alpha2/tcproutes", customList("gateway.networking.k8s.io/v1alpha2", "TCPRoute", "shop/db"))
	s.on("/api/v1/namespaces", answer(listOf("1", `{"metadata": {"name": "shop", "uid": "n"}}`)))
	s.on("/api/v1/pods", answer(listOf("1", barePod)))
	s.on("/api/v1/configmaps", answer(listOf("1",
		`{"metadata": {"name": "settings", "namespace": "shop"}, "data": {"CACHE": "redis:6379"}, "binaryData": {"blob": "AAECAw=="}}`,
		`{"metadata": {"name": "kube-root-ca.crt", "namespace": "shop"}, "data": {"ca.crt": "PEM"}}`,
		fmt.Sprintf(`{"metadata": {"name": "large", "namespace": "shop"}, "data": {"a": %q}}`, strings.Repeat("a", 1<<20)))))
	s.on("/apis/discovery.k8s.io/v1/endpointslices", answer(listOf("1", `{"metadata": {"name": "web-1", "namespace": "shop"}}`)))
	s.on("/apis/networking.k8s.io/v1/ingressclasses", answer(listOf("1", `{"metadata": {"name": "nginx"}}`)))
	s.on(crdPath, func(w http.ResponseWriter, req *http.Request) {
		if req.URL.Query().Get("continue") == "" {
			fmt.Fprint(w, `{"metadata": {"continue": "more"}, "items": [{"metadata": {"name": "plain"}, "spec": {"conversion": {"strategy": "None"}}}]}`)
			return
		}
		fmt.Fprint(w, `{"metadata": {}, "items": [{"metadata": {"name": "things.example.com"}, "spec": {"versions": [{"schema": {}}], "conversion": {"strategy": "Webhook", "webhook": {"clientConfig": {"caBundle": "Q0E=", "service": {"namespace": "hooks", "name": "converter", "port": 9443}}}}}}]}`)
	})
	r := newReader(t, s)
	first, err := r.Read(t.Context(), shop)
	if err != nil {
		t.Fatal(err)
	}
	var last [2]int
	inv, err := r.ReadWhole(t.Context(), nil, func(done, total int) { last = [2]int{done, total} })
	if err != nil {
		t.Fatal(err)
	}
	if last[0] == 0 || last[0] != last[1] {
		t.Errorf("the last progress is %d of %d", last[0], last[1])
	}
	var got []string
	for _, o := range slices.Concat(inv.Net.Routes, inv.Net.Monitors) {
		got = append(got, o.GetAPIVersion()+" "+o.GetKind()+" "+o.GetName())
	}
	for _, o := range inv.Net.ConfigMaps {
		got = append(got, fmt.Sprintf("ConfigMap %s %v %d", o.Name, o.Data, len(o.BinaryData)))
	}
	for _, o := range inv.Net.EndpointSlices {
		got = append(got, "EndpointSlice "+o.Name)
	}
	for _, o := range inv.Net.IngressClasses {
		got = append(got, "IngressClass "+o.Name)
	}
	for _, c := range inv.Net.Callees {
		got = append(got, fmt.Sprint(c.By, " calls ", c.Namespace, "/", c.Service, ":", c.Port))
	}
	want := []string{
		"gateway.networking.k8s.io/v1alpha2 TCPRoute db", "gateway.networking.k8s.io/v1 HTTPRoute web",
		"ConfigMap kube-root-ca.crt map[] 0", "ConfigMap large map[] 0", "ConfigMap settings map[CACHE:redis:6379] 0",
		"EndpointSlice web-1", "IngressClass nginx", "CustomResourceDefinition/things.example.com calls hooks/converter:9443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if names(inv) != "Pod/bare" || inv.Namespaces["shop"] == nil || len(inv.Unread) > 0 {
		t.Errorf("got %s, namespaces %v, unread %v", names(inv), inv.Namespaces, inv.Unread)
	}
	if r.take(first) == nil {
		t.Error("Watch cannot go on from what was read before")
	}
}

func TestReadWholeWithRightsInOneNamespace(t *testing.T) {
	s := newServer(t)
	r := newReader(t, s)
	for _, k := range slices.Concat(r.kinds, r.wholeKinds()) {
		if k.group != "" {
			continue
		}
		plural, _, _ := strings.Cut(k.resource, ".")
		prefix := "/apis/" + k.apiVersion
		if k.apiVersion == "v1" {
			prefix = "/api/v1"
		}
		s.on(prefix+"/"+plural, forbidden("x is forbidden: "+k.resource))
	}
	s.on(crdPath, forbidden("x is forbidden: CRDs"))
	s.on(podsPath, answer(listOf("1", barePod)))
	s.on(servicesPath, answer(listOf("1", serviceOn("web", "1", "80"))))
	s.on("/api/v1/namespaces/shop/configmaps", forbidden("x is forbidden: configmaps in shop"))
	if _, err := r.ReadWhole(t.Context(), nil, nil); !errors.Is(err, ErrForbidden) {
		t.Errorf("got %v, want ErrForbidden", err)
	}
	inv, err := r.ReadWhole(t.Context(), []string{"shop", "shop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if names(inv) != "Pod/bare" || len(inv.Net.Services) != 1 || inv.Namespaces["shop"] == nil {
		t.Errorf("got %s, services %v, namespaces %v", names(inv), inv.Net.Services, inv.Namespaces)
	}
	for _, resource := range []string{namespaces, nodes, harden.IngressClasses, harden.CustomResourceDefinitions, harden.ConfigMaps, harden.MutatingWebhookConfigurations} {
		if inv.Unreadable(resource, "") == "" {
			t.Errorf("%s seems readable: %v", resource, inv.Unread)
		}
	}
	if inv.Unreadable(pods, "shop") != "" || inv.Unreadable(harden.Services, "shop") != "" {
		t.Errorf("pods or Services of the namespace seem unreadable: %v", inv.Unread)
	}
}
