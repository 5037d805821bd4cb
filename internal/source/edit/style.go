package edit

// indentAt is how blocks within a node are set in: as those beside them, else as
// those around them, else as the first ones of the document.
func (e *editor) indentAt(n *node) indentation {
	in := indentation{dash: unknown}
	for m := n; m != nil; m = m.parent {
		in = in.or(e.local(m))
	}
	in = in.or(e.usualIndent())
	in.quoteTexts = e.quoteTexts
	return in
}

// or fills in what is not known.
func (in indentation) or(other indentation) indentation {
	if in.step == 0 {
		in.step = other.step
	}
	if in.dash == unknown {
		in.dash = other.dash
	}
	if in.item == 0 {
		in.item = other.item
	}
	return in
}

const unknown = -1

// local is what the values of one collection show; zero and unknown for the rest.
func (e *editor) local(n *node) indentation {
	if in, ok := e.locals[n]; ok {
		return in
	}
	in := indentation{dash: unknown}
	for _, kid := range n.kids {
		switch {
		case n.flow || kid.start == kid.end:
		case n.kind == sequenceNode && in.item == 0 && kid.body > kid.mark && lineAt(e.lines, kid.mark) == lineAt(e.lines, kid.body):
			in.item = kid.start - kid.mark
		case n.kind != mappingNode || kid.flow || len(kid.kids) == 0:
		case kid.kind == mappingNode && in.step == 0:
			in.step = max(kid.column-n.column, 1)
		case kid.kind == sequenceNode && in.dash == unknown:
			in.dash = max(kid.column-n.column, 0)
		}
	}
	e.locals[n] = in
	return in
}

// usualIndent is what the document shows first; two columns and flush dashes
// where it shows nothing.
func (e *editor) usualIndent() indentation {
	if e.usual != nil {
		return *e.usual
	}
	in := indentation{dash: unknown}
	var walk func(n *node)
	walk = func(n *node) {
		in = in.or(e.local(n))
		for _, kid := range n.kids {
			if in.step > 0 && in.dash != unknown && in.item > 0 {
				return
			}
			if len(kid.kids) > 0 {
				walk(kid)
			}
		}
	}
	if e.root != nil {
		walk(e.root)
	}
	in = in.or(indentation{item: 2})
	in = in.or(indentation{step: in.item})
	e.usual = &in
	return in
}
