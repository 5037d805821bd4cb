package helm

import (
	"fmt"
	"strings"
	"testing"
)

// manyParts is a chart of a hundred templates: fifty Deployments with values of
// their own, each with a Service.
func manyParts(tb testing.TB) *Chart {
	tb.Helper()
	files := map[string]string{"templates/worker.yaml": "", "templates/migrate.yaml": ""}
	var values strings.Builder
	values.WriteString("securityContext: {}\npodSecurityContext: {}\nvolumes: []\nvolumeMounts: []\nhostNetwork: false\n" +
		"image: {repository: example.com/web, tag: '1.0'}\n")
	for i := range 50 {
		name := fmt.Sprintf("part%d", i)
		fmt.Fprintf(&values, "%s:\n  podSecurityContext: {fsGroup: 1}\n  securityContext: {}\n  replicas: 1\n  port: 8080\n", name)
		files["templates/"+name+".yaml"] = strings.NewReplacer("NAME", name).Replace(`apiVersion: apps/v1
kind: Deployment
metadata:
  name: NAME
spec:
  replicas: {{ .Values.NAME.replicas }}
  selector:
    matchLabels: {app: NAME}
  template:
    metadata:
      labels: {app: NAME}
    spec:
      {{- include "shared.pod" (dict "Values" .Values "part" .Values.NAME "name" "NAME") | nindent 6 }}
`)
		files["templates/"+name+"-service.yaml"] = strings.NewReplacer("NAME", name).Replace(`apiVersion: v1
kind: Service
metadata:
  name: NAME
spec:
  selector: {app: NAME}
  ports: [{port: {{ .Values.NAME.port }}}]
`)
	}
	files["values.yaml"] = values.String()
	return load(tb, unpack(tb, "shared", files))
}

func BenchmarkRender100Templates(b *testing.B) {
	c := manyParts(b)
	for b.Loop() {
		if _, err := c.Render(testRelease); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFind100Templates(b *testing.B) {
	c := manyParts(b)
	objects, err := c.Objects(testRelease)
	if err != nil {
		b.Fatal(err)
	}
	for name, parts := range map[string]int{"one": 1, "all": 50} {
		var text strings.Builder
		for i := range parts {
			fmt.Fprintf(&text, "Deployment/part%d:%s", i, restrictedOf(fmt.Sprintf("part%d", i)))
		}
		wanted := changes(b, objects, text.String())
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				found, err := c.Find(testRelease, wanted)
				if err != nil {
					b.Fatal(err)
				}
				if len(found.Left) > 0 {
					b.Fatal(found.Left)
				}
				b.ReportMetric(float64(found.renders), "renders")
			}
		})
	}
}
