package files

import "strings"

// flow reads a flow collection that ends on its line and returns what follows it.
func (p *fastParser) flow(n *node, s string, column int) string {
	n.line, n.col = int32(p.line), int32(column+1)
	mark := len(p.stack)
	whole := len(s)
	at := func() int { return column + whole - len(s) }
	shut := byte(']')
	n.kind = sequenceNode
	if s[0] == '{' {
		shut = '}'
		n.kind = mappingNode
	}
	if p.depth++; p.depth > 100 {
		giveUp()
	}
	s = strings.TrimLeft(s[1:], " ")
	for first := true; ; first = false {
		if s == "" {
			giveUp()
		}
		if s[0] == shut {
			if !first {
				giveUp() // a comma before the end
			}
			break
		}
		if n.kind == mappingNode {
			end := keyEnd(s)
			if end <= 0 || end+1 >= len(s) {
				giveUp()
			}
			p.stack = append(p.stack, node{plain: true, line: int32(p.line), col: int32(at() + 1), value: s[:end]})
			s = strings.TrimLeft(s[end+1:], " ")
		}
		var item node
		s = strings.TrimLeft(p.flowItem(&item, s, at()), " ")
		p.stack = append(p.stack, item)
		if s == "" {
			giveUp()
		}
		if s[0] == shut {
			break
		}
		if s[0] != ',' {
			giveUp()
		}
		s = strings.TrimLeft(s[1:], " ")
	}
	p.depth--
	n.kids = p.finish(mark)
	return s[1:]
}

func (p *fastParser) flowItem(n *node, s string, column int) (rest string) {
	if s == "" {
		giveUp()
	}
	n.line, n.col = int32(p.line), int32(column+1)
	switch s[0] {
	case '[', '{':
		return p.flow(n, s, column)
	case '"', '\'':
		n.value, rest = quoted(s)
		return rest
	}
	end := 0
	for end < len(s) && isFlowWord(s[end]) {
		end++
	}
	if end == 0 || s[0] == '-' || end == len(s) || s[end] != ',' && s[end] != ']' && s[end] != '}' {
		giveUp()
	}
	n.plain, n.value = true, s[:end]
	return s[end:]
}

func isFlowWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '.' || c == '/' || c == '-'
}

// literal reads a block of text ("|" and "|-").
func (p *fastParser) literal(n *node, header string, indent int) {
	if header != "|" && header != "|-" {
		giveUp()
	}
	var b strings.Builder
	blank, inside := 0, -1
	for {
		end := strings.IndexByte(p.text[p.pos:], '\n')
		if end < 0 {
			if p.pos < len(p.text) {
				giveUp() // the last line has no end
			}
			break
		}
		l := p.text[p.pos : p.pos+end]
		content := strings.TrimLeft(l, " ")
		at := len(l) - len(content)
		if content == "" {
			if inside < 0 && at > 0 || inside >= 0 && at > inside {
				giveUp()
			}
			blank++
		} else {
			if inside < 0 {
				if at <= indent {
					break
				}
				inside = at
			}
			if at < inside {
				if at > indent {
					giveUp()
				}
				break
			}
			b.WriteString(strings.Repeat("\n", blank))
			blank = 0
			b.WriteString(l[inside:])
			b.WriteByte('\n')
		}
		p.pos += end + 1
		p.line++
	}
	if inside < 0 {
		giveUp()
	}
	n.value = b.String()
	if header == "|-" {
		n.value = strings.TrimSuffix(n.value, "\n")
	}
	p.advance()
	if p.cur.ok && p.cur.indent > indent {
		giveUp()
	}
}
