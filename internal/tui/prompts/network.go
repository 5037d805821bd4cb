package prompts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A networking is who can talk to whom, as it is talked about.
type networking struct {
	*dialog
	view      *harden.NetworkView
	direction harden.Direction
	proposed  bool // as the proposal would make it
	changes   bool // only what the proposal changes
	summed    bool // the engine and the counts were said
}

// network reads how pods are reached, and says who can talk to whom in the
// namespaces of a view.
func (d *dialog) network(v view) error {
	namespaces, err := d.namespaces(v)
	if err != nil || len(namespaces) == 0 {
		d.say("There is no namespace here.")
		return nil
	}
	d.say("Reading how pods are reached, in all namespaces that may be read.")
	n := &networking{dialog: d, direction: harden.Egress}
	var snap *harden.Snapshot
	err = d.doing(func(ctx context.Context, tell func(string)) error {
		var err error
		if snap, err = d.b.Gather(ctx, nil, harden.EvidenceOptions{Network: true}, quarters(tell)); err != nil {
			return err
		}
		n.view, err = d.b.Network(ctx, namespaces)
		if err == nil && n.view == nil {
			err = errors.New("no answer")
		}
		return err
	})
	switch {
	case errors.Is(err, errQuit):
		return err
	case err != nil:
		d.fail("looking at the network", err)
		return nil
	}
	if snap != nil {
		d.adopt(snap)
	}
	return d.browse(n.menu)
}

// namespaces are those of the objects of a view.
func (d *dialog) namespaces(v view) ([]string, error) {
	objects, err := d.objects(v)
	var out []string
	for _, o := range objects {
		if ns := o.Ref.Namespace; ns != "" && !slices.Contains(out, ns) {
			out = append(out, ns)
		}
	}
	slices.Sort(out)
	return out, err
}

func (n *networking) grid() *harden.NetworkGrid {
	if n.changes {
		return n.view.Grid(n.direction, (*harden.NetworkCell).Changed)
	}
	return n.view.Grid(n.direction, nil)
}

func (n *networking) menu() (menu, error) {
	g := n.grid()
	what := "who may be reached from"
	if n.direction == harden.Ingress {
		what = "who may reach"
	}
	state := "as it is"
	if n.proposed {
		state = "as the proposal would make it"
	}
	m := menu{
		title: fmt.Sprintf("Network of %s: %s each workload, %s", join(n.view.Namespaces), what, state), intro: n.sayEngine,
		none: "There is no connection to tell of.", hint: "a number for what decides it, turn, proposal or phases", commands: n.commands(),
	}
	for i, at := range g.Rows {
		p := n.view.Peers[at]
		m.items = append(m.items, item{id: p.String() + p.Workload.Source.String(), text: func() string { return n.sentence(g, i) }, open: func() error { return n.workload(g, i) }})
	}
	return m, nil
}

func (n *networking) sayEngine() {
	if n.summed {
		return
	}
	n.summed = true
	e := n.view.Engine
	engine := or(e.Name, "an engine that was not recognised")
	switch e.Enforces {
	case harden.Enforced:
		n.say("NetworkPolicies are enforced by %s.", engine)
	case harden.NotEnforced:
		n.say("NetworkPolicies are not enforced here: every connection is open, and this is what they only declare. %s.", strings.TrimSuffix(upper(e.Why), "."))
	default:
		n.say("Whether NetworkPolicies are enforced is not known: this is what they declare. %s.", strings.TrimSuffix(upper(e.Why), "."))
	}
	before, after := n.view.Counts()
	words := func(c harden.NetworkCounts) string {
		return fmt.Sprintf("%d allowed, %d denied, %d not known", c.Allowed, c.Denied, c.Unknown)
	}
	n.say("Connections: %s.", words(before))
	if before != after {
		n.say("With the proposal: %s.", words(after))
	}
	if k := len(n.view.Unread); k > 0 {
		n.say("%s could not be read for it; type unread to hear which.", plural(k, "kind of objects", "kinds of objects"))
	}
}

func (n *networking) commands() []command {
	toggle := func(on *bool) func(string) (next, error) {
		return func(string) (next, error) {
			*on = !*on
			return changed, nil
		}
	}
	flows := func(required bool) []*harden.Flow {
		var out []*harden.Flow
		for i := range n.view.Flows {
			if f := &n.view.Flows[i]; f.Required() == required {
				out = append(out, f)
			}
		}
		return out
	}
	return []command{
		{words: []string{"phases", "f"}, help: "the proposal, in the steps in which it is applied; plan one there", run: func(string) (next, error) { return went, n.phases() }},
		{words: []string{"proposal"}, help: "the connections as they are, or as the proposal would make them", run: toggle(&n.proposed)},
		{words: []string{"changes", "c"}, help: "only the connections that the proposal changes, or all", run: toggle(&n.changes)},
		{words: []string{"turn", "t"}, help: "who the workloads may reach, or who may reach them", run: func(string) (next, error) {
			if n.direction == harden.Egress {
				n.direction = harden.Ingress
			} else {
				n.direction = harden.Egress
			}
			return changed, nil
		}},
		{words: []string{"needed"}, help: "the connections that are needed, and why", run: func(string) (next, error) { return went, n.flows("needed", flows(true)) }},
		{words: []string{"guessed"}, help: "connections that were guessed by name only: no proposal allows them", run: func(string) (next, error) { return went, n.flows("guessed", flows(false)) }},
		{words: []string{"unread", "r"}, help: "what could not be read for it", run: func(string) (next, error) {
			n.sayUnread(harden.GatherUnread(n.view.Unread))
			return stay, nil
		}},
	}
}

// phases lists the steps of the proposal.
func (n *networking) phases() error {
	return n.browse(func() (menu, error) {
		m := menu{title: "The proposal: " + plural(len(n.view.Phases), "step", "steps") + ", to be applied in this order", none: "Nothing is proposed.", hint: "a number"}
		for i := range n.view.Phases {
			p := &n.view.Phases[i]
			m.items = append(m.items, item{id: p.Namespace + "|" + string(p.Name), text: func() string { return phaseName(p) + ": " + phaseWords(p) }, open: func() error { return n.phase(p) }})
		}
		return m, nil
	})
}

func phaseName(p *harden.NetworkPhase) string { return string(p.Name) + " in " + p.Namespace }

func phaseWords(p *harden.NetworkPhase) string {
	switch {
	case p.Done:
		return "nothing left to do"
	case len(p.Policies) == 0 && len(p.Refused) > 0:
		return "refused"
	case len(p.Policies) == 0:
		return "nothing is proposed"
	case len(p.Refused) > 0:
		return plural(len(p.Policies), "new policy", "new policies") + fmt.Sprintf(", %d not proposed", len(p.Refused))
	}
	return plural(len(p.Policies), "new policy", "new policies")
}

// phase says what a step makes, and plans it.
func (n *networking) phase(p *harden.NetworkPhase) error {
	return n.browse(func() (menu, error) {
		return menu{
			title: upper(phaseName(p)) + ": " + phaseWords(p), hint: "plan", intro: func() {
				for _, why := range p.Refused {
					n.say("Not proposed: %s", why)
				}
				for _, text := range p.Warnings {
					n.say("Beware: %s", text)
				}
				for _, u := range p.Policies {
					n.say("It makes %s %s.", u.GetKind(), u.GetName())
				}
			},
			commands: []command{
				{words: []string{"plan", "f"}, help: "plan this step; it is applied and taken back as one; nothing is written before you say yes", ready: func() string {
					switch {
					case p.Done:
						return "nothing is left to do for it"
					case len(p.Findings) == 0:
						return "nothing is proposed for it"
					}
					return ""
				}, run: func(string) (next, error) { return went, n.plan(p.Findings) }},
				{words: []string{"yaml", "d"}, help: "the policies as YAML", run: func(string) (next, error) {
					for _, u := range p.Policies {
						n.say("%s %s:", u.GetKind(), u.GetName())
						b, err := yaml.Marshal(u.Object["spec"])
						if err != nil {
							return stay, err
						}
						for _, line := range lines(string(b)) {
							n.write(strings.TrimRight(harden.OneLine(line), " ") + "\n")
						}
					}
					return stay, nil
				}},
			},
		}, nil
	})
}

// flows lists connections that are needed, or seem to be.
func (n *networking) flows(word string, flows []*harden.Flow) error {
	return n.browse(func() (menu, error) {
		m := menu{title: "Connections that are " + word + ": " + plural(len(flows), "connection", "connections"), none: "None is known.", hint: "a number"}
		for _, f := range flows {
			name := n.flowName(f)
			m.items = append(m.items, item{id: name, text: func() string { return name }, open: func() error { return n.flow(name, f) }})
		}
		return m, nil
	})
}

func (n *networking) flowName(f *harden.Flow) string {
	s := peerName(f.From, "") + " to " + peerName(f.To, f.From.Namespace)
	if f.Host != "" {
		s += ", host " + f.Host
	}
	return s + ", " + portName(f.Port)
}

func (n *networking) flow(name string, f *harden.Flow) error {
	return n.browse(func() (menu, error) {
		return menu{title: upper(name), intro: func() {
			n.sayNeed(f)
			before, after := n.view.Explain(f.From, f.To, f.Port)
			n.sayDecision("As it is", &before)
			n.sayDecision("As proposed", &after)
		}}, nil
	})
}

func (n *networking) sayNeed(f *harden.Flow) {
	if f.Required() {
		n.say("Needed, confidence %s.", f.Confidence)
	} else {
		n.say("Guessed by name only: no proposal allows it.")
	}
	for _, o := range f.Origins {
		seen := ""
		if o.Observed {
			seen = ", seen"
		}
		n.say("Because: %s, evidence %s%s.", strings.TrimSuffix(o.Text, "."), o.Code, seen)
	}
	n.lead("Beware: ", f.Volatile)
}

func (n *networking) sayDecision(when string, d *harden.Decision) {
	n.say("%s: %s. %s.", when, reachName(d.Reach, d.Partly), strings.TrimSuffix(upper(or(d.Why, "nothing decides it")), "."))
}
