package needs

// delivery are the controllers that bring other objects, or nodes, into being. Their
// grants are judged as those of all others.
var delivery = []Agent{
	{
		Name: "Karpenter", Why: "it watches pods that find no node and makes nodes",
		Source: "https://github.com/aws/karpenter-provider-aws/blob/main/charts/karpenter/templates/deployment.yaml", Seen: "commit 00875af19b55",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app.kubernetes.io/name": "karpenter"}},
		Token: true, Parts: []Part{{Images: []string{"karpenter/controller"}, Containers: []string{"controller"}}},
	},
	{
		Name: "kubelet-csr-approver", Why: "it watches the requests of kubelets for certificates",
		Source: "https://github.com/postfinance/kubelet-csr-approver/blob/main/deploy/k8s/deployment.yaml", Seen: "v1.0.1",
		Kinds: []string{"Deployment"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "kubelet-csr-approver"}},
		Token: true, Parts: []Part{{Images: []string{"postfinance/kubelet-csr-approver"}}},
	},
	{
		Name: "Argo CD", Why: "it watches Applications and applies what they name",
		Source: "https://github.com/argoproj/argo-cd/tree/master/manifests/base", Seen: "application-controller at commit 03bd6e62a0cb, applicationset-controller at 01f5d56ba832, server at 045232b93e3a",
		Kinds: []string{"Deployment", "StatefulSet"}, Labels: []map[string]string{
			{"app.kubernetes.io/name": "argocd-application-controller"}, {"app.kubernetes.io/name": "argocd-applicationset-controller"}, {"app.kubernetes.io/name": "argocd-server"},
		},
		Token: true, Parts: []Part{{Images: []string{"argoproj/argocd"}}},
	},
	flux("source-controller", "it watches the sources that others apply", "commit 21af88fbea2c"),
	flux("kustomize-controller", "it watches Kustomizations and applies them", "commit 149ad14ead51"),
	flux("helm-controller", "it watches HelmReleases and installs them", "commit 29d6035f9331"),
	{
		Name: "Crossplane", Why: "it watches packages and composite resources",
		Source: "https://github.com/crossplane/crossplane/blob/main/cluster/charts/crossplane/templates/deployment.yaml", Seen: "commit 0013a3fea4c6",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": "crossplane"}},
		Token: true, Parts: []Part{{Images: []string{"crossplane/crossplane"}}},
	},
	{
		Name: "Velero", Why: "it reads and writes the objects that it backs up and restores",
		Source: "https://github.com/velero-io/velero/blob/main/pkg/install/deployment.go", Seen: "commit 6dc687ef0b86",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"deploy": "velero"}},
		Token: true, Parts: []Part{{Images: []string{"velero/velero"}}, {Images: []string{"velero/velero-plugin-for-aws", "velero/velero-plugin-for-gcp", "velero/velero-plugin-for-microsoft-azure"}}},
	},
	{
		Name: "Velero node agent", Why: "it reads the files in the volumes of the pods of its node",
		Source: "https://github.com/velero-io/velero/blob/main/pkg/install/daemonset.go", Seen: "commit d2241adba; that of Restic at commit 911a607cf863",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"name": "node-agent", "role": "node-agent"}, {"name": "restic", "component": "velero"}},
		Token: true, Paths: []HostPath{{Path: "/var/lib/kubelet/pods", Write: true}, {Path: "/var/lib/kubelet/plugins", Write: true}},
		Parts: []Part{{Images: []string{"velero/velero"}, Containers: []string{"node-agent", "restic"}, Root: true}},
	},
}

func flux(controller, why, seen string) Agent {
	return Agent{
		Name: "Flux " + controller, Why: why, Source: "https://github.com/fluxcd/" + controller + "/blob/main/config/manager/deployment.yaml", Seen: seen,
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": controller}},
		Token: true, Parts: []Part{{Images: []string{"fluxcd/" + controller}, Containers: []string{"manager"}}},
	}
}
