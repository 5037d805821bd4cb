package needs

// sidecars are the containers that all CSI node plugins bring along: they talk to
// the plugin and to the kubelet by sockets that only root of the node may open.
func sidecars() Part {
	return Part{
		Images: []string{
			"sig-storage/csi-node-driver-registrar", "csi-components/csi-node-driver-registrar", "eks-distro/kubernetes-csi/node-driver-registrar",
			"kubernetes-csi/csi-node-driver-registrar",
			"sig-storage/livenessprobe", "csi-components/livenessprobe", "kubernetes-csi/livenessprobe",
		},
		Root: true,
	}
}

// kubeletOf are the places in which a node plugin mounts volumes and opens its sockets.
func kubeletOf(driver string) []HostPath {
	return []HostPath{
		{Path: "/var/lib/kubelet", Write: true},
		{Path: "/var/lib/kubelet/pods", Write: true},
		{Path: "/var/lib/kubelet/plugins_registry", Write: true},
		{Path: "/var/lib/kubelet/plugins/" + driver, Write: true},
	}
}

// storage are the node plugins that mount volumes.
var storage = []Agent{
	{
		Name: "EBS CSI node plugin", Why: "it formats and mounts disks for the pods of its node",
		Source: "https://github.com/kubernetes-sigs/aws-ebs-csi-driver/blob/master/deploy/kubernetes/base/node.yaml", Seen: "v1.64.0",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "ebs-csi-node"}},
		Token: true, Paths: concat(kubeletOf("ebs.csi.aws.com"), []HostPath{{Path: "/dev", Write: true}}),
		Parts: []Part{{Images: []string{"aws-ebs-csi-driver"}, Containers: []string{"ebs-plugin"}, Privileged: true, Root: true}, sidecars()},
		Never: []string{"host-network"},
	},
	{
		Name: "EFS CSI node plugin", Why: "it mounts file systems for the pods of its node, by connections that must outlive it",
		Source: "https://github.com/kubernetes-sigs/aws-efs-csi-driver/blob/master/deploy/kubernetes/base/node-daemonset.yaml", Seen: "v1.3.8",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "efs-csi-node"}},
		HostNetwork: true, Token: true,
		Paths: concat(kubeletOf("efs.csi.aws.com"), []HostPath{{Path: "/var/run/efs", Write: true}, {Path: "/var/amazon/efs", Write: true}, {Path: "/etc/amazon/efs", Write: true}}),
		Parts: []Part{{Images: []string{"aws-efs-csi-driver"}, Containers: []string{"efs-plugin"}, Privileged: true, Root: true, HostPorts: true}, sidecars()},
	},
	{
		Name: "NFS CSI node plugin", Why: "it mounts exports for the pods of its node, by connections that must outlive it",
		Source: "https://github.com/kubernetes-csi/csi-driver-nfs/blob/master/deploy/csi-nfs-node.yaml", Seen: "commit 04d52d9dec25",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "csi-nfs-node"}},
		HostNetwork: true, Token: true, Paths: kubeletOf("csi-nfsplugin"),
		Parts: []Part{{Images: []string{"sig-storage/nfsplugin", "k8s-staging-sig-storage/nfsplugin"}, Containers: []string{"nfs"}, Privileged: true, Capabilities: []string{"SYS_ADMIN"}, Root: true}, sidecars()},
	},
	{
		Name: "Secrets Store CSI driver", Why: "it mounts Secrets of other stores into the pods of its node",
		Source: "https://github.com/kubernetes-sigs/secrets-store-csi-driver/blob/main/deploy/secrets-store-csi-driver.yaml", Seen: "v1.0.0-rc.1",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "csi-secrets-store"}, {"app": "secrets-store-csi-driver"}},
		Token: true,
		Paths: concat(kubeletOf("csi-secrets-store"), []HostPath{
			{Path: "/etc/kubernetes/secrets-store-csi-providers", Write: true}, {Path: "/var/run/secrets-store-csi-providers", Write: true},
		}),
		Parts: []Part{{Images: []string{"csi-secrets-store/driver"}, Containers: []string{"secrets-store"}, Privileged: true, Root: true}, sidecars()},
		Never: []string{"host-network"},
	},
}
