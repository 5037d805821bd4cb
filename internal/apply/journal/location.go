package journal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Location is the folder of a cluster's journal: that of StateDir with the
// cluster's name below it.
func Location(cluster string) (string, error) {
	dir, err := StateDir()
	return filepath.Join(dir, cluster), err
}

// StateDir is where the program keeps what must outlive it:
// $XDG_STATE_HOME/kubectl-harden, by default under ~/.local/state, on Windows
// under %LOCALAPPDATA%.
func StateDir() (string, error) {
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
	return filepath.Join(base, "kubectl-harden"), nil
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
