package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const cgroups = "/sys/fs/cgroup"

// cgroupTrees returns the folders that a cgroup has to be made in: with cgroup v2 the one tree, with v1 that of each
// controller.
func cgroupTrees() ([]string, error) {
	if _, err := os.Stat(filepath.Join(cgroups, "cgroup.controllers")); err == nil {
		return []string{cgroups}, nil
	}
	entries, err := os.ReadDir(cgroups)
	if err != nil {
		return nil, fmt.Errorf("looking for cgroups: %w", err)
	}
	var trees []string
	for _, e := range entries {
		if e.IsDir() { // links are second names of others
			trees = append(trees, filepath.Join(cgroups, e.Name()))
		}
	}
	return trees, nil
}

// addCgroup makes a cgroup, in which the kubelet makes those of pods.
func addCgroup(name string) error {
	trees, err := cgroupTrees()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		if err := os.Mkdir(filepath.Join(tree, name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("making the node's cgroup: %w", err)
		}
	}
	return nil
}

// deleteCgroup removes a cgroup and all in it. Its processes must have been killed.
func deleteCgroup(name string) error {
	trees, err := cgroupTrees()
	if err != nil {
		return err
	}
	for _, tree := range trees {
		var dirs []string
		_ = filepath.WalkDir(filepath.Join(tree, name), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			if err := deleteOneCgroup(dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteOneCgroup waits a little: the kernel counts a killed process in for a moment longer.
func deleteOneCgroup(dir string) error {
	for try := 0; ; try++ {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if try == 100 {
			return fmt.Errorf("removing the node's cgroup: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
