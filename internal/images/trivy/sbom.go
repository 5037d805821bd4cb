package trivy

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aquasecurity/trivy/pkg/report/cyclonedx"
	"github.com/aquasecurity/trivy/pkg/report/spdx"
	"github.com/aquasecurity/trivy/pkg/types"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// sbom writes what the image consists of, as JSON, or says why not.
func (w *worker) sbom(ctx context.Context, image *images.Image, found *analyzed, task images.Task) (sbom []byte, why string) {
	if found.err != nil {
		return nil, image.Why(found.err)
	}
	report, err := w.match(ctx, image, found, task, types.Scanners{types.SBOMScanner})
	if err != nil {
		return nil, image.Why(err)
	}
	var out bytes.Buffer
	switch task.SBOM {
	case "cyclonedx":
		err = cyclonedx.NewWriter(&out, images.TrivyVersion()).Write(ctx, report)
	case "spdx":
		err = spdx.NewWriter(&out, images.TrivyVersion(), types.FormatSPDXJSON).Write(ctx, report)
	default:
		err = fmt.Errorf("the form %q of a bill of materials is not known: use cyclonedx or spdx", task.SBOM)
	}
	if err != nil {
		return nil, image.Why(err)
	}
	return out.Bytes(), ""
}
