package fixtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// An Upstream is a pod by which k8s.io/pod-security-admission tests its checks.
type Upstream struct {
	Name    string // such as restricted/v1.37/fail/hostpathvolumes0
	Control string // the check that it is made for, such as hostpathvolumes
	YAML    string
}

var upstreamDir = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "k8s.io/pod-security-admission").Output()
	return filepath.Join(strings.TrimSpace(string(out)), "test", "testdata"), err
})

// UpstreamPods reads the pods that must pass, or must fail, a level ("baseline"
// or "restricted") at the version of a minor release.
func UpstreamPods(t testing.TB, level string, minor int, verdict string) []Upstream {
	t.Helper()
	dir, err := upstreamDir()
	if err != nil {
		t.Fatalf("looking for the source of k8s.io/pod-security-admission: %v", err)
	}
	files, err := filepath.Glob(filepath.Join(dir, level, fmt.Sprintf("v1.%d", minor), verdict, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures of %s at 1.%d in %q: %v", level, minor, dir, err)
	}
	var pods []Upstream
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatalf("reading a fixture: %v", err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		pods = append(pods, Upstream{
			Name:    fmt.Sprintf("%s/v1.%d/%s/%s", level, minor, verdict, name),
			Control: strings.TrimRight(name, "0123456789"),
			YAML:    string(text),
		})
	}
	return pods
}
