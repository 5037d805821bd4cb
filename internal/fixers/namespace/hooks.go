package namespace

import (
	"cmp"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

var webhookKinds = []schema.GroupKind{harden.KindValidatingWebhookConfiguration, harden.KindMutatingWebhookConfiguration}

// A hook is one webhook of either kind.
type hook struct {
	name       string
	mutates    bool
	client     admissionregistrationv1.WebhookClientConfig
	fails      bool // a request is refused when it does not answer
	rules      []admissionregistrationv1.RuleWithOperations
	namespaces *metav1.LabelSelector
	objects    *metav1.LabelSelector
	// narrowed says that conditions in CEL leave something out.
	narrowed bool
	timeout  int32 // in seconds
}

func hooksOf(o *harden.Object) []hook {
	var out []hook
	add := func(h hook, policy *admissionregistrationv1.FailurePolicyType, timeout *int32) {
		h.fails = policy == nil || *policy == admissionregistrationv1.Fail
		h.timeout = 10
		if timeout != nil {
			h.timeout = *timeout
		}
		out = append(out, h)
	}
	switch c := o.Content.(type) {
	case *admissionregistrationv1.ValidatingWebhookConfiguration:
		for _, w := range c.Webhooks {
			add(hook{name: w.Name, client: w.ClientConfig, rules: w.Rules, namespaces: w.NamespaceSelector, objects: w.ObjectSelector, narrowed: len(w.MatchConditions) > 0}, w.FailurePolicy, w.TimeoutSeconds)
		}
	case *admissionregistrationv1.MutatingWebhookConfiguration:
		for _, w := range c.Webhooks {
			add(hook{name: w.Name, mutates: true, client: w.ClientConfig, rules: w.Rules, namespaces: w.NamespaceSelector, objects: w.ObjectSelector, narrowed: len(w.MatchConditions) > 0}, w.FailurePolicy, w.TimeoutSeconds)
		}
	}
	return out
}

// field is the path of a field of the webhook for people.
func (h hook) field(name string) string { return "webhooks[" + harden.OneLine(h.name) + "]." + name }

// service is NAMESPACE/NAME, or "" for one that is reached by URL.
func (h hook) service() string {
	if s := h.client.Service; s != nil {
		return s.Namespace + "/" + s.Name
	}
	return ""
}

// covers reports whether the webhook is called when an object of the resource is created.
func (h hook) covers(group, resource string) bool {
	return slices.ContainsFunc(h.rules, func(r admissionregistrationv1.RuleWithOperations) bool {
		return hasAny(r.APIGroups, group, "*") && hasAny(r.Resources, resource, "*", "*/*") &&
			(slices.Contains(r.Operations, admissionregistrationv1.Create) || slices.Contains(r.Operations, admissionregistrationv1.OperationAll)) &&
			(r.Scope == nil || *r.Scope != admissionregistrationv1.ClusterScope)
	})
}

func hasAny(list []string, words ...string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return slices.Contains(words, s) })
}

// guards reports whether it judges what runs: pods, or what makes them.
func (h hook) guards() bool { return h.covers("", "pods") || h.covers("apps", "deployments") }

// calledIn reports whether it is called for the namespace; false too where that is not known.
func (h hook) calledIn(inv *harden.Inventory, namespace string) bool {
	selector, err := metav1.LabelSelectorAsSelector(cmp.Or(h.namespaces, &metav1.LabelSelector{}))
	if err != nil {
		return false
	}
	set := labels.Set{labelName: namespace}
	if ns := inv.Namespaces[namespace]; ns != nil {
		set = labels.Merge(set, ns.Labels)
	} else if requirements, _ := selector.Requirements(); slices.ContainsFunc(requirements, func(r labels.Requirement) bool { return r.Key() != labelName }) {
		return false
	}
	return selector.Matches(set)
}

// labelName is the label by which the API server says the name of a namespace: nobody can change it.
const labelName = "kubernetes.io/metadata.name"

// calls reports whether objects with the labels are sent to it.
func (h hook) calls(set map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(cmp.Or(h.objects, &metav1.LabelSelector{}))
	return err == nil && selector.Matches(labels.Set(set))
}

// behind are the workloads that answer it.
func (h hook) behind(inv *harden.Inventory) []*harden.Workload {
	if h.client.Service == nil {
		return nil
	}
	s := inv.Net.Service(h.client.Service.Namespace, h.client.Service.Name)
	if s == nil || len(s.Spec.Selector) == 0 {
		return nil
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	var out []*harden.Workload
	for _, w := range inv.WorkloadsIn(s.Namespace) {
		if w.SelectedBy(selector) {
			out = append(out, w)
		}
	}
	return out
}

// Words in the names of webhooks or of their Services that tell whose they are.
var (
	policyWords = []string{
		"gatekeeper", "kyverno", "kubewarden", "sigstore.dev", "connaisseur", "ratify", "neuvector", "stackrox", "twistlock", "aquasec",
		"sysdig", "falcon-kac", "crowdstrike", "wiz.io", "wiz-admission", "openpolicyagent", "polaris", "pod-security-webhook", "securityenforcement",
	}
	mutatorWords = append([]string{
		"istio", "linkerd", "cert-manager", "vault", "pod-identity", "amazonaws", "elbv2.k8s.aws", "vpc", "karpenter", "datadog", "newrelic", "opentelemetry", "jaeger",
		"knative", "keda", "azure", "aks-", "gke", "google", "instana", "dynatrace", "conjur", "crossplane", "cnpg", "kubevirt", "tekton", "argo", "kueue", "volcano", "longhorn",
		"nvidia", "gpu-operator", "rancher", "cattle", "openshift", "consul", "kuma", "spire", "k8s.io", "kubernetes.io", "prometheus", "kubeflow", "spark", "elastic", "strimzi",
		"external-secrets", "1password", "doppler", "infisical", "velero", "cilium", "antrea", "calico", "tigera", "metallb", "komodor", "grafana", "ray.io", "stork", "portworx", "goldilocks",
	}, policyWords...)
)

func (h hook) isOneOf(words []string) bool {
	text := strings.ToLower(h.name + " " + h.service())
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// podJudge names a validating webhook that is called when pods are created, or is "".
func podJudge(inv *harden.Inventory) string {
	for _, o := range inv.Others[harden.KindValidatingWebhookConfiguration] {
		for _, h := range hooksOf(o) {
			if h.covers("", "pods") {
				return harden.OneLine(o.Ref.Name + ", " + h.name)
			}
		}
	}
	return ""
}
