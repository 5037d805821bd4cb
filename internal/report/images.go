package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Images are what the writers of images need.
type Images struct {
	// Uses to show, worst first; see Narrow.
	Uses []*harden.ImageUse
	// Cluster is zero for files and for images that were named.
	Cluster    harden.Cluster
	Namespaces []string
	Unread     []harden.Unread
	// Named images are looked at for their own sake: nobody runs them.
	Named bool
	// Asked is what was looked for.
	Asked harden.EvidenceOptions
	// Least and Fixable say what Narrow left out.
	Least   harden.Severity
	Fixable bool
	// Wide adds columns to the table, and lists what is in each image.
	Wide    bool
	Now     time.Time
	Version string // of this program
}

// Narrow leaves out vulnerabilities and secrets below a severity and, when
// fixable, vulnerabilities without a fixed version. What is left is in the order
// of harden.CompareImageUses.
func Narrow(uses []*harden.ImageUse, least harden.Severity, fixable bool) []*harden.ImageUse {
	var out []*harden.ImageUse
	for _, u := range uses {
		use := *u
		if u.Scan != nil {
			scan := *u.Scan
			scan.Vulnerabilities = kept(u.Scan.Vulnerabilities, func(v harden.Vulnerability) bool {
				return v.Severity >= least && (v.Fixable() || !fixable)
			})
			scan.Secrets = kept(u.Scan.Secrets, func(s harden.ImageSecret) bool { return s.Severity >= least })
			use.Scan = &scan
		}
		out = append(out, &use)
	}
	slices.SortFunc(out, harden.CompareImageUses)
	return out
}

func kept[T any](all []T, keep func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(all), func(t T) bool { return !keep(t) })
}

// Table writes one row an image, what is in it where there is room for that (a
// single image, or Wide), what was not looked at, and a summary.
func (r *Images) Table(w io.Writer) error {
	out := &errWriter{w: w}
	if len(r.Uses) == 0 {
		fmt.Fprintln(out, "No images found.")
		writeUnread(out, r.Unread)
		return out.err
	}
	if err := r.rows(out); err != nil {
		return err
	}
	if r.Wide || len(r.Uses) == 1 {
		for _, u := range r.Uses {
			if err := r.contents(out, u); err != nil {
				return err
			}
		}
	}
	fmt.Fprintln(out)
	r.newer(out)
	r.summary(out)
	return out.err
}

var countColumns = []harden.Severity{harden.Critical, harden.High, harden.Medium, harden.Low}

func (r *Images) rows(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	head := []string{"IMAGE", "DIGEST", "USER", "SIZE", "AGE"}
	if r.Asked.Vulnerabilities {
		head = append(head, "CRITICAL", "HIGH", "MEDIUM", "LOW")
		if r.Wide {
			head = append(head, "UNRATED")
		}
		head = append(head, "SECRETS", "SOURCE")
	}
	if r.Wide {
		head = append(head, "PLATFORM", "OS", "PACKAGES", "DATABASE")
		if r.Asked.Signatures {
			head = append(head, "SIGNED")
		}
		if !r.Named {
			head = append(head, "WORKLOADS")
		}
	}
	fmt.Fprintln(tw, strings.Join(head, "\t"))
	for _, u := range r.Uses {
		fmt.Fprintln(tw, strings.Join(r.row(u), "\t"))
	}
	return tw.Flush()
}

const notKnown = "?"

func (r *Images) row(u *harden.ImageUse) []string {
	cells := []string{u.Name(), orDash(harden.ShortDigest(u.Digest())), notKnown, notKnown, notKnown}
	if f := u.Facts; f != nil && f.Known {
		cells[2], cells[3], cells[4] = userOf(f), humanize.Bytes(uint64(max(f.Size, 0))), orDash(r.age(f.Created))
	}
	if r.Asked.Vulnerabilities {
		cells = append(cells, r.counts(u)...)
	}
	if r.Wide {
		cells = append(cells, u.Key.Platform)
		cells = append(cells, r.origin(u)...)
		if r.Asked.Signatures {
			cells = append(cells, signed(u.Signature))
		}
		if !r.Named {
			cells = append(cells, workloadNames(u))
		}
	}
	for i := range cells {
		cells[i] = harden.OneLine(cells[i])
	}
	return cells
}

// counts are numbers as ALL/FIXABLE; what was not looked at is not 0.
func (r *Images) counts(u *harden.ImageUse) []string {
	columns := countColumns
	if r.Wide {
		columns = harden.Severities()
	}
	var cells []string
	var c harden.VulnerabilityCounts
	if u.Scanned() {
		c = u.Scan.Count()
	}
	for _, s := range columns {
		switch {
		case !u.Scanned():
			cells = append(cells, notKnown)
		case c.All[s] == 0:
			cells = append(cells, "0")
		default:
			cells = append(cells, fmt.Sprintf("%d/%d", c.All[s], c.Fixable[s]))
		}
	}
	secrets, source := notKnown, "-"
	if u.Scanned() {
		if u.Scan.SecretsKnown {
			secrets = fmt.Sprint(len(u.Scan.Secrets))
		}
		source = string(u.Scan.Source.Kind)
	}
	return append(cells, secrets, source)
}

// origin is distribution, packages and age of the database.
func (r *Images) origin(u *harden.ImageUse) []string {
	if !u.Scanned() {
		return []string{notKnown, notKnown, "-"}
	}
	return []string{orDash(OSWord(u.Scan.OS)), fmt.Sprint(u.Scan.Packages), orDash(r.age(u.Scan.Database))}
}

func (r *Images) age(t time.Time) string {
	if t.IsZero() || r.Now.IsZero() {
		return ""
	}
	return duration.HumanDuration(r.Now.Sub(t))
}

// contents lists what is in one image.
func (r *Images) contents(w io.Writer, u *harden.ImageUse) error {
	if !u.Scanned() {
		return nil
	}
	s := u.Scan
	if len(s.Vulnerabilities) > 0 {
		fmt.Fprintf(w, "\n%s (%s): %s\n", harden.OneLine(u.Name()), harden.OneLine(cmp.Or(OSWord(s.OS), u.Key.Platform)), r.sum(s.Vulnerabilities))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "SEVERITY\tID\tPACKAGE\tINSTALLED\tFIXED\tPLACE\tTITLE")
		for _, v := range s.Vulnerabilities {
			cells := []string{SeverityWord(v.Severity), v.ID, v.Package, v.Installed, orDash(v.Fixed), orDash(v.Path), v.Title}
			for i := range cells {
				cells[i] = harden.OneLine(cells[i])
			}
			fmt.Fprintln(tw, strings.Join(cells, "\t"))
		}
		if err := tw.Flush(); err != nil {
			return err
		}
	}
	if len(s.Secrets) > 0 {
		fmt.Fprintf(w, "\n%s: %s\n", harden.OneLine(u.Name()), plural(len(s.Secrets), "secret"))
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(tw, "SEVERITY\tRULE\tPLACE\tTITLE")
		for _, x := range s.Secrets {
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", x.Severity, harden.OneLine(x.Rule), harden.OneLine(x.Place()), harden.OneLine(x.Title))
		}
		return tw.Flush()
	}
	return nil
}

// OSWord is "alpine 3.20.1", with a word when it gets no fixes any more.
func OSWord(o harden.ImageOS) string {
	s := strings.TrimSpace(o.Family + " " + o.Name)
	if o.EndOfLife {
		s += " (end of life)"
	}
	return s
}

// SeverityWord is the severity of a vulnerability: Info stands for one that
// nobody has rated.
func SeverityWord(s harden.Severity) string {
	if s == harden.Info {
		return "unrated"
	}
	return s.String()
}

func userOf(f *harden.ImageFacts) string {
	if kind, _ := harden.ParseImageUser(f.User); kind == harden.ImageUserRoot {
		return "root"
	}
	return f.User
}

func signed(s *harden.ImageSignature) string {
	switch {
	case s == nil || !s.Known:
		return notKnown
	case len(s.Found) == 0:
		return "no"
	}
	return strings.Join(s.Found, ",")
}

func workloadNames(u *harden.ImageUse) string {
	var names []string
	for _, b := range u.By {
		if n := b.Workload.Ref.Long(); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return strings.Join(names, ",")
}
