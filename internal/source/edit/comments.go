package edit

import (
	"fmt"
	"regexp"
	"strings"
)

// comments counts the lines of comments directly above a line that are set in as
// deep as it is.
func (e *editor) comments(l, column int) int {
	count := 0
	for i := l - 1; i >= 0; i-- {
		above := e.lines[i]
		if above.indent(e.text) != column || above.start+column >= above.end || e.text[above.start+column] != '#' {
			break
		}
		count++
	}
	return count
}

// about counts the lines of comments above a key or an item that are clearly
// about it alone. Those above an item are. Those above a key may be about the
// group of keys that it leads, unless the group is over with it or they name it.
func (e *editor) about(n *node, at, start int) int {
	l := lineAt(e.lines, start)
	count := e.comments(l, n.column)
	if count == 0 || n.kind == sequenceNode {
		return count
	}
	key, value := n.kids[at], n.kids[at+1]
	next := lineAt(e.lines, max(key.end, value.end)) + 1
	if at+2 >= len(n.kids) || lineAt(e.lines, n.kids[at+2].start) > next {
		return count
	}
	name, _ := key.name()
	text := e.text[e.lines[l-count].start:e.lines[l].start]
	if mentions(text, name) || value.kind == scalarNode && mentions(text, value.value) {
		return count
	}
	return 0
}

func mentions(text, word string) bool {
	if word == "" || word == "true" || word == "false" {
		return false
	}
	re, err := regexp.Compile(fmt.Sprintf(`(?i)(^|\W)%s(\W|$)`, regexp.QuoteMeta(word)))
	return err == nil && re.MatchString(strings.TrimSpace(text))
}
