package kustomize

import (
	"regexp"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Kustomize wraps an error once a folder, and quotes whole configurations.
var (
	wrapping = regexp.MustCompile(`(?s)accumulation err='.*?(?:must resolve to a file|is a directory|file is not directory)[^:]*: `)
	recursed = regexp.MustCompile(`(?:recursed (?:accumulation|merging) of path|recursed merging from path|couldn't make target for path) '([^']*)': `)
	config   = regexp.MustCompile("(?s) with config: `.*?`")
)

// words are an error of kustomize for people: what is wrong, once, and in which
// folder. Payloads of Secrets are taken out.
func words(err error, uses *Uses) string {
	text := config.ReplaceAllString(err.Error(), "")
	text = wrapping.ReplaceAllString(text, "")
	in := ""
	for _, m := range recursed.FindAllStringSubmatch(text, -1) {
		in = m[1]
	}
	text = recursed.ReplaceAllString(text, "")
	for _, prefix := range []string{"accumulating resources: ", "accumulating components: ", "accumulateDirectory: "} {
		text = strings.ReplaceAll(text, prefix, "")
	}
	text = strings.ReplaceAll(text, "accumulating resources from ", "reading ")
	for _, secret := range uses.secrets {
		if len(secret) > 2 {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	text = harden.OneLine(strings.TrimSpace(text))
	if r := []rune(text); len(r) > maxWords {
		text = string(r[:maxWords]) + "…"
	}
	if in != "" {
		text += " (in " + uses.Display(in) + ")"
	}
	return text
}

// maxWords is how long an error of kustomize may be, in characters.
const maxWords = 400
