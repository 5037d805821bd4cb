package testimages

import (
	"bytes"
	_ "embed"
	"fmt"
	"text/template"
)

// A workload is how an image is run.
type workload struct {
	Port     int
	Replicas int
	Stateful bool
	// Path is what a readiness probe gets over HTTP; else Command is run.
	Path    string
	Command []string
	// StopAfter is for how many seconds a server goes on that does not wait by itself for traffic to end.
	StopAfter int
}

//go:embed workload.yaml.tmpl
var workloadText string

var workloadTemplate = template.Must(template.New("workload").Parse(workloadText))

// Manifest returns YAML: a Service and a Deployment or StatefulSet, named as the image, that run it as somebody would who
// thought of health and rollouts but not of security. All pods have the label app with that name. No rollout makes a pod
// unavailable before another is ready.
func (i Image) Manifest(reference string) ([]byte, error) {
	var out bytes.Buffer
	err := workloadTemplate.Execute(&out, struct {
		Name, Reference string
		workload
	}{i.Name, reference, i.workload})
	if err != nil {
		return nil, fmt.Errorf("writing the manifest of %q: %w", i.Name, err)
	}
	return out.Bytes(), nil
}

// Port is where the image serves; the Service has the same port.
func (i Image) Port() int { return i.workload.Port }

// Replicas is how many pods the manifest asks for.
func (i Image) Replicas() int { return i.workload.Replicas }
