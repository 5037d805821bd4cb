package needs

import "slices"

// Catalogue lists all agents, by what they are for. What builds images or runs the
// jobs of others is not among them, privileged or not.
func Catalogue() []Agent {
	return slices.Concat(controlPlane, network, cni, addresses, storage, blockAndFile, devices, watching, tracing, monitoring, logging, controllers, delivery)
}

func concat(lists ...[]HostPath) []HostPath { return slices.Concat(lists...) }
