package tui

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

func (d *driver) current() string {
	if r := d.m.current(); r != nil {
		return r.id
	}
	return ""
}

func TestFlatList(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("down", "enter", "enter", "down", "down")
		at := d.current()
		d.press("v")
		d.has("All findings", "by severity, worst first", "identity", "payments")
		d.hasNot("┌ Namespaces")
		if d.current() != at {
			t.Errorf("the cursor went from %q to %q", at, d.current())
		}
		d.press("S")
		d.has("kube-system")
		d.press("S", "esc", "h")
		d.has("All findings", "outermost")
		d.press("enter")
		if d.m.browse.focus != levelDetail {
			t.Error("enter does not go into the detail")
		}
		d.press("esc", "tab", "tab")
		if d.m.browse.focus != levelFinds {
			t.Errorf("two tabs go to pane %d", d.m.browse.focus)
		}
		d.press("v")
		d.has("┌ Namespaces", "prod-eu › shop")
		if d.quit {
			t.Error("quit")
		}
	})
	for _, size := range []size{{200, 60}, {120, 40}, {100, 15}, {80, 24}, {60, 20}, {40, 12}} {
		drive(t, newFake(), Options{}, size.w, size.h, func(d *driver) {
			d.press("v", "g", "o", "g", "o", "down", "enter", "g", "esc", "pgdown", "end", "home", "i", "esc", "n", "esc", "space", "f", "esc")
			d.has("All findings")
		})
	}
}

func TestFlatPanesFillTheBody(t *testing.T) {
	m := New(newFake(), Options{})
	m.x = newIndex(shop(), nil)
	m.start()
	m.browse.flat = true
	for w := minWidth; w <= 250; w++ {
		for _, h := range []int{minHeight, 17, 18, 24, 48, 100} {
			for _, focus := range []level{levelFinds, levelDetail} {
				m.width, m.height, m.browse.focus = w, h, focus
				p := m.panes()
				area := 0
				for _, r := range []rect{p.finds, p.detail} {
					if r.h > 0 && (r.h < 3 || r.w < 20 || r.x+r.w > w || r.y+r.h > h-1) {
						t.Fatalf("%dx%d focus %d: pane %+v", w, h, focus, r)
					}
					area += r.w * r.h
				}
				if body := m.body(); area != body.w*body.h {
					t.Fatalf("%dx%d focus %d: panes cover %d cells of %d", w, h, focus, area, body.w*body.h)
				}
				if [4]rect{2: p.finds, 3: p.detail}[focus].h == 0 {
					t.Fatalf("%dx%d: the pane with the keys, %d, is hidden", w, h, focus)
				}
			}
		}
	}
}

func namesOf(m *Model) (spaces, objects []string) {
	for _, at := range m.browse.spaceRows.items {
		if at >= 0 {
			spaces = append(spaces, m.x.spaces[at].name)
		}
	}
	for _, at := range m.browse.objectRows.items {
		if at >= 0 {
			objects = append(objects, m.x.objects[at].name)
		}
	}
	return spaces, objects
}

func TestSorting(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		s := shop()
		s.Generation = 2
		for _, x := range s.Findings {
			if x.Object.Name == "session-cleanup-with-a-rather-long-name" {
				x.Reason = "changed"
			}
		}
		f.send(s)
		d.settle()
		again := shop() // nothing new for the object that changed last
		again.Generation, again.Findings = 3, s.Findings
		f.send(again)
		d.settle()
		type order struct{ Spaces, Objects []string }
		got := map[string]order{}
		for range sortNames {
			spaces, objects := namesOf(d.m)
			got[sortNames[d.m.browse.sort]] = order{spaces, objects[:3]}
			d.has(sortWords[d.m.browse.sort] + "  1/")
			d.press("o")
		}
		want := map[string]order{
			"worst":   {[]string{"shop", "payments", "identity", "default"}, []string{"deploy/web", "deploy/fraud", "deploy/api"}},
			"name":    {[]string{"default", "identity", "payments", "shop"}, []string{"cj/session-cleanup-with-a-rather-long-name", "deploy/login", "deploy/fraud"}},
			"most":    {[]string{"shop", "payments", "identity", "default"}, []string{"deploy/web", "deploy/fraud", "deploy/api"}},
			"changed": {[]string{"identity", "shop", "payments", "default"}, []string{"cj/session-cleanup-with-a-rather-long-name", "deploy/web", "deploy/fraud"}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if d.m.browse.sort != byDanger {
			t.Error("o does not come around")
		}
	})
}

func TestFlatSorting(t *testing.T) {
	x := newIndex(shop(), nil)
	for g := range groupingNames {
		for s := range sortNames {
			order := x.sortRows(grouping(g), sorting(s))
			all := slices.Clone(order)
			slices.Sort(all)
			for i, at := range all {
				if int(at) != i {
					t.Fatalf("by %s, %s does not hold each finding once", groupingNames[g], sortNames[s])
				}
			}
			seen, last := map[int32]bool{}, int32(-1)
			for _, at := range order {
				key := x.rows[at].fixer
				switch grouping(g) {
				case byObject:
					key = x.rows[at].object
				case bySeverity:
					continue
				}
				if key != last && seen[key] {
					t.Fatalf("by %s, %s: a group is in two pieces", groupingNames[g], sortNames[s])
				}
				seen[key], last = true, key
			}
		}
	}
	var spaces []string
	for _, at := range x.sortRows(bySeverity, nameFirst) {
		spaces = append(spaces, x.spaces[x.rows[at].space].name)
	}
	if !slices.IsSorted(spaces) {
		t.Errorf("by name: %v", spaces)
	}
}

func TestExcusedAreCountedHiddenAndExplained(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "end")
		d.rest()
		d.has("1 excused  18/18", "waived", "Why it does not count", "sized by the node pool", "until   2027-01-01", "team-search", "OPS-12", "an annotation of shop/deploy/search")
		d.press("z")
		d.has("1 excused hidden  17/17", "1 waived or expected finding is hidden")
		d.hasNot("- wavd")
		d.press("z")
		d.has("- wavd")
	})
}

func TestPaneWidths(t *testing.T) {
	drive(t, newFake(), Options{}, wide, high, func(d *driver) {
		was := d.m.panes().spaces.w
		d.press(">")
		if got := d.m.panes().spaces.w; got != was+leftStep {
			t.Errorf("from %d to %d", was, got)
		}
		for range 50 {
			d.press("<")
		}
		d.has("it does not get narrower")
		for range 50 {
			d.press(">")
		}
		d.has("it does not get wider")
		d.send(tea.WindowSizeMsg{Width: 80, Height: 24})
		d.press("v", "<")
		d.has("narrower: one list")
		d.send(tea.WindowSizeMsg{Width: 60, Height: 24})
		d.press("v", "<")
		d.has("narrower: only one pane has room")
	})
	for w := minWidth; w <= 250; w++ {
		m := New(newFake(), Options{})
		m.x = newIndex(shop(), nil)
		m.start()
		m.width, m.height, m.browse.left = w, 30, maxLeft
		p := m.panes()
		for _, r := range [4]rect{p.spaces, p.objects, p.finds, p.detail} {
			if r.h > 0 && (r.w < 20 || r.x+r.w > w) {
				t.Fatalf("%d cells: pane %+v", w, r)
			}
		}
	}
}

// scopeOf is a snapshot of namespaces with these findings.
func scopeOf(spaces []string, findings ...*harden.Finding) *harden.Snapshot {
	inv := &harden.Inventory{Cluster: harden.Cluster{Server: "https://192.0.2.1:6443"}, Now: seen, Scope: spaces, Objects: 12}
	for _, f := range findings {
		if f.Workload != nil {
			inv.Workloads = append(inv.Workloads, f.Workload)
		}
	}
	return &harden.Snapshot{Result: &harden.Result{Inventory: inv, Findings: findings}, Generation: 1}
}

func green() *harden.Snapshot {
	s := scopeOf([]string{"shop"})
	s.Inventory.Workloads = []*harden.Workload{workload("Deployment", "shop", "web"), workload("Deployment", "shop", "api")}
	return s
}

func onlyUnknown() *harden.Snapshot {
	f := finding(workload("Deployment", "shop", "web"), fixNonRoot, "web", "the image could not be read")
	f.Status = harden.StatusUnknown
	return scopeOf([]string{"shop"}, f)
}

func nothingReadable() *harden.Snapshot {
	s := scopeOf([]string{"shop"})
	s.Inventory.Objects = 0
	for _, r := range []string{"pods", "deployments.apps", "secrets"} {
		s.Inventory.Unread = append(s.Inventory.Unread, harden.Unread{Resource: r, Why: "forbidden"})
	}
	return s
}

func TestWordsForWhatIsEmpty(t *testing.T) {
	partly := scopeOf([]string{"shop"})
	partly.Inventory.Unread = []harden.Unread{{Resource: "pods", Why: "forbidden"}}
	greenButUnread := green()
	greenButUnread.Inventory.Unread = partly.Inventory.Unread
	elsewhereUnread := green()
	elsewhereUnread.Inventory.Unread = []harden.Unread{{Resource: "pods", Namespace: "other", Why: "forbidden"}}
	waived := finding(workload("Deployment", "shop", "web"), fixMemory, "web", "waived")
	waived.Status = harden.StatusWaived
	for _, test := range []struct {
		name      string
		snap      *harden.Snapshot
		keys      []string
		want      string
		celebrate bool
	}{
		{"all green", green(), nil, "2 workloads, and nothing is wrong", true},
		{"empty", scopeOf([]string{"shop"}), nil, "no workloads in", false},
		{"nothing readable", nothingReadable(), nil, "Nothing could be read here", false},
		{"no workloads seen", partly, nil, "No workloads were seen here", false},
		{"green in what was read", greenButUnread, nil, "Nothing is wrong here in what could be read", false},
		{"unread elsewhere", elsewhereUnread, nil, "2 workloads, and nothing is wrong", true},
		{"only unknown", onlyUnknown(), nil, "Nothing fails here, but 1 check", false},
		{"only waived", scopeOf([]string{"shop"}, waived), nil, "Nothing is left to fix here", false},
		{"only waived, hidden", scopeOf([]string{"shop"}, waived), []string{"z"}, "1 finding is waived or expected; z shows them", true},
		{"only the system", scopeOf([]string{"kube-system"}, finding(workload("DaemonSet", "kube-system", "kube-proxy"), fixPrivileged, "kube-proxy", "privileged")), nil, "Only namespaces of the", false},
		{"a vendor's system", scopeOf([]string{"gke-managed-system", "shop"}, finding(workload("DaemonSet", "gke-managed-system", "agent"), fixPrivileged, "agent", "privileged")), nil, "+ system", false},
		{"filtered away", shop(), []string{"/", "Q", "Q", "Q"}, "19 findings are filtered away", false},
		{"one workload", green(), []string{"down"}, "Nothing is wrong here by the rules of this program", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFake()
			f.snap = test.snap
			for _, size := range []size{{wide, high}, {200, 60}} {
				drive(t, f, Options{}, size.w, size.h, func(d *driver) {
					d.press(test.keys...)
					d.has(test.want)
					if strings.Contains(d.screen(), "all green") != test.celebrate {
						t.Errorf("celebrates: %v\n%s", !test.celebrate, d.screen())
					}
				})
			}
		})
	}
}

func TestNamespaceThatVanishesUnderTheCursor(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("down", "down")
		d.has("prod-eu › payments")
		s := shop()
		s.Generation = 2
		s.Inventory.Scope = slices.DeleteFunc(s.Inventory.Scope, func(n string) bool { return n == "payments" })
		s.Inventory.Workloads = slices.DeleteFunc(s.Inventory.Workloads, func(w *harden.Workload) bool { return w.Ref.Namespace == "payments" })
		s.Findings = slices.DeleteFunc(s.Findings, func(x *harden.Finding) bool { return x.Object.Namespace == "payments" })
		f.send(s)
		d.settle()
		d.has("namespace payments is gone", "prod-eu › identity")
	})
}

func TestMarksOfWhatIsGoneAreDroppedWithAWord(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("a")
		n := len(d.m.marks)
		s := shop()
		s.Generation = 2
		s.Findings = slices.DeleteFunc(s.Findings, func(x *harden.Finding) bool {
			return d.m.marks[x.ID()] && (x.Object.Name == "web" || x.Object.Name == "checkout" && x.Fixer == fixNonRoot)
		})
		f.send(s)
		d.settle()
		d.has("2 marked findings are gone")
		if len(d.m.marks) != n-2 {
			t.Errorf("%d marks became %d", n, len(d.m.marks))
		}
	})
}

func TestRightsThatComeAndGoAreToldOnce(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		generation := 1
		read := func(forbidden bool) {
			generation++
			s := shop()
			s.Generation = generation
			if forbidden {
				s.Inventory.Unread = append(s.Inventory.Unread, harden.Unread{Resource: "secrets", Why: "forbidden"})
			}
			f.send(s)
			d.settle()
		}
		read(true)
		d.has("secrets cannot be read any more (r says why)", "3 kinds not readable")
		read(false)
		d.has("secrets can be read again", "2 kinds not readable")
		d.wait(toastFor)
		read(true)
		d.hasNot("cannot be read any more")
		d.press("r")
		d.has("Not readable", "secrets")
	})
}

func TestWhatIsKnownOfFindingsIsPruned(t *testing.T) {
	f := newFake()
	f.snap = crowd(600, 1)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		for generation := 2; generation < 60; generation++ {
			s := crowd(600, generation)
			for _, x := range s.Findings {
				x.Discriminator = fmt.Sprint(generation)
			}
			f.send(s)
			d.settle()
			d.press("a")
		}
		if got, most := len(d.m.fixes)+len(d.m.asked), 2*600+1000+2*600; got > most {
			t.Errorf("%d entries about findings, of which there are 600", got)
		}
		if got := len(d.m.marks); got > 600 {
			t.Errorf("%d marks", got)
		}
	})
}

func TestClocksThatJump(t *testing.T) {
	now := seen
	for _, test := range []struct {
		seen time.Time
		want string
	}{
		{now.Add(time.Hour), ""}, {now.Add(100 * 24 * time.Hour), ""}, {time.Time{}, ""}, {now, ""}, {now.Add(-2 * time.Hour), "2h"},
	} {
		if got := age(test.seen, now); got != test.want {
			t.Errorf("%s before %s is %q, want %q", test.seen, now, got, test.want)
		}
	}
	f := newFake()
	f.snap.Took = -3 * time.Second
	f.snap.Inventory.Now = seen.Add(-365 * 24 * time.Hour)
	drive(t, f, Options{}, wide, high, func(d *driver) {
		d.press("tab", "tab", "down", "down")
		d.rest()
		d.hasNot("-3", "(seen -")
	})
}

func TestEveryKeyAnswers(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		d.press("%")
		d.has("% does nothing here; ? lists the keys")
		for _, keys := range [][]string{{}, {"u"}, {"i"}, {"down", "n"}, {"a", "f"}, {"v"}} {
			d.press(keys...)
			for range 8 {
				d.press("esc")
			}
			if d.quit {
				t.Fatalf("esc after %q quits", keys)
			}
			if d.m.screen != screenBrowse {
				t.Errorf("esc after %q ends on screen %d", keys, d.m.screen)
			}
		}
	})
}

func TestQuitAsksWhileSomethingIsUnderWay(t *testing.T) {
	f := newFake()
	drive(t, f, Options{}, wide, high, func(d *driver) {
		gate := make(chan struct{}, 9)
		f.stream(gate)
		d.press("i", "s")
		d.wait(armAfter)
		d.press("y", "q")
		d.has("Quit now?")
		d.wait(armAfter)
		d.press("n")
		if d.quit {
			t.Fatal("quit after a no")
		}
		d.press("q")
		d.wait(armAfter)
		d.press("y")
		if !d.quit {
			t.Error("did not quit after a yes")
		}
	})
}

func TestHelpShowsWhatIsPossibleFirst(t *testing.T) {
	drive(t, newFake(), Options{}, 80, 24, func(d *driver) {
		d.press("?")
		seen := d.screen()
		for range 10 {
			d.press("pgdown")
			seen += d.screen()
		}
		possible, not := strings.Index(seen, "plan the marked fixes"), strings.Index(seen, "Not possible now")
		group := strings.Index(seen, "group findings by")
		if not < 0 || group < 0 || group > not || possible < not {
			t.Errorf("order: group %d, not possible %d, fix %d", group, not, possible)
		}
		for _, want := range []string{":ctx", ":ns", "Signs", "Filter"} {
			if !strings.Contains(seen, want) {
				t.Errorf("%q is not in the help", want)
			}
		}
	})
}

func TestErrorsAreNotLostByASwitch(t *testing.T) {
	e := otherPlaces()
	e.backends["dev"].loadErr = errors.New("no route to host")
	drive(t, newFake(), Options{Connector: e}, 100, 30, func(d *driver) {
		d.press("c")
		d.typeText("dev")
		d.press("enter")
		d.has("no route to host", "try again", "staging")
		d.press("c")
		d.typeText("staging")
		d.press("enter")
		d.has("live")
		d.press("!")
		d.has("no route to host")
	})
}
