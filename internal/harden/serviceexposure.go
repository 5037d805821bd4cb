package harden

import (
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Reachability says from how far something can be reached.
type Reachability int

// Reachabilities, from the narrowest to the widest.
const (
	ClusterOnly     Reachability = iota // from within the cluster
	NetworkOnly                         // from the network around the cluster, by private addresses
	PerhapsInternet                     // from outside; whether from the internet is not known
	FromInternet                        // from the internet
)

var reachabilityNames = []string{"cluster", "network", "unknown", "internet"}

func (r Reachability) String() string { return name(reachabilityNames, int(r)) }

// Exposure is a Reachability with what it was concluded from.
type Exposure struct {
	Reachability
	Why string // a clause such as "its address 203.0.113.7 is public"
}

// Outside reports whether nothing keeps the internet out.
func (e Exposure) Outside() bool { return e.Reachability >= PerhapsInternet }

// wider is the one that reaches farther; a where both do alike.
func wider(a, b Exposure) Exposure {
	if b.Reachability > a.Reachability {
		return b
	}
	return a
}

// Providers of load balancers, as Inventory.LoadBalancerOf names them.
const (
	ProviderAWSController = "AWS Load Balancer Controller" // also that of EKS Auto Mode
	ProviderAWSInTree     = "AWS cloud provider"
	ProviderGCP           = "Google Cloud"
	ProviderAzure         = "Azure"
	ProviderOCI           = "Oracle Cloud"
)

// Annotations that say how far a load balancer reaches.
const (
	AWSScheme         = "service.beta.kubernetes.io/aws-load-balancer-scheme"
	AWSInternal       = "service.beta.kubernetes.io/aws-load-balancer-internal"
	AWSType           = "service.beta.kubernetes.io/aws-load-balancer-type"
	GCPType           = "networking.gke.io/load-balancer-type"
	gcpOldType        = "cloud.google.com/load-balancer-type"
	AzureInternal     = "service.beta.kubernetes.io/azure-load-balancer-internal"
	OCIInternal       = "service.beta.kubernetes.io/oci-load-balancer-internal"
	ociNetworkPrivate = "oci-network-load-balancer.oraclecloud.com/internal"
)

// internalAnnotations make a load balancer internal, by the documentation of
// each provider. An empty value: any but "false" and nothing.
var internalAnnotations = []struct{ provider, key, value string }{
	{ProviderGCP, GCPType, "internal"},
	{ProviderGCP, gcpOldType, "internal"},
	{ProviderAzure, AzureInternal, "true"},
	{ProviderOCI, OCIInternal, "true"},
	{ProviderOCI, ociNetworkPrivate, "true"},
	{"OpenStack", "service.beta.kubernetes.io/openstack-internal-load-balancer", "true"},
	{"Alibaba Cloud", "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-address-type", "intranet"},
	{"IBM Cloud", "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type", "private"},
	{"Tencent Cloud", "service.kubernetes.io/qcloud-loadbalancer-internal-subnetid", ""},
	{"Baidu Cloud", "service.beta.kubernetes.io/cce-load-balancer-internal-vpc", "true"},
	{"Hetzner Cloud", "load-balancer.hetzner.cloud/disable-public-network", "true"},
	{"DigitalOcean", "service.beta.kubernetes.io/do-loadbalancer-network", "internal"},
	{"Scaleway", "service.beta.kubernetes.io/scw-loadbalancer-private", "true"},
	{"Yandex Cloud", "yandex.cloud/load-balancer-type", "internal"},
}

// providersByNode are the prefixes of the providerID of nodes.
var providersByNode = []struct{ prefix, provider string }{
	{"aws://", ProviderAWSInTree},
	{"gce://", ProviderGCP},
	{"azure://", ProviderAzure},
	{"ocid1.", ProviderOCI},
	{"oci://", ProviderOCI},
	{"digitalocean://", "DigitalOcean"},
	{"hcloud://", "Hetzner Cloud"},
	{"openstack://", "OpenStack"},
	{"ibm://", "IBM Cloud"},
	{"scaleway://", "Scaleway"},
}

// ServiceExposure judges from how far a Service lets itself be reached. An
// Ingress that leads to it does not count here, see RouteOf.
func (i *Inventory) ServiceExposure(s *corev1.Service) Exposure {
	var e Exposure
	switch s.Spec.Type {
	case corev1.ServiceTypeLoadBalancer:
		e = i.loadBalancerExposure(s)
	case corev1.ServiceTypeNodePort:
		e = nodesExposedOf(i).Exposure
	}
	for _, address := range s.Spec.ExternalIPs {
		e = wider(e, byAddress("its external address ", address))
	}
	return e
}

// LoadBalancerOf is who makes the load balancer of the Service, such as
// ProviderGCP; empty where that is not known.
func (i *Inventory) LoadBalancerOf(s *corev1.Service) string {
	a := s.Annotations
	switch class := ptrString(s.Spec.LoadBalancerClass); {
	case class == "service.k8s.aws/nlb", class == "eks.amazonaws.com/nlb", a[AWSType] == "external", a[AWSType] == "nlb-ip":
		return ProviderAWSController
	case strings.HasPrefix(class, "networking.gke.io/"):
		return ProviderGCP
	case class != "":
		return class
	}
	for key := range a {
		// In files the class may be missing that the controller's webhook sets at creation.
		if key == AWSScheme && !i.Live() {
			return ProviderAWSController
		}
	}
	for key := range a {
		if strings.HasPrefix(key, "service.beta.kubernetes.io/aws-load-balancer-") {
			return ProviderAWSInTree
		}
	}
	for _, known := range internalAnnotations {
		if _, ok := a[known.key]; ok {
			return known.provider
		}
	}
	for _, in := range s.Status.LoadBalancer.Ingress {
		if isAWSName(in.Hostname) {
			return ProviderAWSInTree
		}
	}
	return nodesExposedOf(i).provider
}

func (i *Inventory) loadBalancerExposure(s *corev1.Service) Exposure {
	if e, ok := byStatus(s.Status.LoadBalancer.Ingress); ok {
		return e
	}
	a, class := s.Annotations, ptrString(s.Spec.LoadBalancerClass)
	switch provider := i.LoadBalancerOf(s); provider {
	case ProviderAWSController:
		return awsControllerExposure(a)
	case ProviderAWSInTree:
		switch {
		case a[AWSInternal] != "" && a[AWSInternal] != "false":
			return Exposure{NetworkOnly, "the annotation " + AWSInternal + " makes it internal"}
		case a[AWSScheme] == "internal":
			return Exposure{PerhapsInternet, "its scheme is internal, but only the AWS Load Balancer Controller reads that, and neither class nor type make the Service one of its own"}
		}
		return Exposure{FromInternet, "the AWS cloud provider makes load balancers that face the internet unless told otherwise"}
	default:
		switch class {
		case "networking.gke.io/l4-regional-internal", "tailscale":
			return Exposure{NetworkOnly, fmt.Sprintf("its class %s is internal", class)}
		case "networking.gke.io/l4-regional-external":
			return Exposure{FromInternet, fmt.Sprintf("its class %s is external", class)}
		}
		for _, known := range internalAnnotations {
			if v, ok := a[known.key]; ok && (strings.EqualFold(v, known.value) || known.value == "" && v != "" && v != "false") {
				return Exposure{NetworkOnly, "the annotation " + known.key + " makes it internal"}
			}
		}
		if provider != "" && class == "" {
			return Exposure{FromInternet, fmt.Sprintf("nothing makes it internal, and load balancers of %s are public by default", provider)}
		}
	}
	return Exposure{PerhapsInternet, "nothing makes it internal, and who makes the load balancer and with which address is not known"}
}

// awsControllerExposure follows the controller's documentation: the scheme wins
// over the older annotation, and without both a load balancer is internal.
func awsControllerExposure(annotations map[string]string) Exposure {
	switch scheme, internal := annotations[AWSScheme], annotations[AWSInternal]; {
	case scheme == "internet-facing":
		return Exposure{FromInternet, "its scheme is internet-facing"}
	case scheme != "":
		return Exposure{NetworkOnly, "its scheme is internal"}
	case internal == "false":
		return Exposure{FromInternet, "the annotation " + AWSInternal + " is false"}
	case internal != "":
		return Exposure{NetworkOnly, "the annotation " + AWSInternal + " makes it internal"}
	}
	return Exposure{NetworkOnly, "load balancers of the AWS Load Balancer Controller are internal by default"}
}

// byStatus judges by the addresses that a load balancer really has; false where they tell nothing.
func byStatus(ingress []corev1.LoadBalancerIngress) (e Exposure, ok bool) {
	for _, in := range ingress {
		if in.IP != "" {
			e, ok = wider(e, byAddress("its address ", in.IP)), true
			continue
		}
		switch name := strings.ToLower(in.Hostname); {
		case name == "localhost", strings.HasPrefix(name, "internal-") && isAWSName(name):
			e, ok = wider(e, Exposure{NetworkOnly, "its name " + in.Hostname + " is that of an internal load balancer"}), true
		case strings.HasSuffix(name, ".elb.amazonaws.com"), strings.HasSuffix(name, ".elb.amazonaws.com.cn"):
			// Names of classic and application load balancers; those of network load balancers, NAME.elb.REGION.amazonaws.com, do not tell.
			e, ok = wider(e, Exposure{FromInternet, "its name " + in.Hostname + " is that of a load balancer that faces the internet"}), true
		}
	}
	return e, ok
}

func isAWSName(hostname string) bool {
	host := strings.TrimSuffix(strings.ToLower(hostname), ".cn")
	return strings.HasSuffix(host, ".amazonaws.com") && strings.Contains(host, ".elb.")
}

func byAddress(what, address string) Exposure {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return Exposure{PerhapsInternet, what + address + " is not an IP address"}
	}
	if isPublic(ip) {
		return Exposure{FromInternet, what + address + " is public"}
	}
	return Exposure{NetworkOnly, what + address + " is private"}
}

// carrierGrade is shared address space (RFC 6598): it is not routed on the internet.
var carrierGrade = netip.MustParsePrefix("100.64.0.0/10")

func isPublic(ip netip.Addr) bool {
	ip = ip.Unmap()
	return ip.IsGlobalUnicast() && !ip.IsPrivate() && !carrierGrade.Contains(ip)
}

// nodeExposure is how far the ports of nodes reach, and whose nodes they are.
type nodeExposure struct {
	Exposure
	provider string
}

func nodesExposedOf(i *Inventory) nodeExposure { return Derive(i, nodesExposed, Frame) }

func nodesExposed(i *Inventory) nodeExposure {
	if len(i.Nodes) == 0 {
		return nodeExposure{Exposure: Exposure{PerhapsInternet, "the addresses of the nodes are not known"}}
	}
	out := nodeExposure{Exposure: Exposure{NetworkOnly, "the nodes have private addresses only"}}
	for _, n := range i.Nodes {
		for _, known := range providersByNode {
			if out.provider == "" && strings.HasPrefix(n.Spec.ProviderID, known.prefix) {
				out.provider = known.provider
			}
		}
		for _, a := range n.Status.Addresses {
			ip, err := netip.ParseAddr(a.Address)
			if err == nil && isPublic(ip) && out.Reachability < FromInternet {
				out.Exposure = Exposure{FromInternet, fmt.Sprintf("node %s has the public address %s", n.Name, a.Address)}
			}
		}
	}
	return out
}

func ptrString(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
