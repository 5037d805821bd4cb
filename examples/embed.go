// Package examples holds the demo shop and systems whose connections are documented. Its tests keep the manifests
// valid, their mistakes in place, and what is proposed for their networks right.
package examples

import "embed"

// Shop is the folder shop with its manifests.
//
//go:embed shop/*.yaml
var Shop embed.FS
