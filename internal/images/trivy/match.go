package trivy

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	dbtypes "github.com/aquasecurity/trivy-db/pkg/types"
	"github.com/aquasecurity/trivy/pkg/fanal/applier"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	"github.com/aquasecurity/trivy/pkg/scan"
	"github.com/aquasecurity/trivy/pkg/scan/langpkg"
	"github.com/aquasecurity/trivy/pkg/scan/local"
	"github.com/aquasecurity/trivy/pkg/scan/ospkg"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/aquasecurity/trivy/pkg/vulnerability"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// scan finds the vulnerabilities and secrets of an image that was analyzed.
func (w *worker) scan(ctx context.Context, image *images.Image, found *analyzed, task images.Task) *harden.ImageScan {
	result := &harden.ImageScan{
		Digest: image.Digest(), Platform: image.Platform(), Time: time.Now().UTC().Truncate(time.Second),
		Source: harden.ScanSource{Kind: harden.ScanTrivy, Name: images.TrivyVersion()},
	}
	if w.settings.Server != "" {
		result.Source = harden.ScanSource{Kind: harden.ScanTrivyServer, Name: serverName(w.settings.Server)}
	}
	if found.err != nil {
		result.Why = image.Why(found.err)
		return result
	}
	report, err := w.report(ctx, image, found, task)
	if err == nil {
		result.Known = true
	} else {
		result.Why = image.Why(err)
		// Secrets need no database.
		if report, err = w.match(ctx, image, found, task, types.Scanners{types.SecretScanner}); err != nil {
			return result
		}
	}
	w.tell(result, report, found, task)
	switch {
	case !result.Known:
	case w.settings.Server == "":
		result.Database = w.database.built
		image.KeepScan(w.settings.Stamp, result)
	case report.Trivy.Server.VulnerabilityDB != nil:
		result.Database = report.Trivy.Server.VulnerabilityDB.UpdatedAt.UTC()
	}
	return result
}

func (w *worker) report(ctx context.Context, image *images.Image, found *analyzed, task images.Task) (types.Report, error) {
	if w.settings.Server != "" {
		return w.ask(ctx, image, found, task)
	}
	if err := w.database.open(); err != nil {
		return types.Report{}, err
	}
	return w.match(ctx, image, found, task, types.Scanners{types.VulnerabilityScanner, types.SecretScanner})
}

func scanOptions(scanners types.Scanners) types.ScanOptions {
	return types.ScanOptions{
		PkgTypes: types.PkgTypes, PkgRelationships: ftypes.Relationships, Scanners: scanners,
		VulnSeveritySources: []dbtypes.SourceID{"auto"}, // that of the distribution before that of others
	}
}

// match matches with the database here.
func (w *worker) match(ctx context.Context, image *images.Image, found *analyzed, task images.Task, scanners types.Scanners) (report types.Report, err error) {
	// A damaged database may end in a fault of memory when it is read.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("matching it with the vulnerability database in %q failed: %v; %w", w.settings.Database, r, errDamaged)
		}
	}()
	held, err := newImageCache(image, found)
	if err != nil {
		return types.Report{}, err
	}
	what, err := prepare(image, held, task.Key.Reference)
	if err != nil {
		return types.Report{}, err
	}
	backend := local.NewService(applier.NewApplier(held), ospkg.NewScanner(), langpkg.NewScanner(), vulnerability.NewClient(trivydb.Config{}))
	return scan.NewService(backend, what).ScanArtifact(ctx, scanOptions(scanners))
}

var errDamaged = errors.New("the vulnerability database is damaged: remove it, and it is downloaded again")
