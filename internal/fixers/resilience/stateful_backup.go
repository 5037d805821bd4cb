package resilience

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// StatefulBackup finds data of which no copy is seen.
var StatefulBackup = &harden.Fixer{
	ID:       "stateful-backup",
	Title:    "no backup of its data is seen",
	Area:     harden.AreaResilience,
	Severity: harden.Low,
	Subject:  harden.SubjectWorkload,
	Doc: `
A StatefulSet keeps data, and nothing in the cluster seems to copy it.

Fields:

    StatefulSet spec.volumeClaimTemplates, spec.template.spec.volumes[].persistentVolumeClaim
    VolumeSnapshot spec.source.persistentVolumeClaimName, younger than 7 days
    velero.io Schedule spec.template.includedNamespaces, excludedNamespaces, spec.paused
    config.kio.kasten.io Policy spec.selector

Allowed: a snapshot of one of its claims, a schedule or a policy that is for its namespace.
Where the cluster has Stash, KubeStash, Longhorn, Portworx or an operator with backups of
its own (CloudNativePG, Percona, Strimzi), the verdict is unknown: those are not read. Only
clusters are judged.

**Why it matters.** Who encrypts or deletes the volumes, on purpose or not, has the only
copy. The best hardening does not bring data back.

**The fix.** A person sets up backups, and tries to restore one; the text names the ways.

**Traps.** Backups by the program itself (a CronJob with pg_dump, replication to another
place) or by the cloud are not seen from here: waive the finding where there are some.
Caches and queues may need none.
`,
	Refs: []harden.Reference{
		{Standard: "ATT&CK", ID: "T1485"},
		{Standard: "Kubernetes", ID: "volume snapshots", URL: "https://kubernetes.io/docs/concepts/storage/volume-snapshots/"},
	},
	Reads: harden.InCluster(harden.KindVolumeSnapshot, harden.KindVeleroSchedule, harden.KindKastenPolicy),
	Check: checkStatefulBackup,
	Fix: func(*harden.Pass, *harden.Finding) []harden.Fix {
		return []harden.Fix{{
			Title: "back up the volumes", Class: harden.Review,
			Manual: "Let something copy the data to a place that the cluster cannot delete: a velero.io Schedule for the namespace, VolumeSnapshots on a schedule that are copied away, or the backups of the program itself. Then restore one, once.",
		}}
	},
}

// Groups of backups that are not read.
var otherBackups = []string{
	"stash.appscode.com", "core.kubestash.com", "longhorn.io", "stork.libopenstorage.org",
	"postgresql.cnpg.io", "psmdb.percona.com", "pxc.percona.com", "pgv2.percona.com", "k8s.mariadb.com",
}

func checkStatefulBackup(p *harden.Pass) {
	if p.Object.Kind != "StatefulSet" || !p.Inventory.Live() || len(p.Workload.Claims) == 0 && !mountsClaim(p.Workload) {
		p.NotApplicable()
		return
	}
	ns := p.Object.Namespace
	if snapshotted(p) || scheduled(p.Inventory, ns) || kasten(p.Inventory, ns) ||
		!p.Needs(ns, harden.KindVolumeSnapshot, harden.KindVeleroSchedule, harden.KindKastenPolicy) {
		return
	}
	if p.Inventory.Cluster.Groups == nil {
		p.Unknown("Which API groups the server has is not known, and so not what may make backups.")
		return
	}
	for _, group := range otherBackups {
		if p.Inventory.Cluster.Groups[group] {
			p.Unknown("The cluster has " + group + ", whose backups are not read.")
			return
		}
	}
	p.Report(harden.Finding{
		Field: "spec.volumeClaimTemplates", Reason: "no snapshot or backup schedule seen",
		Detail: "No VolumeSnapshot of the last 7 days, no Velero Schedule and no Kasten policy is for its claims. Backups by other means cannot be seen from here.",
	})
}

const snapshotAge = 7 * 24 * time.Hour

func snapshotted(p *harden.Pass) bool {
	for _, o := range p.Inventory.InNamespace(harden.KindVolumeSnapshot, p.Object.Namespace) {
		u := harden.Content[*unstructured.Unstructured](o)
		if u == nil || p.Older(u.GetCreationTimestamp().Time, snapshotAge) {
			continue
		}
		claim, _, _ := unstructured.NestedString(u.Object, "spec", "source", "persistentVolumeClaimName")
		if claims(p.Workload, claim) {
			return true
		}
	}
	return false
}

// claims reports whether the claim is one that the workload mounts.
func claims(w *harden.Workload, claim string) bool {
	for _, v := range w.Template.Spec.Volumes {
		if v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == claim {
			return true
		}
	}
	return slices.ContainsFunc(w.Claims, func(template string) bool { return isOrdinal(claim, template+"-"+w.Ref.Name+"-") })
}

// isOrdinal reports whether name is prefix and a number.
func isOrdinal(name, prefix string) bool {
	if len(name) <= len(prefix) || name[:len(prefix)] != prefix {
		return false
	}
	for _, r := range name[len(prefix):] {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}

func scheduled(inv *harden.Inventory, namespace string) bool {
	for _, u := range harden.All[*unstructured.Unstructured](inv, harden.KindVeleroSchedule) {
		paused, _, _ := unstructured.NestedBool(u.Object, "spec", "paused")
		in, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "template", "includedNamespaces")
		out, _, _ := unstructured.NestedStringSlice(u.Object, "spec", "template", "excludedNamespaces")
		if !paused && (len(in) == 0 || slices.Contains(in, "*") || slices.Contains(in, namespace)) && !slices.Contains(out, namespace) {
			return true
		}
	}
	return false
}

// kasten reports whether a policy of Kasten may be for the namespace: it names it,
// or selects by something else.
func kasten(inv *harden.Inventory, namespace string) bool {
	for _, u := range harden.All[*unstructured.Unstructured](inv, harden.KindKastenPolicy) {
		names, other := kastenNames(u)
		if other || slices.Contains(names, namespace) {
			return true
		}
	}
	return false
}

const kastenKey = "k10.kasten.io/appNamespace"

func kastenNames(u *unstructured.Unstructured) (names []string, other bool) {
	byLabel, _, _ := unstructured.NestedStringMap(u.Object, "spec", "selector", "matchLabels")
	if name, ok := byLabel[kastenKey]; ok {
		return []string{name}, false
	}
	list, _, _ := unstructured.NestedSlice(u.Object, "spec", "selector", "matchExpressions")
	for _, item := range list {
		e, _ := item.(map[string]any)
		values, _, _ := unstructured.NestedStringSlice(e, "values")
		if e["key"] == kastenKey && e["operator"] == "In" {
			names = append(names, values...)
		}
	}
	return names, len(names) == 0
}
