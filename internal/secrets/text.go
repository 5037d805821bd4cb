package secrets

import (
	"path"
	"regexp"
	"strings"
)

// Text finds the credentials in a text, such as an entry of a ConfigMap whose key
// is the name: a file in the form of environment variables, ini, properties, JSON,
// YAML, TOML or XML, a script, or one value. They are in the order of the text.
func Text(name, text string) []Hit { return hits(inText(name, text)) }

func inText(name, text string) []found {
	list := append(formats(text), withoutComments(text, connections(text))...)
	list = append(list, inLines(name, text)...)
	if path.Ext(name) == "" && !strings.Contains(strings.TrimSpace(text), "\n") {
		if f, ok := named(name, text, strict); ok {
			list = append(list, f)
		}
	}
	list = distinct(list)
	line, at := 1, 0
	for i := range list {
		line += strings.Count(text[at:list[i].start], "\n")
		at = list[i].start
		list[i].Line = line
		if list[i].Key == "" {
			list[i].Key = safeKey(keyAt(text, at))
		}
	}
	return hideNames(text, list)
}

// keyAt is the name at the beginning of the line, if it has one.
func keyAt(text string, at int) string {
	from := strings.LastIndexByte(text[:at], '\n') + 1
	if m := assignment.FindStringSubmatch(text[from:at]); m != nil {
		return m[1]
	}
	return ""
}

// withoutComments leaves out what stands in comments: they show what a URL looks like.
func withoutComments(text string, list []found) []found {
	var out []found
	for _, f := range list {
		from := strings.LastIndexByte(text[:f.start], '\n') + 1
		if !isComment(text[from:f.start]) {
			out = append(out, f)
		}
	}
	return out
}

func isComment(line string) bool {
	line = strings.TrimLeft(line, " \t")
	for _, mark := range []string{"#", "//", ";", "--", "* ", "/*", "<!--", "REM ", "%"} {
		if strings.HasPrefix(line, mark) && !strings.HasPrefix(line, "---") {
			return true
		}
	}
	return false
}

// A syntax is what the name of a file says about it.
type syntax int

const (
	config syntax = iota
	script        // a name and its value may be any expression: only quoted values count, and what a shell sets
	prose         // documentation, translations, schemas, pages: forms of credentials alone count
)

func syntaxOf(name string) syntax {
	name = strings.ToLower(name)
	for _, mark := range []string{"messages", "i18n", "locale", "translation", "schema", "swagger", "openapi", "dashboard", "readme", "license", "changelog"} {
		if strings.Contains(name, mark) {
			return prose
		}
	}
	switch path.Ext(name) {
	case ".md", ".rst", ".adoc", ".html", ".htm", ".css", ".po", ".pot", ".svg", ".graphql", ".proto":
		return prose
	case ".py", ".js", ".mjs", ".ts", ".go", ".rb", ".java", ".groovy", ".php", ".pl", ".cs", ".kt", ".scala", ".sh", ".bash", ".lua", ".rego", ".tpl", ".tmpl", ".gotmpl", ".jsonnet", ".star", ".ps1":
		return script
	}
	return config
}

var (
	assignment = regexp.MustCompile(`^\s*(?:-\s+)?(?:(?:export|set|ENV|ARG|env|declare -x|readonly|local|const|let|var)\s+)?["'$]?([A-Za-z_][\w.\-/]{0,79})["']?(?:\[\])?\s*(?::=|=>|\?=|=|:\s|:$|:["'])\s*`)
	quoted     = regexp.MustCompile(`\\?["']([A-Za-z_][\w.\-]{0,79})\\?["']\s*[:=]\s*(?:\\?"((?:[^"\\\n]|\\[^"])*)\\?"|'([^'\n]*)')`)
	inline     = regexp.MustCompile(`(?:^|[\s;&|({,?])(--?[A-Za-z][\w.\-]{0,79}|[A-Za-z_][\w.\-]{0,79})(=)(?:"([^"\n]*)"|'([^'\n]*)'|([^\s;&|"',)}]+))`)
	flow       = regexp.MustCompile(`(?:^|[{,])\s*(?:-\s+)?([A-Za-z_][\w.\-]{0,79}):\s+(?:"([^"\n]*)"|'([^'\n]*)'|([^\s;&|"',)}]+))`)
	told       = regexp.MustCompile(`(?:^|\s)([A-Za-z_][\w.\-]{0,79}):\s+([^\s;&|"',(){}]*[0-9!@#$%^&*+][^\s;&|"',(){}]*)`) // in a sentence, where words mean nothing
	element    = regexp.MustCompile(`<([A-Za-z][\w.:-]{0,79})(?:\s[^<>]*)?>([^<>\n]+)</`)
	property   = regexp.MustCompile(`(?:name|key|id)\s*=\s*"([^"\n]{1,80})"\s+(?:[\w.:-]+\s*=\s*"[^"\n]*"\s+)*?value\s*=\s*"([^"\n]*)"`)
	entry      = regexp.MustCompile(`(?:name|key|id)\s*=\s*"([^"\n]{1,80})"[^<>]*>([^<>\n]+)<`)
	nameValue  = regexp.MustCompile(`["']?\bname["']?\s*[:=]\s*["']?([A-Za-z_][\w.\-]{0,79})["']?\s*,\s*["']?value["']?\s*[:=]\s*(?:"([^"\n]*)"|'([^'\n]*)'|([^\s,}]+))`)
	defined    = regexp.MustCompile(`\b(?:define|setenv|putenv|set)\(\s*["']([A-Za-z_][\w.\-]{0,79})["']\s*,\s*(?:"([^"\n]*)"|'([^'\n]*)')`)
	sqlSecret  = regexp.MustCompile(`(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|(?:encrypted\s+)?password)\s+'([^'\n]+)'`)
	login      = regexp.MustCompile(`\b(?:login|user)\s+\S+\s+(password)\s+(\S+)`)
	directive  = regexp.MustCompile(`^\s*([A-Za-z][\w-]{0,40})\s+(?:"([^"\n]+)"|(\S+))\s*;?\s*$`)
	flag       = regexp.MustCompile(`(?:^|\s)(--?[A-Za-z][\w.\-]{1,79})\s+(?:"([^"\n]*)"|'([^'\n]*)'|([^\s;&|"'\-][^\s;&|"']*))`)
	itemName   = regexp.MustCompile(`^\s*(?:-\s+)?["']?name["']?\s*:\s*["']?([A-Za-z_][\w.\-]{0,79})["']?\s*,?\s*$`)
	itemValue  = regexp.MustCompile(`^\s*(?:-\s+)?["']?value["']?\s*:\s*`)
)

// places are forms in which a name and its value stand in a line, with what is in
// every line that has one. Loose ones are left out where code calls functions.
var places = []struct {
	form  *regexp.Regexp
	mark  string
	loose bool
}{
	{quoted, `"`, false},
	{quoted, `'`, false},
	{nameValue, "value", false},
	{property, "value", false},
	{entry, "<", false},
	{element, "<", false},
	{defined, "(", false},
	{login, "password", false},
	{inline, "=", true},
	{flow, ": ", true},
	{told, ": ", true},
	{flag, " -", true},
	{flag, "\t-", true},
}

// inLines looks at the pairs in each line.
func inLines(name, text string) []found {
	s := syntaxOf(name)
	if s == prose {
		return nil
	}
	var list []found
	at, item := 0, ""
	for line := range strings.Lines(text) {
		list = append(list, inLine(line, at, s, item)...)
		if name := nameOf(line); name != "" {
			item = name
		} else if strings.TrimSpace(line) != "" && !isComment(line) {
			item = ""
		}
		at += len(line)
	}
	return list
}

// nameOf is the name in a line such as "- name: DB_PASSWORD", or "".
func nameOf(line string) string {
	if !strings.Contains(line, "name") {
		return ""
	}
	if m := itemName.FindStringSubmatch(trimEnd(line)); m != nil {
		return m[1]
	}
	return ""
}

// inLine looks at one line, which begins at the offset. Item is the name in the
// line before, for lists of names and values.
func inLine(line string, offset int, s syntax, item string) []found {
	var list []found
	text := trimEnd(line)
	if item != "" && judgeName(item).strength > dull {
		if m := itemValue.FindStringIndex(text); m != nil {
			value, start, _ := valueAt(text, m[1])
			if f, ok := named(item, value, strict); ok {
				list = append(list, f.at(offset+start))
			}
		}
	}
	if isComment(text) {
		return list
	}
	list = append(list, clientFlags(text, offset)...)
	lower := strings.ToLower(text)
	for _, m := range sqlSecrets(text, lower) {
		if f, ok := named("password", text[m[2]:m[3]], strict); ok {
			list = append(list, f.at(offset+m[2]))
		}
	}
	if !mayName(lower) {
		return list
	}
	add := func(key, value string, start int) {
		if f, ok := named(key, value, strict); ok {
			list = append(list, f.at(offset+start))
		}
	}
	if m := assignment.FindStringSubmatchIndex(text); m != nil {
		value, start, isQuoted := valueAt(text, m[1])
		if s == config || isQuoted || shellSets(text, value) {
			add(text[m[2]:m[3]], value, start)
		}
	}
	for _, p := range places {
		if strings.Contains(text, p.mark) && (s != script || !p.loose || !strings.Contains(text, "(")) {
			each(p.form, text, add)
		}
	}
	if m := directive.FindStringSubmatchIndex(text); m != nil && s == config {
		value, start := group(text, m, 4)
		n := judgeName(text[m[2]:m[3]])
		// "password required" is prose, "bindpw required" is not.
		if n.strength > dull && (looksRandom(value) || m[4] >= 0) || n.strength == strong && n.last != "password" && n.last != "pass" {
			add(text[m[2]:m[3]], value, start)
		}
	}
	return list
}

func sqlSecrets(text, lower string) [][]int {
	if !strings.Contains(lower, "identified") && !strings.Contains(lower, "password") {
		return nil
	}
	return sqlSecret.FindAllStringSubmatchIndex(text, -1)
}

// shellSets reports whether the line of a script is NAME=VALUE without spaces.
func shellSets(text, value string) bool {
	left, _, ok := strings.Cut(text, "=")
	return ok && !strings.HasSuffix(left, " ") && !strings.ContainsAny(value, " ()[]{}")
}

func each(form *regexp.Regexp, text string, add func(key, value string, start int)) {
	for _, m := range form.FindAllStringSubmatchIndex(text, -1) {
		from := 4
		if form == inline {
			from = 6
		}
		value, start := group(text, m, from)
		add(text[m[2]:m[3]], value, start)
	}
}

// group is the first of the groups from that one on which took part in the match.
func group(text string, m []int, from int) (value string, start int) {
	for g := from; g+1 < len(m); g += 2 {
		if m[g] >= 0 {
			return text[m[g]:m[g+1]], m[g]
		}
	}
	return "", 0
}

// clients take passwords as flags that are no words.
var clients = []struct {
	word, key string
	form      *regexp.Regexp
}{
	{"curl", "-u", regexp.MustCompile(`\bcurl\b[^\n|;]*?\s(?:-u|--user)[= ]?["']?[A-Za-z0-9_.@-]+:([^\s"']+)`)},
	{"mysql", "-p", regexp.MustCompile(`\bmysql(?:dump|admin)?\b[^\n|;]*?\s-p["']?([^\s"']+)`)},
	{"mariadb", "-p", regexp.MustCompile(`\bmariadb(?:-dump|-admin)?\b[^\n|;]*?\s-p["']?([^\s"']+)`)},
	{"redis-cli", "-a", regexp.MustCompile(`\bredis-cli\b[^\n|;]*?\s-a\s+["']?([^\s"']+)`)},
	{"sshpass", "-p", regexp.MustCompile(`\bsshpass\s+-p\s*["']?([^\s"']+)`)},
}

// clientFlags finds passwords that clients of databases and the like take as flags.
func clientFlags(text string, offset int) []found {
	if !strings.Contains(text, " -") {
		return nil
	}
	var list []found
	add := func(key string, start, end int) {
		if value := text[start:end]; len(value) >= 3 && !typeName[value] && value != "pass" && !isTemplate(value) && !isPlaceholder(value) && !isPath(value) && !strings.HasPrefix(value, "$") && !boolean[value] {
			list = append(list, newFound(Named, whats[strong], key, offset+start, offset+end))
		}
	}
	for _, c := range clients {
		if !strings.Contains(text, c.word) {
			continue
		}
		for _, m := range c.form.FindAllStringSubmatchIndex(text, -1) {
			if !isDigits(text[m[2]:m[3]]) { // -u 1000:1000 is a user and a group
				add(c.key, m[2], m[3])
			}
		}
	}
	return list
}

func trimEnd(line string) string { return strings.TrimRight(line, "\r\n") }

// valueAt reads the value that begins at the place: a quoted one as it is, any
// other up to a comment or the punctuation that ends it.
func valueAt(line string, at int) (value string, start int, isQuoted bool) {
	for strings.HasPrefix(line[at:], "!!") { // a YAML tag
		end := strings.IndexByte(line[at:], ' ')
		if end < 0 {
			return "", at, false
		}
		at += end + 1
	}
	rest := line[at:]
	if rest == "" {
		return "", at, false
	}
	if q := rest[0]; q == '"' || q == '\'' || q == '`' {
		for i := 1; i < len(rest); i++ {
			switch {
			case rest[i] == '\\' && q == '"':
				i++
			case rest[i] == q:
				return rest[1:i], at + 1, true
			}
		}
		return "", at, false
	}
	if strings.ContainsAny(rest[:1], "|>&*{[") && (len(rest) < 4 || strings.ContainsAny(rest[:1], "{[")) {
		return "", at, false // a block, an anchor or a structure
	}
	for _, mark := range []string{" #", "\t#", " //", " ;"} {
		if i := strings.Index(rest, mark); i >= 0 {
			rest = rest[:i]
		}
	}
	return strings.TrimRight(rest, " \t,;"), at, false
}
