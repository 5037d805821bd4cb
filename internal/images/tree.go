package images

import (
	"errors"
	"strings"
)

type kind uint8

const (
	other     kind = iota // exists; nobody asks for more
	directory             //
	program               // may be executed, or carries setuid, setgid or a capability
	account               // a file called passwd or group
	symlink               // to target
	pending               // a hard link to target, which its layer does not have
)

// A node is a name in a file system: that of one layer, or the merged one.
// Nodes other than directories are never changed once they are in a tree, so
// hard links share them.
type node struct {
	kind         kind
	effective    bool // the effective bit of its capabilities
	cut          bool // the text was too large to keep
	implied      bool // a directory that its layer does not list: metadata comes from below
	opaque       bool // of a layer: hides what the directory had below
	mode         uint32
	uid, gid     int64
	target       string
	text         string // of a script or account file
	capabilities []string
	kids         map[string]*node
	gone         map[string]struct{} // of a layer: names that it removes from below
}

// someFile stands for every node that is only counted.
var someFile = &node{kind: other}

// What nodes and names cost, roughly, in bytes: with them the memory of a hostile image is bounded.
const (
	nodeCost = 192
	nameCost = 48
)

func newDirectory() *node { return &node{kind: directory, mode: 0o755, implied: true} }

func (n *node) put(name string, kid *node) {
	if n.kids == nil {
		n.kids = map[string]*node{}
	}
	n.kids[name] = kid
}

// Limits of the kernel and of container runtimes. A layer beyond them cannot be unpacked.
const (
	maxPath  = 4096 // PATH_MAX
	maxName  = 255  // NAME_MAX
	maxLinks = 255  // that containerd follows in one path (continuity/fs.RootPath)
)

var (
	errLinkLoop     = errors.New("its folder leads through a loop of symbolic links")
	errNotDirectory = errors.New("its folder is no directory")
	errDeep         = errors.New("it lies too deep")
)

// descend finds the directory of a path below n, following symbolic links as
// container runtimes do: never out of n. Where something is missing, missing is
// called for it; without it the directory is then nil.
func (n *node) descend(name string, missing func(parent *node, name string) (*node, error)) (*node, error) {
	way := []*node{n}
	left := strings.Split(name, "/")
	for links := 0; len(left) > 0; {
		next := left[0]
		left = left[1:]
		switch next {
		case "", ".":
			continue
		case "..":
			way = way[:max(1, len(way)-1)]
			continue
		}
		at := way[len(way)-1]
		kid := at.kids[next]
		if kid == nil && missing == nil {
			return nil, nil
		}
		if kid == nil {
			var err error
			if kid, err = missing(at, next); err != nil {
				return nil, err
			}
		}
		switch kid.kind {
		case directory:
			if len(way) > maxPath/2 {
				return nil, errDeep
			}
			way = append(way, kid)
		case symlink:
			if links++; links > maxLinks {
				return nil, errLinkLoop
			}
			if strings.HasPrefix(kid.target, "/") {
				way = way[:1]
			}
			left = append(strings.Split(kid.target, "/"), left...)
		default:
			return nil, errNotDirectory
		}
	}
	return way[len(way)-1], nil
}

// find returns what a path names; its last part is not followed. Nil when there is nothing.
func (n *node) find(name string) *node {
	i := strings.LastIndex(name, "/")
	parent, err := n.descend(name[:i+1], nil)
	if parent == nil || err != nil {
		return nil
	}
	return parent.kids[name[i+1:]]
}
