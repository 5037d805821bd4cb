package images

import (
	"archive/tar"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Names that say what a layer takes away from those below it
// (image-spec, layer.md: Whiteouts). Names that begin with doubleWhiteout at
// the top are bookkeeping of AUFS.
const (
	whiteout       = ".wh."
	doubleWhiteout = whiteout + whiteout
	opaqueWhiteout = doubleWhiteout + ".opq"
)

const (
	maxScript  = 64 << 10 // bytes of one script
	maxScripts = 2 << 20  // bytes of all scripts
)

// readLayer reads the stream of one layer, an uncompressed tar archive, into a
// tree of what the layer adds and removes. It knows nothing of registries and
// of other layers. Links are followed within the layer only, as the overlay
// snapshotters of container runtimes unpack it. The layer is there with an error
// too, as far as it was read.
func readLayer(stream io.Reader, b *budget) (*layer, error) {
	l := &layer{root: newDirectory(), budget: b}
	archive := tar.NewReader(stream)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			l.dropScripts()
			return l, b.keep(l.scriptBytes)
		}
		// Go may be told to refuse names that leave the archive; add judges them.
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return l, err
		}
		if err := l.add(header, archive); err != nil {
			return l, fmt.Errorf("entry %s: %w", quote(header.Name), err)
		}
	}
}

// A layer is one that is being read.
type layer struct {
	root        *node
	budget      *budget
	scripts     []script
	scriptBytes int
	archives    int // regular files that Java loads classes from
}

type script struct {
	name string
	node *node
}

func (l *layer) add(h *tar.Header, content io.Reader) error {
	if err := l.budget.entry(); err != nil {
		return err
	}
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	name, err := clean(h.Name)
	if err != nil || name == "" {
		return err
	}
	folder, base := path.Split(name)
	if strings.HasPrefix(name, doubleWhiteout) && name != opaqueWhiteout {
		return nil
	}
	parent, err := l.root.descend(folder, l.imply)
	if err != nil {
		return err
	}
	if base == opaqueWhiteout {
		parent.opaque = true
		return nil
	}
	if removed, ok := strings.CutPrefix(base, whiteout); ok {
		return l.remove(parent, removed)
	}
	kid, err := l.node(h, name, parent.kids[base], content)
	if err != nil {
		return err
	}
	return l.put(parent, base, kid)
}

// clean checks a name and makes it relative to the root, which is "".
func clean(name string) (string, error) {
	if len(name) > maxPath {
		return "", fmt.Errorf("its name has %d bytes, and no system takes more than %d", len(name), maxPath)
	}
	name = path.Clean(name)
	if name == ".." || strings.HasPrefix(name, "../") {
		return "", errors.New("it would leave the image")
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxName {
			return "", fmt.Errorf("part of its name has %d bytes, and no system takes more than %d", len(part), maxName)
		}
	}
	return name, nil
}

func (l *layer) imply(parent *node, name string) (*node, error) {
	kid := newDirectory()
	return kid, l.put(parent, name, kid)
}

func (l *layer) put(parent *node, name string, kid *node) error {
	cost := nameCost + len(name)
	if kid != someFile {
		cost += nodeCost + len(kid.target)
	}
	parent.put(name, kid)
	return l.budget.keep(cost)
}

func (l *layer) remove(parent *node, name string) error {
	if name == "" || name == "." || name == ".." {
		return errors.New("it removes no file")
	}
	if parent.gone == nil {
		parent.gone = map[string]struct{}{}
	}
	parent.gone[name] = struct{}{}
	return l.budget.keep(nameCost + len(name))
}

// node makes the node of an entry; had is what the layer has there so far.
func (l *layer) node(h *tar.Header, name string, had *node, content io.Reader) (*node, error) {
	if h.Uid < 0 || h.Gid < 0 {
		return nil, fmt.Errorf("its owner is %d:%d", h.Uid, h.Gid)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		n := newDirectory()
		if had != nil && had.kind == directory {
			n = had
		}
		n.implied, n.mode, n.uid, n.gid = false, mode(h), int64(h.Uid), int64(h.Gid)
		return n, nil
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		if slices.Contains(javaArchives, strings.ToLower(path.Ext(name))) {
			l.archives++
		}
		return l.file(h, name, content)
	case tar.TypeSymlink:
		if len(h.Linkname) > maxPath {
			return nil, fmt.Errorf("its target has %d bytes, and no system takes more than %d", len(h.Linkname), maxPath)
		}
		return &node{kind: symlink, target: h.Linkname}, nil
	case tar.TypeLink:
		return l.link(h)
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return someFile, nil
	default:
		return nil, fmt.Errorf("its type is unknown: %q", h.Typeflag)
	}
}

func (l *layer) link(h *tar.Header) (*node, error) {
	target, err := clean(h.Linkname)
	if err != nil {
		return nil, fmt.Errorf("its target %s: %w", quote(h.Linkname), err)
	}
	switch n := l.root.find(target); {
	case n == nil:
		return &node{kind: pending, target: target}, nil
	case n.kind == directory:
		return nil, fmt.Errorf("it is a hard link to the directory %s", quote(target))
	default:
		return n, nil
	}
}

func (l *layer) file(h *tar.Header, name string, content io.Reader) (*node, error) {
	n := &node{kind: program, mode: mode(h), uid: int64(h.Uid), gid: int64(h.Gid)}
	if attribute, ok := h.PAXRecords[capabilityRecord]; ok {
		var err error
		if n.capabilities, n.effective, err = decodeCapability([]byte(attribute)); err != nil {
			return nil, err
		}
	}
	plain := n.mode&0o6111 == 0 && n.capabilities == nil
	switch {
	case isAccount(name, plain):
		if plain {
			n.kind = account
		}
		return n, l.readAccount(n, h.Size, content)
	case plain:
		return someFile, nil
	case n.mode&0o111 != 0 && h.Size <= maxScript && !ofDistribution(name):
		return n, l.readScript(n, name, content)
	default:
		return n, nil
	}
}

// javaArchives are the extensions of the archives that Java loads classes from.
var javaArchives = []string{".jar", ".war", ".ear", ".par"}

// isAccount reports whether a file may be what /etc/passwd or /etc/group is: it, whatever its mode, or where a link there
// may lead.
func isAccount(name string, plain bool) bool {
	base := path.Base(name)
	return (base == "passwd" || base == "group") && (plain || path.Dir(name) == "etc")
}

func mode(h *tar.Header) uint32 { return uint32(h.Mode & 0o7777) }

func (l *layer) readAccount(n *node, size int64, content io.Reader) error {
	if size > l.budget.limits.Text {
		n.cut = true
		return nil
	}
	text, err := io.ReadAll(content)
	n.text = string(text)
	return cmp.Or(err, l.budget.keep(len(text)))
}

// readScript keeps the text of a file that is no longer than maxScript, if it is a script.
func (l *layer) readScript(n *node, name string, content io.Reader) error {
	start := make([]byte, 2)
	if got, err := io.ReadFull(content, start); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	} else if string(start[:got]) != "#!" {
		return nil
	}
	text, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	n.text = "#!" + string(text)
	l.scripts = append(l.scripts, script{name, n})
	if l.scriptBytes += len(n.text); l.scriptBytes > 2*maxScripts {
		l.dropScripts()
	}
	return l.budget.keep(len(name))
}

// dropScripts keeps maxScripts of texts, those at the top first: that is where
// entrypoints lie, and not in folders of dependencies.
func (l *layer) dropScripts() {
	slices.SortFunc(l.scripts, func(a, b script) int { return byDepth(a.name, b.name) })
	l.scriptBytes = 0
	for i, s := range l.scripts {
		if l.scriptBytes+len(s.node.text) > maxScripts {
			for _, s := range l.scripts[i:] {
				s.node.text = ""
			}
			l.scripts = l.scripts[:i]
			return
		}
		l.scriptBytes += len(s.node.text)
	}
}

func byDepth(a, b string) int {
	return cmp.Or(cmp.Compare(strings.Count(a, "/"), strings.Count(b, "/")), strings.Compare(a, b))
}

// ofDistribution reports whether a path lies in a folder that the distribution fills.
func ofDistribution(name string) bool {
	first, rest, _ := strings.Cut(name, "/")
	if first == "usr" {
		first, _, _ = strings.Cut(rest, "/")
		return slices.Contains(distributionUsr, first)
	}
	return slices.Contains(distributionTop, first)
}

var (
	distributionTop = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "etc"}
	distributionUsr = []string{"bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "share"}
)

// quote writes a name from an image for people: hostile ones are long and hold escape sequences.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		return fmt.Sprintf("%q…", name[:most])
	}
	return fmt.Sprintf("%q", name)
}
