package network

import (
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func peerAuthentication(namespace, name, spec string) string {
	return fmt.Sprintf("---\napiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {namespace: %s, name: %s}\nspec: {%s}\n", namespace, name, spec)
}

func TestMeshMTLSPermissive(t *testing.T) {
	inMesh := inNamespaceOf("shop", "istio-injection: enabled") + deployment("web", containers(""))
	mesh := func(objects string) []fixtest.Option { return live(fixtest.Whole(t, objects)) }
	strict := peerAuthentication("istio-system", "default", "mtls: {mode: STRICT}")
	judge(t, MeshMTLSPermissive, []judgement{
		{"no mesh", namespace + deployment("web", containers("")), live(), nil},
		{"nobody looked", inMesh, live(), []string{"unknown medium unknown"}},
		{"files", inMesh, nil, []string{"unknown medium unknown"}},
		{"nothing said", inMesh, mesh(""), []string{"fail medium permissive"}},
		{"strict mesh", inMesh, mesh(strict), nil},
		{"strict namespace", inMesh, mesh(peerAuthentication("shop", "default", "mtls: {mode: STRICT}")), nil},
		{"UNSET takes that of the mesh", inMesh, mesh(strict + peerAuthentication("shop", "default", "mtls: {mode: UNSET}")), nil},
		{"weaker namespace", inMesh, mesh(strict + peerAuthentication("shop", "default", "mtls: {mode: DISABLE}")), []string{"fail medium disable"}},
		{"strict elsewhere", inMesh, mesh(peerAuthentication("other", "default", "mtls: {mode: STRICT}")), []string{"fail medium permissive"}},
		{"strict for one workload", inMesh, mesh(peerAuthentication("shop", "web", "selector: {matchLabels: {app: web}}, mtls: {mode: STRICT}")), []string{"fail medium permissive"}},
		{"weaker for one workload", inMesh, mesh(strict + peerAuthentication("shop", "web", "selector: {matchLabels: {app: web}}, mtls: {mode: PERMISSIVE}")), []string{"fail medium exception web"}},
		{"weaker on a port", inMesh, mesh(strict + peerAuthentication("shop", "web", "portLevelMtls: {'8080': {mode: DISABLE}}, selector: {matchLabels: {app: web}}")), []string{"fail medium exception web"}},
		{"malformed", inMesh, mesh(strict + peerAuthentication("shop", "a", "mtls: 7, selector: all, portLevelMtls: [none]") + peerAuthentication("shop", "b", "portLevelMtls: {'80': on}, selector: {matchLabels: {a: b}}")), nil},
		{"not read", inMesh, live(fixtest.Whole(t, "", fixtest.Unreadable(peerAuthentications, "forbidden"))), []string{"unknown medium unknown"}},
		{"by revision", strings.Replace(inMesh, "istio-injection: enabled", "istio.io/rev: stable", 1), mesh(""), []string{"fail medium permissive"}},
		{"ambient", strings.Replace(inMesh, "istio-injection: enabled", "istio.io/dataplane-mode: ambient", 1), mesh(""), []string{"fail medium permissive"}},
		{"switched off", strings.Replace(inMesh, "istio-injection: enabled", "istio-injection: disabled, istio.io/rev: stable", 1), mesh(""), nil},
		{"by its pods", namespace + deployment("web", containers("")) +
			"---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-1, namespace: shop, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}\nspec: {initContainers: [{name: istio-proxy, image: p, restartPolicy: Always}], containers: [{name: c, image: c}]}\n", mesh(""), []string{"fail medium permissive"}},
		{"Linkerd", "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {linkerd.io/inject: enabled}}\n", live(), []string{"unknown medium unknown"}},
		{"Linkerd with identities", "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {linkerd.io/inject: enabled, config.linkerd.io/default-inbound-policy: cluster-authenticated}}\n", live(), nil},
		{"Linkerd without", "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop, annotations: {linkerd.io/inject: enabled, config.linkerd.io/default-inbound-policy: all-unauthenticated}}\n", live(), []string{"fail medium linkerd"}},
	})
	if fix := fixesOf(t, MeshMTLSPermissive, inMesh, mesh("")...); fix.Class != harden.Review || !strings.Contains(fix.Manual, "STRICT") || fix.Warning == "" {
		t.Errorf("%+v", fix)
	}
}
