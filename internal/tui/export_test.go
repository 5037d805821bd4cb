package tui

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestExport(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a", "e")
		d.has("Export", "Writes 7 fixes into a folder", "./harden", "kustomize patches")
		d.press("enter")
		d.has("Write into ./harden?", "harden/kustomization.yaml will change", "harden/checkout.yaml will be made", "+ patches: []")
		d.press("y", "enter")
		if f.written != nil {
			t.Fatal("a key that was typed ahead answered")
		}
		d.wait(armAfter)
		d.press("y")
		if len(f.written) == 0 || f.applied != nil {
			t.Errorf("wrote %v, applied %v", f.written, f.applied)
		}
		d.has("written; kubectl apply -k ./harden")
		d.hasNot("Export")
		if len(d.m.marks) == 0 {
			t.Error("the marks are gone though nothing was applied")
		}
	})
}

func TestExportOfAPlanAsManifests(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a", "f", "e")
		d.has("Writes the plan for 6 objects")
		d.press("space", "tab")
		for range 8 {
			d.press("backspace")
		}
		d.press("enter")
		d.has("Export") // not without a folder; "." is what is left of ./harden
		d.press("esc", "e", "space", "tab")
		for range len(exportFolder) {
			d.press("backspace")
		}
		d.press("enter")
		d.has("say which folder")
		d.typeText("my patches")
		d.press("enter")
		d.wait(armAfter)
		d.press("y")
		d.has("kubectl apply --server-side --field-manager=harden-manifests -f 'my patches'")
		if diff := cmp.Diff("manifests my patches", f.exported[len(f.exported)-1]); diff != "" {
			t.Error(diff)
		}
	})
}

func TestExportThatFails(t *testing.T) {
	f := newFake()
	f.exportErr = errors.New("harden/kustomization.yaml: not a kustomization")
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("e")
		d.has("export: nothing is marked")
		d.press("a", "e", "enter")
		d.has("not a kustomization", "Export")
		f.exportErr, f.writeErr = nil, errors.New("no space left on device")
		d.press("enter")
		d.wait(armAfter)
		d.press("y")
		d.has("no space left")
		f.planErr = errors.New("timed out")
		d.press("esc", "e", "enter")
		d.has("timed out")
	})
}

// Patches without the objects that they are about cannot be applied as they are.
func TestExportOfAComponent(t *testing.T) {
	files := []harden.FileChange{{Path: "harden/kustomization.yaml", After: []byte("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n")}}
	if got, want := exportUse(harden.ExportKustomize, "./harden", files), "name ./harden under components:"; !strings.HasPrefix(got, want) {
		t.Errorf("says %q, want %q", got, want)
	}
}
