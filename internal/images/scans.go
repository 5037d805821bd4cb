package images

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// scanFormat changes with what a scan that is kept means.
const scanFormat = "1"

// TrivyVersion is that of Trivy's packages in this program, without the v.
func TrivyVersion() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/aquasecurity/trivy" && len(m.Version) > 1 {
				return m.Version[1:]
			}
		}
	}
	return "unknown"
}

// DatabaseTime is when the vulnerability database in a folder was built; zero
// when it does not say.
func DatabaseTime(dir string) time.Time {
	data, err := os.ReadFile(filepath.Join(dir, "metadata.json"))
	if err != nil {
		return time.Time{}
	}
	var metadata struct{ UpdatedAt time.Time }
	_ = json.Unmarshal(data, &metadata) // what cannot be read says nothing
	return metadata.UpdatedAt.UTC()
}

// scanStamp tells whether a scan that is kept would come out the same today;
// empty: none is kept, because nobody knows what the server's database holds.
func scanStamp(o ScannerOptions) string {
	built := DatabaseTime(o.Database)
	if o.Server != "" || o.Database == "" || built.IsZero() {
		return ""
	}
	stamp := scanFormat + " " + TrivyVersion() + " " + built.Format(time.RFC3339Nano)
	if o.JavaDatabase != "" {
		stamp += " java " + DatabaseTime(o.JavaDatabase).Format(time.RFC3339Nano)
	}
	return stamp
}

// scanEntry is what a file holds, see entry.
type scanEntry struct {
	Digest, Platform, Stamp string
	Scan                    *harden.ImageScan
}

func scanName(digest, platform string) string {
	return CacheFormat + "/scans/" + fileName(digest) + "." + fileName(platform) + ".json.gz"
}

// knownScan returns the scan that is kept for the digest that was asked for.
func (r *Reader) knownScan(digest, platform, stamp string) *harden.ImageScan {
	var e scanEntry
	good := stamp != "" && r.cache.Read(scanName(digest, platform), func(f io.Reader) error { return json.NewDecoder(f).Decode(&e) })
	if !good || e.Digest != digest || e.Platform != platform || e.Stamp != stamp || e.Scan == nil || !e.Scan.Known {
		return nil
	}
	return e.Scan
}

// KnownScan returns the scan that is kept under a stamp, else nil.
func (i *Image) KnownScan(stamp string) *harden.ImageScan {
	return i.reader.knownScan(i.Asked(), i.key.Platform, stamp)
}

// KeepScan keeps a scan that is known and whole.
func (i *Image) KeepScan(stamp string, scan *harden.ImageScan) {
	if stamp == "" || !scan.Known {
		return
	}
	_ = i.reader.cache.Write(scanName(i.Asked(), i.key.Platform), func(w io.Writer) error {
		return json.NewEncoder(w).Encode(scanEntry{i.Asked(), i.key.Platform, stamp, scan})
	})
}
