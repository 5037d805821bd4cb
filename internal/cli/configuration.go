package cli

import (
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/kubectl-harden/kubectl-harden/internal/config"
	"github.com/kubectl-harden/kubectl-harden/internal/fixers"
	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Flags that are looked up by name.
const (
	configFlag = "config"
	onlyFlag   = "only"
	skipFlag   = "skip"
)

// configuration reads the file that applies, and lays the flags of the command
// over it. A rule that is named by --only runs, whatever the file says.
func (c *connection) configuration(fs *pflag.FlagSet) (*config.Config, error) {
	read := &config.Config{}
	if flag := fs.Lookup(configFlag); flag != nil {
		var err error
		switch {
		case !flag.Changed:
			read, err = config.LoadDefault(".", fixers.Suite(), time.Now())
		case c.configFile != "":
			read, err = config.Load(c.configFile, fixers.Suite(), time.Now())
		}
		if err != nil {
			return nil, err
		}
	}
	if len(c.settings.AllowedRegistries) > 0 {
		read.Settings.AllowedRegistries = c.settings.AllowedRegistries
	}
	if len(c.settings.MutableTags) > 0 {
		read.Settings.MutableTags = c.settings.MutableTags
	}
	if c.settings.ImageMaxAge != 0 {
		read.Settings.ImageMaxAge = c.settings.ImageMaxAge
	}
	only, skip := listFlag(fs, onlyFlag), listFlag(fs, skipFlag)
	rules := read.Rules(fixers.Suite())
	for _, id := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(rules, func(f *harden.Fixer) bool { return f.ID == id }) {
			return nil, unknownRule(id)
		}
	}
	read.Enabled = append(read.Enabled, only...)
	read.Disabled = slices.DeleteFunc(read.Disabled, func(id string) bool { return slices.Contains(only, id) })
	return read, nil
}

// listFlag is the value of a flag that a command may not have.
func listFlag(fs *pflag.FlagSet, name string) []string {
	if fs.Lookup(name) == nil {
		return nil
	}
	list, err := fs.GetStringSlice(name)
	must(err)
	return list
}
