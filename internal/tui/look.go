package tui

import (
	"context"
	"errors"
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"
	"github.com/dustin/go-humanize"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// looking is a look beyond the objects of the API: into images, into running
// containers. One is under way at most.
type looking struct {
	seq      int
	busy     bool
	cancel   context.CancelFunc
	of       map[harden.Key]bool // workloads
	opts     harden.EvidenceOptions
	messages chan tea.Msg // progress, then the end
	progress harden.GatherProgress
	// counting says that what was found so far is being sorted by image, and
	// again that it is to be done once more.
	counting, again bool
	counted         int
}

type (
	lookMsg struct {
		seq      int
		progress harden.GatherProgress
	}
	lookDoneMsg struct {
		seq int
		x   *index
		err error
	}
	// usesMsg is what is known about images while a look is under way.
	usesMsg struct {
		x    *index // whose workloads use them
		uses []*harden.ImageUse
	}
)

func (l *looking) stop() {
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
}

// words tell how far the look is.
func (l *looking) words() string { return lookWords(&l.progress) }

func lookWords(p *harden.GatherProgress) string {
	switch {
	case p.What == "":
		return "looking"
	case p.Bytes && p.Total > 0:
		return fmt.Sprintf("%s %s of %s", p.What, humanize.Bytes(uint64(p.Done)), humanize.Bytes(uint64(p.Total)))
	case p.Bytes:
		return fmt.Sprintf("%s %s", p.What, humanize.Bytes(uint64(p.Done)))
	case p.Total > 0:
		return fmt.Sprintf("looking at %s %d/%d", p.What, p.Done, p.Total)
	}
	return "looking at " + p.What
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

// workloadInView reports whether inView are any. It is asked for every frame.
func (m *Model) workloadInView() bool {
	for i := range m.browse.findRows.Len() {
		if r := m.browse.findRows.row(i); r != nil && r.Finding.Workload != nil {
			return true
		}
	}
	return false
}

func noLook(m *Model) string {
	switch {
	case m.look.busy:
		return "still looking"
	case m.x == nil || !m.workloadInView():
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

const credentialsNote = "Uses your own registry credentials; keeps what was read in a cache."

// registryNotes say with which credentials registries are asked.
func (m *Model) registryNotes() []string {
	if m.opts.Evidence.PullSecrets {
		return []string{"Uses your own registry credentials and the pull secrets of the workloads, which are read from the cluster for it; keeps what was read in a cache."}
	}
	return []string{credentialsNote}
}

// askLook asks for the consent to look at the images in view, or at the one that
// is open.
func (m *Model) askLook() tea.Cmd {
	uses := m.chosenImages()
	return m.askImages(&confirm{
		title: "Look into images?",
		lines: []string{"Reads " + imagesOf(uses) + " from their registries: users, ports, files."},
		notes: m.registryNotes(), yes: "look",
	}, uses, harden.EvidenceOptions{Images: true})
}

func (m *Model) askScan() tea.Cmd {
	uses := m.chosenImages()
	return m.askImages(&confirm{
		title: "Scan images?",
		lines: []string{"Reads " + imagesOf(uses) + " from their registries, and looks for known vulnerabilities and secrets."},
		notes: append(m.registryNotes(), or(m.opts.DatabaseNote, databaseNote)), yes: "scan",
	}, uses, harden.EvidenceOptions{Images: true, Vulnerabilities: true})
}

func (m *Model) askUpdates() tea.Cmd {
	uses := m.chosenImages()
	return m.askImages(&confirm{
		title: "Look for newer tags?",
		lines: []string{"Lists the tags of " + imagesOf(uses) + " in their registries, and scans the newer ones that are worth a proposal. What is not scanned yet is scanned too."},
		notes: append(m.registryNotes(), or(m.opts.DatabaseNote, databaseNote)), yes: "look",
	}, uses, harden.EvidenceOptions{Images: true, Vulnerabilities: true, Updates: true})
}

const databaseNote = "Downloads a vulnerability database (some 100 MB) unless a new one is in the cache."

// imagesOf is "12 images of 9 workloads".
func imagesOf(uses []*harden.ImageUse) string {
	return plural(len(uses), "image", "images") + " of " + plural(len(workloadsOf(uses)), "workload", "workloads")
}

func (m *Model) askImages(c *confirm, uses []*harden.ImageUse, opts harden.EvidenceOptions) tea.Cmd {
	allowed := m.opts.Evidence
	opts.PullSecrets = allowed.PullSecrets
	if opts.Vulnerabilities {
		opts.Updates, opts.Signatures = opts.Updates || allowed.Updates, allowed.Signatures
	}
	of := workloadsOf(uses)
	c.do = func(m *Model) tea.Cmd { return m.startLook(of, opts) }
	return m.ask(c)
}

func (m *Model) askProbe() tea.Cmd {
	of := harden.WorkloadsOf(m.inView())
	return m.ask(&confirm{
		title: "Look into running containers of " + m.backend.Title() + "?",
		lines: []string{"Runs a script that only reads in one pod of each of " + plural(len(of), "workload", "workloads") + " in view (exec): users, capabilities, ports, files written to."},
		notes: []string{"It shows up in the audit log as pods/exec. Nothing is changed."}, yes: "look",
		do: func(m *Model) tea.Cmd { return m.startLook(of, harden.EvidenceOptions{Probe: true}) },
	})
}

func (m *Model) startLook(of []*harden.Workload, opts harden.EvidenceOptions) tea.Cmd {
	if m.look.busy {
		return nil
	}
	seq := m.look.seq + 1
	ctx, cancel := context.WithCancel(m.root)
	m.look = looking{seq: seq, busy: true, cancel: cancel, of: map[harden.Key]bool{}, opts: opts, messages: make(chan tea.Msg, 64)}
	for _, w := range of {
		m.look.of[w.Ref.Key()] = true
	}
	b, prev, messages := m.backend, m.x, m.look.messages
	look := func() tea.Msg {
		snap, err := b.Gather(ctx, of, opts, func(p harden.GatherProgress) {
			select {
			case messages <- lookMsg{seq, p}:
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
	return tea.Batch(look, m.listen(messages))
}

// listen waits for the next of the messages that something under way sends.
func (m *Model) listen(messages <-chan tea.Msg) tea.Cmd { return listen(m.root, messages) }

func listen(ctx context.Context, messages <-chan tea.Msg) tea.Cmd {
	return func() tea.Msg {
		select {
		case msg := <-messages:
			return msg
		case <-ctx.Done():
			return nil
		}
	}
}

func (msg lookMsg) take(m *Model) tea.Cmd {
	l := &m.look
	if msg.seq != l.seq || !l.busy {
		return nil
	}
	l.progress = msg.progress
	return tea.Batch(m.listen(l.messages), m.countUses())
}

// countUses sorts what a look has found so far by image, off the update loop.
func (m *Model) countUses() tea.Cmd {
	l := &m.look
	facts := l.progress.Facts
	n := len(facts.Images) + len(facts.Scans) + len(facts.Tags) + len(facts.Updates) + len(facts.Signatures)
	if m.x == nil || m.x.snap.Inventory == nil || n == l.counted {
		return nil
	}
	if l.counting {
		l.again = true
		return nil
	}
	l.counting, l.again, l.counted = true, false, n
	x := m.x
	return func() tea.Msg {
		inv := *x.snap.Inventory
		inv.Facts = facts
		return usesMsg{x, inv.ImageUses()}
	}
}

func (msg usesMsg) take(m *Model) tea.Cmd {
	l := &m.look
	l.counting = false
	if msg.x == m.x && l.busy {
		m.adoptUses(msg.uses)
	}
	if l.again && l.busy {
		return m.countUses()
	}
	return nil
}

// stopLook ends a look. What was found is kept, and judged by reading again.
func (m *Model) stopLook() tea.Cmd {
	m.look.stop()
	m.look.busy = false
	return tea.Batch(m.reload(), m.say("stopped looking: what was found is kept"))
}

func noStop(m *Model) string {
	if !m.look.busy {
		return "nothing is being looked at"
	}
	return ""
}

func (msg lookDoneMsg) take(m *Model) tea.Cmd {
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
	unknown := l.notPossible(msg.x)
	cmd := m.adopt(msg.x)
	if unknown != "" {
		return tea.Batch(cmd, m.fail("looked", errors.New(unknown)))
	}
	return tea.Batch(cmd, m.say("looked: the verdicts are up to date"))
}

// notPossible counts what could not be looked at; the first reason stands for all.
func (l *looking) notPossible(x *index) string {
	n, why := 0, ""
	for _, u := range x.uses {
		if !slices.ContainsFunc(u.By, func(b harden.ImageUsage) bool { return l.of[b.Workload.Ref.Key()] }) {
			continue
		}
		if l.opts.Images && u.Facts != nil && !u.Facts.Known || l.opts.Vulnerabilities && u.Scan != nil && !u.Scan.Known {
			n++
			why = or(why, u.Why())
		}
	}
	if !l.opts.Probe {
		return notPossible(n, why)
	}
	for _, p := range x.snap.Inventory.Probes {
		if p != nil && !p.Known {
			n++
			why = or(why, p.Why)
		}
	}
	return notPossible(n, why)
}

func notPossible(n int, why string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d not possible: %s", n, why)
}
