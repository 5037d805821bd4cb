package tui

import (
	"errors"
	"strings"
)

// writeError writes an error with what it came from, each cause on lines of its
// own where its text can be told apart.
func writeError(p *page, err error) {
	lines := causes(err)
	p.para(p.st.bad, 0, lines[0])
	for _, l := range lines[1:] {
		p.lead(p.st.dim, "because  ", p.st.text, l)
	}
}

// causes are the parts of an error from what failed to why. What cannot be told
// apart stays together.
func causes(err error) []string {
	var out []string
	for err != nil {
		text := err.Error()
		var many interface{ Unwrap() []error }
		if errors.As(err, &many) && len(many.Unwrap()) > 1 && text == errors.Join(many.Unwrap()...).Error() {
			for _, e := range many.Unwrap() {
				out = append(out, e.Error())
			}
			return out
		}
		inner := errors.Unwrap(err)
		if inner == nil {
			return append(out, text)
		}
		if own, ok := strings.CutSuffix(text, ": "+inner.Error()); ok && own != "" {
			out = append(out, own)
		} else if inner.Error() != text {
			return append(out, text)
		}
		err = inner
	}
	return out
}
