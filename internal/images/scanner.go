package images

import (
	"cmp"
	"context"
	"os"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// WorkerArgument is the first argument with which the program runs as the
// child process of a Scanner.
const WorkerArgument = "__look-into-images"

// ScannerOptions say how images are scanned.
type ScannerOptions struct {
	Options
	// Command starts the child process; nil: this program with WorkerArgument.
	Command []string
	// Database is the folder with trivy.db and metadata.json, as
	// database.Ensure returns it; empty: no vulnerability is looked for, and
	// DatabaseWhy says why.
	Database     string
	DatabaseWhy  string
	JavaDatabase string        // folder with the Java database; empty: jar files without their own metadata are a gap
	Server       string        // URL of a Trivy server that matches instead of a database here
	ServerToken  string        // value of its Trivy-Token header
	Parallel     int           // images at a time; zero: 4
	Timeout      time.Duration // for one image; zero: 5 minutes
	Memory       int64         // bytes that the child process may take; zero: 2 GiB
}

// A Scanner looks into images with Trivy's packages in a child process, so that
// an image that is too much for them takes down that process only.
type Scanner struct {
	options  ScannerOptions
	settings Settings
	reader   *Reader // for what is kept, and for credentials
	grace    time.Duration
}

// NewScanner makes a Scanner; nothing is started yet.
func NewScanner(o ScannerOptions) *Scanner {
	o.Parallel = cmp.Or(o.Parallel, 4)
	o.Timeout = cmp.Or(o.Timeout, 5*time.Minute)
	o.Memory = cmp.Or(o.Memory, 2<<30)
	reader := New(o.Options)
	return &Scanner{options: o, reader: reader, grace: grace, settings: Settings{
		Protocol: protocol, Insecure: o.Insecure, Offline: o.Offline, CacheDir: o.CacheDir, Limits: o.Limits, Silence: o.Silence, Wait: o.Wait, Mirrors: o.Mirrors,
		Database: o.Database, DatabaseWhy: o.DatabaseWhy, JavaDatabase: o.JavaDatabase, Server: o.Server, ServerToken: o.ServerToken,
		Timeout: o.Timeout, Memory: o.Memory, Stamp: scanStamp(o),
	}}
}

func (s *Scanner) command() []string {
	if len(s.options.Command) > 0 {
		return s.options.Command
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{self, WorkerArgument}
}

// A Wanted is an image to look into.
type Wanted struct {
	Key         harden.ImageKey
	Credentials authn.Keychain // tried before those of the user; may be nil
	// Scan looks for vulnerabilities and secrets; else facts only.
	Scan bool
	SBOM string // cyclonedx or spdx; empty: none
}

// A Looked is what was found; what could not be is said in the facts.
type Looked struct {
	Key     harden.ImageKey
	Facts   *harden.ImageFacts
	Scan    *harden.ImageScan // nil unless asked for
	SBOM    []byte
	SBOMWhy string
}

// Look looks into images, some at a time, and hands over each result as it
// comes, one at a time. It returns when all are there or ctx has ended; no
// image keeps another one from being looked into. The error is that of ctx, or
// of a child process that cannot be started at all.
func (s *Scanner) Look(ctx context.Context, wanted []Wanted, each func(Looked)) error {
	var left []Wanted
	for _, w := range wanted {
		if err := ctx.Err(); err != nil {
			return err
		}
		if looked := s.known(w); looked != nil {
			each(*looked)
			continue
		}
		left = append(left, w)
	}
	for len(left) > 0 {
		lost, rest, err := s.shift(ctx, left, s.options.Parallel, each)
		if err != nil {
			return err
		}
		// One of those that were looked into when the process ended was too much
		// for it. Alone it shows which.
		for len(lost) > 0 {
			alone, others, err := s.shift(ctx, withoutReasons(lost), 1, each)
			if err != nil {
				return err
			}
			for _, l := range alone {
				each(s.given(l))
			}
			lost = nil
			for _, w := range others {
				lost = append(lost, loss{Wanted: w})
			}
		}
		left = rest
	}
	return ctx.Err()
}

// known returns what is wanted when all of it is kept.
func (s *Scanner) known(w Wanted) *Looked {
	looked := Looked{Key: w.Key, Facts: s.reader.Known(w.Key)}
	if looked.Facts == nil || w.SBOM != "" {
		return nil
	}
	if w.Scan {
		ref, _, err := s.reader.understand(w.Key)
		if err != nil {
			return nil
		}
		if looked.Scan = s.reader.knownScan(ref.Identifier(), w.Key.Platform, s.settings.Stamp); looked.Scan == nil {
			return nil
		}
	}
	return &looked
}

// A loss is an image that a child process was looking into when it ended.
type loss struct {
	Wanted
	why string
}

func withoutReasons(lost []loss) []Wanted {
	var all []Wanted
	for _, l := range lost {
		all = append(all, l.Wanted)
	}
	return all
}

// given is what is known of an image that cannot be looked into.
func (s *Scanner) given(l loss) Looked {
	why := Say(l.Key.Reference, l.why)
	looked := Looked{Key: l.Key, Facts: s.reader.Known(l.Key)}
	if looked.Facts == nil {
		looked.Facts = &harden.ImageFacts{Why: why, Platform: l.Key.Platform, Time: s.reader.options.Now().UTC().Round(0)}
	}
	if l.Scan {
		looked.Scan = NotScanned(l.Key, why)
	}
	if l.SBOM != "" {
		looked.SBOMWhy = why
	}
	return looked
}
