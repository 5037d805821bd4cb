package helm

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/ignore"

	"github.com/kubectl-harden/kubectl-harden/internal/harden"
)

// Limits of a chart with all its dependencies. Helm limits one file (5 MiB) and
// one archive (100 MiB), but neither a folder nor archives within archives.
const (
	maxChartBytes = 200 << 20
	maxChartFiles = 20_000
	maxDepth      = 16 // folders, and archives within archives
)

// A Chart is a chart that was read.
type Chart struct {
	Path string // the folder or archive

	chart   *chartv2.Chart
	schemas map[string]*schema // of the chart and its dependencies, by their text
}

// Load reads a chart from a folder or an archive.
func Load(at string) (*Chart, error) {
	files, err := read(at)
	if err == nil {
		err = weigh(files, &allowance{bytes: maxChartBytes, files: maxChartFiles}, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("reading chart %q: %w", at, err)
	}
	var chart *chartv2.Chart
	quietly(func() { chart, err = loader.LoadFiles(files) })
	if err != nil {
		return nil, fmt.Errorf("reading chart %q: %w", at, inWords(err))
	}
	if chart.Metadata.Type == "library" {
		return nil, fmt.Errorf("chart %q is a library: it has no objects of its own", at)
	}
	if missing := missing(chart); len(missing) > 0 {
		return nil, fmt.Errorf("chart %q needs %s in its folder charts, and nothing is fetched: run helm dependency build %s",
			at, strings.Join(missing, ", "), at)
	}
	return &Chart{Path: at, chart: chart, schemas: map[string]*schema{}}, nil
}

// missing are the dependencies that the chart names but does not have, as helm
// looks for them: by name, switched on or not.
func missing(chart *chartv2.Chart) []string {
	var out []string
	for _, d := range chart.Metadata.Dependencies {
		has := func(c *chartv2.Chart) bool { return c.Name() == d.Name }
		if d != nil && !slices.ContainsFunc(chart.Dependencies(), has) {
			out = append(out, fmt.Sprintf("%q", harden.OneLine(d.Name)))
		}
	}
	return out
}

func read(at string) ([]*archive.BufferedFile, error) {
	info, err := os.Stat(at)
	if err != nil {
		return nil, bare(err)
	}
	if !info.IsDir() {
		return readArchive(at)
	}
	if !exists(filepath.Join(at, "Chart.yaml")) {
		return nil, errors.New("it has no Chart.yaml")
	}
	w := walk{root: at, rules: ignore.Empty(), left: allowance{bytes: maxChartBytes, files: maxChartFiles}}
	if file := filepath.Join(at, ignore.HelmIgnore); exists(file) {
		if w.rules, err = ignore.ParseFile(file); err != nil {
			return nil, fmt.Errorf("%s: %w", ignore.HelmIgnore, err)
		}
	}
	w.rules.AddDefaults()
	if err := w.folder("", nil); err != nil {
		return nil, err
	}
	return w.files, nil
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func readArchive(at string) ([]*archive.BufferedFile, error) {
	f, err := os.Open(at)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	if err := archive.EnsureArchive(filepath.Base(at), f); err != nil {
		return nil, err
	}
	return archive.LoadArchiveFiles(f)
}

// bare is an error of the file system without the path, which is named already.
func bare(err error) error {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

// An allowance is how much may still be read.
type allowance struct {
	bytes int64
	files int
}

func (a *allowance) take(bytes int64) error {
	a.bytes -= bytes
	a.files--
	switch {
	case a.bytes < 0:
		return fmt.Errorf("it has more than %d MiB of files, dependencies included", maxChartBytes>>20)
	case a.files < 0:
		return fmt.Errorf("it has more than %d files, dependencies included", maxChartFiles)
	}
	return nil
}

// A walk reads a chart's folder as helm's loader does, links followed, and ends:
// helm's own follows a link to a folder above without end.
type walk struct {
	root  string
	rules *ignore.Rules
	files []*archive.BufferedFile
	left  allowance
}

// folder reads the folder at the path below the root; above are the folders in
// which it is, as they are on disk.
func (w *walk) folder(name string, above []string) error {
	real, err := filepath.EvalSymlinks(filepath.Join(w.root, name))
	if err != nil {
		return err
	}
	if slices.Contains(above, real) || len(above) > maxDepth {
		return fmt.Errorf("%s: the folders are nested without end, or too deep", filepath.Join(w.root, name))
	}
	entries, err := os.ReadDir(real)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := w.entry(filepath.ToSlash(filepath.Join(name, entry.Name())), append(slices.Clone(above), real)); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, above []string) error {
	file := filepath.Join(w.root, filepath.FromSlash(name))
	info, err := os.Stat(file)
	if err != nil {
		if w.rules.Ignore(name, nothing{}) {
			return nil
		}
		return err
	}
	switch {
	case w.rules.Ignore(name, info):
		return nil
	case info.IsDir():
		return w.folder(name, above)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%s is not a regular file", file)
	case info.Size() > archive.MaxDecompressedFileSize:
		return fmt.Errorf("%s is larger than %d MiB: name it in .helmignore", file, archive.MaxDecompressedFileSize>>20)
	}
	if err := w.left.take(info.Size()); err != nil {
		return err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	w.files = append(w.files, &archive.BufferedFile{Name: name, ModTime: info.ModTime(), Data: data})
	return nil
}

// nothing is what is known of a link that leads nowhere.
type nothing struct{ fs.FileInfo }

func (nothing) IsDir() bool { return false }

// weigh unpacks what is packed in the chart, before helm's loader keeps all of it.
func weigh(files []*archive.BufferedFile, left *allowance, depth int) error {
	if depth > maxDepth {
		return errors.New("its archives are nested too deep")
	}
	for _, f := range files {
		if err := left.take(int64(len(f.Data))); err != nil {
			return err
		}
		folder, name := path.Split(f.Name)
		if path.Base(folder) != "charts" || path.Ext(name) != ".tgz" || strings.ContainsAny(name[:1], "_.") {
			continue
		}
		inner, err := archive.LoadArchiveFiles(bytes.NewReader(f.Data))
		if err != nil {
			return fmt.Errorf("%s: %w", harden.OneLine(f.Name), err)
		}
		if err := weigh(inner, left, depth+1); err != nil {
			return err
		}
	}
	return nil
}
