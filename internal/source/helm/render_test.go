package helm

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

func TestRender(t *testing.T) {
	for name, test := range map[string]struct {
		chart   string
		release Release
		want    []string
	}{
		"hooks, tests, notes and the crds folder are left out; lists are unpacked": {
			chart: "fixed", release: testRelease,
			want: []string{
				"apps/Secret/password templates/secret.yaml varies [.stringData.password]",
				"ClusterRole/reader templates/accounts.yaml",
				"apps/DaemonSet/agent templates/agent.yaml",
				"apps/Deployment/app templates/app.yaml varies [.spec.template.metadata.annotations.checksum/secret]",
				"apps/ServiceAccount/one templates/accounts.yaml",
				"other/ServiceAccount/two templates/accounts.yaml",
			},
		},
		"an alias, a library, and what tags switch off": {
			chart: "parent", release: testRelease,
			want: []string{
				"apps/ServiceAccount/web templates/web.yaml",
				"apps/Deployment/web templates/web.yaml",
				"data/StatefulSet/rel-store charts/store/templates/db.yaml",
			},
		},
		"a condition": {
			chart:   "parent",
			release: Release{Name: "rel", Namespace: "apps", Values: []map[string]any{{"store": map[string]any{"enabled": false}}}},
			want: []string{
				"apps/ServiceAccount/web templates/web.yaml",
				"apps/Deployment/web templates/web.yaml",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects, err := load(t, unpack(t, test.chart, nil)).Objects(test.release)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				line := o.Ref.Long() + " " + o.Template
				if len(o.Varies) > 0 {
					line += fmt.Sprint(" varies ", o.Varies)
				}
				got = append(got, line)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRenderAgainAndAgain(t *testing.T) {
	c := load(t, unpack(t, "parent", nil))
	for range 3 {
		objects, err := c.Render(testRelease)
		if err != nil {
			t.Fatal(err)
		}
		// Imported from the child: lost where a chart is processed twice.
		if port, _ := pathOfPort(objects[1].Object).(int64); port != 9100 {
			t.Fatalf("port is %v, want 9100", port)
		}
	}
}

func pathOfPort(o map[string]any) any {
	for _, name := range []string{"spec", "template", "spec"} {
		o = o[name].(map[string]any)
	}
	container := o["containers"].([]any)[0].(map[string]any)
	return container["ports"].([]any)[0].(map[string]any)["containerPort"]
}

func TestRenderAsHelmDecodesNumbers(t *testing.T) {
	c := load(t, unpack(t, "strict", map[string]string{
		"templates/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  count: \"{{ .Values.replicas }}\"\n",
	}))
	objects, err := c.Render(Release{Values: []map[string]any{{"replicas": int64(3000000)}}})
	if err != nil {
		t.Fatal(err)
	}
	if got := objects[0].Object["data"].(map[string]any)["count"]; got != "3e+06" {
		t.Errorf("count is %v, want 3e+06 as helm writes it", got)
	}
}

func TestCapabilities(t *testing.T) {
	c := load(t, unpack(t, "strict", map[string]string{
		"templates/app.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  v: {{ .Capabilities.KubeVersion }}\n" +
			"  m: {{ .Capabilities.APIVersions.Has \"monitoring.coreos.com/v1\" | quote }}\n  l: {{ len (lookup \"v1\" \"Secret\" \"apps\" \"\") | quote }}\n",
	}))
	r := testRelease
	r.APIVersions = []string{"monitoring.coreos.com/v1"}
	objects, err := c.Render(r)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"v": "v1.34.0", "m": "true", "l": "0"}
	if d := cmp.Diff(want, objects[0].Object["data"]); d != "" {
		t.Error(d)
	}
	if common.DefaultCapabilities.APIVersions.Has("monitoring.coreos.com/v1") {
		t.Error("helm's defaults were changed")
	}
}

func TestRenderErrors(t *testing.T) {
	for name, test := range map[string]struct {
		files   map[string]string
		release Release
		want    string
	}{
		"a template that does not parse": {
			files: map[string]string{"templates/app.yaml": "a: 1\n{{ if .Values.x }}\n"},
			want:  "strict/templates/app.yaml:3",
		},
		"a template that fails": {
			files: map[string]string{"templates/app.yaml": "a: 1\nb: {{ .Values.replicas.count }}\n"},
			want:  "strict/templates/app.yaml:2:",
		},
		"a template that says why": {
			files: map[string]string{"templates/app.yaml": `{{ fail "set a password" }}`},
			want:  "set a password",
		},
		"no YAML":   {files: map[string]string{"templates/app.yaml": "a: [1\n"}, want: "strict/templates/app.yaml"},
		"no object": {files: map[string]string{"templates/app.yaml": "a: 1\n"}, want: "templates/app.yaml: what it gives is not an object"},
		"values that the schema refuses": {
			release: Release{Values: []map[string]any{{"replicas": "three"}}},
			want:    `the values do not meet values.schema.json of chart "strict"`,
		},
		"another version of Kubernetes": {
			files:   map[string]string{"Chart.yaml": "apiVersion: v2\nname: strict\nversion: 1.0.0\nkubeVersion: '>=1.36'\n"},
			release: testRelease, want: "it is for Kubernetes >=1.36, not for v1.34.0",
		},
		"no version": {release: Release{KubeVersion: "latest"}, want: `"latest" is not a version of Kubernetes`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, unpack(t, "strict", test.files)).Render(test.release)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, test.want)
			}
		})
	}
}

func TestNothingIsFetchedForASchema(t *testing.T) {
	for name, ref := range map[string]string{"network": "https://schemas.invalid/values.json", "file": "file:///etc/passwd"} {
		t.Run(name, func(t *testing.T) {
			c := load(t, unpack(t, "strict", map[string]string{schemaFile: `{"properties": {"replicas": {"$ref": "` + ref + `"}}}`}))
			objects, err := c.Objects(testRelease)
			if err != nil {
				t.Fatal(err) // the objects can be seen all the same
			}
			found, err := c.Find(testRelease, changes(t, objects, "Deployment/app:\n  pod.containers[app].securityContext.runAsNonRoot: true\n"))
			if err != nil {
				t.Fatal(err)
			}
			if why := found.Left[objects[0].Ref.Key()]; !strings.Contains(why, "nothing is fetched") {
				t.Errorf("left because %q", why)
			}
		})
	}
}

func TestWarningsStayAwayFromTheTerminal(t *testing.T) {
	var out bytes.Buffer
	log.SetOutput(&out)
	defer log.SetOutput(os.Stderr)
	c := load(t, unpack(t, "shared", nil))
	if _, err := c.Render(Release{Values: []map[string]any{{"worker": map[string]any{"securityContext": "none"}}}}); err != nil {
		t.Log(err)
	}
	if out.Len() > 0 {
		t.Errorf("written: %s", &out)
	}
	if log.Writer() != &out {
		t.Error("the log's writer was not put back")
	}
}

func TestChartOfHelmCreate(t *testing.T) {
	folder := t.TempDir()
	path, err := chartutil.Create("standard", folder)
	if err != nil {
		t.Fatal(err)
	}
	chart := load(t, path)
	archive, err := chartutil.Save(chart.chart, folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*Chart{chart, load(t, archive)} {
		objects, err := c.Render(testRelease)
		if err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for _, o := range objects {
			kinds = append(kinds, o.GetKind())
		}
		if d := cmp.Diff([]string{"ServiceAccount", "Service", "Deployment"}, kinds); d != "" {
			t.Error(d)
		}
	}
}
