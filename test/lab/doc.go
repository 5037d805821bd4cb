// Package lab starts a real Kubernetes control plane for tests: etcd, kube-apiserver, kube-controller-manager,
// kube-scheduler and kwok, which plays the nodes. All are built from Go modules (the folder components) and kept in a
// cache, so that nothing is needed but Go and its module proxy: no root, no container runtime, no registry.
//
// A server that people run is the judge of what this project claims: server-side apply, admission, RBAC and the
// controllers are the real ones. Only the kubelet is not: kwok sets the status that a kubelet would set, and pods can
// be told to hang or fail (see [PodAnnotation]). On Linux, root can have a real one as well, with containers that run
// (see [Options].Containers).
//
//	l, err := lab.Start(ctx, lab.Options{Nodes: 1})
//	if err != nil { … }
//	defer l.Stop()
//	out, err := l.Kubectl(ctx, "get", "nodes")
//
// Tests use the package labtest, which skips when the binaries were not built. A person uses the command cmd/lab.
package lab
