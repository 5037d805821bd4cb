package needs

import "slices"

// Catalogue lists all agents, by what they are for.
func Catalogue() []Agent {
	return slices.Concat(network)
}
