// Package filestest generates manifests for tests and benchmarks.
package filestest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// perFile is how many Deployments stand in one file of WriteCorpus.
const perFile = 50

// Deployments returns n Deployments as one YAML stream, about 60 lines each.
// They differ as real ones do: one to three containers, some hardened in part,
// with env, probes, volumes and comments. The same n gives the same bytes.
func Deployments(n int) []byte { return documents(0, n) }

// WriteCorpus writes n Deployments into folder, 50 to a file.
func WriteCorpus(folder string, n int) error {
	for first := 0; first < n; first += perFile {
		name := filepath.Join(folder, fmt.Sprintf("deployments-%04d.yaml", first/perFile))
		if err := os.WriteFile(name, documents(first, min(first+perFile, n)), 0o600); err != nil {
			return fmt.Errorf("writing the corpus: %w", err)
		}
	}
	return nil
}

func documents(from, to int) []byte {
	var b bytes.Buffer
	for i := from; i < to; i++ {
		deployment(&b, i)
	}
	return b.Bytes()
}

func deployment(b *bytes.Buffer, i int) {
	random := rand.New(rand.NewPCG(uint64(i), 1))
	fmt.Fprintf(b, `---
# Service %[1]d of team %[2]d.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app-%[1]d
  namespace: team-%[2]d
  labels:
    app.kubernetes.io/name: app-%[1]d
    app.kubernetes.io/part-of: team-%[2]d
spec:
  replicas: %[3]d
  selector:
    matchLabels:
      app.kubernetes.io/name: app-%[1]d
  template:
    metadata:
      labels:
        app.kubernetes.io/name: app-%[1]d
        app.kubernetes.io/part-of: team-%[2]d
      annotations:
        prometheus.io/scrape: "true"
    spec:
      serviceAccountName: app-%[1]d
`, i, i%20, 1+random.IntN(5))
	if random.IntN(3) == 0 {
		b.WriteString("      securityContext:\n        runAsNonRoot: true\n        seccompProfile:\n          type: RuntimeDefault\n")
	}
	b.WriteString("      containers:\n")
	names := []string{"main", "metrics", "log-shipper"}
	for _, name := range names[:1+random.IntN(3)] {
		container(b, random, name, i)
	}
	b.WriteString("      volumes:\n      - name: config\n        configMap:\n          name: settings\n")
	if random.IntN(10) == 0 {
		b.WriteString("      - name: host-logs\n        hostPath:\n          path: /var/log # read by the shipper\n")
	}
}

func container(b *bytes.Buffer, random *rand.Rand, name string, i int) {
	fmt.Fprintf(b, "      - name: %s\n        image: registry.example.com/team-%d/%s:1.%d.%d\n", name, i%20, name, random.IntN(30), random.IntN(9))
	if random.IntN(2) == 0 {
		b.WriteString("        args: [\"--config\", \"/etc/app/config.yaml\", \"--verbose\"]\n")
	}
	b.WriteString("        env:\n")
	for e := range 2 + random.IntN(5) {
		fmt.Fprintf(b, "        - name: SETTING_%d\n          value: %q\n", e, strings.Repeat("v", 3+random.IntN(20)))
	}
	b.WriteString(`        ports:
        - name: http
          containerPort: 8080
        resources:
          requests:
            cpu: 100m
            memory: 128Mi
          limits:
            memory: 256Mi
        readinessProbe:
          httpGet:
            path: /healthz
            port: http
`)
	switch random.IntN(4) {
	case 0:
		b.WriteString("        securityContext:\n          allowPrivilegeEscalation: false\n          capabilities:\n            drop: [ALL]\n")
	case 1:
		b.WriteString("        securityContext:\n          privileged: true # needs a device\n")
	}
	b.WriteString("        volumeMounts:\n        - name: config\n          mountPath: /etc/app\n")
}
