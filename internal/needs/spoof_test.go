package needs

import (
	"encoding/json/v2"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/identity"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/pod"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A world is a workload that has all that an agent of the catalogue may have: a
// container for each container of its parts, which mounts all paths.
type world struct {
	kind, namespace, name       string
	labels                      map[string]string
	static                      bool
	hostNetwork, hostPID, token bool
	containers                  []worldContainer
	paths                       []HostPath
}

type worldContainer struct {
	name, image          string
	privileged, portOpen bool
	capabilities         []string
	root                 bool
	unconfined           bool
}

func worldOf(a *Agent) *world {
	w := &world{kind: a.Kinds[0], namespace: "ns", name: "agent", static: a.Static, hostNetwork: a.HostNetwork, hostPID: a.HostPID, token: a.Token, paths: slices.Clone(a.Paths)}
	if len(a.Namespaces) > 0 {
		w.namespace = strings.ReplaceAll(a.Namespaces[0], "*", "")
	}
	w.labels = map[string]string{"app": "agent"}
	if len(a.Labels) > 0 {
		w.labels = a.Labels[0]
	}
	for i, p := range a.Parts {
		names := p.Containers
		if len(names) == 0 {
			names = []string{fmt.Sprintf("part-%d", i)}
		}
		for _, name := range names {
			w.containers = append(w.containers, worldContainer{
				name: name, image: "registry.example.com/mirror/" + p.Images[0] + ":1", privileged: p.Privileged,
				capabilities: p.Capabilities, root: p.Root, unconfined: p.Unconfined, portOpen: p.HostPorts,
			})
		}
	}
	return w
}

// yaml is the workload; JSON is YAML.
func (w *world) yaml(t *testing.T) string {
	t.Helper()
	type object = map[string]any
	var volumes, mounts []any
	for i, p := range w.paths {
		name := fmt.Sprintf("v%d", i)
		volumes = append(volumes, object{"name": name, "hostPath": object{"path": p.Path}})
		mounts = append(mounts, object{"name": name, "mountPath": "/host/" + name, "readOnly": !p.Write})
	}
	var containers []any
	for _, c := range w.containers {
		security := object{"privileged": c.privileged, "capabilities": object{"drop": []string{"ALL"}, "add": c.capabilities}}
		if !c.privileged && !slices.Contains(c.capabilities, "SYS_ADMIN") {
			security["allowPrivilegeEscalation"] = false
		}
		if c.root {
			security["runAsUser"], security["runAsGroup"] = 0, 0
		} else {
			security["runAsNonRoot"], security["runAsUser"] = true, 1000
		}
		if c.unconfined {
			security["seccompProfile"] = object{"type": "Unconfined"}
		}
		mine := slices.Clone(mounts)
		for i, p := range w.paths {
			if c.privileged && p.Write {
				mine[i] = object{"name": fmt.Sprintf("v%d", i), "mountPath": fmt.Sprintf("/host/v%d", i), "mountPropagation": "Bidirectional"}
			}
		}
		container := object{"name": c.name, "image": c.image, "securityContext": security, "volumeMounts": mine}
		if c.portOpen {
			container["ports"] = []any{object{"containerPort": 8126, "hostPort": 8127}}
		}
		containers = append(containers, container)
	}
	spec := object{"automountServiceAccountToken": w.token, "hostNetwork": w.hostNetwork, "hostPID": w.hostPID, "volumes": volumes, "containers": containers}
	meta := object{"name": w.name, "namespace": w.namespace}
	var o object
	if w.kind == "Pod" {
		meta["labels"] = w.labels
		if w.static {
			meta["annotations"] = object{"kubernetes.io/config.mirror": "x"}
		}
		o = object{"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
	} else {
		o = object{"apiVersion": "apps/v1", "kind": w.kind, "metadata": meta, "spec": object{
			"selector": object{"matchLabels": w.labels}, "template": object{"metadata": object{"labels": w.labels}, "spec": spec},
		}}
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// settledBy judges the workload with one agent alone, so that no other explains it.
func (w *world) settledBy(t *testing.T, a *Agent) []*harden.Finding {
	t.Helper()
	return settledWith(t, w.yaml(t), everyRule(), []Agent{*a})
}

func everyRule() []*harden.Fixer {
	var all []*harden.Fixer
	for _, f := range slices.Concat(pod.Suite(), identity.Suite()) {
		if allowances[f.ID] != nil {
			all = append(all, f)
		}
	}
	return all
}

func expected(findings []*harden.Finding) []*harden.Finding {
	return slices.DeleteFunc(slices.Clone(findings), func(f *harden.Finding) bool { return f.Status != harden.StatusExpected })
}

func findingNames(findings []*harden.Finding) []string {
	names := []string{}
	for _, f := range findings {
		names = append(names, strings.Join(strings.Fields(f.Fixer.ID+" "+f.Container.Name+" "+f.Discriminator), " "))
	}
	return names
}

// TestEveryAgent shows of each agent that what it may have is expected, and that no
// more is: not of another image, another path, another capability, a mount that is
// writable, in another namespace, or in a workload of another kind.
func TestEveryAgent(t *testing.T) {
	for _, a := range Catalogue() {
		t.Run(a.Name+" "+a.Kinds[0], func(t *testing.T) {
			whole := worldOf(&a).settledBy(t, &a)
			if len(expected(whole)) == 0 && !slices.Equal(a.Kinds, anyWorkload) {
				t.Errorf("nothing is expected of it: %v", findingNames(whole))
			}
			for _, f := range whole {
				// A directory that holds the socket of the runtime is told to root unless it is there for that.
				if f.Status != harden.StatusExpected && f.Fixer != pod.RuntimeSocketMount && !slices.Contains(a.Never, f.Fixer.ID) {
					t.Errorf("%s %s %q is %s", f.Fixer.ID, f.Container.Name, f.Discriminator, f.Status)
				}
			}
			nothing := func(what string, change func(*world)) {
				w := worldOf(&a)
				change(w)
				if got := expected(w.settledBy(t, &a)); len(got) > 0 {
					t.Errorf("%s: still expected are %v", what, findingNames(got))
				}
			}
			nothing("images of others", func(w *world) {
				for i := range w.containers {
					w.containers[i].image = "registry.example.com/miner:1"
				}
			})
			nothing("images that end in the same letters", func(w *world) {
				for i := range w.containers {
					dir, name := path.Split(w.containers[i].image)
					w.containers[i].image = dir + "not" + name
				}
			})
			nothing("images below its own", func(w *world) {
				for i := range w.containers {
					w.containers[i].image = strings.TrimSuffix(w.containers[i].image, ":1") + "/miner:1"
				}
			})
			if len(a.Namespaces) > 0 {
				nothing("another namespace", func(w *world) { w.namespace = "shop" })
			}
			if !slices.Contains(a.Kinds, "Job") {
				nothing("another kind", func(w *world) { w.kind = "ReplicaSet" })
			}
			if len(a.Labels) > 0 {
				nothing("other labels", func(w *world) { w.labels = map[string]string{"app": "web"} })
			}
			if a.Static {
				nothing("a pod that anybody made", func(w *world) { w.static = false })
			}
		})
	}
}

// lists reads the catalogue in the plainest way.
func lists(a *Agent, at string, write bool) bool {
	run := strings.NewReplacer("/var/run", "/run")
	return slices.ContainsFunc(a.Paths, func(p HostPath) bool {
		return (p.Write || !write) && (run.Replace(p.Path) == run.Replace(at) || p.Below && strings.HasPrefix(run.Replace(at), run.Replace(p.Path)+"/"))
	})
}

// TestEveryPath is about paths that no agent lists, and about mounts that are
// writable although it only reads there.
func TestEveryPath(t *testing.T) {
	foreign := []HostPath{{Path: "/root", Write: true}, {Path: "/etc/shadow"}, {Path: "/dev/mem", Write: true}, {Path: "/var/lib/kubelet/pki", Write: true}, {Path: "/"}, {Path: "/", Write: true}}
	for _, a := range Catalogue() {
		t.Run(a.Name+" "+a.Kinds[0], func(t *testing.T) {
			w := worldOf(&a)
			beyond := map[string]HostPath{} // by the name of the volume
			for i := range w.paths {
				if p := &w.paths[i]; !lists(&a, p.Path, true) {
					p.Write = true
					beyond[fmt.Sprintf("v%d", i)] = *p
				}
			}
			for _, p := range foreign {
				if !lists(&a, p.Path, p.Write) {
					beyond[fmt.Sprintf("v%d", len(w.paths))] = p
					w.paths = append(w.paths, p)
				}
			}
			for _, f := range expected(w.settledBy(t, &a)) {
				volume, _, _ := strings.Cut(strings.TrimPrefix(f.Discriminator, "/host/"), " ")
				if p, ok := beyond[volume]; ok {
					t.Errorf("%+v: still expected is %s %s", p, f.Fixer.ID, f.Container.Name)
				}
			}
		})
	}
}

// TestEveryCapability is about a container with one capability more, and about one that is privileged.
func TestEveryCapability(t *testing.T) {
	for _, a := range Catalogue() {
		t.Run(a.Name+" "+a.Kinds[0], func(t *testing.T) {
			for i := range worldOf(&a).containers {
				w := worldOf(&a)
				c := &w.containers[i]
				wasPrivileged := c.privileged
				c.privileged, c.capabilities = true, append(slices.Clone(c.capabilities), "SYS_BOOT")
				for _, f := range expected(w.settledBy(t, &a)) {
					if f.Container.Name != c.name {
						continue
					}
					switch f.Fixer {
					case pod.DangerousCapabilities, pod.AddedCapabilitiesRestricted:
						t.Errorf("%s of %s is expected with SYS_BOOT", f.Fixer.ID, c.name)
					case pod.PrivilegedContainer, pod.MountPropagation:
						if !wasPrivileged {
							t.Errorf("%s of %s is expected", f.Fixer.ID, c.name)
						}
					}
				}
			}
		})
	}
}
