package images

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

// CacheFormat is the folder of the entries in the cache folder. It changes with what they mean:
// entries of other formats are never read.
const CacheFormat = "v2"

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

// A factStore keeps facts by the digest that was asked for and the platform.
type factStore struct{ dir store.Dir }

// entry is what a file holds. Digest and Platform are those asked for, so that
// a file that was moved is no answer to another question.
type entry struct {
	Digest, Platform string
	Facts            *harden.ImageFacts
}

// name takes a digest and a platform that were parsed, so that neither leaves the folder.
func (s factStore) name(digest, platform string) string {
	return CacheFormat + "/facts/" + fileName(digest) + "." + fileName(platform) + ".json.gz"
}

// fileName makes one of a digest, platform or version.
func fileName(s string) string { return strings.NewReplacer(":", "-", "/", "-", "\\", "-").Replace(s) }

// get returns nil when there is no entry, or none that can be read.
func (s factStore) get(digest, platform string) *harden.ImageFacts {
	var e entry
	if !s.dir.Read(s.name(digest, platform), func(r io.Reader) error { return json.NewDecoder(r).Decode(&e) }) {
		return nil
	}
	if e.Digest != digest || e.Platform != platform || e.Facts == nil || !e.Facts.Known || e.Facts.Files == nil {
		return nil
	}
	return e.Facts
}

func (s factStore) put(digest, platform string, facts *harden.ImageFacts) {
	_ = s.dir.Write(s.name(digest, platform), func(w io.Writer) error { return json.NewEncoder(w).Encode(entry{digest, platform, facts}) })
}
