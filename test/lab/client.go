package lab

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// A client speaks to the API server as its administrator: the few calls that a lab needs to become ready.
type client struct {
	server string
	http   *http.Client
}

func newClient(server string, a *authority) (*client, error) {
	cert, key, err := a.user("lab", []string{adminGroup})
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("reading the lab's certificate: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &client{server: server, http: &http.Client{
		// A server that hangs must not hang the waiting.
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{pair}}},
	}}, nil
}

// A statusError is an answer other than 2xx.
type statusError struct {
	code int
	body string
}

func (e *statusError) Error() string { return fmt.Sprintf("status %d: %s", e.code, e.body) }

// do sends a request; in is encoded as its body and out decoded from the answer's, where they are not nil.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return fmt.Errorf("encoding %s %s: %w", method, path, err)
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.server+path, body)
	if err != nil {
		return fmt.Errorf("making %s %s: %w", method, path, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err // names method and address itself
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("asking %s %s: %w", method, path, &statusError{resp.StatusCode, string(data)})
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decoding the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// ready asks /readyz. Its answer is text, so do cannot ask.
func (c *client) ready(ctx context.Context) error {
	return c.do(ctx, http.MethodGet, "/readyz", nil, nil)
}

// A node is what the lab writes and reads of a Node.
type node struct {
	APIVersion string       `json:"apiVersion,omitempty"`
	Kind       string       `json:"kind,omitempty"`
	Metadata   nodeMetadata `json:"metadata"`
	Spec       nodeSpec     `json:"spec"`
	Status     nodeStatus   `json:"status"`
}

type nodeMetadata struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

type nodeSpec struct {
	Taints []taint `json:"taints,omitempty"`
}

type taint struct {
	Key    string `json:"key"`
	Value  string `json:"value,omitempty"`
	Effect string `json:"effect"`
}

type nodeStatus struct {
	Addresses []struct {
		Address string `json:"address"`
	} `json:"addresses,omitempty"`
	Allocatable map[string]string `json:"allocatable,omitempty"`
	Capacity    map[string]string `json:"capacity,omitempty"`
	Conditions  []struct {
		Type   string `json:"type"`
		Status string `json:"status"`
	} `json:"conditions,omitempty"`
}

// schedulable reports whether pods can go to the node: it is Ready, and the controllers took the taints off that every
// new node has.
func (n *node) schedulable() bool {
	for _, c := range n.Status.Conditions {
		if c.Type == "Ready" && c.Status == "True" {
			return !slices.ContainsFunc(n.Spec.Taints, func(t taint) bool { return t.Key != simulatedNodeAnnotation })
		}
	}
	return false
}

// simulatedNode is a node that kwok plays.
func simulatedNode(name string) *node {
	resources := map[string]string{"cpu": "32", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"}
	return &node{
		APIVersion: "v1",
		Kind:       "Node",
		Metadata: nodeMetadata{
			Name: name,
			Labels: map[string]string{
				"kubernetes.io/hostname": name,
				"kubernetes.io/os":       "linux",
				"kubernetes.io/arch":     "amd64",
			},
			Annotations: map[string]string{simulatedNodeAnnotation: "fake"},
		},
		Status: nodeStatus{Allocatable: resources, Capacity: resources},
	}
}

// addNodes creates the nodes node-1 to node-n; tainted ones take only pods that ask for a simulated node.
func (c *client) addNodes(ctx context.Context, n int, tainted bool) error {
	for i := range n {
		node := simulatedNode(fmt.Sprintf("node-%d", i+1))
		if tainted {
			node.Spec.Taints = []taint{{Key: simulatedNodeAnnotation, Value: "fake", Effect: "NoSchedule"}}
		}
		if err := c.do(ctx, http.MethodPost, "/api/v1/nodes", node, nil); err != nil {
			return fmt.Errorf("adding node %d of %d: %w", i+1, n, err)
		}
	}
	return nil
}

// nodesReady returns nil when at least n nodes take pods.
func (c *client) nodesReady(ctx context.Context, n int) error {
	var list struct {
		Items []node `json:"items"`
	}
	if err := c.do(ctx, http.MethodGet, "/api/v1/nodes", nil, &list); err != nil {
		return err
	}
	ready := 0
	for i := range list.Items {
		if list.Items[i].schedulable() {
			ready++
		}
	}
	if ready < n {
		return fmt.Errorf("%d of %d nodes are ready", ready, n)
	}
	return nil
}
