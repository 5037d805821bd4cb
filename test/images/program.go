package testimages

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

//go:embed app/*.go gosu/*.go readkey/*.go
var programs embed.FS

// program returns a static Linux program, compiled from the folder of that name unless it is in the cache.
func (b *builder) program(ctx context.Context, name string) ([]byte, error) {
	if data, ok := b.programs[name]; ok {
		return data, nil
	}
	source := map[string][]byte{"go.mod": []byte("module " + name + "\n\ngo 1.26\n")}
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH)
	err := fs.WalkDir(programs, name, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(file, "_test.go") {
			return err
		}
		data, err := programs.ReadFile(file)
		fmt.Fprintln(hash, file, len(data))
		hash.Write(data)
		source[path.Base(file)] = data
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the source of %s: %w", name, err)
	}
	cached := filepath.Join(b.cache, "programs", name+"-"+hex.EncodeToString(hash.Sum(nil))[:16])
	if _, err := os.Stat(cached); err != nil {
		if err := compile(ctx, name, source, cached); err != nil {
			return nil, fmt.Errorf("compiling %s: %w", name, err)
		}
	}
	data, err := os.ReadFile(cached)
	if err != nil {
		return nil, fmt.Errorf("reading the program %s: %w", name, err)
	}
	b.programs[name] = data
	return data, nil
}

// compile builds a program in a module of its own, so that it depends on its source and on Go alone.
func compile(ctx context.Context, name string, source map[string][]byte, target string) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(target), name+"-building-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for file, data := range source {
		if err := os.WriteFile(filepath.Join(dir, file), data, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "-o", "program", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+runtime.GOARCH, "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	if _, err := output(cmd); err != nil {
		return err
	}
	return os.Rename(filepath.Join(dir, "program"), target)
}
