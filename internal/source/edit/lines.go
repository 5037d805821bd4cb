package edit

import "sort"

// A line is where one starts and where its text ends, before the line end.
type line struct{ start, end int }

// splitLines finds the lines as the YAML library counts them: YAML 1.1 has five
// line ends. The last line may be empty.
func splitLines(text string) []line {
	var lines []line
	start := 0
	for i := 0; i < len(text); {
		n := lineEnd(text[i:])
		if n == 0 {
			i++
			continue
		}
		lines = append(lines, line{start, i})
		i += n
		start = i
	}
	return append(lines, line{start, len(text)})
}

// lineEnd is how many bytes of a line end the text begins with.
func lineEnd(text string) int {
	switch text[0] {
	case '\n':
		return 1
	case '\r':
		if len(text) > 1 && text[1] == '\n' {
			return 2
		}
		return 1
	case 0xc2:
		if len(text) > 1 && text[1] == 0x85 {
			return 2
		}
	case 0xe2:
		if len(text) > 2 && text[1] == 0x80 && (text[2] == 0xa8 || text[2] == 0xa9) {
			return 3
		}
	}
	return 0
}

// lineAt is the index of the line that an offset is in.
func lineAt(lines []line, at int) int {
	return sort.Search(len(lines), func(i int) bool { return lines[i].start > at }) - 1
}

// indent is how many spaces a line begins with.
func (l line) indent(text string) int {
	n := 0
	for l.start+n < l.end && text[l.start+n] == ' ' {
		n++
	}
	return n
}
