package prompts

import (
	"context"
	"errors"
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/tui"
)

// start asks what to look at.
func (d *dialog) start() error {
	return d.browse(func() (menu, error) {
		m := menu{title: "What to look at", hint: "a number", top: d.snap == nil, commands: d.startCommands()}
		if d.b != nil && d.snap == nil {
			m.title, m.hint = "Nothing of "+d.b.Title()+" is read yet", "again to try again, login or a number"
		}
		c := d.opts.Connector
		if c == nil {
			return m, nil
		}
		contexts, err := c.Contexts()
		if err != nil {
			d.fail("reading the kubeconfig", err)
		}
		for _, k := range contexts {
			m.items = append(m.items, item{
				id:   "context " + k.Name,
				text: func() string { return contextLine(k) },
				open: func() error { return d.open(func() (tui.Backend, harden.Scope, error) { return c.Context(k.Name) }) },
			})
		}
		m.items = append(m.items, item{id: "files", text: func() string { return "manifests in files or folders" }, open: d.openFiles})
		m.items = append(m.items, item{id: "demo", text: func() string { return "the demo: manifests of a small shop" }, open: func() error { return d.open(c.Demo) }})
		return m, nil
	})
}

func contextLine(k tui.KubeContext) string {
	s := "context " + k.Name
	if k.Cluster != "" && k.Cluster != k.Name {
		s += ", cluster " + k.Cluster
	}
	if k.Namespace != "" {
		s += ", namespace " + k.Namespace
	}
	if k.Current {
		s += ", the current one"
	}
	return s
}

// startCommands are about the backend that there is, where it could not be read.
func (d *dialog) startCommands() []command {
	var out []command
	if d.b != nil && d.snap == nil {
		out = append(out, command{words: []string{"again"}, help: "try to read " + d.b.Title() + " again", run: func(string) (next, error) {
			return stay, d.tryAgain()
		}})
	}
	if d.live() {
		out = append(out, command{words: []string{"login"}, help: "let the credential plugin of the kubeconfig ask for what it needs, then read again", run: func(string) (next, error) {
			// The plugin talks to the person on the terminal itself.
			if err := d.doing(func(ctx context.Context, _ func(string)) error { return d.b.Login(ctx) }); err != nil {
				d.fail("logging in", err)
				return stay, nil
			}
			return stay, d.tryAgain()
		}})
	}
	return out
}

// tryAgain leaves the list once something could be read.
func (d *dialog) tryAgain() error {
	if err := d.read(); err != nil || d.snap == nil {
		return err
	}
	return errElsewhere
}

func (d *dialog) openFiles() error {
	path, err := d.ask(d.ctx, "Which file or folder? Nothing to leave it:")
	if err != nil || path == "" {
		return err
	}
	return d.open(func() (tui.Backend, harden.Scope, error) { return d.opts.Connector.Files([]string{path}) })
}

// open looks at something else. What cannot be read is left again.
func (d *dialog) open(connect func() (tui.Backend, harden.Scope, error)) error {
	b, scope, err := connect()
	if err != nil {
		d.fail("opening", err)
		return nil
	}
	old := *d
	d.b, d.scope, d.opened, d.snap, d.told, d.watch = b, scope, true, nil, nil, nil
	d.byID = nil
	d.class, d.filter = map[string]string{}, ""
	if err := d.read(); err != nil {
		old.leave()
		return err
	}
	if d.snap == nil && old.snap != nil {
		b.Close()
		d.b, d.scope, d.opened, d.snap, d.told, d.watch, d.byID, d.class, d.filter = old.b, old.scope, old.opened, old.snap, old.told, old.watch, old.byID, old.class, old.filter
		d.say("Back at %s.", d.b.Title())
		return nil
	}
	clear(d.marks)
	old.leave()
	return errElsewhere
}

// chooseScope asks which namespaces to read.
func (d *dialog) chooseScope() error {
	return d.browse(func() (menu, error) {
		var names []string
		err := d.doing(func(ctx context.Context, _ func(string)) error {
			var err error
			names, err = d.b.Namespaces(ctx)
			return err
		})
		m := menu{title: "Namespaces that can be read: " + plural(len(names), "namespace", "namespaces"), hint: "a number"}
		if errors.Is(err, errQuit) {
			return m, err
		}
		if err != nil {
			d.fail("listing namespaces", err)
		}
		m.items = append(m.items, item{id: "*", text: func() string { return "all namespaces" }, open: func() error { return d.rescope(harden.Scope{All: true}) }})
		for _, n := range names {
			now := ""
			if slices.Equal(d.scope.Namespaces, []string{n}) {
				now = ", which is read now"
			}
			m.items = append(m.items, item{id: n, text: func() string { return n + now }, open: func() error { return d.rescope(harden.Scope{Namespaces: []string{n}}) }})
		}
		m.commands = []command{{words: []string{"name"}, args: "NAMESPACE", help: "read a namespace that is not in the list", run: func(args string) (next, error) {
			if args == "" {
				d.say("Say which, such as: name shop.")
				return stay, nil
			}
			return stay, d.rescope(harden.Scope{Namespaces: []string{args}})
		}}}
		return m, nil
	})
}

func (d *dialog) rescope(scope harden.Scope) error {
	old, snap := d.scope, d.snap
	d.scope = scope
	if err := d.read(); err != nil {
		return err
	}
	if d.snap == snap { // it could not be read
		d.scope = old
		return nil
	}
	return errElsewhere
}
