package pod

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func TestRootGroup(t *testing.T) {
	for spec, want := range map[string][]string{
		"securityContext: {runAsGroup: 0}":                          {"- low"},
		"securityContext: {fsGroup: 0, supplementalGroups: [5, 0]}": {"- low", "- low"},
		"securityContext: {runAsGroup: 5, supplementalGroups: [5]}": nil,
		"securityContext: {runAsUser: 5}":                           nil, // unset is no failure
		"os: {name: windows}\nsecurityContext: {runAsGroup: 0}":     nil,
	} {
		t.Run(spec, func(t *testing.T) {
			expect(t, RootGroup, deployment(spec+"\ncontainers: [{name: web, image: web:1}]"), want)
		})
	}
	own := deployment("securityContext: {runAsGroup: 0}\ncontainers: [{name: web, image: web:1, securityContext: {runAsGroup: 7}}]")
	expect(t, RootGroup, own, nil)
	zero := deployment("containers: [{name: web, image: web:1, securityContext: {runAsGroup: 0, runAsUser: 7}}]")
	expect(t, RootGroup, zero, []string{"web low"})
	if f := fixtest.Only(t, RootGroup, zero, fixtest.OpenShift()); f.Status != harden.StatusExpected || f.Excuse == nil {
		t.Errorf("on OpenShift: status %s, excuse %v; want expected", f.Status, f.Excuse)
	}
	if fix := onlyFix(t, RootGroup, deployment("containers: [{name: web, image: web:1, securityContext: {runAsGroup: 0}}]")); fix.Manual == "" {
		t.Error("nobody knows the user: the group has to be chosen by a person")
	}
	expectAfter(t, deployment("securityContext: {fsGroup: 0, supplementalGroups: [5, 0]}\ncontainers: [{name: web, image: web:1, securityContext: {runAsGroup: 0, runAsUser: 7}}]"),
		[]*harden.Fixer{RootGroup}, "securityContext: {supplementalGroups: [5]}\ncontainers: [{name: web, image: web:1, securityContext: {runAsGroup: 7, runAsUser: 7}}]")
}

func TestBlockDeviceAccess(t *testing.T) {
	const mount = "{name: data, mountPath: /data}"
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"a disk", withVolume("hostPath: {path: /dev/sda}", mount, ""), []string{"- host-device medium"}},
		{"a disk, by its type", withVolume("hostPath: {path: /srv/disk, type: BlockDevice}", mount, ""), []string{"- host-device medium"}},
		{"a character device", withVolume("hostPath: {path: /dev/kvm, type: CharDevice}", mount, ""), []string{"- host-device medium"}},
		{"a folder of devices", withVolume("hostPath: {path: /dev/bus/usb}", mount, ""), []string{"- host-device medium"}},
		{"all devices", withVolume("hostPath: {path: /dev}", mount, ""), nil}, // host-path-sensitive
		{"what every container has", withVolume("hostPath: {path: /dev/null, type: CharDevice}", mount, ""), nil},
		{"shared memory", withVolume("hostPath: {path: /dev/shm}", mount, ""), nil},
		{"not mounted", withVolume("hostPath: {path: /dev/sda}", "", ""), nil},
		{"another folder", withVolume("hostPath: {path: /devices}", mount, ""), nil},
		{
			"privileged", deployment("volumes: [{name: d, hostPath: {path: /dev/sda}}]\ncontainers: [{name: web, image: web:1, securityContext: {privileged: true}, volumeMounts: [{name: d, mountPath: /d}]}]"),
			[]string{"- host-device high"},
		},
		{
			"a claim", deployment("volumes: [{name: d, persistentVolumeClaim: {claimName: d}}]\ncontainers: [{name: web, image: web:1, volumeDevices: [{name: d, devicePath: /dev/xvda}]}]"),
			[]string{"web claim low"},
		},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, BlockDeviceAccess, test.yaml, test.want) })
	}
	// What this rule says of a device, no other says again.
	expect(t, HostPathSensitive, withVolume("hostPath: {path: /dev/sda}", mount, ""), nil)
}

func TestWindowsRunAsAdmin(t *testing.T) {
	windows := func(fields string) string {
		return deployment("os: {name: windows}\n" + fields)
	}
	for _, test := range []struct {
		name, yaml string
		want       []string
	}{
		{"at the container", windows(`containers: [{name: web, image: web:1, securityContext: {windowsOptions: {runAsUserName: containeradministrator}}}]`), []string{"web high"}},
		{"of the pod", windows("securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}\ncontainers: [{name: web, image: web:1}]"), []string{"web high"}},
		{"the container wins", windows("securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}\ncontainers: [{name: web, image: web:1, securityContext: {windowsOptions: {runAsUserName: ContainerUser}}}]"), nil},
		{"unset", windows("containers: [{name: web, image: web:1}]"), nil},
		{"a process of the node", windows("hostNetwork: true\nsecurityContext: {windowsOptions: {hostProcess: true, runAsUserName: ContainerAdministrator}}\ncontainers: [{name: web, image: web:1}]"), nil},
		{"Linux", deployment("securityContext: {windowsOptions: {runAsUserName: ContainerAdministrator}}\ncontainers: [{name: web, image: web:1}]"), nil},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, WindowsRunAsAdmin, test.yaml, test.want) })
	}
	unset := windows("containers: [{name: web, image: web:1}]")
	for user, want := range map[string][]string{"ContainerAdministrator": {"web high"}, "ContainerUser": nil, "": nil} {
		expect(t, WindowsRunAsAdmin, unset, want, fixtest.Image("web:1", harden.ImageFacts{Known: true, User: user}))
	}
}

func TestShareProcessNamespace(t *testing.T) {
	for spec, want := range map[string][]string{
		"containers: [{name: a, image: a:1}, {name: b, image: b:1}]":                                                                       nil,
		"shareProcessNamespace: true\ncontainers: [{name: a, image: a:1}, {name: b, image: b:1}]":                                          {"- low"},
		"shareProcessNamespace: true\ncontainers: [{name: a, image: a:1}]":                                                                 nil,
		"shareProcessNamespace: true\ninitContainers: [{name: b, image: b:1}]\ncontainers: [{name: a, image: a:1}]":                        nil,
		"shareProcessNamespace: true\ninitContainers: [{name: b, image: b:1, restartPolicy: Always}]\ncontainers: [{name: a, image: a:1}]": {"- low"},
	} {
		t.Run(spec, func(t *testing.T) { expect(t, ShareProcessNamespace, deployment(spec), want) })
	}
}

func TestEphemeralContainerLeft(t *testing.T) {
	pod := func(context, status string) string {
		return deployment("containers: [{name: web, image: web:1}]") + `---
apiVersion: v1
kind: Pod
metadata: {name: web-1, ownerReferences: [{apiVersion: apps/v1, kind: Deployment, name: web, uid: u, controller: true}]}
spec:
  containers: [{name: web, image: web:1}]
  ephemeralContainers: [{name: debug, image: busybox` + context + `}]
status: {` + status + `}
`
	}
	expect(t, EphemeralContainerLeft, pod("", "phase: Running"), []string{"debug low"}, fixtest.Live())
	expect(t, EphemeralContainerLeft, pod(", securityContext: {privileged: true}", "phase: Running"), []string{"debug high"}, fixtest.Live())
	expect(t, EphemeralContainerLeft, pod("", "phase: Succeeded"), nil, fixtest.Live())
	expect(t, EphemeralContainerLeft, pod("", "phase: Running"), nil)
	f := fixtest.Only(t, EphemeralContainerLeft, pod("", "phase: Running, ephemeralContainerStatuses: [{name: debug, image: busybox, imageID: x, ready: false, restartCount: 0, state: {terminated: {exitCode: 0}}}]"), fixtest.Live())
	if f.Object.Kind != "Pod" || f.Reason != "the container for debugging debug has ended" {
		t.Errorf("got %s: %q", f.Object, f.Reason)
	}
}

func TestAppArmorProfileMissing(t *testing.T) {
	says := func(message, os string) fixtest.Option {
		return func(i *harden.Inventory) {
			fixtest.Runtime("containerd://2.2.0")(i)
			n := i.Nodes[len(i.Nodes)-1]
			n.Status.NodeInfo.OSImage = os
			n.Status.Conditions = append(n.Status.Conditions, readyWith(message))
		}
	}
	yes, hint, no := says("kubelet is posting ready status. AppArmor enabled", ""), says("kubelet is posting ready status", "Ubuntu 24.04.1 LTS"), says("kubelet is posting ready status", "Fedora Linux 42")
	const web = "containers: [{name: web, image: web:1}]"
	for _, test := range []struct {
		name, spec string
		opts       []fixtest.Option
		want       []string
	}{
		{"nodes say so", web, []fixtest.Option{fixtest.Live(), yes}, []string{"- info"}},
		{"the distribution has it", web, []fixtest.Option{fixtest.Live(), hint}, []string{"- info"}},
		{"nodes without", web, []fixtest.Option{fixtest.Live(), no}, nil},
		{"a manifest", web, []fixtest.Option{yes}, nil},
		{"before the field", web, []fixtest.Option{fixtest.Live(), fixtest.Minor(29), yes}, nil},
		{"at the pod", "securityContext: {appArmorProfile: {type: RuntimeDefault}}\n" + web, []fixtest.Option{fixtest.Live(), yes}, nil},
		{"privileged", "containers: [{name: web, image: web:1, securityContext: {privileged: true}}]", []fixtest.Option{fixtest.Live(), yes}, nil},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, AppArmorProfileMissing, deployment(test.spec), test.want, test.opts...) })
	}
	expectClasses(t, fixtest.Fixes(t, AppArmorProfileMissing, deployment(web), fixtest.Live(), yes), "evidence")
	expectClasses(t, fixtest.Fixes(t, AppArmorProfileMissing, deployment(web), fixtest.Live(), yes, hint), "review")
	expectAfter(t, deployment("containers: [{name: web, image: web:1}, {name: agent, image: agent:1, securityContext: {appArmorProfile: {type: Unconfined}}}]"), []*harden.Fixer{AppArmorProfileMissing},
		`containers: [{name: web, image: web:1, securityContext: {appArmorProfile: {type: RuntimeDefault}}}, {name: agent, image: agent:1, securityContext: {appArmorProfile: {type: Unconfined}}}]`,
		fixtest.Live(), yes)
}

func TestServiceLinksEnv(t *testing.T) {
	service := func(name, namespace, spec string) string {
		return "\n---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: " + namespace + "}\nspec: {" + spec + "}\n"
	}
	const web = "containers: [{name: web, image: web:1}]"
	redis := service("redis", "default", "ports: [{port: 6379}]")
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"a Service", deployment(web) + redis, []string{"- info"}},
		{"switched off", deployment("enableServiceLinks: false\n"+web) + redis, nil},
		{"in another namespace", deployment(web) + service("redis", "other", "ports: [{port: 6379}]"), nil},
		{"headless", deployment(web) + service("redis", "default", "clusterIP: None"), nil},
		{"a name outside", deployment(web) + service("redis", "default", "type: ExternalName, externalName: db.example.com"), nil},
		{"that of the API server", deployment(web) + service("kubernetes", "default", "ports: [{port: 443}]"), nil},
		{"none", deployment(web), nil},
	} {
		t.Run(test.name, func(t *testing.T) { expect(t, ServiceLinksEnv, test.text, test.want) })
	}
	if f := fixtest.Only(t, ServiceLinksEnv, deployment(web)+redis, fixtest.Unreadable("services", "forbidden")); f.Status != harden.StatusUnknown {
		t.Errorf("Services are forbidden: status %s", f.Status)
	}

	quiet := fixtest.Image("web:1", harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Scripts: map[string]string{"/run.sh": "exec app --api $KUBERNETES_SERVICE_HOST"}}})
	speaking := fixtest.Image("web:1", harden.ImageFacts{Known: true, Files: &harden.ImageFiles{Scripts: map[string]string{"/run.sh": "exec app $REDIS_SERVICE_HOST"}}})
	config := "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: default}\ndata: {url: \"tcp://${REDIS_SERVICE_HOST}:${REDIS_SERVICE_PORT}\"}\n"
	for _, test := range []struct {
		name, spec, more string
		image            fixtest.Option
		class            string
	}{
		{"nothing names one", web, "", quiet, "evidence"},
		{"nobody looked into the image", web, "", fixtest.Minor(37), "review"},
		{"a script does", web, "", speaking, "review"},
		{"the command does", `containers: [{name: web, image: web:1, command: [app, "$(REDIS_SERVICE_HOST)"]}]`, "", quiet, "review"},
		{"a variable does", `containers: [{name: web, image: web:1, env: [{name: URL, value: "$(REDIS_PORT_6379_TCP)"}]}]`, "", quiet, "review"},
		{"a ConfigMap does", `containers: [{name: web, image: web:1, envFrom: [{configMapRef: {name: c}}]}]`, config, quiet, "review"},
		{"a ConfigMap that is not there", `containers: [{name: web, image: web:1, envFrom: [{configMapRef: {name: c}}]}]`, "", quiet, "review"},
	} {
		t.Run(test.name, func(t *testing.T) {
			expectClasses(t, fixtest.Fixes(t, ServiceLinksEnv, deployment(test.spec)+redis+test.more, test.image), test.class)
		})
	}
}

func TestMountPropagation(t *testing.T) {
	mounts := func(modes ...string) string {
		list := ""
		for i, m := range modes {
			list += "{name: d, mountPath: /d" + string(rune('0'+i)) + ", mountPropagation: " + m + "}, "
		}
		return deployment("volumes: [{name: d, hostPath: {path: /d}}]\ncontainers: [{name: web, image: web:1, securityContext: {privileged: true}, volumeMounts: [" + list + "]}]")
	}
	expect(t, MountPropagation, mounts("Bidirectional", "HostToContainer", "Bidirectional"), []string{"web high", "web high"})
	expect(t, MountPropagation, mounts("None", "HostToContainer"), nil)
}

// Advice that is off by default judges as told when it is switched on.
func TestOffByDefault(t *testing.T) {
	var off []string
	for _, f := range Suite() {
		if f.Off {
			off = append(off, f.ID)
		}
	}
	if diff := cmp.Diff([]string{"low-uid", "image-default-context", "container-port-privileged"}, off); diff != "" {
		t.Errorf("off by default (-want +got):\n%s", diff)
	}
	const web = "containers: [{name: web, image: web:1}]"
	expect(t, LowUID, deployment(web), []string{"web info"})
	expect(t, LowUID, deployment("securityContext: {runAsUser: 10000}\n"+web), []string{"web info"})
	expect(t, LowUID, deployment("securityContext: {runAsUser: 10001}\n"+web), nil)
	expect(t, LowUID, deployment("hostUsers: false\n"+web), nil)
	expect(t, LowUID, deployment(web), nil, fixtest.Image("web:1", harden.ImageFacts{Known: true, User: "65532"}))
	expect(t, ImageDefaultContext, deployment("securityContext: {}\n"+web), []string{"web info"})
	expect(t, ImageDefaultContext, deployment("securityContext: {fsGroup: 5}\n"+web), nil)
	expect(t, ContainerPortPrivileged, deployment("containers: [{name: web, image: web:1, ports: [{containerPort: 80}, {containerPort: 1024}]}]"), []string{"web info"})
}

func TestGitRepoVolume(t *testing.T) {
	fixes := onlyFix(t, GitRepoVolume, withVolume("gitRepo: {repository: r}", "{name: data, mountPath: /data}", ""))
	wantManual(t, fixes, "init container")
	if found := fixtest.Run(t, GitRepoVolume, withVolume("emptyDir: {}", "{name: data, mountPath: /data}", "")); len(found) > 0 {
		t.Errorf("found %v", fixtest.Reasons(found))
	}
}

func readyWith(message string) corev1.NodeCondition {
	return corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Message: message}
}
