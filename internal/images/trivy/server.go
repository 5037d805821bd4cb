package trivy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"

	"github.com/aquasecurity/trivy/pkg/cache"
	"github.com/aquasecurity/trivy/pkg/rpc/client"
	"github.com/aquasecurity/trivy/pkg/scan"
	"github.com/aquasecurity/trivy/pkg/types"
	"github.com/twitchtv/twirp"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
)

// tokenHeader is the one that Trivy's server reads unless it is told another.
const tokenHeader = "Trivy-Token"

// ask lets a Trivy server match: it gets what the analyzers found, not the image.
func (w *worker) ask(ctx context.Context, image *images.Image, found *analyzed, task images.Task) (types.Report, error) {
	held, err := newImageCache(image, found)
	if err != nil {
		return types.Report{}, err
	}
	what, err := prepare(image, held, task.Key.Reference)
	if err != nil {
		return types.Report{}, err
	}
	headers := http.Header{}
	if w.settings.ServerToken != "" {
		headers.Set(tokenHeader, w.settings.ServerToken)
	}
	if err := send(ctx, cache.NewRemoteCache(ctx, cache.RemoteOptions{ServerAddr: w.settings.Server, CustomHeaders: headers}), held); err != nil {
		return types.Report{}, w.serverError(err)
	}
	backend := client.NewService(client.ServiceOption{RemoteURL: w.settings.Server, CustomHeaders: headers})
	report, err := scan.NewService(backend, what).ScanArtifact(ctx, scanOptions(types.Scanners{types.VulnerabilityScanner, types.SecretScanner}))
	if err != nil {
		return types.Report{}, w.serverError(err)
	}
	return report, nil
}

func send(ctx context.Context, server *cache.RemoteCache, held *imageCache) error {
	missingArtifact, missing, err := server.MissingBlobs(ctx, held.artifactID, held.blobIDs)
	if err != nil {
		return err
	}
	for id, blob := range held.blobs {
		if !slices.Contains(missing, id) {
			continue
		}
		if err := server.PutBlob(ctx, id, blob); err != nil {
			return err
		}
	}
	if missingArtifact {
		return server.PutArtifact(ctx, held.artifactID, held.artifact)
	}
	return nil
}

// serverName is the URL of a server without what may be a password in it.
func serverName(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	u.User = nil
	return u.String()
}

// serverError leaves out what the server says of itself, and its URL, which may hold a password.
func (w *worker) serverError(err error) error {
	var answer twirp.Error
	var network *net.OpError
	name := serverName(w.settings.Server)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.As(err, &network):
		return fmt.Errorf("the Trivy server %q cannot be reached: %w", name, network.Err)
	case errors.As(err, &answer) && answer.Code() == twirp.Unauthenticated:
		return fmt.Errorf("the Trivy server %q does not take the token: see --trivy-token-file", name)
	case errors.As(err, &answer):
		return fmt.Errorf("the Trivy server %q answered %s: %q", name, answer.Code(), answer.Msg())
	}
	return fmt.Errorf("the Trivy server %q: %w", name, err)
}
