package images

import (
	"bytes"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/moby/sys/user"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// merge lays a layer over the merged file system below it, as overlayfs shows
// them: what a layer removes it removes from below only, never from itself.
func merge(below, layer *node) error {
	m := merger{}
	m.directory(below, layer)
	for _, l := range m.links {
		target, err := l.resolve(below)
		if err != nil {
			return err
		}
		l.parent.kids[l.name] = target
	}
	return nil
}

// A merger gathers the hard links whose targets were not in their layer.
type merger struct{ links []link }

type link struct {
	parent *node
	name   string
}

func (m *merger) directory(below, layer *node) {
	if !layer.implied {
		below.mode, below.uid, below.gid = layer.mode, layer.uid, layer.gid
	}
	if layer.opaque {
		below.kids = nil
	}
	for name := range layer.gone {
		delete(below.kids, name)
	}
	for name, kid := range layer.kids {
		if kid.kind != directory {
			below.put(name, kid)
			if kid.kind == pending {
				m.links = append(m.links, link{below, name})
			}
			continue
		}
		had := below.kids[name]
		if had == nil || had.kind != directory {
			had = newDirectory()
			below.put(name, had)
		}
		m.directory(had, kid)
	}
}

// resolve finds what a hard link is: its target may be such a link itself.
func (l link) resolve(root *node) (*node, error) {
	n := l.parent.kids[l.name]
	for range maxLinks {
		if n.kind != pending {
			return n, nil
		}
		target := root.find(n.target)
		if target == nil || target.kind == directory {
			return nil, fmt.Errorf("entry %s is a hard link to %s, which is no file of the image", quote(l.name), quote(n.target))
		}
		n = target
	}
	return nil, fmt.Errorf("entry %s is a hard link in a loop", quote(l.name))
}

// files writes down what judgements need of the merged file system.
func files(root *node, b *budget) (*harden.ImageFiles, error) {
	w := walk{budget: b, libraries: map[string]bool{}, files: &harden.ImageFiles{
		Dirs: map[string]harden.ImageDir{}, Programs: map[string]harden.ImageFile{}, Links: map[string]string{}, Scripts: map[string]string{},
	}}
	if err := w.directory("/", root); err != nil {
		return nil, err
	}
	w.keepScripts()
	w.files.Libraries = slices.Sorted(maps.Keys(w.libraries))
	if err := w.accounts(root); err != nil {
		return nil, err
	}
	return w.files, nil
}

type walk struct {
	budget    *budget
	files     *harden.ImageFiles
	libraries map[string]bool
	scripts   []script
}

func (w *walk) directory(at string, dir *node) error {
	for name, kid := range dir.kids {
		if isLibrary(name) && kid.kind != directory {
			w.libraries[text(name)] = true
		}
		if kid.kind == other || kid.kind == account {
			continue
		}
		// Checked before the path is made: deep trees have paths that are longer than all their names.
		if err := w.budget.keep(nameCost + len(at) + len(name)); err != nil {
			return err
		}
		full := path.Join(at, text(name))
		switch kid.kind {
		case symlink:
			w.files.Links[full] = text(kid.target)
		case program:
			w.files.Programs[full] = harden.ImageFile{Mode: kid.mode, UID: kid.uid, GID: kid.gid, Capabilities: kid.capabilities, Effective: kid.effective}
			if kid.text != "" && !ofDistribution(full[1:]) {
				w.scripts = append(w.scripts, script{full, kid})
			}
		case directory:
			w.files.Dirs[full] = harden.ImageDir{Mode: kid.mode, UID: kid.uid, GID: kid.gid, Entries: len(kid.kids)}
			if err := w.directory(full, kid); err != nil {
				return err
			}
		}
	}
	return nil
}

// text makes a name of a file system, which is any bytes, one that JSON and terminals carry unchanged.
func text(name string) string { return strings.ToValidUTF8(name, "\uFFFD") }

func isLibrary(name string) bool {
	return strings.HasPrefix(name, "lib") && (strings.HasSuffix(name, ".so") || strings.Contains(name, ".so."))
}

func (w *walk) keepScripts() {
	slices.SortFunc(w.scripts, func(a, b script) int { return byDepth(a.name, b.name) })
	left := maxScripts
	for _, s := range w.scripts {
		if left -= len(s.node.text); left < 0 {
			return
		}
		w.files.Scripts[s.name] = text(s.node.text)
	}
}

// accounts reads /etc/passwd and /etc/group as container runtimes do.
func (w *walk) accounts(root *node) error {
	passwd, err := w.account(root, "/etc/passwd")
	if err != nil {
		return err
	}
	users, err := user.ParsePasswd(bytes.NewReader(passwd))
	if err != nil {
		return fmt.Errorf("reading /etc/passwd: %w", err)
	}
	for _, u := range users {
		w.files.Users = append(w.files.Users, harden.ImageUserEntry{Name: text(u.Name), UID: int64(u.Uid), GID: int64(u.Gid), Home: text(u.Home)})
	}
	group, err := w.account(root, "/etc/group")
	if err != nil {
		return err
	}
	groups, err := user.ParseGroup(bytes.NewReader(group))
	if err != nil {
		return fmt.Errorf("reading /etc/group: %w", err)
	}
	for _, g := range groups {
		entry := harden.ImageGroupEntry{Name: text(g.Name), GID: int64(g.Gid)}
		for _, m := range g.List {
			entry.Members = append(entry.Members, text(m))
		}
		w.files.Groups = append(w.files.Groups, entry)
	}
	return nil
}

func (w *walk) account(root *node, name string) ([]byte, error) {
	n := root.find(w.files.Resolve(name))
	if n == nil {
		return nil, nil
	}
	if n.cut {
		return nil, tooLarge("%s has more than %s", name, size(w.budget.limits.Text))
	}
	return []byte(n.text), nil
}
