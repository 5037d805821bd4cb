package images

import (
	"encoding/gob"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

// A layerTree is what readLayer made of a layer, and what that took.
type layerTree struct {
	root *node
	cost cost
}

// A treeFile is a layerTree as it is kept, by diff id: the digest of what the
// layer unpacks to. Nodes are numbered, so that hard links share one; the root
// is the first, and a directory comes before what is in it.
type treeFile struct {
	DiffID string
	Cost   cost
	Nodes  []nodeRecord
}

type nodeRecord struct {
	Kind                            kind
	Effective, Cut, Implied, Opaque bool
	Mode                            uint32
	UID, GID                        int64
	Target, Text                    string
	Capabilities                    []string
	Names                           []string // of the kids
	Kids                            []int    // their nodes; someKid stands for someFile
	Gone                            []string
}

const someKid = -1

func treeName(diffID v1.Hash) string {
	return CacheFormat + "/layers/" + fileName(diffID.String()) + ".gob.gz"
}

func readTree(d store.Dir, diffID v1.Hash) *layerTree {
	var file treeFile
	var root *node
	good := d.Read(treeName(diffID), func(r io.Reader) error {
		if err := gob.NewDecoder(r).Decode(&file); err != nil {
			return err
		}
		if file.DiffID != diffID.String() {
			return errors.New("it is of another layer")
		}
		var err error
		root, err = unflatten(file.Nodes)
		return err
	})
	if !good {
		return nil
	}
	return &layerTree{root, file.Cost}
}

func writeTree(d store.Dir, diffID v1.Hash, t *layerTree) {
	_ = d.Write(treeName(diffID), func(w io.Writer) error {
		return gob.NewEncoder(w).Encode(treeFile{diffID.String(), t.cost, flatten(t.root)})
	})
}

func flatten(root *node) []nodeRecord {
	numbers := map[*node]int{root: 0, someFile: someKid}
	nodes := []*node{root}
	var records []nodeRecord
	for i := 0; i < len(nodes); i++ {
		n := nodes[i]
		r := nodeRecord{
			Kind: n.kind, Effective: n.effective, Cut: n.cut, Implied: n.implied, Opaque: n.opaque, Mode: n.mode, UID: n.uid, GID: n.gid,
			Target: n.target, Text: n.text, Capabilities: n.capabilities,
		}
		for name, kid := range n.kids {
			number, ok := numbers[kid]
			if !ok {
				number = len(nodes)
				numbers[kid] = number
				nodes = append(nodes, kid)
			}
			r.Names, r.Kids = append(r.Names, name), append(r.Kids, number)
		}
		for name := range n.gone {
			r.Gone = append(r.Gone, name)
		}
		records = append(records, r)
	}
	return records
}

// unflatten refuses what flatten does not write: a directory that is in itself would be walked for ever.
func unflatten(records []nodeRecord) (*node, error) {
	if len(records) == 0 || records[0].Kind != directory {
		return nil, errors.New("it has no root")
	}
	nodes := make([]*node, len(records))
	for i, r := range records {
		nodes[i] = &node{
			kind: r.Kind, effective: r.Effective, cut: r.Cut, implied: r.Implied, opaque: r.Opaque, mode: r.Mode, uid: r.UID, gid: r.GID,
			target: r.Target, text: r.Text, capabilities: r.Capabilities,
		}
	}
	for i, r := range records {
		if len(r.Names) != len(r.Kids) || len(r.Kids) > 0 && r.Kind != directory {
			return nil, fmt.Errorf("node %d has kids that cannot be", i)
		}
		for k, number := range r.Kids {
			switch {
			case number == someKid:
				nodes[i].put(r.Names[k], someFile)
			case number <= i && number >= 0 && records[number].Kind == directory, number < someKid, number >= len(nodes):
				return nil, fmt.Errorf("node %d has a kid %d", i, number)
			default:
				nodes[i].put(r.Names[k], nodes[number])
			}
		}
		for _, name := range r.Gone {
			if nodes[i].gone == nil {
				nodes[i].gone = map[string]struct{}{}
			}
			nodes[i].gone[name] = struct{}{}
		}
	}
	return nodes[0], nil
}
