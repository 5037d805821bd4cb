package prompts

import (
	"strconv"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

const readOnly = "started with --read-only"

// everywhere are the commands that are possible at every question.
func (d *dialog) everywhere() []command {
	return []command{
		{words: []string{"error", "!"}, help: "the last error in full", ready: func() string {
			if d.last == nil {
				return "no error so far"
			}
			return ""
		}, run: func(string) (next, error) {
			d.sayError()
			return stay, nil
		}},
		{words: []string{"log", "~"}, help: "what client-go, the API server, scanners and credential plugins said meanwhile", run: func(string) (next, error) {
			return went, d.logs()
		}},
	}
}

// inView are the commands of the lists of namespaces, objects and findings.
func (d *dialog) inView(v view) []command {
	to := func(place func() error) func(string) (next, error) {
		return func(string) (next, error) { return went, place() }
	}
	return []command{
		{words: []string{"plan", "f"}, help: "plan the marked fixes; nothing is written before you say yes", ready: d.noMarks, run: func(string) (next, error) {
			return went, d.plan(d.marked())
		}},
		{words: []string{"safe", "a"}, help: "mark all fixes of this list that are safe, or safe by evidence", run: func(string) (next, error) {
			d.markSafe(v)
			return stay, nil
		}},
		{words: []string{"unmark"}, help: "unmark all", ready: d.noMarks, run: func(string) (next, error) {
			n := len(d.marks)
			clear(d.marks)
			d.say("Unmarked %d.", n)
			return stay, nil
		}},
		{words: []string{"marked"}, help: "say what is marked", ready: d.noMarks, run: func(string) (next, error) {
			for _, f := range d.marked() {
				d.say("%s", d.findingLine(f, view{}))
			}
			return stay, nil
		}},
		{words: []string{"filter", "/"}, args: "WORDS", help: "keep what matches: words, and terms such as severity:high+ class:safe ns:shop kind:deploy status:unknown id:, name:, container:. Without words: everything again", run: d.setFilter},
		{words: []string{"network", "net"}, help: "who can talk to whom, and the policies that leave open what is needed; reads all namespaces that may be read", run: to(func() error { return d.network(v) })},
		{words: []string{"images", "i"}, help: "the images of this list: users, vulnerabilities, secrets", run: to(func() error { return d.images(v) })},
		{words: []string{"probe"}, help: "look into running containers; asks first", ready: d.noProbe, run: to(func() error { return d.probe(v) })},
		{words: []string{"undo", "u"}, help: "what was applied, and taking it back", ready: d.needsCluster("files have no journal"), run: to(d.history)},
		{words: []string{"waivers"}, help: "the waivers that are written, and taking them away", run: to(d.waivers)},
		{words: []string{"report"}, help: "how it stands against standards", run: to(d.report)},
		{words: []string{"unread", "r"}, help: "what could not be read, and why", ready: func() string {
			if len(d.unread()) == 0 {
				return "everything was readable"
			}
			return ""
		}, run: func(string) (next, error) {
			d.sayUnread(d.unread())
			return stay, nil
		}},
		{words: []string{"again"}, help: "read everything again", run: func(string) (next, error) {
			return changed, d.read()
		}},
		{words: []string{"scope", "ns"}, help: "read other namespaces", ready: d.needsCluster("files have no other namespaces"), run: to(d.chooseScope)},
		{words: []string{"context", "ctx"}, help: "look at another cluster, at files or at the demo", ready: func() string {
			if d.opts.Connector == nil {
				return "there is no kubeconfig to choose from"
			}
			return ""
		}, run: to(d.start)},
	}
}

func (d *dialog) needsCluster(otherwise string) func() string {
	return func() string {
		if !d.live() {
			return otherwise
		}
		return ""
	}
}

// mayWrite tells why nothing may be written, or "".
func (d *dialog) mayWrite() string {
	if d.opts.ReadOnly {
		return readOnly
	}
	return ""
}

// setFilter filters from now on, unless the filter makes no sense.
func (d *dialog) setFilter(text string) (next, error) {
	spaces, err := d.list(text)
	if err != nil {
		d.say("The filter stays as it was: %s.", err)
		return stay, nil
	}
	d.filter = text
	n := 0
	for _, s := range spaces {
		for _, o := range s.Objects {
			n += len(o.Findings)
		}
	}
	if text == "" {
		d.say("No filter: %s.", plural(n, "finding", "findings"))
	} else {
		d.say("Filtered by %s: %s.", text, plural(n, "finding matches", "findings match"))
	}
	return changed, nil
}

func (d *dialog) sayUnread(unread []harden.Unread) {
	if len(unread) == 0 {
		d.say("Everything was readable.")
		return
	}
	d.say("What could not be read was not judged. Rules that need it say unknown or are silent.")
	for _, u := range unread {
		where := ""
		if u.Namespace != "" {
			where = " in " + u.Namespace
		}
		d.say("%s%s: %s", u.Resource, where, u.Why)
	}
}

// numbers reads "3", "1 3 5", "1,3" and "2-4" as positions from 1 to n, each once.
// wrong is the first part that is none.
func numbers(text string, n int) (at []int, wrong string) {
	seen := map[int]bool{}
	for _, part := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' }) {
		first, last, isRange := strings.Cut(part, "-")
		from, err := strconv.Atoi(first)
		to := from
		if err == nil && isRange {
			to, err = strconv.Atoi(last)
		}
		if err != nil || from < 1 || to > n || from > to {
			return nil, part
		}
		for i := from; i <= to; i++ {
			if !seen[i] {
				seen[i] = true
				at = append(at, i)
			}
		}
	}
	return at, ""
}
