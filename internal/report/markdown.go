package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Markdown writes a page for a merge request or a wiki: counts, one row a finding.
func (s *Scan) Markdown(w io.Writer) error {
	buffered := bufio.NewWriter(w)
	out := &errWriter{w: buffered}
	c := s.counts()
	fmt.Fprintf(out, "# Findings\n\n%s\n", escapeMarkdown(s.sentence(c)))
	for _, line := range s.beside(c) {
		fmt.Fprintf(out, "\n%s\n", escapeMarkdown(line))
	}
	if len(s.Findings) > 0 {
		fmt.Fprint(out, "\n| severity | rule | object | container | what is wrong | fix |\n| --- | --- | --- | --- | --- | --- |\n")
	}
	for _, f := range s.Findings {
		object := f.Object.Long()
		if src := f.Object.Source.String(); src != "" {
			object += " (" + src + ")"
		}
		reason := f.Reason
		if f.Excuse != nil {
			reason += " (" + excuse(f.Excuse) + ")"
		}
		fmt.Fprintf(out, "| %s%s | [%s](%s%s.md) | %s | %s | %s | %s |\n", f.Severity, s.mark(f), f.Fixer.ID, rulesURI, f.Fixer.ID,
			escapeMarkdown(object), escapeMarkdown(f.Container.String()), escapeMarkdown(reason), escapeMarkdown(s.fix(f)))
	}
	markdownUnread(out, s.Result.Inventory.Unread)
	if out.err != nil {
		return out.err
	}
	return buffered.Flush()
}

func markdownUnread(w io.Writer, unread []harden.Unread) {
	if len(unread) == 0 {
		return
	}
	fmt.Fprint(w, "\n## Not checked\n\n")
	for _, u := range harden.GatherUnread(unread) {
		where := ""
		if u.Namespace != "" {
			where = " in namespace " + u.Namespace
		}
		fmt.Fprintf(w, "- %s\n", escapeMarkdown(u.Resource+where+": "+u.Why))
	}
}

var markdownEscapes = strings.NewReplacer(
	`\`, `\\`, "|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", "&lt;", ">", "&gt;", "&", "&amp;",
)

// escapeMarkdown makes one line of text stand for itself, in a cell of a table too.
func escapeMarkdown(s string) string { return markdownEscapes.Replace(harden.OneLine(s)) }
