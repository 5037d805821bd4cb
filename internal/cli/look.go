package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/netpol/flows"
	"github.com/kubectl-harden/kubectl-harden/internal/session"
)

// tokenVariable holds the token of a Trivy server: arguments are seen by
// everybody on the machine.
const tokenVariable = "TRIVY_TOKEN"

// looks are the flags that say how is looked beyond the objects of the API.
type looks struct {
	evidence  harden.EvidenceOptions
	options   session.LookOptions
	mirrors   []string
	tokenFile string
	flowFiles []string
}

// addEvidenceFlags adds the consents to look beyond the objects of the API.
func (l *looks) addEvidenceFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.evidence.Images, "images", false, "Read the images from their registries, with your own registry credentials: users, ports, files. They are kept in a cache")
	fs.BoolVar(&l.evidence.Vulnerabilities, "vulnerabilities", false, "Scan the images for known vulnerabilities and for secrets, with a database that is downloaded. Implies --images")
	l.addImageFlags(fs)
	l.addProbeFlags(fs)
	fs.BoolVar(&l.evidence.Network, "network", false, "Read all namespaces that may be read for how pods are reached: what workloads need, and the policies that allow just that")
	l.addFlowFlags(fs)
	fs.BoolVar(&l.evidence.Kubelets, "kubelets", false, "Read the configuration of the kubelets (needs nodes/configz or nodes/proxy)")
}

// addProbeFlags adds the consent to look into running containers.
func (l *looks) addProbeFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.evidence.Probe, "probe", false, "Look into running containers by exec: users, capabilities, ports, files written to")
	fs.StringVar(&l.options.ProbeImage, "probe-image", "", "With --probe: image of the ephemeral container that looks into containers without a shell. It stays in the pod until that is replaced")
}

// addFlowFlags adds connections that something else has seen.
func (l *looks) addFlowFlags(fs *pflag.FlagSet) {
	fs.StringArrayVar(&l.flowFiles, "flows", nil, "File with connections that were seen: JSON of 'hubble observe', or CSV; may be repeated. Implies --network")
}

// addImageFlags adds how images, registries and databases are reached.
func (l *looks) addImageFlags(fs *pflag.FlagSet) {
	fs.BoolVar(&l.evidence.Updates, "updates", false, "Also look for newer tags of the images, and scan those that are proposed")
	fs.BoolVar(&l.evidence.Signatures, "signatures", false, "Also ask the registries whether the images are signed; nothing is verified")
	fs.BoolVar(&l.evidence.PullSecrets, "pull-secrets", false, "With images: read the workloads' image pull secrets from the cluster and use them too")
	fs.StringSliceVar(&l.options.Insecure, "insecure-registry", nil, "With images: registries (HOST[:PORT]) to speak plain HTTP to; localhost always is one")
	fs.StringArrayVar(&l.mirrors, "registry-mirror", nil, "With images: HOST=MIRROR, ask MIRROR before the registry HOST; may be repeated")
	fs.DurationVar(&l.options.ImageTimeout, "image-timeout", 0, "With images: how long to look into one (default 5m)")
	fs.IntVar(&l.options.Parallel, "parallel", 0, "With images: how many at a time (default 4)")
	fs.BoolVar(&l.options.Offline, "offline", false, "With images: ask no registry and download no database; what was kept of both is all there is")
	fs.StringSliceVar(&l.options.DatabaseRepositories, "db-repository", nil, "With vulnerabilities: OCI repositories of the database, tried in order (default: Trivy's own)")
	fs.StringSliceVar(&l.options.JavaDatabaseRepositories, "java-db-repository", nil, "With vulnerabilities: OCI repositories of the Java database (large), tried in order. Without it, what is in jar files that do not name themselves is not known")
	fs.StringVar(&l.options.DatabasePath, "db-path", "", "With vulnerabilities: a directory with trivy.db, used as it is instead of a download")
	fs.StringVar(&l.options.Server, "trivy-server", "", "With vulnerabilities: URL of a Trivy server that has the database; its token is read from "+tokenVariable+" or --trivy-token-file")
	fs.StringVar(&l.tokenFile, "trivy-token-file", "", "File with the token of the Trivy server")
}

// completeLooks reads what the flags only name, and refuses those that say
// nothing without another one, or contradict each other.
func (l *looks) completeLooks(onKeys, onFiles bool) error {
	l.evidence.Vulnerabilities = l.evidence.Vulnerabilities || l.evidence.Updates
	l.evidence.Images = l.evidence.Images || l.evidence.Vulnerabilities
	l.evidence.Network = l.evidence.Network || len(l.flowFiles) > 0
	if err := l.checkDatabase(); err != nil {
		return err
	}
	if !onKeys {
		if err := l.checkConsents(onFiles); err != nil {
			return err
		}
	}
	if err := l.parseMirrors(); err != nil {
		return err
	}
	if err := l.readFlows(); err != nil {
		return err
	}
	return l.readToken()
}

// checkConsents is not for the UI, where a key gives the consent later.
func (l *looks) checkConsents(onFiles bool) error {
	o, images := &l.options, l.evidence.Images || l.evidence.Signatures || l.evidence.SBOM != ""
	const addImages = "add --images"
	switch {
	case l.evidence.PullSecrets && !images:
		return hinted(errors.New("--pull-secrets says which credentials --images may use"), addImages)
	case len(o.Insecure) > 0 && !images:
		return hinted(errors.New("--insecure-registry says how --images may read"), addImages)
	case len(l.mirrors) > 0 && !images:
		return hinted(errors.New("--registry-mirror says where --images may read"), addImages)
	case (o.Offline || o.ImageTimeout != 0 || o.Parallel != 0) && !images:
		return hinted(errors.New("--offline, --image-timeout and --parallel say how --images may look"), addImages)
	case l.usesDatabase() && !l.evidence.Vulnerabilities:
		return hinted(errors.New("--db-repository, --java-db-repository, --db-path and --trivy-server say what --vulnerabilities looks with"), "add --vulnerabilities")
	case o.ProbeImage != "" && !l.evidence.Probe:
		return hinted(errors.New("--probe-image says how --probe may look"), "add --probe")
	case onFiles && l.evidence.Probe:
		return errors.New("--probe looks into running containers: there are none behind files")
	case onFiles && l.evidence.Kubelets:
		return errors.New("--kubelets asks the nodes of a cluster: there are none behind files")
	case onFiles && l.evidence.PullSecrets:
		return errors.New("--pull-secrets reads Secrets of a cluster: there are none behind files. Log in with 'docker login' or the like")
	}
	return nil
}

// databaseNote says, for the question of the UI, where the vulnerability
// database comes from; empty: it is downloaded from Trivy's own repositories.
func (l *looks) databaseNote() string {
	o := &l.options
	switch {
	case o.Server != "":
		return "Tells the Trivy server " + o.Server + " what is installed in the images."
	case o.DatabasePath != "":
		return "Uses the vulnerability database in " + o.DatabasePath + " as it is."
	case o.Offline:
		return "Asks no registry and downloads nothing: what was kept is all there is."
	case len(o.DatabaseRepositories) > 0:
		return "Downloads a vulnerability database (some 100 MB) from " + o.DatabaseRepositories[0] + " unless a new one is in the cache."
	}
	return ""
}

func (l *looks) usesDatabase() bool {
	o := &l.options
	return len(o.DatabaseRepositories)+len(o.JavaDatabaseRepositories) > 0 || o.DatabasePath != "" || o.Server != ""
}

func (l *looks) checkDatabase() error {
	o := &l.options
	download := len(o.DatabaseRepositories)+len(o.JavaDatabaseRepositories) > 0
	switch {
	case download && o.Offline:
		return errors.New("--db-repository says where to download from and --offline forbids it: use one")
	case download && o.DatabasePath != "":
		return errors.New("--db-path is used instead of a download from --db-repository: use one")
	case o.Server != "" && (download || o.DatabasePath != "" || o.Offline):
		return errors.New("--trivy-server matches with its own database over the network: it cannot go with --db-repository, --db-path or --offline")
	case l.tokenFile != "" && o.Server == "":
		return errors.New("--trivy-token-file is for --trivy-server: name the server")
	case o.ImageTimeout < 0 || o.Parallel < 0:
		return errors.New("--image-timeout is a length of time such as 5m, --parallel a number such as 4")
	}
	return nil
}

func (l *looks) parseMirrors() error {
	l.options.Mirrors = nil
	for _, m := range l.mirrors {
		host, mirror, ok := strings.Cut(m, "=")
		if !ok || host == "" || mirror == "" || strings.Contains(m, "://") {
			return fmt.Errorf("reading --registry-mirror %q: expected HOST=MIRROR such as registry.example.com=mirror.example.com:5000", m)
		}
		if l.options.Mirrors == nil {
			l.options.Mirrors = map[string][]string{}
		}
		l.options.Mirrors[host] = append(l.options.Mirrors[host], mirror)
	}
	return nil
}

// readFlows reads what was seen by something else.
func (l *looks) readFlows() error {
	l.options.Flows = nil
	for _, path := range l.flowFiles {
		seen, err := readFlowFile(path)
		if err != nil {
			return fmt.Errorf("reading --flows: %w", err)
		}
		l.options.Flows = append(l.options.Flows, seen...)
	}
	return nil
}

func readFlowFile(path string) ([]harden.ObservedFlow, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return flows.Read(f, path)
}

func (l *looks) readToken() error {
	switch {
	case l.options.Server == "":
	case l.tokenFile == "":
		l.options.ServerToken = os.Getenv(tokenVariable)
	default:
		b, err := os.ReadFile(l.tokenFile)
		if err != nil {
			return fmt.Errorf("reading --trivy-token-file: %w", err)
		}
		l.options.ServerToken = strings.TrimSpace(string(b))
	}
	return nil
}

// gather looks for these workloads, and says on a terminal how far it is.
// Each, which may be nil, gets every progress.
func gather(ctx context.Context, s *session.Session, of []*harden.Workload, opts harden.EvidenceOptions, streams genericiooptions.IOStreams, each func(harden.GatherProgress)) (*harden.Snapshot, error) {
	const cells = 78
	said := false
	snap, err := s.Gather(ctx, of, opts, func(p harden.GatherProgress) {
		if each != nil {
			each(p)
		}
		if isTerminal(streams.ErrOut) {
			said = true
			fmt.Fprintf(streams.ErrOut, "\r%-*.*s", cells, cells, progressWords(p))
		}
	})
	if said {
		fmt.Fprintf(streams.ErrOut, "\r%*s\r", cells, "")
	}
	return snap, err
}

func progressWords(p harden.GatherProgress) string {
	what := "looking at " + harden.OneLine(p.What)
	switch {
	case p.Bytes && p.Total > 0:
		return fmt.Sprintf("%s: %s of %s", what, humanize.Bytes(uint64(p.Done)), humanize.Bytes(uint64(p.Total)))
	case p.Bytes:
		return fmt.Sprintf("%s: %s", what, humanize.Bytes(uint64(p.Done)))
	case p.Total > 0:
		return fmt.Sprintf("%s: %d of %d", what, p.Done, p.Total)
	}
	return what
}
