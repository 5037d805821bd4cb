package files

import "strings"

// quoted reads a scalar in quotes that ends on this line.
func (r *simpleReader) quoted(out *node) bool {
	if r.text[r.pos] == '\'' {
		return r.singleQuoted(out)
	}
	from := r.pos + 1
	n := strings.IndexAny(r.text[from:], "\"\\\n")
	if n < 0 || r.text[from+n] == '\n' {
		return false
	}
	if r.text[from+n] == '"' {
		out.value, r.pos = r.text[from:from+n], from+n+1
		return true
	}
	var b strings.Builder
	for at := from; at < len(r.text); at++ {
		switch c := r.text[at]; c {
		case '\n':
			return false
		case '"':
			out.value, r.pos = b.String(), at+1
			return true
		case '\\':
			at++
			if at == len(r.text) {
				return false
			}
			switch r.text[at] {
			case '"', '\\':
				b.WriteByte(r.text[at])
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				return false
			}
		default:
			b.WriteByte(c)
		}
	}
	return false
}

func (r *simpleReader) singleQuoted(out *node) bool {
	from, escaped := r.pos+1, false
	for at := from; at < len(r.text); at++ {
		switch {
		case r.text[at] == '\n':
			return false
		case r.text[at] != '\'':
		case at+1 < len(r.text) && r.text[at+1] == '\'':
			escaped = true
			at++
		default:
			out.value, r.pos = r.text[from:at], at+1
			if escaped {
				out.value = strings.ReplaceAll(out.value, "''", "'")
			}
			return true
		}
	}
	return false
}

// literal reads a block of text below "|" or "|-".
func (r *simpleReader) literal(indent int, out *node) bool {
	r.pos++
	strip := strings.HasPrefix(r.text[r.pos:], "-")
	if strip {
		r.pos++
	}
	if strings.TrimLeft(r.text[r.pos:r.pos+lineLen(r.text[r.pos:])], " ") != "" {
		return false
	}
	r.endLine()
	own, deepest := r.textIndent()
	// Blank lines at the start that are indented more, and a block without text, are left to the library.
	if own <= indent || deepest > own {
		return false
	}
	var b strings.Builder
	blank := 0
	for r.pos < len(r.text) {
		n := lineLen(r.text[r.pos:])
		if r.pos+n == len(r.text) {
			return false // no line end
		}
		line := r.text[r.pos : r.pos+n]
		spaces := len(line) - len(strings.TrimLeft(line, " "))
		if spaces < own && spaces < n {
			break
		}
		if n <= own {
			blank++
			r.endLine()
			continue
		}
		for ; blank > 0; blank-- {
			b.WriteByte('\n')
		}
		b.WriteString(line[own:])
		b.WriteByte('\n')
		r.endLine()
	}
	out.value = b.String()
	if strip {
		out.value = strings.TrimSuffix(out.value, "\n")
	}
	r.content()
	return r.indent <= indent
}

// textIndent is the indentation of the first line that is not blank, and the
// deepest of the blank ones before it.
func (r *simpleReader) textIndent() (own, deepest int) {
	for rest := r.text[r.pos:]; rest != ""; {
		n := lineLen(rest)
		spaces := n - len(strings.TrimLeft(rest[:n], " "))
		if spaces < n {
			return spaces, deepest
		}
		deepest = max(deepest, spaces)
		rest = rest[min(n+1, len(rest)):]
	}
	return -1, deepest
}

// flow reads a collection in brackets or braces that ends on this line.
func (r *simpleReader) flow(out *node) bool {
	if !r.enter() {
		return false
	}
	out.kind = sequenceNode
	end := byte(']')
	if r.text[r.pos] == '{' {
		out.kind, end = mappingNode, '}'
	}
	from := len(r.open)
	r.pos++
	for r.flowSpace() != end || len(r.open) > from { // a comma calls for one more
		var key, value node
		if out.kind == mappingNode {
			if !r.flowScalar(&key) || r.text[r.pos] != ':' || r.pos+1 == len(r.text) || r.text[r.pos+1] != ' ' {
				return false
			}
			if name, ok := key.key(); !ok || name == "<<" {
				return false
			}
			r.pos++
			r.open = append(r.open, key)
		}
		if !r.flowValue(&value) {
			return false
		}
		r.open = append(r.open, value)
		c := r.flowSpace()
		if c == end {
			break
		}
		if c != ',' {
			return false
		}
		r.pos++
	}
	r.pos++
	out.kids = r.shut(from)
	r.depth--
	return true
}

// flowSpace passes over spaces and returns what follows on the line, or 0.
func (r *simpleReader) flowSpace() byte {
	for r.pos < len(r.text) && r.text[r.pos] == ' ' {
		r.pos++
	}
	if r.pos == len(r.text) || r.text[r.pos] == '\n' {
		return 0
	}
	return r.text[r.pos]
}

func (r *simpleReader) flowValue(out *node) bool {
	c := r.flowSpace()
	if c == '[' || c == '{' {
		r.mark(out)
		return r.flow(out)
	}
	return r.flowScalar(out)
}

// flowScalar reads a scalar in a flow collection, with what follows on the line.
func (r *simpleReader) flowScalar(out *node) bool {
	c := r.flowSpace()
	r.mark(out)
	if c == '"' || c == '\'' {
		return r.quoted(out) && r.pos < len(r.text)
	}
	from := r.pos
	for r.pos < len(r.text) && inFlow[r.text[r.pos]] {
		r.pos++
	}
	if r.pos == from || r.pos == len(r.text) || r.pos > from+maxSimpleKey || r.text[from] == '-' && r.pos == from+1 {
		return false
	}
	out.value, out.plain = r.text[from:r.pos], true
	return true
}

// inFlow are the characters of scalars without quotes in flow collections that
// have no other meaning anywhere.
var inFlow = func() (table [256]bool) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-+=$"
	for i := range len(letters) {
		table[letters[i]] = true
	}
	return table
}()
