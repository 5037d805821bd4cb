package session

import (
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestOpenImages(t *testing.T) {
	s, err := OpenImages([]string{"registry.example.com/web:1", "api"}, "linux/arm64", LookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	snap, err := s.Load(t.Context(), harden.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range snap.Inventory.ImageUses() {
		got = append(got, u.Key.Reference+" "+u.Key.Platform)
	}
	if want := "api linux/arm64, registry.example.com/web:1 linux/arm64"; strings.Join(got, ", ") != want {
		t.Errorf("images %q, want %q", got, want)
	}
	for _, bad := range []struct{ name, platform string }{{"Not/An/Image", "linux/amd64"}, {"web:1", "amd64"}, {"web:1", "/amd64"}} {
		if _, err := OpenImages([]string{bad.name}, bad.platform, LookOptions{}); err == nil {
			t.Errorf("%q on %q is no error", bad.name, bad.platform)
		}
	}
}
