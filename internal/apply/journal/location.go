package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Location is the folder of a cluster's journal:
// $XDG_STATE_HOME/kubectl-harden/CLUSTER, by default under ~/.local/state, on
// Windows under %LOCALAPPDATA%.
func Location(cluster string) (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
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
			return "", errors.New("finding a place for the journal: there is no home folder; set XDG_STATE_HOME")
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "kubectl-harden", cluster), nil
}

// ClusterID names a cluster's folder: the UID of its namespace kube-system or,
// where that may not be read, a hash of the server's URL and CA.
func ClusterID(kubeSystemUID, server string, ca []byte) string {
	if kubeSystemUID != "" {
		return kubeSystemUID
	}
	h := sha256.New()
	h.Write([]byte(server))
	h.Write([]byte{0})
	h.Write(ca)
	return "server-" + hex.EncodeToString(h.Sum(nil))[:16]
}
