package engine

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const (
	// PolicyEndpointGroup is the API group of PolicyEndpoints, in which the policy
	// controller of Amazon writes down what its agents have to enforce.
	PolicyEndpointGroup = "networking.k8s.aws"
	// eksGroup is that of the NodeClasses of EKS Auto Mode.
	eksGroup = "eks.amazonaws.com"

	vpcConfig        = "amazon-vpc-cni"
	vpcController    = "enable-network-policy-controller"
	vpcAgent         = "aws-eks-nodeagent"
	vpcMode          = "NETWORK_POLICY_ENFORCING_MODE"
	autoModeLabel    = "eks.amazonaws.com/compute-type"
	autoModeInLabels = "auto"
)

// judgeVPCCNI looks at the policy agent beside the plugin; it is off unless it
// is turned on (Amazon EKS user guide, "Limit Pod traffic with Kubernetes network policies").
func judgeVPCCNI(_ *Seen, d *appsv1.DaemonSet) verdict {
	v := verdict{engine: harden.EngineVPCCNI, enforces: harden.NotEnforced}
	agent := containerOf(d, vpcAgent)
	if agent == nil {
		v.why = title(d) + " without the container " + vpcAgent
		return v
	}
	on, _ := flag(agent, "enable-network-policy")
	if !strings.EqualFold(on, "true") {
		v.why = title(d) + ": its container " + vpcAgent + " runs without --enable-network-policy=true"
		return v
	}
	v.enforces, v.why = harden.Enforced, title(d)+": its container "+vpcAgent+" runs with --enable-network-policy=true"
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			v.strict = v.strict || e.Name == vpcMode && strings.EqualFold(e.Value, "strict")
		}
	}
	return v
}

// autoMode is EKS Auto Mode, whose agents are no pods. Policies count once a
// ConfigMap turns their controller on (Amazon EKS user guide, "Use Network
// Policies with EKS Auto Mode").
func (s *Seen) autoMode() []verdict {
	auto, others := 0, 0
	for _, n := range s.Nodes {
		if n.Labels[autoModeLabel] == autoModeInLabels {
			auto++
		} else {
			others++
		}
	}
	if auto == 0 {
		return nil
	}
	v := verdict{engine: harden.EngineVPCCNI, enforces: harden.NotEnforced}
	c := s.configMap(kubeSystem, vpcConfig)
	switch why := s.unread(harden.ConfigMaps); {
	case c != nil && strings.EqualFold(c.Data[vpcController], "true"):
		v.enforces, v.why = harden.Enforced, "EKS Auto Mode, and ConfigMap "+kubeSystem+"/"+vpcConfig+" turns its policy controller on"
	case s.PolicyEndpoints:
		v.enforces, v.why = harden.Enforced, "EKS Auto Mode, and there are PolicyEndpoints, which its policy controller makes"
	case why != "":
		v.enforces, v.why = harden.EnforcementUnknown, "EKS Auto Mode, whose policy controller is turned on by ConfigMap "+kubeSystem+"/"+vpcConfig+", which could not be read: "+why
	default:
		v.why = "EKS Auto Mode without " + vpcController + ` "true" in ConfigMap ` + kubeSystem + "/" + vpcConfig
	}
	if others > 0 && v.enforces == harden.Enforced && s.plainVPCCNI() {
		v.enforces, v.why = harden.EnforcementUnknown, v.why+"; on the nodes that are not of Auto Mode policies do nothing"
	}
	return []verdict{v}
}

// plainVPCCNI reports whether the plugin runs as a DaemonSet that does not enforce.
func (s *Seen) plainVPCCNI() bool {
	for i := range s.DaemonSets {
		if d := &s.DaemonSets[i]; d.Name == "aws-node" && runs(d) && judgeVPCCNI(s, d).enforces != harden.Enforced {
			return true
		}
	}
	return false
}
