//go:build ignore

// Shipped_gen writes shipped.txt from what the tests of Kubernetes hold as the
// expected default roles of RBAC:
//
//	go run shipped_gen.go KUBERNETES... > shipped.txt
//
// Each argument is a source tree of one version. What several versions ship is
// put together: a rule that one of them has counts as shipped.
package main

import (
	"cmp"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

const testdata = "plugin/pkg/auth/authorizer/rbac/bootstrappolicy/testdata"

type object struct {
	Kind     string
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Rules    []rbacv1.PolicyRule
	Subjects []rbacv1.Subject
	RoleRef  rbacv1.RoleRef
}

func main() {
	lines := map[string][]string{} // by header
	for _, root := range os.Args[1:] {
		files, err := filepath.Glob(filepath.Join(root, testdata, "*.yaml"))
		if err != nil || len(files) == 0 {
			log.Fatalf("no files in %s: %v", root, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				log.Fatal(err)
			}
			var list struct{ Items []object }
			if err := yaml.Unmarshal(text, &list); err != nil {
				log.Fatal(err)
			}
			for _, o := range list.Items {
				header, body := o.write()
				lines[header] = append(lines[header], body...)
			}
		}
	}
	fmt.Println("# The roles and bindings that Kubernetes ships, written by shipped_gen.go from")
	fmt.Printf("# %s of", testdata)
	for _, root := range os.Args[1:] {
		fmt.Print(" ", cmp.Or(strings.TrimPrefix(filepath.Base(root), "kubernetes@"), root))
	}
	fmt.Println(".")
	fmt.Println("# KIND [NAMESPACE/]NAME, then VERBS GROUPS RESOURCES [NAMES], VERBS url PATHS, KIND NAME of a role, or KIND NAME of a subject; - is the core group.")
	headers := make([]string, 0, len(lines))
	for h := range lines {
		headers = append(headers, h)
	}
	slices.Sort(headers)
	for _, h := range headers {
		fmt.Println(h)
		slices.Sort(lines[h])
		for _, l := range slices.Compact(lines[h]) {
			fmt.Println(" " + l)
		}
	}
}

func (o *object) write() (header string, body []string) {
	header = o.Kind + " " + o.Metadata.Name
	if o.Metadata.Namespace != "" {
		header = o.Kind + " " + o.Metadata.Namespace + "/" + o.Metadata.Name
	}
	for _, r := range o.Rules {
		if len(r.NonResourceURLs) > 0 {
			body = append(body, join(r.Verbs)+" url "+join(r.NonResourceURLs))
			continue
		}
		line := join(r.Verbs) + " " + join(r.APIGroups) + " " + join(r.Resources)
		if len(r.ResourceNames) > 0 {
			line += " " + join(r.ResourceNames)
		}
		body = append(body, line)
	}
	if o.RoleRef.Name != "" {
		body = append(body, o.RoleRef.Kind+" "+o.RoleRef.Name)
	}
	for _, s := range o.Subjects {
		name := s.Name
		if s.Kind == rbacv1.ServiceAccountKind {
			name = s.Namespace + "/" + s.Name
		}
		body = append(body, s.Kind+" "+name)
	}
	for label, value := range o.Metadata.Labels {
		if strings.HasPrefix(label, "rbac.authorization.k8s.io/aggregate-to-") && value == "true" {
			body = append(body, "label "+label)
		}
	}
	return header, body
}

func join(list []string) string {
	list = slices.Clone(list)
	for i, s := range list {
		if s == "" {
			list[i] = "-"
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}
