package examples

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/engine"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
)

// What the rules about the network say of the shop, by object; identity has nothing.
var networkFindings = map[string][]string{
	"Namespace/shop":               {"netpol-no-default-deny medium", "netpol-no-default-deny medium"},
	"shop/Deployment/web":          {"netpol-missing-egress medium", "netpol-missing-ingress high"},
	"shop/Deployment/api":          {"netpol-missing-egress medium", "netpol-missing-ingress medium"},
	"shop/Deployment/worker":       {"netpol-missing-egress medium", "netpol-missing-ingress medium"},
	"shop/Deployment/cache":        {"netpol-missing-egress medium", "netpol-missing-ingress high"},
	"shop/Deployment/search":       {"netpol-missing-egress medium", "netpol-missing-ingress high"},
	"shop/StatefulSet/postgres":    {"netpol-missing-egress medium"},
	"shop/CronJob/order-export":    {"netpol-missing-egress medium", "netpol-missing-ingress medium"},
	"Namespace/payments":           {"netpol-no-default-deny medium", "netpol-no-default-deny medium"},
	"payments/Deployment/checkout": {"netpol-missing-egress medium"},
	"payments/Deployment/fraud":    {"netpol-missing-egress medium", "netpol-missing-ingress medium"},
}

func TestNetworkOfTheShop(t *testing.T) {
	set, err := files.Load([]string{"shop"}, nil, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, f := range (&engine.Engine{Suite: fixers.Suite()}).Run(set.Inventory(time.Now())).Findings {
		if f.Fixer.Area == harden.AreaNetwork || f.Fixer.Area == harden.AreaCloud {
			got[f.Object.Long()] = append(got[f.Object.Long()], f.Fixer.ID+" "+f.Severity.String())
		}
	}
	for _, ids := range got {
		slices.Sort(ids)
	}
	if diff := cmp.Diff(networkFindings, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
