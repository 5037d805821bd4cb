// Package helm renders charts with helm's own library, and finds the values that
// bring a change. Nothing is fetched: dependencies must lie in the chart.
package helm

import (
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Release is for what a chart is rendered.
type Release struct {
	Name, Namespace string
	// Values are the contents of values files in the order in which helm would be
	// given them; the chart's own come before.
	Values      []map[string]any
	KubeVersion string // of the cluster; empty: helm's default
	// APIVersions are served by the cluster besides those that helm knows, such as
	// monitoring.coreos.com/v1 or monitoring.coreos.com/v1/ServiceMonitor.
	APIVersions []string
}

// An Object is one rendered object.
type Object struct {
	*unstructured.Unstructured
	// Ref has the namespace into which helm installs the object, which the object
	// itself may leave out.
	Ref harden.Ref
	// Template is the file that renders it, from the chart's folder: templates/web.yaml,
	// or charts/db/templates/web.yaml for a dependency.
	Template string
	// Varies are the fields that come out otherwise each time, such as a generated
	// password or its checksum. They say nothing about a live object.
	Varies []harden.Path
}

// Render gives the objects of a release, as helm template does: in the order of
// installation, without the crds folder, hooks and tests. An object that names no
// namespace has none; Objects tells where helm puts it.
func (c *Chart) Render(r Release) ([]*unstructured.Unstructured, error) {
	files, err := c.checked(r)
	if err != nil {
		return nil, err
	}
	objects, err := c.decode(files, r.Namespace)
	if err != nil {
		return nil, err
	}
	out := make([]*unstructured.Unstructured, len(objects))
	for i, o := range objects {
		out[i] = o.Unstructured
	}
	return out, nil
}

// Objects is Render with what is known about each object.
func (c *Chart) Objects(r Release) ([]Object, error) {
	files, err := c.checked(r)
	if err != nil {
		return nil, err
	}
	objects, err := c.decode(files, r.Namespace)
	if err != nil || !c.unsteady() {
		return objects, err
	}
	again, err := c.files(r, nil)
	if err != nil {
		return nil, err
	}
	maps.DeleteFunc(again, func(name, text string) bool { return files[name] == text })
	others, err := c.decode(again, r.Namespace)
	if err != nil {
		return nil, err
	}
	twins := byKey(others)
	for i, o := range objects {
		if twin, ok := twins[o.Ref.Key()]; ok {
			for _, e := range diff(o.Object, twin.Object) {
				objects[i].Varies = append(objects[i].Varies, e.path)
			}
		}
	}
	return objects, nil
}

// checked renders unless a schema refuses the values. A schema that cannot be
// read, because it refers to something that would have to be fetched, does not
// keep the objects from being seen.
func (c *Chart) checked(r Release) (map[string]string, error) {
	files, err := c.files(r, nil)
	if err != nil {
		return nil, err
	}
	if refused := c.allowed(r); refused != nil && !refused.unread {
		return nil, fmt.Errorf("rendering chart %q: %w", c.Path, refused)
	}
	return files, nil
}

// byKey are the objects by identity. What is rendered twice stands for the last.
func byKey(objects []Object) map[harden.Key]Object {
	out := make(map[harden.Key]Object, len(objects))
	for _, o := range objects {
		out[o.Ref.Key()] = o
	}
	return out
}
