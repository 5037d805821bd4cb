package session

import (
	"context"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/inventory/cluster"
)

// cluster reads what the cluster says about the images.
func (g *gathering) cluster(ctx context.Context, targets []target) {
	unread := g.reports(ctx, targets)
	g.session.mu.Lock()
	defer g.session.mu.Unlock()
	g.session.unread = unread
}

// reports takes what scanners in the cluster say already about the running
// images, so that those need not be scanned again. An old report is taken too:
// it says more than none, should the image not be had.
func (g *gathering) reports(ctx context.Context, targets []target) (unread []harden.Unread) {
	known := g.session.known()
	var lacking []target
	platforms, repositories := map[string]int{}, map[string]bool{}
	for _, t := range targets {
		if name, digest, ok := strings.Cut(t.key.Reference, "@"); ok && !g.fresh(known.Scans[t.key]) {
			lacking = append(lacking, t)
			platforms[digest]++
			repositories[name] = true
		}
	}
	if len(lacking) == 0 {
		return nil
	}
	found, unread := g.session.source.reports(ctx, g.inv.Scope, func(repository, digest string) bool {
		return platforms[digest] > 0 || repositories[repository]
	})
	newest, reported := newestReports(found)
	scans := map[harden.ImageKey]*harden.ImageScan{}
	for _, t := range lacking {
		name, digest, _ := strings.Cut(t.key.Reference, "@")
		report := newest[digest]
		// Of an index a report does not say which platform was scanned; scanners take that of most.
		if report != nil && !isPlatform(known.Tags, digest) && (platforms[digest] > 1 || t.key.Platform != harden.DefaultPlatform) {
			report = nil
		}
		if report == nil && reported[name] {
			// Trivy Operator knows an image that is named by its tag by the digest of its config.
			keys, _ := g.keys(ctx, t.workloads)
			if config := g.registry.ConfigDigest(ctx, t.key, keys); config != "" {
				report = newest[config]
			}
		}
		if report != nil {
			scan := *report
			scan.Digest, scan.Platform = digest, t.key.Platform
			scans[t.key] = &scan
		}
	}
	g.session.learn(harden.Facts{Scans: scans})
	g.say("reports", len(scans), len(lacking))
	return unread
}

// newestReports are the last reports by digest, and the repositories that have any.
func newestReports(reports []cluster.Report) (newest map[string]*harden.ImageScan, repositories map[string]bool) {
	newest, repositories = map[string]*harden.ImageScan{}, map[string]bool{}
	for _, r := range reports {
		repositories[r.Repository] = true
		if old := newest[r.Scan.Digest]; old == nil || old.Time.Before(r.Scan.Time) {
			newest[r.Scan.Digest] = r.Scan
		}
	}
	return newest, repositories
}

// isPlatform reports whether the digest is known to be that of one platform.
func isPlatform(tags map[string]*harden.ImageTag, digest string) bool {
	for _, t := range tags {
		for _, d := range t.Platforms {
			if d == digest {
				return true
			}
		}
	}
	return false
}
