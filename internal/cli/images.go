package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/report"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

type imagesOptions struct {
	*connection
	streams   genericiooptions.IOStreams
	names     []string
	platform  string
	output    string
	outputDir string
	severity  string
	fixable   bool
	failOn    string

	least        harden.Severity
	failSeverity *harden.Severity
	session      *session.Session
	scope        harden.Scope
}

// Outputs that are bills of materials: one document for each image.
var sbomOutputs = map[string]string{harden.SBOMCycloneDX: ".cdx.json", harden.SBOMSPDX: ".spdx.json"}

var imageOutputs = []string{"table", "wide", "json", "sarif", harden.SBOMCycloneDX, harden.SBOMSPDX}

func newImages(conn *connection, streams genericiooptions.IOStreams) *cobra.Command {
	o := &imagesOptions{connection: conn, streams: streams}
	cmd := &cobra.Command{
		Use:   "images [-n NAMESPACE | -A | -f FILE | IMAGE...]",
		Short: "List what is in the images: users, vulnerabilities, secrets, bills of materials",
		Long: `List the images that workloads run, worst first, with what is known about them:
user, size, age, known vulnerabilities by severity and how many of them have a
fixed version, secrets that were left in them. Each image is looked into once,
by the digest that runs and for the platforms of the nodes.

Asking for this is the consent to ask the registries, with your own registry
credentials, and to download a vulnerability database (some 100 MB, kept in the
cache and renewed when it is due). Pull secrets of the workloads are used with
--pull-secrets only. Reports of a scanner in the cluster (VulnerabilityReport,
VulnerabilityManifest) are used instead of a scan where they are fresh and about
the digest that runs; the column SOURCE tells.

Images that are named are looked into without a cluster.

The exit code is 2 when an image could not be looked into: the others are
printed all the same, and what is not known is never counted as 0.`,
		Example: `  # The images of the current namespace, the worst first
  kubectl harden images

  # One image, with the list of what is in it
  kubectl harden images registry.example.com/shop/web:1.2

  # Everything in the cluster that has a fix, for a program; exit code 1 when something critical is among it
  kubectl harden images -A --ignore-unfixed -o json --fail-on critical

  # Newer tags that have fewer vulnerabilities
  kubectl harden images -n shop --updates

  # A bill of materials of each image
  kubectl harden images -n shop -o cyclonedx --output-dir sboms/

  # Without a network: what was kept of images and database is all there is
  kubectl harden images -n shop --offline`,
		RunE: func(cmd *cobra.Command, args []string) error { return run(cmd, args, o) },
	}
	fs := cmd.Flags()
	o.addScopeFlags(fs)
	o.addImageFlags(fs)
	fs.StringVar(&o.platform, "platform", harden.DefaultPlatform, "Platform of images that are named: OS/ARCHITECTURE. Those of a cluster are looked at for the platforms of its nodes")
	fs.StringVarP(&o.output, "output", "o", "table", "Output: "+strings.Join(imageOutputs, ", "))
	fs.StringVar(&o.outputDir, "output-dir", "", "Directory for the bills of materials (cyclonedx, spdx), one file for each image")
	fs.StringVar(&o.severity, "severity", "info", "Least severity to count and list: info (with what nobody rated), low, medium, high or critical")
	fs.BoolVar(&o.fixable, "ignore-unfixed", false, "Leave out vulnerabilities without a fixed version")
	fs.StringVar(&o.failOn, "fail-on", "", "Exit with code 1 when a vulnerability or secret that is listed has at least this severity")
	must(cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(imageOutputs, cobra.ShellCompDirectiveNoFileComp)))
	for _, name := range []string{"severity", "fail-on"} {
		must(cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(severityNames(), cobra.ShellCompDirectiveNoFileComp)))
	}
	return cmd
}

func (o *imagesOptions) Complete(cmd *cobra.Command, args []string) error {
	o.names = args
	var err error
	if o.least, err = harden.ParseSeverity(o.severity); err != nil {
		return fmt.Errorf("reading --severity: %w", err)
	}
	if o.failOn != "" {
		sev, err := harden.ParseSeverity(o.failOn)
		if err != nil {
			return fmt.Errorf("reading --fail-on: %w", err)
		}
		o.failSeverity = &sev
	}
	o.evidence.Images = true
	if o.sbom() {
		o.evidence.SBOM = o.output
	} else {
		o.evidence.Vulnerabilities = true
	}
	if err := o.check(cmd.Flags().Changed("platform")); err != nil {
		return err
	}
	if len(o.names) == 0 {
		o.session, o.scope, err = o.connect(cmd)
		return err
	}
	if err := o.completeLooks(false, true); err != nil {
		return err
	}
	o.session, err = session.OpenImages(o.names, o.platform, o.options)
	return err
}

func (o *imagesOptions) sbom() bool { return sbomOutputs[o.output] != "" }

// check refuses flags that contradict each other, before anything is read.
func (o *imagesOptions) check(platform bool) error {
	if err := oneOf("output", o.output, imageOutputs); err != nil {
		return err
	}
	named := len(o.names) > 0
	switch {
	case named && (o.onFiles() || o.allNamespaces || *o.config.Namespace != ""):
		return errors.New("images that are named are looked into without a cluster: leave out -n, -A and -f, or the names")
	case platform && !named:
		return errors.New("--platform is for images that are named: those of workloads are looked at for the platforms of the nodes")
	case o.outputDir != "" && !o.sbom():
		return hinted(errors.New("--output-dir is for bills of materials"), "add -o cyclonedx or -o spdx")
	case o.sbom() && (o.failOn != "" || o.fixable || o.least > harden.Info):
		return errors.New("a bill of materials lists packages, not vulnerabilities: it cannot go with --severity, --ignore-unfixed or --fail-on")
	case o.sbom() && (o.evidence.Updates || o.evidence.Signatures):
		return errors.New("a bill of materials says nothing about tags and signatures: it cannot go with --updates or --signatures")
	}
	return nil
}

func (o *imagesOptions) Validate() error { return nil }

func (o *imagesOptions) Run(ctx context.Context) error {
	defer o.session.Close()
	snap, err := o.session.Load(ctx, o.scope)
	if err != nil {
		return err
	}
	if n := len(snap.Inventory.ImageUses()); o.sbom() && n > 1 && o.outputDir == "" {
		return hinted(fmt.Errorf("there are %d images, and a bill of materials is one document for each", n), "name a directory for them with --output-dir, or one IMAGE")
	}
	sboms := map[harden.ImageKey]harden.SBOM{}
	snap, err = gather(ctx, o.session, nil, o.evidence, o.streams, func(p harden.GatherProgress) { maps.Copy(sboms, p.SBOMs) })
	if err != nil {
		return err
	}
	inv := snap.Inventory
	r := &report.Images{
		Uses: report.Narrow(inv.ImageUses(), o.least, o.fixable), Cluster: inv.Cluster, Namespaces: inv.Scope, Unread: inv.Unread, Named: len(o.names) > 0,
		Asked: o.evidence, Least: o.least, Fixable: o.fixable, Wide: o.output == "wide", Now: time.Now(), Version: version,
	}
	if o.sbom() {
		return o.writeSBOMs(r.Uses, sboms)
	}
	switch o.output {
	case "json":
		err = r.JSON(o.streams.Out)
	case "sarif":
		err = r.SARIF(o.streams.Out)
	default:
		err = r.Table(o.streams.Out)
	}
	if err != nil {
		return err
	}
	return o.verdict(r)
}

// verdict is the exit code: what could not be looked at outweighs what was found.
func (o *imagesOptions) verdict(r *report.Images) error {
	var missing []string
	for _, u := range r.Uses {
		if len(r.Missing(u)) > 0 {
			missing = append(missing, harden.OneLine(u.Name())+" ("+u.Key.Platform+")")
		}
	}
	if len(missing) > 0 {
		return hinted(fmt.Errorf("%d of %d images could not be looked into: %s", len(missing), len(r.Uses), strings.Join(missing, ", ")), o.way(r))
	}
	if err := o.session.Incomplete(); err != nil {
		return err
	}
	if o.failSeverity != nil && slices.ContainsFunc(r.Uses, o.fails) {
		return exitCode(exitFindings)
	}
	return nil
}

// way is a way out for images that could not be looked into.
func (o *imagesOptions) way(r *report.Images) string {
	const database = "allow the download of the vulnerability database, name a mirror of it with --db-repository, or a directory with --db-path"
	read := slices.ContainsFunc(r.Uses, func(u *harden.ImageUse) bool { return u.Facts != nil && !u.Facts.Known })
	switch {
	case !read && o.options.Server != "":
		return "the output tells why; is the Trivy server of --trivy-server up, and its token in " + tokenVariable + "?"
	case !read:
		return "the output tells why; " + database
	case !o.evidence.PullSecrets && len(o.names) == 0 && !o.onFiles():
		return "the output tells why; check the names, log in with 'docker login' or the like, or use the pull secrets of the workloads with --pull-secrets"
	}
	return "the output tells why; check the names, log in with 'docker login' or the like, or name a mirror with --registry-mirror"
}

func (o *imagesOptions) fails(u *harden.ImageUse) bool {
	return u.Scanned() && (slices.ContainsFunc(u.Scan.Vulnerabilities, func(v harden.Vulnerability) bool { return v.Severity >= *o.failSeverity }) ||
		slices.ContainsFunc(u.Scan.Secrets, func(s harden.ImageSecret) bool { return s.Severity >= *o.failSeverity }))
}

// writeSBOMs writes one document to stdout, or each into a file of its own.
func (o *imagesOptions) writeSBOMs(uses []*harden.ImageUse, sboms map[harden.ImageKey]harden.SBOM) error {
	var missing []string
	for _, u := range uses {
		s := sboms[u.Key]
		if s.Document == nil {
			why := s.Why
			if why == "" {
				why = u.Why()
			}
			fmt.Fprintf(o.streams.ErrOut, "%s (%s): %s\n", harden.OneLine(u.Name()), u.Key.Platform, harden.OneLine(why))
			missing = append(missing, harden.OneLine(u.Name()))
			continue
		}
		if err := o.writeSBOM(u, s.Document); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no bill of materials could be made of %d of %d images: %s", len(missing), len(uses), strings.Join(missing, ", "))
	}
	return nil
}

func (o *imagesOptions) writeSBOM(u *harden.ImageUse, document []byte) error {
	document = append(bytes.TrimRight(document, "\n"), '\n')
	if o.outputDir == "" {
		_, err := o.streams.Out.Write(document)
		return err
	}
	if err := os.MkdirAll(o.outputDir, 0o755); err != nil {
		return fmt.Errorf("writing bills of materials: %w", err)
	}
	path := filepath.Join(o.outputDir, sbomFile(u)+sbomOutputs[o.output])
	if err := os.WriteFile(path, document, 0o644); err != nil {
		return fmt.Errorf("writing bills of materials: %w", err)
	}
	_, err := fmt.Fprintln(o.streams.Out, path)
	return err
}

var notInFileNames = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// sbomFile names a file after an image: name, platform and digest, since two
// digests may run under one name.
func sbomFile(u *harden.ImageUse) string {
	name := u.Name() + "_" + u.Key.Platform
	if d := harden.ShortDigest(u.Digest()); d != "" {
		name += "_" + d
	}
	return strings.TrimLeft(notInFileNames.ReplaceAllString(name, "_"), ".")
}
