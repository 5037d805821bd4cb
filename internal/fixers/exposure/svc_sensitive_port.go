package exposure

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// SvcSensitivePort finds databases, consoles and agents on the internet.
var SvcSensitivePort = &harden.Fixer{
	ID:       "svc-sensitive-port",
	Title:    "opens a port that is never for the public",
	Area:     harden.AreaExposure,
	Severity: harden.Critical,
	Subject:  harden.SubjectObject,
	Kinds:    []schema.GroupKind{harden.KindService},
	Doc: `
A database, an admin console or an agent of the node is reached from the internet.

Fields:

    spec.ports[].port, spec.ports[].targetPort
    spec.type, spec.loadBalancerSourceRanges, spec.externalIPs and the provider's annotations

Not allowed on a public way: 22, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 6379, 9200,
9300, 11211, 27017, 10250 and other ports of data stores; 8001, 9090, 5601 and 15672 if
the Service itself listens on them. There is one finding per port.

**Why it matters.** These protocols were made for networks that can be trusted: many ask
for no password, or for one that is tried by robots all day. Who gets in has the data, or
the node.

**The fix.** An internal load balancer, or ClusterIP in the place of NodePort. A person
decides, for whoever uses the port from outside is cut off.

**Traps.** Where source ranges or a security group limit who connects, or where it is not
known whether the way is public, the finding is one step milder. A port says what listens
by custom only; 8001 and the like are not meant where the port is named for gRPC.
`,
	Refs:  refs("ATT&CK T1133", "ATT&CK MS-TA9005", "Kubescape C-0021", "Kubescape C-0274"),
	Reads: harden.ReadsNothing,
	Check: checkSvcSensitivePort,
	Fix:   fixSvcSensitivePort,
}

var sensitivePorts = map[int32]string{
	22: "SSH", 1433: "SQL Server", 1521: "Oracle", 2181: "ZooKeeper", 2375: "Docker", 2376: "Docker", 2379: "etcd", 2380: "etcd", 3306: "MySQL", 3389: "RDP", 5432: "PostgreSQL",
	5984: "CouchDB", 6379: "Redis", 9042: "Cassandra", 9092: "Kafka", 9200: "Elasticsearch", 9300: "Elasticsearch", 10250: "the kubelet", 10255: "the kubelet", 11211: "Memcached", 27017: "MongoDB",
}

// consolePorts mean something only as the port that clients connect to: programs use them for other things.
var consolePorts = map[int32]string{8001: "kubectl proxy", 9090: "Prometheus", 5601: "Kibana", 15672: "RabbitMQ's console"}

func checkSvcSensitivePort(p *harden.Pass) {
	s := serviceOf(p)
	if s == nil {
		p.NotApplicable()
		return
	}
	e := p.Inventory.ServiceExposure(s)
	if !e.Outside() {
		return
	}
	for _, port := range s.Spec.Ports {
		what := sensitivePorts[port.Port]
		if what == "" && !strings.Contains(port.Name, "grpc") && port.TargetPort.StrVal != "grpc" {
			what = consolePorts[port.Port]
		}
		if what == "" && port.TargetPort.IntVal != 0 {
			what = sensitivePorts[port.TargetPort.IntVal]
		}
		if what == "" {
			continue
		}
		f := harden.Finding{
			Discriminator: fmt.Sprintf("%d/%s", port.Port, protocol(port)), Field: "spec.ports", Reason: fmt.Sprintf("port %d (%s) from outside", port.Port, what),
			Detail: fmt.Sprintf("Port %d, by custom that of %s, is reached through Service %s of type %s: %s.", port.Port, what, s.Name, s.Spec.Type, e.Why),
		}
		switch {
		case s.Spec.Type == corev1.ServiceTypeLoadBalancer && walled(p.Inventory, s):
			f.Severity, f.SeverityWhy = harden.High, "source ranges or a security group limit who connects"
		case e.Reachability == harden.PerhapsInternet:
			f.Severity, f.SeverityWhy = harden.High, "whether the internet reaches it is not known"
		}
		p.Report(f)
	}
}

func fixSvcSensitivePort(p *harden.Pass, _ *harden.Finding) []harden.Fix {
	s := serviceOf(p)
	switch {
	case len(s.Spec.ExternalIPs) > 0:
		return manual("take the external addresses away", fmt.Sprintf("Remove spec.externalIPs of Service %s/%s, and let clients connect from within.", s.Namespace, s.Name))
	case s.Spec.Type == corev1.ServiceTypeNodePort:
		return draft("make it reachable from within the cluster only", "Who connects to the port of a node is cut off.",
			harden.SetObject(p.Object, map[string]any{"spec": map[string]any{"type": "ClusterIP"}}))
	}
	return makeInternal(p)
}
