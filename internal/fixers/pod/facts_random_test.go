package pod

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/fixtest"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// TestRandomFactsNeverMakeItWorse: whatever is known about images, processes,
// nodes and failed rollouts, no first fix makes a check of Pod Security fail
// that passed, the first fixes merge, and a class better than review stands on
// claims that all hold.
func TestRandomFactsNeverMakeItWorse(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	classes := map[harden.Class]int{}
	for n := range 40 {
		minor := []int{34, 37}[random.IntN(2)]
		text := randomPod(random)
		opts := append(randomFacts(random), fixtest.Minor(minor))
		before := upstreamFailures(t, text, minor)
		for _, fixer := range mine {
			after := upstreamFailures(t, fixtest.Repair(t, []*harden.Fixer{fixer}, text, opts...), minor)
			for id := range after {
				if !before[id] {
					t.Fatalf("pod %d, policy 1.%d: %s makes %s fail\n%s", n, minor, fixer.ID, id, text)
				}
			}
			for _, fixes := range fixtest.AllFixes(t, fixer, text, opts...) {
				for _, fix := range fixes {
					classes[fix.Class]++
					holds := !slices.ContainsFunc(fix.Evidence, func(c harden.Claim) bool { return c.State != harden.Holds })
					if fix.Class != harden.Review && (!holds || len(fix.Evidence) == 0) {
						t.Fatalf("pod %d: %s is called %s on %s\n%s", n, fix.Title, fix.Class, claimsOf(fix), text)
					}
				}
			}
		}
		fixtest.Repair(t, mine, text, opts...)
	}
	for _, class := range harden.Classes() {
		if classes[class] < 20 {
			t.Errorf("the facts are all alike: %v", classes)
		}
	}
}

// TestAllOfRestrictedFollowsTheFacts: a pod of a plain image that was looked into passes restricted by proven fixes alone.
func TestAllOfRestrictedFollowsTheFacts(t *testing.T) {
	text := "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: web, image: web:1, ports: [{containerPort: 8080}]}]}\n"
	opts := []fixtest.Option{
		fixtest.Minor(37), fixtest.Runtime("containerd://2.4.2"), fixtest.Image("web:1", imageWith("app", folders(nil))),
		fixtest.Probe("web", running(harden.Process{UID: 100, GID: 101, Bounding: 0xa80425fb})),
	}
	for _, fixer := range mine {
		for _, fixes := range fixtest.AllFixes(t, fixer, text, opts...) {
			if fixes[0].Class == harden.Review {
				t.Errorf("%s: review because of %s", fixer.ID, claimsOf(fixes[0]))
			}
		}
	}
	if failed := upstreamFailures(t, fixtest.Repair(t, mine, text, opts...), 37); len(failed) > 0 {
		t.Errorf("still fails: %v", slices.Sorted(maps.Keys(failed)))
	}
}

func randomFacts(random *rand.Rand) []fixtest.Option {
	flip := func() bool { return random.IntN(2) == 0 }
	var opts []fixtest.Option
	if flip() {
		opts = append(opts, fixtest.Runtime([]string{"containerd://2.4.2", "containerd://1.7.0", "cri-o://1.34.0", ""}[random.IntN(4)]))
	}
	if flip() {
		opts = append(opts, fixtest.Kubelet("node-1", harden.Kubelet{Known: flip(), SeccompDefault: flip(), Time: fixtest.Now}))
	}
	if random.IntN(4) > 0 {
		opts = append(opts, fixtest.Image("i", randomImage(random)))
	}
	for _, c := range []string{"c10", "c11"} {
		if random.IntN(4) > 0 {
			opts = append(opts, fixtest.Probe(c, harden.Probe{
				Known: random.IntN(4) > 0, Why: "no shell", Cut: random.IntN(4) == 0, RawSockets: random.IntN(4) == 0,
				Processes: []harden.Process{{PID: 1, Command: "web", UID: random.Int64N(3) * 7, Held: random.Uint64N(2) << 10, Bounding: random.Uint64N(2) << 10, NoNewPrivs: flip(), Seccomp: random.IntN(2) * 2}},
				Written:   []string{"/data/x", "/tmp/y", "/etc/z", "", "/"}[:random.IntN(6)],
				Listeners: []harden.Socket{{Protocol: "tcp", Port: random.IntN(2000)}},
			}))
		}
	}
	if random.IntN(4) == 0 {
		opts = append(opts, fixtest.Lesson(harden.Lesson{Image: "i", Kind: harden.LessonNeedsCapability, Value: []string{"CHOWN", "NET_BIND_SERVICE", "SYS_ADMIN", "bogus"}[random.IntN(4)]}))
	}
	if random.IntN(8) == 0 {
		opts = append(opts, fixtest.OpenShift())
	}
	return opts
}

func randomImage(random *rand.Rand) harden.ImageFacts {
	facts := harden.ImageFacts{
		Known: random.IntN(8) > 0, User: []string{"", "1000", "app", "nobody", "missing", "0:0"}[random.IntN(6)],
		Entrypoint: []string{"/bin/web"}, Volumes: []string{"/data"}[:random.IntN(2)], Ports: []string{"80/tcp"}[:random.IntN(2)],
	}
	if random.IntN(4) == 0 {
		return facts
	}
	facts.Files = folders(map[string]int{"/data": random.IntN(2)})
	facts.Files.Links["/loop"] = "/loop"
	switch random.IntN(5) {
	case 0:
		facts.Files.Programs["/bin/web"] = binding
	case 1:
		facts.Files.Programs["/bin/web"] = harden.ImageFile{Mode: 0o755, Capabilities: []string{"NET_RAW", "SYS_ADMIN"}, Effective: true}
	case 2:
		facts.Files.Programs["/usr/bin/su"] = setuid
		facts.Files.Scripts["/bin/web"] = "#!/bin/sh\nchown app /data; exec su-exec app web\n"
	case 3:
		facts.Files.Programs["/usr/bin/sudo"] = setuid
	}
	return facts
}
