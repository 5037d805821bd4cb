package testimages

import (
	"bytes"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func TestManifests(t *testing.T) {
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) {
			image := Image{Name: r.name, workload: r.workload}
			text, err := image.Manifest("localhost:5000/x:v1")
			if err != nil {
				t.Fatal(err)
			}
			documents := bytes.Split(text, []byte("---\n"))
			if len(documents) != 2 {
				t.Fatalf("got %d documents", len(documents))
			}
			var service corev1.Service
			decode(t, documents[0], &service)
			template, replicas := decodeWorkload(t, documents[1], r.workload.Stateful)

			if replicas != r.workload.Replicas {
				t.Errorf("got %d replicas", replicas)
			}
			if template.Labels["app"] != r.name || service.Spec.Selector["app"] != r.name {
				t.Errorf("the service selects %v, pods have %v", service.Spec.Selector, template.Labels)
			}
			container := template.Spec.Containers[0]
			if container.Image != "localhost:5000/x:v1" {
				t.Errorf("got image %q", container.Image)
			}
			if container.SecurityContext != nil || template.Spec.SecurityContext != nil {
				t.Error("it is hardened already")
			}
			port := int(container.Ports[0].ContainerPort)
			if port != r.workload.Port || int(service.Spec.Ports[0].Port) != port {
				t.Errorf("got container port %d, service port %d", port, service.Spec.Ports[0].Port)
			}
			if container.ReadinessProbe == nil || (container.ReadinessProbe.Exec == nil) == (container.ReadinessProbe.HTTPGet == nil) {
				t.Errorf("got probe %v", container.ReadinessProbe)
			}
		})
	}
}

func decode(t *testing.T, document []byte, into any) {
	t.Helper()
	if err := yaml.UnmarshalStrict(document, into); err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
}

func decodeWorkload(t *testing.T, document []byte, stateful bool) (template corev1.PodTemplateSpec, replicas int) {
	t.Helper()
	if stateful {
		var set appsv1.StatefulSet
		decode(t, document, &set)
		return set.Spec.Template, int(*set.Spec.Replicas)
	}
	var deployment appsv1.Deployment
	decode(t, document, &deployment)
	if rolling := deployment.Spec.Strategy.RollingUpdate; rolling == nil || rolling.MaxUnavailable.IntValue() != 0 || *deployment.Spec.ProgressDeadlineSeconds != 300 {
		t.Errorf("got strategy %v", rolling)
	}
	return deployment.Spec.Template, int(*deployment.Spec.Replicas)
}
