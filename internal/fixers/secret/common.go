package secret

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/secrets"
)

// rotate is what to do with every credential that lay in the open.
const rotate = "Then make a new credential where this one was issued and withdraw the old one: whoever could read the object has it, and copies of it are in former revisions, in backups of etcd, in logs of the API server and in the source of the manifest."

// article puts "a" or "an" in front of what was found.
func article(what string) string {
	if strings.ContainsRune("aeiouAEIO", rune(what[0])) {
		return "an " + what
	}
	return "a " + what
}

// ownSecret is the name of the Secret that is proposed for the credentials of a workload.
func ownSecret(w *harden.Workload) string {
	const end, most = "-credentials", 253
	return strings.TrimRight(w.Ref.Name[:min(len(w.Ref.Name), most-len(end))], "-.") + end
}

// secretFor is the Secret of the workload's credentials if it is there and has the
// key, or may have it: what a cluster's Secrets hold is not read.
func secretFor(inv *harden.Inventory, w *harden.Workload, key string) (*harden.SecretMeta, bool) {
	o := inv.Object(harden.KindSecret, w.Ref.Namespace, ownSecret(w))
	s := harden.Content[*harden.SecretMeta](o)
	if s == nil || !inv.Live() && !slices.Contains(s.Keys, key) {
		return nil, false
	}
	return s, true
}

// makeSecret is the text of how the Secret with the keys comes to be.
func makeSecret(inv *harden.Inventory, namespace, name string, keys ...string) string {
	var b strings.Builder
	if store, version := storeFor(inv, namespace); store != "" {
		fmt.Fprintf(&b, "Put the value into the store behind %s and let External Secrets make Secret %s (fill in the key that it has there):\n\n%s\n\nOr make it by hand: ", store, name, externalSecret(namespace, name, store, version, keys))
	} else if inv.Listed(harden.KindSecretProviderClass) {
		fmt.Fprintf(&b, "Put the value into the store of the Secrets Store CSI driver, name it in the objects of a SecretProviderClass in namespace %s, and let its secretObjects make Secret %s with the key %s. Or make it by hand: ", namespace, name, strings.Join(keys, ", "))
	} else {
		fmt.Fprintf(&b, "Make Secret %s in namespace %s, so that the value is neither on a command line nor in a file: ", name, namespace)
	}
	fmt.Fprintf(&b, "read -rs V && printf %%s \"$V\" | kubectl create secret generic %s -n %s --from-file=%s=/dev/stdin", name, namespace, keys[0])
	if len(keys) > 1 {
		fmt.Fprintf(&b, " (and in the same way %s)", strings.Join(keys[1:], ", "))
	}
	b.WriteString(".")
	return b.String()
}

// storeFor is the store of External Secrets that the namespace may use, as KIND/NAME,
// with its API version: its own before one of the cluster.
func storeFor(inv *harden.Inventory, namespace string) (store, apiVersion string) {
	for _, o := range slices.Concat(inv.InNamespace(harden.KindSecretStore, namespace), inv.Others[harden.KindClusterSecretStore]) {
		return o.Ref.String(), o.Ref.APIVersion
	}
	return "", ""
}

func externalSecret(namespace, name, store, apiVersion string, keys []string) string {
	kind, storeName, _ := strings.Cut(store, "/")
	lines := []string{
		"apiVersion: " + apiVersion, "kind: ExternalSecret", "metadata: {name: " + name + ", namespace: " + namespace + "}", "spec:",
		"  refreshInterval: 1h", "  secretStoreRef: {kind: " + kind + ", name: " + storeName + "}", "  target: {name: " + name + "}", "  data:",
	}
	for _, k := range keys {
		lines = append(lines, "  - {secretKey: "+k+", remoteRef: {key: <key in the store>}}")
	}
	return strings.Join(lines, "\n")
}

// some lists what was found, the first few of it, each in a line.
func some(lines []string) string {
	const most = 12
	if len(lines) > most {
		lines = append(slices.Clone(lines[:most]), fmt.Sprintf("and %d more", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}

// describe says where a hit is and what it is, without what it is worth.
func describe(h secrets.Hit) string {
	out := article(h.What)
	if h.Key != "" {
		out = h.Key + ": " + out
	}
	if h.Line > 0 {
		out = fmt.Sprintf("line %d, %s", h.Line, out)
	}
	return out
}

// volumeSecrets are the Secrets in a volume, with the mode of its files.
func volumeSecrets(v *corev1.Volume) []string {
	var names []string
	if v.Secret != nil {
		names = append(names, v.Secret.SecretName)
	}
	if v.Projected != nil {
		for _, s := range v.Projected.Sources {
			if s.Secret != nil {
				names = append(names, s.Secret.Name)
			}
		}
	}
	return names
}

// condition is the one of the type in the status of a custom resource.
func condition(o *unstructured.Unstructured, typ string) (status, message string, ok bool) {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
	for _, item := range list {
		c, _ := item.(map[string]any)
		if c["type"] == typ {
			status, _ := c["status"].(string)
			reason, _ := c["reason"].(string)
			return status, reason, true
		}
	}
	return "", "", false
}

func text(o *unstructured.Unstructured, fields ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, fields...)
	return s
}
