package flows_test

import (
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows/flowstest"
)

func TestShop(t *testing.T) {
	inv := flowstest.Load(t, flowstest.Folder(t, "../../../examples/shop"))
	for _, f := range flows.Of(inv) {
		t.Log(f.From, f.To, f.Port, f.Confidence, f.Host, f.Origins[0].Text)
	}
}
