package tui

// rows are what a list shows, by identity. An empty identity is a heading: the
// cursor passes over it.
type rows interface {
	Len() int
	ID(i int) string
}

// list is a cursor over rows. It follows the identity of its row when the rows
// change, and keeps that row on the line of the screen where it was.
type list struct {
	at, top int
}

// keep moves the cursor from its row in old to the same row in new, or to the
// nearest one that is still there.
func (l *list) keep(old, new rows, height int) {
	line := l.at - l.top
	want := -1
	if old != nil && l.at >= 0 && l.at < old.Len() {
		want = find(old, new, l.at)
	}
	if want < 0 {
		want = l.at
	}
	l.at = want
	l.top = want - line
	l.clamp(new, height)
}

func find(old, new rows, at int) int {
	if id := old.ID(at); id != "" && at < new.Len() && new.ID(at) == id {
		return at
	}
	// The row itself is nearly always still there, only elsewhere.
	if id := old.ID(at); id != "" {
		for i := range new.Len() {
			if new.ID(i) == id {
				return i
			}
		}
	}
	index := make(map[string]int, new.Len())
	for i := range new.Len() {
		if id := new.ID(i); id != "" {
			index[id] = i
		}
	}
	for i := at; i < old.Len(); i++ {
		if j, ok := index[old.ID(i)]; ok {
			return j
		}
	}
	for i := at - 1; i >= 0; i-- {
		if j, ok := index[old.ID(i)]; ok {
			return j
		}
	}
	return -1
}

// clamp keeps the cursor on a row and the row on the screen.
func (l *list) clamp(r rows, height int) {
	n := r.Len()
	l.at = min(max(l.at, 0), max(n-1, 0))
	if n > 0 && r.ID(l.at) == "" {
		l.at = nearest(r, l.at)
	}
	if height < 1 {
		l.top = max(0, l.top)
		return // not on the screen: keep its place for when it comes back
	}
	l.show(n, height, l.at)
	// The heading of the first row belongs to it.
	if l.at == l.top && l.top > 0 && r.ID(l.top-1) == "" && height > 1 {
		l.top--
	}
}

func (l *list) show(n, height, at int) {
	l.top = min(l.top, at)
	l.top = max(l.top, at-height+1)
	l.top = max(0, min(l.top, n-height))
}

func nearest(r rows, at int) int {
	for i := at; i < r.Len(); i++ {
		if r.ID(i) != "" {
			return i
		}
	}
	for i := at; i >= 0; i-- {
		if r.ID(i) != "" {
			return i
		}
	}
	return at
}

// move moves the cursor by delta rows, passing over headings.
func (l *list) move(r rows, delta, height int) {
	step, n := 1, delta
	if delta < 0 {
		step, n = -1, -delta
	}
	at := l.at
	for range n {
		next := at + step
		for next >= 0 && next < r.Len() && r.ID(next) == "" {
			next += step
		}
		if next < 0 || next >= r.Len() {
			break
		}
		at = next
	}
	l.at = at
	l.clamp(r, height)
}

// to moves the cursor to a row.
func (l *list) to(r rows, at, height int) {
	l.at = at
	l.clamp(r, height)
}

// id is the identity of the row under the cursor, or empty.
func (l *list) id(r rows) string {
	if l.at < 0 || l.at >= r.Len() {
		return ""
	}
	return r.ID(l.at)
}

// doc is text that scrolls.
type doc struct {
	lines []string
	top   int
}

func (d *doc) scroll(delta, height int) {
	d.top = max(0, min(d.top+delta, len(d.lines)-max(height, 1)))
}

// window is the visible part, padded to height lines.
func (d *doc) window(height int) []string {
	out := make([]string, 0, max(height, 0))
	for i := d.top; i < len(d.lines) && len(out) < height; i++ {
		out = append(out, d.lines[i])
	}
	for len(out) < height {
		out = append(out, "")
	}
	return out
}
