// Package fixers lists everything that the program knows how to find.
package fixers

import (
	"slices"

	"github.com/kubectl-harden/kubectl-harden/internal/fixers/cloud"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/controlplane"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/exposure"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/identity"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/image"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/namespace"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/network"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/pod"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/resilience"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers/secret"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/waivers"
)

// Suite lists all fixers, by area and from the worst to the mildest within it.
// The order is that of the documentation; findings have their own.
func Suite() []*harden.Fixer {
	return slices.Concat(
		pod.Suite(),
		image.Suite(),
		network.Suite(),
		identity.Suite(),
		secret.Suite(),
		exposure.Suite(),
		cloud.Suite(),
		resilience.Suite(),
		namespace.Suite(),
		controlplane.Suite(),
		waivers.Suite(),
	)
}
