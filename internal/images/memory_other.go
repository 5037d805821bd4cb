//go:build !linux

package images

// limitMemory leaves it to the collector: what other systems have as a limit
// does not count the memory of Go.
func limitMemory(int64) error { return nil }
