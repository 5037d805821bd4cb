package files

import "strings"

// quoted reads a scalar in quotes that ends on this line.
func (r *simpleReader) quoted() bool {
	n := r.here(scalarNode)
	read := doubleQuoted
	if r.text[r.pos] == '\'' {
		read = singleQuoted
	}
	value, length, ok := read(r.text[r.pos+1:])
	if !ok {
		return false
	}
	n.value = value
	r.open = append(r.open, n)
	r.pos += length + 2
	return true
}

// doubleQuoted returns what the text up to the next quote means, and its length.
func doubleQuoted(text string) (value string, length int, ok bool) {
	n := strings.IndexAny(text, "\"\\\n")
	if n < 0 || text[n] == '\n' {
		return "", 0, false
	}
	if text[n] == '"' {
		return text[:n], n, true
	}
	var b strings.Builder
	for at := 0; at < len(text); at++ {
		switch c := text[at]; c {
		case '\n':
			return "", 0, false
		case '"':
			return b.String(), at, true
		case '\\':
			at++
			if at == len(text) {
				return "", 0, false
			}
			switch text[at] {
			case '"', '\\':
				b.WriteByte(text[at])
			case 'n':
				b.WriteByte('\n')
			case 't':
				b.WriteByte('\t')
			default:
				return "", 0, false
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", 0, false
}

// singleQuoted is doubleQuoted for the other quotes.
func singleQuoted(text string) (value string, length int, ok bool) {
	for at := 0; at < len(text); at++ {
		switch {
		case text[at] == '\n':
			return "", 0, false
		case text[at] != '\'':
		case at+1 < len(text) && text[at+1] == '\'':
			at++
		default:
			return strings.ReplaceAll(text[:at], "''", "'"), at, true
		}
	}
	return "", 0, false
}

// literal reads a block of text below "|" or "|-".
func (r *simpleReader) literal(indent int) bool {
	out := r.here(scalarNode)
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
	r.open = append(r.open, out)
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
func (r *simpleReader) flow() bool {
	kind, end := sequenceNode, byte(']')
	if r.text[r.pos] == '{' {
		kind, end = mappingNode, '}'
	}
	at, ok := r.begin(kind)
	if !ok {
		return false
	}
	r.pos++
	more := r.flowSpace() != end
	if !more {
		r.pos++
	}
	for ; more; r.pos++ {
		if kind == mappingNode && !r.flowKey() || !r.flowValue() {
			return false
		}
		c := r.flowSpace()
		if c != ',' && c != end {
			return false
		}
		more = c == ','
	}
	r.end(at)
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

// flowKey reads a key and its colon, which a space must follow.
func (r *simpleReader) flowKey() bool {
	if !r.flowScalar() || !isKey(&r.open[len(r.open)-1]) || !strings.HasPrefix(r.text[r.pos:], ": ") {
		return false
	}
	r.pos++
	return true
}

func (r *simpleReader) flowValue() bool {
	if c := r.flowSpace(); c == '[' || c == '{' {
		return r.flow()
	}
	return r.flowScalar()
}

// flowScalar reads a scalar in a flow collection.
func (r *simpleReader) flowScalar() bool {
	if c := r.flowSpace(); c == '"' || c == '\'' {
		return r.quoted()
	}
	end := r.pos
	for end < len(r.text) && inFlow[r.text[end]] {
		end++
	}
	if end == r.pos || end > r.pos+maxSimpleKey || r.text[r.pos] == '-' && end == r.pos+1 {
		return false
	}
	return r.plain(end)
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
