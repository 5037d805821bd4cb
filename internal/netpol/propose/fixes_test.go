package propose

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest/nettest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestClasses(t *testing.T) {
	live := "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, uid: uid-web-1, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\nspec: {containers: [{name: main, image: i}]}\nstatus: {podIP: 10.244.0.7}\n"
	ref := harden.Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: "shop", Name: "web"}
	looked := func(i *harden.Inventory) {
		i.Probes = map[harden.ProbeKey]*harden.Probe{{Pod: "uid-web-1", Container: "main"}: {Pod: "web-1", Known: true, Time: fixtest.Now}}
	}
	for name, test := range map[string]struct {
		yaml  string
		edit  func(*harden.Inventory)
		class harden.Class
		says  string
	}{
		"declared and seen":  {workload("web", env("DB", "db:5432")), looked, harden.Evidence, "E-PROC holds The open connections"},
		"nobody saw it talk": {workload("web", env("DB", "db:5432")), nil, harden.Review, "E-PROC missing Nobody saw its pods talk"},
		"seen in a recording": {workload("web", env("DB", "db:5432")), func(i *harden.Inventory) {
			i.Flows = []harden.ObservedFlow{{From: harden.ObservedEnd{Namespace: "shop", Workload: "web"}, To: harden.ObservedEnd{Namespace: "shop", Workload: "db"}, Port: harden.Port{Number: 5433}, Source: "f"}}
		}, harden.Evidence, "E-FLOWS holds Its connections were seen in f."},
		"an old recording": {workload("web", env("DB", "db:5432")), func(i *harden.Inventory) {
			i.Flows = []harden.ObservedFlow{{From: harden.ObservedEnd{Namespace: "shop", Workload: "web"}, To: harden.ObservedEnd{Namespace: "shop", Workload: "db"}, Port: harden.Port{Number: 5433}, Source: "f", Time: i.Now.AddDate(0, -2, 0)}}
		}, harden.Review, "E-FLOWS missing The recorded connections are of 2026-01-01"},
		"an address from a Secret": {workload("web", "env: [{name: DATABASE_URL, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), looked, harden.Review, "E-ENV missing Whom it connects to may stand in what was not read: variable DATABASE_URL of container main from a Secret"},
		"a password from a Secret": {workload("web", "env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: s, key: k}}}]"), looked, harden.Evidence, "E-ENV holds"},
		"policies do nothing": {workload("web", ""), func(i *harden.Inventory) {
			looked(i)
			i.Net.Engine.Enforces, i.Net.Engine.Why = harden.NotEnforced, "flannel"
		}, harden.Review, "E-LIVE missing Policies are not enforced (flannel)"},
		"something was not read": {workload("web", ""), func(i *harden.Inventory) {
			looked(i)
			i.Unread = []harden.Unread{{Resource: harden.Services, Namespace: "other", Why: "forbidden"}}
		}, harden.Review, "E-SLICES missing Not all of the network could be read: services of other (forbidden)"},
		"files": {workload("web", ""), func(i *harden.Inventory) {
			looked(i)
			i.Cluster = harden.Cluster{}
		}, harden.Review, "E-SLICES missing Only files were read"},
		"an old look": {workload("web", ""), func(i *harden.Inventory) {
			looked(i)
			i.Now = i.Now.AddDate(0, 0, 3)
		}, harden.Review, "E-PROC missing"},
		"labels of a live pod differ": {workload("web", ""), func(i *harden.Inventory) {
			looked(i)
			for _, w := range i.Workloads {
				for _, p := range w.Pods {
					p.Labels = map[string]string{"app": "old"}
				}
			}
		}, harden.Review, "E-LIVE missing Labels of live pods differ"},
		"the internet": {workload("web", env("U", "https://api.example.com")), looked, harden.Review, "E-FLOWS missing Port tcp/443 is open to the whole internet for api.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			inv := nettest.Known(t, harden.EngineCalico, db, test.yaml, live)
			if test.edit != nil {
				test.edit(inv)
			}
			inv = inv.Fresh()
			fixes := Fixes(&harden.Inventory{Workloads: inv.Workloads, Now: inv.Now, Cluster: inv.Cluster, Facts: harden.Facts{Whole: inv, Probes: inv.Probes, Flows: inv.Flows}}, "shop", ref, harden.Egress)
			if len(fixes) != 1 || fixes[0].Class != test.class || len(fixes[0].Changes) != 1 || fixes[0].Warning == "" {
				t.Errorf("fixes %+v", fixes)
			}
			var said []string
			for _, c := range fixes[0].Evidence {
				said = append(said, fmt.Sprintf("%s %s %s", c.Code, c.State, c.Text))
			}
			if !strings.Contains(strings.Join(said, "\n"), test.says) {
				t.Errorf("claims:\n%s", strings.Join(said, "\n"))
			}
			if c := fixes[0].Changes[0]; c.Verb != harden.Create || c.Target.Name != "harden-web-egress" || c.Set.GetName() != c.Target.Name {
				t.Errorf("change %+v", c)
			}
		})
	}
}

func TestNobodyLooked(t *testing.T) {
	fixes := Fixes(&harden.Inventory{}, "shop", harden.Ref{Kind: "Deployment", Name: "web"}, harden.Ingress)
	if len(fixes) != 1 || fixes[0].Class != harden.Review || len(fixes[0].Changes) > 0 || !strings.Contains(fixes[0].Manual, "(--network, or key n)") {
		t.Errorf("fixes %+v", fixes)
	}
}
