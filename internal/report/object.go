package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// An Object is what is known of one object, for people.
type Object struct {
	Ref      harden.Ref
	Workload *harden.Workload  // nil for others
	Token    *harden.TokenView // of the workload's pods; nil when not known
	Exposed  string            // by what it is reached from outside; empty: nothing known
	Findings []*harden.Finding // on it, and on its pods
}

// Text writes who reaches the object, what its token can do, and what is found on it.
func (o *Object) Text(w io.Writer) error {
	out := &errWriter{w: w}
	fmt.Fprintf(out, "OBJECT:    %s\n", o.Ref.Long())
	if o.Workload != nil {
		exposed := o.Exposed
		if exposed == "" {
			exposed = "nothing is seen that leads to it from outside"
		}
		fmt.Fprintf(out, "REACHED:   %s\n", exposed)
	}
	if o.Token != nil {
		o.token(out)
	}
	fmt.Fprintf(out, "FINDINGS:  %d\n", len(o.Findings))
	for _, f := range o.Findings {
		place := f.Container.String()
		if f.Discriminator != "" {
			place = strings.TrimSpace(place + " " + harden.OneLine(f.Discriminator))
		}
		fmt.Fprintf(out, "  %-9s %-32s %s", f.Severity, f.Fixer.ID, f.Reason)
		if place != "" {
			fmt.Fprintf(out, "  (%s)", place)
		}
		fmt.Fprintln(out, statusMark(f.Status))
		if f.SeverityWhy != "" && f.Severity != f.Base {
			fmt.Fprintf(out, "            moved from %s: %s\n", f.Base, f.SeverityWhy)
		}
	}
	return out.err
}

func (o *Object) token(out io.Writer) {
	mounted := "its token is mounted"
	switch {
	case !o.Token.MountKnown:
		mounted = "whether its token is mounted is not known"
	case !o.Token.Mounted:
		mounted = "no token is mounted: what follows is what one could do"
	}
	fmt.Fprintf(out, "TOKEN:     ServiceAccount %s, %s\n", harden.OneLine(o.Token.Account), mounted)
	if len(o.Token.Lines) == 0 && len(o.Token.Unknown) == 0 {
		fmt.Fprint(out, "  nothing beyond what every ServiceAccount may\n")
	}
	for _, l := range o.Token.Lines {
		fmt.Fprintf(out, "  %-9s %s\n", l.Severity, l.Text)
	}
	for _, why := range o.Token.Unknown {
		fmt.Fprintf(out, "  unknown   %s\n", why)
	}
}
