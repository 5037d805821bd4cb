// Package trivy looks into images with Trivy's packages. It runs as a child
// process of the program (images.Scanner), so that an image that is too much
// for it takes down nothing else.
package trivy

import (
	_ "github.com/aquasecurity/trivy-db/pkg/metadata"
	_ "github.com/aquasecurity/trivy/pkg/db"
	_ "github.com/aquasecurity/trivy/pkg/fanal/applier"
	_ "github.com/aquasecurity/trivy/pkg/fanal/artifact/image"
	_ "github.com/aquasecurity/trivy/pkg/report"
	_ "github.com/aquasecurity/trivy/pkg/rpc/client"
	_ "github.com/aquasecurity/trivy/pkg/scan/local"
)

// Main is the child process; it returns its exit code.
func Main() int { return 2 }
