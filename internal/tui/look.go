package tui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// looking is a look beyond the objects of the API: into images, into running
// containers. One is under way at most.
type looking struct {
	seq         int
	busy        bool
	cancel      context.CancelFunc
	messages    chan tea.Msg // progress, then the end
	what        string
	done, total int
}

type (
	lookMsg struct {
		seq         int
		what        string
		done, total int
	}
	lookDoneMsg struct {
		seq int
		x   *index
		err error
	}
)

func (l *looking) stop() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// words tell how far the look is.
func (l *looking) words() string {
	if l.total == 0 {
		return "looking"
	}
	return fmt.Sprintf("looking at %s %d/%d", l.what, l.done, l.total)
}

// inView are the findings of the list in view: evidence is gathered for their workloads.
func (m *Model) inView() []*harden.Finding {
	var findings []*harden.Finding
	for i := range m.browse.findRows.Len() {
		if r := m.browse.findRows.row(i); r != nil && r.Finding.Workload != nil {
			findings = append(findings, r.Finding)
		}
	}
	return findings
}

func workloads(findings []*harden.Finding) int {
	found := map[harden.Key]bool{}
	for _, f := range findings {
		found[f.Workload.Ref.Key()] = true
	}
	return len(found)
}

func noLook(m *Model) string {
	switch {
	case m.look.busy:
		return "still looking"
	case m.x == nil || len(m.inView()) == 0:
		return "no workload in view"
	}
	return ""
}

func noProbe(m *Model) string {
	if !m.backend.Live() {
		return "nothing runs behind files"
	}
	return noLook(m)
}

func (m *Model) askImages() tea.Cmd {
	findings := m.inView()
	notes := []string{"The registries are asked with your own credentials. What was read is kept in a cache."}
	if m.opts.PullSecrets {
		notes[0] = "The registries are asked with your own credentials and with the pull secrets of the workloads, which are read from the cluster for it. What was read is kept in a cache."
	}
	return m.ask(&confirm{
		title: "Look into images?",
		lines: []string{"Reads the images of " + plural(workloads(findings), "workload", "workloads") + " in view from their registries: users, ports, files."},
		notes: notes, yes: "look",
		do: func(m *Model) tea.Cmd {
			return m.startLook(findings, harden.EvidenceOptions{Images: true, PullSecrets: m.opts.PullSecrets})
		},
	})
}

func (m *Model) askProbe() tea.Cmd {
	findings := m.inView()
	return m.ask(&confirm{
		title: "Look into running containers of " + m.backend.Title() + "?",
		lines: []string{"Runs a script that only reads in one pod of each of " + plural(workloads(findings), "workload", "workloads") + " in view (exec): users, capabilities, ports, files written to."},
		notes: []string{"It shows up in the audit log as pods/exec. Nothing is changed."}, yes: "look",
		do: func(m *Model) tea.Cmd { return m.startLook(findings, harden.EvidenceOptions{Probe: true}) },
	})
}

func (m *Model) startLook(findings []*harden.Finding, opts harden.EvidenceOptions) tea.Cmd {
	m.look.stop()
	seq := m.look.seq + 1
	ctx, cancel := context.WithCancel(m.root)
	m.look = looking{seq: seq, busy: true, cancel: cancel, messages: make(chan tea.Msg, 64)}
	b, prev, messages := m.backend, m.x, m.look.messages
	look := func() tea.Msg {
		snap, err := b.Gather(ctx, harden.WorkloadsOf(findings), opts, func(p harden.GatherProgress) {
			select {
			case messages <- lookMsg{seq, p.What, p.Done, p.Total}:
			default: // only the last one matters, and the end comes by itself
			}
		})
		end := lookDoneMsg{seq: seq, err: err}
		if err == nil {
			end.x = newIndex(snap, prev)
		}
		select {
		case messages <- end: // behind what was said before
		case <-ctx.Done():
		}
		return nil
	}
	return tea.Batch(look, m.nextLook())
}

func (m *Model) nextLook() tea.Cmd {
	messages, root := m.look.messages, m.root
	return func() tea.Msg {
		select {
		case msg := <-messages:
			return msg
		case <-root.Done():
			return nil
		}
	}
}

func (m *Model) looked(msg lookMsg) tea.Cmd {
	l := &m.look
	if msg.seq != l.seq || !l.busy {
		return nil
	}
	l.what, l.done, l.total = msg.what, msg.done, msg.total
	return m.nextLook()
}

func (m *Model) lookDone(msg lookDoneMsg) tea.Cmd {
	l := &m.look
	if msg.seq != l.seq || !l.busy {
		return nil
	}
	l.busy = false
	l.stop()
	if msg.err != nil {
		return m.fail("looking", msg.err)
	}
	if m.x != nil && msg.x.snap.Generation < m.x.snap.Generation {
		// Something newer was shown meanwhile; it was judged with what was found.
		return m.say("looked: the verdicts are up to date")
	}
	unknown := unreadFacts(msg.x.snap.Inventory)
	cmd := m.adopt(msg.x)
	if unknown != "" {
		return tea.Batch(cmd, m.say("looked; "+unknown))
	}
	return tea.Batch(cmd, m.say("looked: the verdicts are up to date"))
}

// unreadFacts counts what could not be looked at; the first reason stands for all.
func unreadFacts(inv *harden.Inventory) string {
	n, why := 0, ""
	for _, f := range inv.Images {
		if f != nil && !f.Known {
			n++
			why = or(why, f.Why)
		}
	}
	for _, p := range inv.Probes {
		if p != nil && !p.Known {
			n++
			why = or(why, p.Why)
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d not possible: %s", n, why)
}
