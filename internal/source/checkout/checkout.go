// Package checkout finds what in a folder of manifests, kustomizations and charts
// brings an object, and changes it there.
package checkout

import (
	"errors"

	"k8s.io/apimachinery/pkg/util/managedfields"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// A Checkout is a folder that was looked through.
type Checkout struct{}

// Open looks through a folder for manifests, kustomizations and charts. With conv
// (see plan.Project) a fix is carried over to an object in a source.
func Open(opts harden.SourceOptions, conv managedfields.TypeConverter) (*Checkout, error) {
	return nil, errors.New("not built yet")
}

// Edit changes the files so that they bring the changes, each proven by
// rendering. Before of a change is the object on the cluster: what is rendered
// must say nothing else about it. An object that several places bring, or none,
// is said to be so; nothing is guessed.
func (c *Checkout) Edit(changes []harden.ObjectChange) (*harden.SourceEdits, error) {
	return nil, errors.New("not built yet")
}
