package images

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// cacheFormat is the folder of the entries. It changes with what they mean:
// entries of other formats are never read.
const cacheFormat = "v1"

// maxCacheEntry bounds what one entry unpacks to.
const maxCacheEntry = 256 << 20

// CacheLocation is the folder for facts about images:
// $XDG_CACHE_HOME/kubectl-harden/images, by default under ~/.cache, on Windows
// under %LOCALAPPDATA%.
func CacheLocation() (string, error) {
	base := os.Getenv("XDG_CACHE_HOME")
	// The XDG base directory specification says to ignore relative paths.
	if !filepath.IsAbs(base) {
		base = ""
	}
	if base == "" && runtime.GOOS == "windows" {
		base = os.Getenv("LOCALAPPDATA")
	}
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("finding a place for facts about images: there is no home folder; set XDG_CACHE_HOME")
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "kubectl-harden", "images"), nil
}

// A cache keeps facts by the digest that was asked for and the platform, a
// gzipped JSON file each. Files appear whole or not at all, so processes may
// share it. What goes wrong with it costs time only, hence no errors.
type cache struct{ dir string }

// entry is what a file holds. Digest and Platform are those asked for, so that
// a file that was moved is no answer to another question.
type entry struct {
	Digest, Platform string
	Facts            *harden.ImageFacts
}

// path takes a digest and a platform that were parsed, so that neither leaves the folder.
func (c cache) path(digest, platform string) string {
	name := strings.ReplaceAll(digest, ":", "-") + "." + strings.ReplaceAll(platform, "/", "-") + ".json.gz"
	return filepath.Join(c.dir, cacheFormat, name)
}

// get returns nil when there is no entry, or none that can be read.
func (c cache) get(digest, platform string) *harden.ImageFacts {
	if c.dir == "" {
		return nil
	}
	f, err := os.Open(c.path(digest, platform))
	if err != nil {
		return nil
	}
	defer f.Close()
	unpacked, err := gzip.NewReader(f)
	if err != nil {
		return nil
	}
	// Read to its end, where the checksum is.
	data, err := io.ReadAll(io.LimitReader(unpacked, maxCacheEntry))
	if err != nil {
		return nil
	}
	var e entry
	if err := json.Unmarshal(data, &e); err != nil || e.Digest != digest || e.Platform != platform {
		return nil
	}
	if e.Facts == nil || !e.Facts.Known || e.Facts.Files == nil {
		return nil
	}
	return e.Facts
}

func (c cache) put(digest, platform string, facts *harden.ImageFacts) {
	if c.dir == "" {
		return
	}
	at := c.path(digest, platform)
	if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(at), ".new-*")
	if err != nil {
		return
	}
	packed := gzip.NewWriter(f)
	err = errors.Join(json.NewEncoder(packed).Encode(entry{digest, platform, facts}), packed.Close(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), at)
	}
	if err != nil {
		os.Remove(f.Name())
	}
}
