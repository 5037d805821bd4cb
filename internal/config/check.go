package config

import (
	"fmt"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// check runs the rule on one subject.
func (r *rule) check(p *harden.Pass) {
	if r.workloads && len(r.kinds) > 0 && !slices.ContainsFunc(r.kinds, func(k schema.GroupKind) bool { return k.Kind == p.Workload.Ref.Kind }) {
		p.NotApplicable()
		return
	}
	object, err := objectOf(p)
	if object == nil {
		p.Unknown(fmt.Sprintf("the object could not be looked at: %v", err))
		return
	}
	vars := map[string]any{"object": object, "namespaceObject": namespaceOf(p)}
	if !r.workloads {
		r.judge(p, vars, harden.Finding{})
		return
	}
	vars["podSpec"] = podSpecOf(p.Object.Kind, object)
	vars["containers"] = containersOf(vars["podSpec"])
	if !r.each {
		r.judge(p, vars, harden.Finding{Field: p.Pod.Field("")})
		return
	}
	judged := false
	for _, c := range p.Pod.Containers() {
		if vars["container"] = containerOf(vars["podSpec"], c.Ref); vars["container"] != nil {
			judged = r.judge(p, vars, harden.Finding{Container: c.Ref, Field: c.Field}) || judged
		}
	}
	if !judged {
		p.NotApplicable()
	}
}

// judge reports what the expressions say, and whether the rule is about this at all.
func (r *rule) judge(p *harden.Pass, vars map[string]any, f harden.Finding) bool {
	fail := func(what string, err error) bool {
		f.Status, f.Reason, f.Detail = harden.StatusUnknown, "could not be checked", what+": "+harden.OneLine(err.Error())
		p.Report(f)
		return true
	}
	if r.when != nil {
		applies, err := r.when.holds(vars)
		if err != nil {
			return fail("when", err)
		}
		if !applies {
			if !r.each {
				p.NotApplicable()
			}
			return false
		}
	}
	fine, err := r.valid.holds(vars)
	switch {
	case err != nil:
		return fail("expression", err)
	case fine:
		return true
	}
	f.Reason = r.message
	if r.messageOf != nil {
		if text, err := r.messageOf.says(vars); err == nil && text != "" {
			f.Reason = text
		}
	}
	if f.Reason == "" {
		f.Reason = p.Fixer.Title
	}
	f.Detail = "This is not true here: " + oneLine(r.valid.source)
	p.Report(f)
	return true
}

// contents are objects as plain JSON, made once for all rules of an inventory.
type contents struct{ byObject sync.Map }

type content struct {
	object map[string]any
	err    error
}

func objectOf(p *harden.Pass) (map[string]any, error) {
	known := &harden.Derive(p.Inventory, func(*harden.Inventory) *contents { return &contents{} }).byObject
	key := p.Object.Key()
	if c, ok := known.Load(key); ok {
		return c.(content).object, c.(content).err
	}
	var c content
	c.object, c.err = newObject(p)
	known.Store(key, c)
	return c.object, c.err
}

func newObject(p *harden.Pass) (map[string]any, error) {
	var from any
	switch {
	case p.Pod != nil:
		return workloadObject(p)
	case p.Namespace != nil:
		from = p.Namespace
	case p.ServiceAccount != nil:
		from = p.ServiceAccount
	case p.NetworkPolicy != nil:
		from = p.NetworkPolicy
	case p.Item != nil:
		if u, ok := p.Item.Content.(*unstructured.Unstructured); ok {
			return u.Object, nil
		}
		if s, ok := p.Item.Content.(*harden.SecretMeta); ok {
			return secretObject(p.Object, s)
		}
		from = p.Item.Content
	default:
		return nil, fmt.Errorf("%s may not be read", p.Object)
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(from)
	if err != nil {
		return nil, err
	}
	object["apiVersion"], object["kind"] = p.Object.APIVersion, p.Object.Kind
	return object, nil
}

// workloadObject is what is known of a workload: its metadata, its pod template,
// and how many replicas it asks for. That of a live Pod is the Pod. It does not
// hold what changes with each status.
func workloadObject(p *harden.Pass) (map[string]any, error) {
	meta, template := &p.Workload.Meta, &p.Workload.Template
	pod := map[string]any{}
	if p.Object.Kind == "Pod" {
		meta = p.Pod.Meta
		spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(p.Pod.Spec)
		if err != nil {
			return nil, err
		}
		pod["spec"] = spec
	} else {
		var err error
		if pod, err = runtime.DefaultUnstructuredConverter.ToUnstructured(template); err != nil {
			return nil, err
		}
	}
	metadata, err := runtime.DefaultUnstructuredConverter.ToUnstructured(meta)
	if err != nil {
		return nil, err
	}
	delete(metadata, "resourceVersion")
	delete(metadata, "managedFields")
	object := pod
	path := harden.TemplatePath(p.Object.Kind)
	for i := len(path) - 1; i >= 0; i-- {
		object = map[string]any{path[i]: object}
	}
	if spec, ok := object["spec"].(map[string]any); ok && p.Workload.Replicas != nil && p.Object.Kind != "Pod" {
		spec["replicas"] = int64(*p.Workload.Replicas)
	}
	object["apiVersion"], object["kind"], object["metadata"] = p.Object.APIVersion, p.Object.Kind, metadata
	return object, nil
}

func secretObject(ref harden.Ref, s *harden.SecretMeta) (map[string]any, error) {
	metadata, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&s.ObjectMeta)
	if err != nil {
		return nil, err
	}
	return map[string]any{"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": metadata, "type": string(s.Type)}, nil
}

// namespaceOf is the Namespace of the object; nil where it is not known.
func namespaceOf(p *harden.Pass) any {
	ns := p.Inventory.Namespaces[p.Object.Namespace]
	if ns == nil {
		return nil
	}
	object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(ns)
	if err != nil {
		return nil
	}
	return object
}

func podSpecOf(kind string, object map[string]any) map[string]any {
	spec, _, _ := unstructured.NestedMap(object, append(harden.TemplatePath(kind), "spec")...)
	return spec
}

var containerLists = []string{"initContainers", "containers", "ephemeralContainers"}

func containersOf(podSpec any) []any {
	spec, _ := podSpec.(map[string]any)
	all := []any{}
	for _, name := range containerLists {
		list, _ := spec[name].([]any)
		all = append(all, list...)
	}
	return all
}

func containerOf(podSpec any, ref harden.ContainerRef) any {
	spec, _ := podSpec.(map[string]any)
	list, _ := spec[ref.List()].([]any)
	for _, item := range list {
		if c, ok := item.(map[string]any); ok && c["name"] == ref.Name {
			return c
		}
	}
	return nil
}
