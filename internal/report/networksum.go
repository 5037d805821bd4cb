package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// counts says how much is open, as it is and with the proposal.
func (r *Network) counts(w io.Writer) {
	before, after := r.View.Counts()
	line := fmt.Sprintf("Connections %s (each port of each pair): %s.", r.where(), countWords(before))
	if before != after {
		line += fmt.Sprintf(" With the proposal: %s.", countWords(after))
	}
	for _, l := range wrapWords(line, r.Width) {
		fmt.Fprintln(w, l)
	}
	for _, line := range []struct{ lead, text string }{
		{"Needed, and denied: ", strings.Join(r.cut(false), "; ")}, {"Needed, and denied by the proposal: ", strings.Join(r.cut(true), "; ")},
	} {
		if line.text != "" {
			fmt.Fprintln(w, line.lead+line.text+".")
		}
	}
}

// cut are the needed connections that are denied as it is, or by the proposal.
func (r *Network) cut(proposed bool) []string {
	var out []string
	for i := range r.View.Cells {
		c := &r.View.Cells[i]
		denied := c.Before == harden.ReachDenied
		if proposed {
			denied = !denied && c.After == harden.ReachDenied
		}
		if denied && r.View.Needed(c) {
			out = append(out, fmt.Sprintf("%s to %s %s", r.peer(r.View.Peers[c.From]), r.peer(r.View.Peers[c.To]), c.Port))
		}
	}
	return out
}

func countWords(n harden.NetworkCounts) string {
	return fmt.Sprintf("%d allowed, %d denied, %d unknown", n.Allowed, n.Denied, n.Unknown)
}

// flows writes what is needed, and why.
func (r *Network) flows(w io.Writer) error {
	needs, n := r.needs()
	if n == 0 {
		fmt.Fprintln(w, "Nothing is known of what the workloads need.")
		return nil
	}
	fmt.Fprintf(w, "\nNeeded are %s:\n", plural(n, "connection"))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "FROM\tTO\tPORT\tCONFIDENCE\tBECAUSE")
	for _, need := range needs {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", need.from, need.to, strings.Join(need.ports, ","), need.confidence, need.because)
	}
	return tw.Flush()
}

// A need is a row of the needed connections: flows that differ in their ports only.
type need struct {
	from, to, because string
	outside           bool // the far end is no workload
	ports             []string
	confidence        harden.Confidence
}

// needs are the needed connections, folded: ports of one pair, and what several
// workloads need of the DNS and the like in the same way. The number is that
// before the folding.
func (r *Network) needs() (needs []need, flows int) {
	for i := range r.View.Flows {
		f := &r.View.Flows[i]
		if !f.Required() || !r.chosen(f.From) && !r.chosen(f.To) {
			continue
		}
		flows++
		next := need{from: r.peer(f.From), to: r.end(f), because: r.because(f), outside: f.To.Kind != harden.PeerWorkload, confidence: f.Confidence}
		at := slices.IndexFunc(needs, func(n need) bool {
			return n.from == next.from && n.to == next.to && n.because == next.because && n.confidence == next.confidence
		})
		if at < 0 {
			at = len(needs)
			needs = append(needs, next)
		}
		needs[at].ports = append(needs[at].ports, f.Port.String())
	}
	workloads := 0
	for _, p := range r.View.Peers {
		if p.Kind == harden.PeerWorkload && r.looked(p) && r.chosen(p) {
			workloads++
		}
	}
	const few = 3
	var out []need
	for i, n := range needs {
		same := func(o need) bool {
			return o.to == n.to && o.because == n.because && o.confidence == n.confidence && slices.Equal(o.ports, n.ports)
		}
		first, all := slices.IndexFunc(needs, same), 0
		for _, o := range needs {
			if same(o) {
				all++
			}
		}
		if n.outside && all >= few {
			if first != i {
				continue
			}
			n.from = fmt.Sprintf("%d of %s", all, plural(workloads, "workload"))
		}
		out = append(out, n)
	}
	return out, flows
}

// end names the far end of a flow, with the host name that was asked for.
func (r *Network) end(f *harden.Flow) string {
	if f.Host != "" {
		return r.peer(f.To) + " (" + harden.OneLine(f.Host) + ")"
	}
	return r.peer(f.To)
}

func (r *Network) because(f *harden.Flow) string {
	var words []string
	for _, o := range f.Origins {
		words = append(words, harden.OneLine(o.Text))
	}
	if f.Volatile != "" {
		words = append(words, "volatile: "+harden.OneLine(f.Volatile))
	}
	return strings.Join(words, "; ")
}

// guessed lists the flows that no proposal allows, for a person to decide.
func (r *Network) guessed(w io.Writer) {
	said := false
	for i := range r.View.Flows {
		f := &r.View.Flows[i]
		if f.Required() || !r.chosen(f.From) && !r.chosen(f.To) {
			continue
		}
		if !said {
			fmt.Fprintln(w, "Guessed by name only, and not allowed by the proposal:")
			said = true
		}
		fmt.Fprintf(w, "  %s to %s %s: %s\n", r.peer(f.From), r.end(f), f.Port, r.because(f))
	}
}

// phases writes what each phase of the proposal makes, and what is refused.
func (r *Network) phases(w io.Writer) {
	phases := r.shownPhases()
	if len(phases) == 0 {
		return
	}
	fmt.Fprintln(w, "\nProposal, in this order; each phase is applied and undone as one:")
	said := map[string]bool{}
	for _, p := range phases {
		fmt.Fprintf(w, "  %s in %s: %s\n", p.Name, harden.OneLine(p.Namespace), phaseWords(p))
		for _, u := range p.Policies {
			fmt.Fprintf(w, "    makes %s %s\n", harden.OneLine(u.GetKind()), harden.OneLine(u.GetName()))
		}
		for _, why := range folded(p.Refused) {
			fmt.Fprintf(w, "    not proposed: %s\n", why)
		}
		for _, text := range folded(p.Warnings) {
			if !said[text] { // one about the cluster is the same for each phase
				fmt.Fprintf(w, "    warning: %s\n", text)
			}
			said[text] = true
		}
	}
	fmt.Fprintln(w)
}

// folded joins lines that say the same of several workloads: "Deployment/api: text"
// and "Deployment/web: text" become "Deployment/api, Deployment/web: text".
func folded(lines []string) []string {
	subjects := map[string][]string{}
	var order []string
	for _, line := range lines {
		subject, text, ok := strings.Cut(harden.OneLine(line), ": ")
		if !ok || strings.Contains(subject, " ") || !strings.Contains(subject, "/") {
			subject, text = "", harden.OneLine(line)
		}
		if subjects[text] == nil {
			order = append(order, text)
		}
		subjects[text] = append(subjects[text], subject)
	}
	var out []string
	for _, text := range order {
		if s := strings.Join(subjects[text], ", "); s != "" {
			text = s + ": " + text
		}
		out = append(out, text)
	}
	return out
}

// phaseWords says in a few words how a phase stands.
func phaseWords(p *harden.NetworkPhase) string {
	switch {
	case p.Done:
		return "nothing left to do"
	case len(p.Policies) == 0 && len(p.Refused) > 0:
		return "refused"
	case len(p.Policies) == 0:
		return "nothing is proposed"
	}
	s := fmt.Sprintf("%d new %s", len(p.Policies), map[bool]string{true: "policy", false: "policies"}[len(p.Policies) == 1])
	if n := len(p.Refused); n > 0 {
		s += fmt.Sprintf(", %d not proposed", n)
	}
	return s
}

// shownPhases are those that were asked for.
func (r *Network) shownPhases() []*harden.NetworkPhase {
	var out []*harden.NetworkPhase
	for i := range r.View.Phases {
		if p := &r.View.Phases[i]; len(r.Phases) == 0 || slices.Contains(r.Phases, p.Name) {
			out = append(out, p)
		}
	}
	return out
}
