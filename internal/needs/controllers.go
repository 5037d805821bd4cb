package needs

// controllers talk to the API server for a living. Their grants are judged as those of all others.
var controllers = []Agent{
	{
		Name: "cert-manager", Why: "it watches Certificates and writes Secrets",
		Source: "https://github.com/cert-manager/cert-manager/tree/master/deploy/charts/cert-manager/templates", Seen: "commit 00891767d32d",
		Kinds:  []string{"Deployment"},
		Labels: []map[string]string{{"app.kubernetes.io/name": "cert-manager"}, {"app.kubernetes.io/name": "webhook", "app.kubernetes.io/component": "webhook"}, {"app.kubernetes.io/name": "cainjector"}},
		Token:  true, Parts: []Part{{Images: []string{"jetstack/cert-manager-controller", "jetstack/cert-manager-webhook", "jetstack/cert-manager-cainjector"}}},
	},
	{
		Name: "ingress-nginx", Why: "it watches Ingresses and their Services",
		Source: "https://github.com/kubernetes/ingress-nginx/blob/main/deploy/static/provider/cloud/deploy.yaml", Seen: "v1.5.2",
		Kinds: []string{"Deployment", "DaemonSet"}, Labels: []map[string]string{{"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}},
		Token: true, Parts: []Part{{Images: []string{"ingress-nginx/controller"}, Capabilities: []string{"NET_BIND_SERVICE"}}},
	},
	{
		Name: "external-dns", Why: "it watches Services and Ingresses for the names that it writes",
		Source: "https://github.com/kubernetes-sigs/external-dns/blob/master/kustomize/external-dns-deployment.yaml", Seen: "commit 69510e662f1e",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": "external-dns"}, {"app.kubernetes.io/name": "external-dns"}},
		Token: true, Parts: []Part{{Images: []string{"external-dns/external-dns"}}},
	},
	{
		Name: "cluster-autoscaler", Why: "it watches pods that find no node",
		Source: "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/cloudprovider/aws/examples/cluster-autoscaler-autodiscover.yaml", Seen: "commit 046b7e82b912",
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": "cluster-autoscaler"}, {"app.kubernetes.io/name": "aws-cluster-autoscaler"}, {"app.kubernetes.io/name": "cluster-autoscaler"}},
		Token: true, Paths: []HostPath{{Path: "/etc/ssl/certs/ca-bundle.crt"}}, Parts: []Part{{Images: []string{"autoscaling/cluster-autoscaler"}}},
	},
	{
		Name: "EBS CSI controller", Why: "it watches claims and elects a leader",
		Source: "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/deploy/kubernetes/base/controller.yaml", Seen: "v1.64.0",
		Kinds: []string{"Deployment"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "ebs-csi-controller"}},
		Token: true, Parts: []Part{{Images: []string{
			"aws-ebs-csi-driver", "csi-components/csi-provisioner", "csi-components/csi-attacher", "csi-components/csi-resizer", "csi-components/csi-snapshotter", "csi-components/livenessprobe",
			"sig-storage/csi-provisioner", "sig-storage/csi-attacher", "sig-storage/csi-resizer", "sig-storage/csi-snapshotter", "sig-storage/livenessprobe", "ebs-csi-driver/volume-modifier-for-k8s",
		}}},
	},
}

// controlPlane are the pods that kubeadm writes to the nodes of the control plane.
// What their flags say is judged by the rules of the control plane.
var controlPlane = []Agent{
	static("kube-apiserver", "it is the API server of the cluster", []HostPath{
		{Path: "/etc/kubernetes/pki"}, {Path: "/etc/ssl/certs"}, {Path: "/etc/ca-certificates"}, {Path: "/etc/pki"}, {Path: "/etc/pki/ca-trust"}, {Path: "/etc/pki/tls/certs"}, {Path: "/usr/share/ca-certificates"}, {Path: "/usr/local/share/ca-certificates"},
	}),
	static("kube-controller-manager", "it runs the controllers of the cluster", []HostPath{
		{Path: "/etc/kubernetes/pki"},
		{Path: "/etc/kubernetes/controller-manager.conf"},
		{Path: "/etc/ssl/certs"},
		{Path: "/etc/ca-certificates"},
		{Path: "/etc/pki"},
		{Path: "/etc/pki/ca-trust"},
		{Path: "/etc/pki/tls/certs"},
		{Path: "/usr/share/ca-certificates"},
		{Path: "/usr/local/share/ca-certificates"},
		{Path: "/usr/libexec/kubernetes/kubelet-plugins/volume/exec", Write: true},
	}),
	static("kube-scheduler", "it gives pods their nodes", []HostPath{{Path: "/etc/kubernetes/scheduler.conf"}}),
	static("etcd", "it holds the data of the cluster", []HostPath{{Path: "/etc/kubernetes/pki/etcd", Write: true}, {Path: "/var/lib/etcd", Write: true}}),
}

func static(name, why string, paths []HostPath) Agent {
	return Agent{
		Name: name, Why: why,
		Source: "https://github.com/kubernetes/kubernetes/blob/master/cmd/kubeadm/app/phases/controlplane/volumes.go", Seen: "commit 07ef5fd76bd6; etcd by phases/etcd/local.go",
		Kinds: []string{"Pod"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"component": name, "tier": "control-plane"}}, Static: true,
		HostNetwork: true, Paths: paths, Parts: []Part{{Images: []string{name}, Root: true, HostPorts: true}},
	}
}
