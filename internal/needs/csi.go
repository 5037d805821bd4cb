package needs

// blockAndFile are node plugins of clouds and of Ceph. They all ask for the network
// of the node, which mounting does not need: that is still told.
var blockAndFile = []Agent{
	{
		Name: "GCE PD CSI node plugin", Why: "it formats and mounts disks for the pods of its node",
		Source: "https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver/blob/master/deploy/kubernetes/base/node_linux/node.yaml", Seen: "commit b560165c",
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"gce-pd-csi-driver", "kube-system"}, Labels: []map[string]string{{"app": "gcp-compute-persistent-disk-csi-driver"}},
		Token: true,
		Paths: concat(kubeletOf("pd.csi.storage.gke.io"), []HostPath{
			{Path: "/var/lib/kubelet/plugins/kubernetes.io/csi", Write: true},
			{Path: "/dev", Write: true},
			{Path: "/sys", Write: true},
			{Path: "/etc/udev", Write: true},
			{Path: "/lib/udev", Write: true},
			{Path: "/run/udev", Write: true},
			{Path: "/lib/modules"},
		}),
		Parts: []Part{{Images: []string{"gcp-compute-persistent-disk-csi-driver"}, Containers: []string{"gce-pd-driver"}, Privileged: true, Root: true}, sidecars()},
		Never: []string{"host-network"},
	},
	azure("Azure Disk", "it formats and mounts disks for the pods of its node", "azuredisk", "disk.csi.azure.com", "commit 02e6381d8654", []HostPath{
		{Path: "/sys/bus/scsi/devices", Write: true}, {Path: "/sys/class/scsi_host", Write: true},
	}),
	azure("Azure File", "it mounts shares for the pods of its node", "azurefile", "file.csi.azure.com", "commit 00c244bee382", nil),
	ceph("Ceph RBD", "rbd", "csi-rbdplugin", "rbd.csi.ceph.com"),
	ceph("CephFS", "cephfs", "csi-cephfsplugin", "cephfs.csi.ceph.com"),
	csiController("GCE PD", "https://github.com/kubernetes-sigs/gcp-compute-persistent-disk-csi-driver/blob/master/deploy/kubernetes/base/controller/controller.yaml", "commit b560165c", "gcp-compute-persistent-disk-csi-driver", "gcp-compute-persistent-disk-csi-driver"),
	csiController("Azure Disk", "https://github.com/kubernetes-sigs/azuredisk-csi-driver/blob/master/deploy/csi-azuredisk-controller.yaml", "commit 013114e5af73", "csi-azuredisk-controller", "csi/azuredisk-csi"),
	csiController("Ceph RBD", "https://github.com/ceph/ceph-csi/blob/devel/deploy/rbd/kubernetes/csi-rbdplugin-provisioner.yaml", "commit 52fcb7b00", "csi-rbdplugin-provisioner", "cephcsi/cephcsi"),
	csiController("CephFS", "https://github.com/ceph/ceph-csi/blob/devel/deploy/cephfs/kubernetes/csi-cephfsplugin-provisioner.yaml", "commit 52fcb7b00", "csi-cephfsplugin-provisioner", "cephcsi/cephcsi"),
}

// azure is a node plugin for storage of Azure. Its manifest mounts /etc/kubernetes
// writable, to read the credentials there; pods that are written there are run.
func azure(name, why, short, driver, seen string, paths []HostPath) Agent {
	return Agent{
		Name: name + " CSI node plugin", Why: why,
		Source: "https://github.com/kubernetes-sigs/" + short + "-csi-driver/blob/master/deploy/csi-" + short + "-node.yaml", Seen: seen,
		Kinds: []string{"DaemonSet"}, Namespaces: []string{"kube-system"}, Labels: []map[string]string{{"app": "csi-" + short + "-node"}},
		Token: true, Paths: concat(kubeletOf(driver), []HostPath{{Path: "/dev", Write: true}, {Path: "/etc/kubernetes"}, {Path: "/var/lib/waagent/ManagedIdentity-Settings"}}, paths),
		Parts: []Part{{Images: []string{"csi/" + short + "-csi"}, Containers: []string{short}, Privileged: true, Root: true}, sidecars()},
		Never: []string{"host-network"},
	}
}

// ceph is a node plugin of Ceph CSI, whose sidecars are privileged for the sake of SELinux.
func ceph(name, short, app, driver string) Agent {
	return Agent{
		Name: name + " CSI node plugin", Why: "it maps and mounts volumes for the pods of its node",
		Source: "https://github.com/ceph/ceph-csi/blob/devel/deploy/" + short + "/kubernetes/" + app + ".yaml", Seen: "commit 52fcb7b00",
		Kinds: []string{"DaemonSet"}, Labels: []map[string]string{{"app": app}},
		HostPID: true, Token: true,
		Paths: concat(kubeletOf(driver), []HostPath{
			{Path: "/var/lib/kubelet/plugins", Write: true},
			{Path: "/var/lib/kubelet/plugins/" + driver + "/mountinfo", Write: true},
			{Path: "/dev", Write: true},
			{Path: "/sys", Write: true},
			{Path: "/run/mount", Write: true},
			{Path: "/var/log/ceph", Write: true},
			{Path: "/etc/selinux"},
			{Path: "/lib/modules"},
		}),
		Parts: []Part{
			{Images: []string{"cephcsi/cephcsi"}, Containers: []string{app}, Privileged: true, Capabilities: []string{"SYS_ADMIN"}, Root: true},
			{Images: []string{"cephcsi/cephcsi"}, Containers: []string{"liveness-prometheus"}, Privileged: true, Root: true},
			{Images: []string{"sig-storage/csi-node-driver-registrar"}, Containers: []string{"driver-registrar"}, Privileged: true, Root: true},
		},
		Never: []string{"host-network"},
	}
}

func csiController(name, source, seen, app, image string) Agent {
	images := []string{image}
	for _, sidecar := range []string{"csi-provisioner", "csi-attacher", "csi-resizer", "csi-snapshotter", "livenessprobe"} {
		images = append(images, "sig-storage/"+sidecar, "kubernetes-csi/"+sidecar)
	}
	return Agent{
		Name: name + " CSI controller", Why: "it watches claims and elects a leader", Source: source, Seen: seen,
		Kinds: []string{"Deployment"}, Labels: []map[string]string{{"app": app}}, Token: true, Parts: []Part{{Images: images}},
	}
}
