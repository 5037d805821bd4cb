package files_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/files"
)

const manyKinds = `apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: shop
  annotations: {kubectl.kubernetes.io/last-applied-configuration: "s3cr3t-marker"}
data: {password: "s3cr3t-marker, which is no base64", user: YQ==}
stringData: {token: s3cr3t-marker}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: all, namespace: ignored}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: ["*"]}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: front, namespace: shop}
spec: {listeners: []}
---
apiVersion: constraints.gatekeeper.sh/v1beta1
kind: K8sAllowedRepos
metadata: {name: repos}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {name: old, namespace: shop}
`

func TestOtherObjectsOfFiles(t *testing.T) {
	set, err := files.LoadTexts([]files.Text{{Name: "many.yaml", Data: manyKinds}}, files.Options{})
	if err != nil {
		t.Fatal(err)
	}
	inv := set.Inventory(time.Time{})
	secret := inv.Object(harden.KindSecret, "shop", "db")
	meta := harden.Content[*harden.SecretMeta](secret)
	if meta == nil || !slices.Equal(meta.Keys, []string{"password", "token", "user"}) || meta.Type != corev1.SecretTypeOpaque || secret.Ref.Source.File != "many.yaml" {
		t.Errorf("Secret: %+v", meta)
	}
	if strings.Contains(fmt.Sprintf("%+v %+v", meta, inv.Unread), "s3cr3t-marker") {
		t.Errorf("a value was kept: %+v %v", meta, inv.Unread)
	}
	if role := harden.Content[*rbacv1.ClusterRole](inv.Object(harden.KindClusterRole, "", "all")); role == nil || len(role.Rules) != 1 {
		t.Errorf("ClusterRole: %v", role)
	}
	if inv.Object(harden.KindGateway, "shop", "front") == nil || !inv.Clusterwide {
		t.Errorf("no Gateway among %v", inv.Others)
	}
	if inv.Listed(harden.KindPodDisruptionBudget) || !strings.Contains(fmt.Sprint(inv.Unread), "use policy/v1") {
		t.Errorf("unread: %v", inv.Unread)
	}
}
