package images

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// readConfig puts into facts how the image says that it is to be run.
func readConfig(image v1.Image, limits Limits, facts *harden.ImageFacts) error {
	manifest, err := image.Manifest()
	if err != nil {
		return fmt.Errorf("broken manifest: %w", err)
	}
	switch c := manifest.Config; {
	// Without this check the config of another artifact, which says nothing about users, would read as root's.
	case !c.MediaType.IsConfig():
		return fmt.Errorf("it is no container image: its config is %s", quote(string(c.MediaType)))
	case c.Size < 0:
		return fmt.Errorf("broken: its config has a size of %d", c.Size)
	case c.Size > limits.Config:
		return tooLarge("its config has %s", size(c.Size))
	}
	file, err := image.ConfigFile()
	if err != nil {
		return fmt.Errorf("reading its config: %w", err)
	}
	if file == nil || len(file.RootFS.DiffIDs) != len(manifest.Layers) {
		return errors.New("broken: its config and its manifest differ in the number of layers")
	}
	if file.OS != "" && file.Architecture != "" {
		facts.Platform = file.OS + "/" + file.Architecture
	}
	c := file.Config
	facts.User, facts.Entrypoint, facts.Cmd, facts.Env, facts.WorkingDir = c.User, c.Entrypoint, c.Cmd, c.Env, c.WorkingDir
	facts.Ports = sorted(c.ExposedPorts, func(port string) string {
		number, protocol, _ := strings.Cut(port, "/")
		return number + "/" + cmp.Or(protocol, "tcp")
	})
	facts.Volumes = sorted(c.Volumes, func(at string) string { return path.Clean("/" + at) })
	if created := file.Created.UTC(); created.Year() >= firstYear {
		facts.Created = created
	}
	for _, l := range manifest.Layers {
		facts.Size += max(l.Size, 0)
	}
	facts.Known = true
	return nil
}

// firstYear is the first that is believed: builds that are to be reproducible
// write 1970, or 1980 as the first that a zip archive knows.
const firstYear = 1981

func sorted(set map[string]struct{}, form func(string) string) []string {
	var list []string
	for s := range maps.Keys(set) {
		list = append(list, form(s))
	}
	slices.Sort(list)
	return slices.Compact(list)
}
