package secrets

import (
	"regexp"
	"strings"
)

// Pair finds the credential that a name and its value are, as in the environment
// of a container.
func Pair(name, value string) (Hit, bool) {
	list := inPair(name, value)
	if len(list) == 0 {
		return Hit{}, false
	}
	return list[0].Hit, true
}

// inPair finds all credentials in the value.
func inPair(name, value string) []found {
	list := append(formats(value), connections(value)...)
	for i := range list {
		list[i].Key = safeKey(name)
	}
	if strings.ContainsAny(value, "\n") || strings.HasPrefix(strings.TrimSpace(value), "{") {
		list = append(list, inLines(name, value)...)
	}
	if f, ok := named(name, value, loose); ok {
		list = append(list, f)
	}
	return hideNames(value, distinct(list))
}

// manner is how strict a value is judged that stands where much else may stand.
type manner int

const (
	loose  manner = iota // a pair: whoever wrote it meant a value
	strict               // a line of a text: it may be a label, a type or prose
)

// named judges a value by its name.
func named(name, value string, m manner) (found, bool) {
	if !mayName(strings.ToLower(name)) {
		return found{}, false
	}
	n := judgeName(name)
	if n.strength == dull {
		return found{}, false
	}
	trimmed := strings.TrimSpace(value)
	start := strings.Index(value, trimmed)
	end := start + len(trimmed)
	if !isCredential(n, trimmed, m) {
		return found{}, false
	}
	kind, what := Named, whats[n.strength]
	if isAWSSecretName(name) {
		kind, what = AWSKey, "AWS secret access key"
		if !notExample(trimmed) {
			return found{}, false
		}
	}
	return newFound(kind, what, name, start, end), true
}

// whats says in a word what a name stands for.
var whats = map[strength]string{strong: "password", medium: "secret", weak: "token or key"}

func isAWSSecretName(name string) bool {
	all := strings.Join(words(name), "")
	return strings.HasSuffix(all, "secretaccesskey") || strings.HasSuffix(all, "awssecretkey")
}

func isCredential(n naming, s string, m manner) bool {
	lower := strings.ToLower(s)
	switch {
	case isPlain(s):
		return false
	case strings.ContainsAny(s, " \t\n"):
		return n.last == "passphrase" && len(s) >= 12 && m == loose
	case n.referring && resource.MatchString(s):
		return false
	case m == strict && (typeName[lower] || lower == n.last):
		return false
	case m == strict && n.strength < strong && s[0] == '.':
		return false
	}
	switch n.strength {
	case strong:
		return !(resource.MatchString(s) && refEnd.MatchString(s)) && !(m == strict && isLabel(s))
	case medium:
		return len(s) >= 4 && !(strings.ContainsAny(s, "-._/:") && isWords(s)) && !isLabel(s)
	default:
		return looksRandom(s)
	}
}

// isLabel knows words with a capital, as shown to people: Password, Token.
func isLabel(s string) bool {
	return hasUpper(s[:1]) && strings.ToLower(s[1:]) == s[1:] && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyzäöüéèñç:") == ""
}

var (
	userinfo = regexp.MustCompile(`\b([A-Za-z][A-Za-z0-9+.-]*)://([^\s/?#:@"'<>` + "`" + `|\\]*):([^\s/?#@"'<>` + "`" + `|\\]+)@[^\s"'<>]`)
	goDSN    = regexp.MustCompile(`(?:^|[\s"'=])([A-Za-z0-9_.-]+):([^\s:@/"']+)@(?:tcp|unix)\(`)
	assigned = regexp.MustCompile(`(?i)(?:^|[;?&\s"',{(])([a-z][a-z_. -]{0,30}?)\s*=\s*(?:"([^"]+)"|'([^']+)'|([^\s;&"',(){}]+))`)
)

// connections finds passwords in URLs and connection strings.
func connections(s string) []found {
	var list []found
	if strings.Contains(s, "://") && strings.Contains(s, "@") {
		for _, at := range userinfo.FindAllStringSubmatchIndex(s, -1) {
			if isDSNPassword(s[at[4]:at[5]], s[at[6]:at[7]]) {
				list = append(list, newFound(DSN, "URL with a password", "", at[6], at[7]))
			}
		}
	}
	if strings.Contains(s, "@tcp(") || strings.Contains(s, "@unix(") {
		for _, at := range goDSN.FindAllStringSubmatchIndex(s, -1) {
			if isDSNPassword(s[at[2]:at[3]], s[at[4]:at[5]]) {
				list = append(list, newFound(DSN, "connection string with a password", "", at[4], at[5]))
			}
		}
	}
	if !strings.Contains(s, "=") {
		return list
	}
	at := 0
	for line := range strings.Lines(s) {
		if isConnection(line) {
			for _, f := range connectionPairs(line) {
				list = append(list, f.at(at))
			}
		}
		at += len(line)
	}
	return list
}

// isConnection tells connection strings, which are pairs in one line, from other texts.
func isConnection(line string) bool {
	if strings.Count(line, "=") < 2 && !strings.Contains(line, "jdbc:") {
		return false
	}
	lower := strings.ToLower(line)
	if !mayName(lower) {
		return false
	}
	for _, mark := range []string{"host=", "server=", "data source=", "endpoint=", "jdbc:", "user=", "uid=", "user id=", "dbname=", "accountname="} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	return false
}

func connectionPairs(line string) []found {
	var list []found
	for _, at := range assigned.FindAllStringSubmatchIndex(line, -1) {
		key := line[at[2]:at[3]]
		if judgeName(key).strength < medium {
			continue
		}
		value, start := group(line, at, 4)
		if f, ok := named(key, value, strict); ok {
			f = f.at(start)
			f.Kind, f.What = DSN, "connection string with a password"
			list = append(list, f)
		}
	}
	return list
}

// isDSNPassword leaves out templates, and what documentation writes.
func isDSNPassword(user, password string) bool {
	if isTemplate(password) || isPlaceholder(password) || isPicture(password) || strings.HasPrefix(password, "$") || strings.HasPrefix(password, "%") || strings.HasPrefix(password, "{") {
		return false
	}
	generic := set("user", "username", "usr", "login", "name", "u", "myuser", "")
	return !(generic[strings.ToLower(user)] && set("password", "pass", "passwd", "pwd", "secret", "p", "pw", "mypass", "mypassword", "token")[strings.ToLower(password)])
}
