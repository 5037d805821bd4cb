// Package symptom reads the cause of a failure from what a program, the kubelet
// or the container runtime says: one line in, what it points at out. It does no
// I/O.
package symptom

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// MaxLine is how many characters of a line are kept.
const MaxLine = 300

// Read matches a line against the patterns. The result has Kind, Line (cleaned
// by Clean), and Path and Port where the line names them; ok is false for a line
// that is no error of a file system, a permission or a system call.
func Read(line string) (s harden.Symptom, ok bool) {
	line = plain(line)
	for _, p := range patterns {
		if !p.is.MatchString(line) || p.not != nil && p.not.MatchString(line) {
			continue
		}
		s = harden.Symptom{Kind: p.kind, Line: Clean(line)}
		switch p.kind {
		case harden.SymptomBind:
			s.Port = portOf(line)
		case harden.SymptomUser, harden.SymptomSeccomp, harden.SymptomNoNewPrivs:
		default:
			s.Path = pathOf(line)
		}
		return s, true
	}
	return harden.Symptom{}, false
}

// ReadToken is Read for a program whose ServiceAccount token was changed or taken
// away: then an Unauthorized or Forbidden in an error is a symptom too, of
// whatever server it tells. Without that it is everyday business of web servers.
func ReadToken(line string) (s harden.Symptom, ok bool) {
	if s, ok = Read(line); ok || !refusedCaller.MatchString(plain(line)) {
		return s, ok
	}
	return harden.Symptom{Kind: harden.SymptomToken, Line: Clean(line)}, true
}

// Key is the same for symptoms that say the same: the kind with the path, else
// with the line without its numbers, as times and process ids differ from one
// pod to the next.
func Key(s harden.Symptom) string {
	if s.Path != "" {
		return string(s.Kind) + " " + s.Path
	}
	return string(s.Kind) + " " + number.ReplaceAllString(strings.ToLower(s.Line), "#")
}

var number = regexp.MustCompile(`[0-9a-f]*[0-9][0-9a-f]*`)

var (
	escape = regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]")
	// Credentials in a URL, and what follows a name that says that it is secret.
	// A colon alone does not count: "serviceaccount/token: no such file".
	login  = regexp.MustCompile(`(://[^/\s:@]+:)[^/\s@]+@`)
	secret = regexp.MustCompile(`(?i)((?:password|passwd|secret|token|api[_-]?key)["']?(?:=|"\s*:\s*")["']?)[^\s"',;&]+`)
)

// Clean is a line as it may be shown and kept: without terminal sequences and
// control characters, with what looks like a credential masked, cut to MaxLine.
func Clean(line string) string {
	line = login.ReplaceAllString(plain(line), "${1}***@")
	line = secret.ReplaceAllString(line, "${1}***")
	if r := []rune(line); len(r) > MaxLine {
		line = string(r[:MaxLine-1]) + "…"
	}
	return line
}

// plain is a line without terminal sequences, control characters and the
// backslashes that JSON puts before quotes.
func plain(line string) string {
	line = strings.ReplaceAll(escape.ReplaceAllString(line, ""), `\"`, `"`)
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line))
}

var ports = regexp.MustCompile(`(?:[:\]*]|\bport )(\d{1,5})\b`)

// portOf is the last number in the line that is written like a port, as a line
// may begin with a time; 0 when there is none.
func portOf(line string) int {
	found := ports.FindAllStringSubmatch(line, -1)
	if len(found) == 0 {
		return 0
	}
	n, err := strconv.Atoi(found[len(found)-1][1])
	if err != nil || n > 65535 {
		return 0
	}
	return n
}

var (
	// reason is where a line says why; most languages put the path before it.
	reason = regexp.MustCompile(`(?i)read-only file ?system|readonlyfilesystem|permission denied|operation not permitted|no such file or directory|\bEROFS\b|\bEACCES\b|\bEPERM\b|\bENOENT\b|accessdenied\w*|errno \d+`)
	// behind finds a path after the reason: Python's ": '/x'", Node's ", open '/x'" and "-> '/x'", Ruby's "@ rb_sysopen - /x", .NET's " : '/x'".
	behind = regexp.MustCompile(`^[)\]]?\s*(?:[:,@]|\s-\s)\s*(?:[\w ]+\s(?:- )?)?(?:'[^']*' -> )?['"` + "`" + `]?(/[\w.@+-][^'"` + "`" + `\s]*)`)
	// paths finds absolute paths, quoted (they may hold spaces) or bare.
	paths = regexp.MustCompile(`['"‘` + "`" + `](/[\w.@+-][^'"’` + "`" + `]*)['"’` + "`" + `]|(?:^|[\s=:(,>\[])(/[\w.@+-][^\s:'",;()\]]*)`)
	// inRootfs is the place where a runtime mounts the root of a container on its node.
	inRootfs = regexp.MustCompile(`^/run/containerd/.*/rootfs(/.*)$|^/var/lib/.*/rootfs(/.*)$`)
)

// pathOf is the file that a line complains about, absolute; empty when it names
// none. A script that complains names itself first and the file last.
func pathOf(line string) string {
	all := reason.FindAllStringIndex(line, -1)
	if len(all) == 0 {
		return lastPath(line)
	}
	for _, at := range all {
		if m := behind.FindStringSubmatch(line[at[1]:]); m != nil {
			return trimPath(m[1])
		}
	}
	if path := lastPath(line[:all[0][0]]); path != "" {
		return path
	}
	return lastPath(line)
}

func lastPath(text string) string {
	found := paths.FindAllStringSubmatch(text, -1)
	for i := len(found) - 1; i >= 0; i-- {
		if path := trimPath(found[i][1] + found[i][2]); path != "" {
			return path
		}
	}
	return ""
}

func trimPath(path string) string {
	path = strings.TrimRight(path, ".,;:)]}")
	if m := inRootfs.FindStringSubmatch(path); m != nil {
		path = m[1] + m[2]
	}
	if len(path) > 1 {
		path = strings.TrimRight(path, "/")
	}
	return path
}
