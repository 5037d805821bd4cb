package namespace

import (
	"fmt"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// DeprecatedAPI finds manifests in API versions that are served no more.
var DeprecatedAPI = &harden.Fixer{
	ID:       "deprecated-api",
	Title:    "is written in an API version that was removed",
	Area:     harden.AreaNamespace,
	Severity: harden.Low,
	Subject:  harden.SubjectObject,
	Kinds:    deprecatedKinds,
	Doc: `
A manifest names an API version that newer servers do not know.

Fields:

    apiVersion, of Ingresses, IngressClasses, roles and bindings, webhook configurations,
    StorageClasses, CSIDrivers, PodDisruptionBudgets and autoscalers

Allowed: versions that are served. What a cluster holds is always converted, so this is seen in
files alone; workloads, CronJobs and NetworkPolicies in such versions are named among what could
not be read.

**Why it matters.** The manifest does not apply after the next upgrade. That is noticed when it is
needed, in the middle of a restore for instance. It also holds up upgrades, and with them
security fixes.

**The fix.** No change is proposed: fields moved between the versions. The text says what is served.

**Traps.** Ingress, PodDisruptionBudget and autoscaling/v2beta changed their fields, or what an empty
selector means, and not only their names.
`,
	Refs: []harden.Reference{
		{Standard: "Trivy", ID: "KSV-0107"},
		{Standard: "Kubernetes", ID: "deprecated API migration guide", URL: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/"},
	},
	Reads: harden.ReadsNothing,
	Check: checkDeprecatedAPI,
	Fix: func(p *harden.Pass, _ *harden.Finding) []harden.Fix {
		now := removedVersions[p.Object.GroupVersionKind().GroupVersion()]
		return []harden.Fix{{
			Title: "write it in a version that is served", Class: harden.Review,
			Manual: fmt.Sprintf("Write %s in %s (kubectl convert --output-version %s -f FILE does most of it), and read the migration guide for its kind.", p.Object, now.served, now.served),
		}}
	},
}

var deprecatedKinds = []schema.GroupKind{
	harden.KindIngress, harden.KindIngressClass, harden.KindRole, harden.KindRoleBinding, harden.KindClusterRole, harden.KindClusterRoleBinding,
	harden.KindValidatingWebhookConfiguration, harden.KindMutatingWebhookConfiguration, harden.KindStorageClass, harden.KindCSIDriver,
	harden.KindPodDisruptionBudget, harden.KindHorizontalPodAutoscaler,
}

// removedVersions are those that a minor release stopped to serve, with what took
// their place: https://kubernetes.io/docs/reference/using-api/deprecation-guide/
var removedVersions = map[schema.GroupVersion]struct {
	minor  int
	served string
}{
	{Group: "networking.k8s.io", Version: "v1beta1"}:            {22, "networking.k8s.io/v1"},
	{Group: "rbac.authorization.k8s.io", Version: "v1alpha1"}:   {22, "rbac.authorization.k8s.io/v1"},
	{Group: "rbac.authorization.k8s.io", Version: "v1beta1"}:    {22, "rbac.authorization.k8s.io/v1"},
	{Group: "admissionregistration.k8s.io", Version: "v1beta1"}: {22, "admissionregistration.k8s.io/v1"},
	{Group: "storage.k8s.io", Version: "v1beta1"}:               {22, "storage.k8s.io/v1"},
	{Group: "policy", Version: "v1beta1"}:                       {25, "policy/v1"},
	{Group: "autoscaling", Version: "v2beta1"}:                  {25, "autoscaling/v2"},
	{Group: "autoscaling", Version: "v2beta2"}:                  {26, "autoscaling/v2"},
}

func checkDeprecatedAPI(p *harden.Pass) {
	if p.Inventory.Live() {
		p.NotApplicable()
		return
	}
	if r, ok := removedVersions[p.Object.GroupVersionKind().GroupVersion()]; ok {
		p.Report(harden.Finding{
			Field: "apiVersion", Reason: p.Object.APIVersion + " was removed",
			Detail: fmt.Sprintf("Kubernetes 1.%d and later do not serve it: use %s.", r.minor, r.served),
		})
	}
}
