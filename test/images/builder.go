package testimages

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-harden/kubectl-harden/test/lab"
)

// rootfs holds a folder for an image, with files that are put into it as they are, owned by root. Those whose names end in
// .sh may be executed.
//
//go:embed rootfs
var rootfs embed.FS

// A builder makes images. It keeps what several have in common.
type builder struct {
	cache    string
	programs map[string][]byte
	layers   map[string]v1.Layer
	base     struct { // of Debian
		debs   []string // package files
		layer  v1.Layer
		status []byte // of dpkg
	}
}

func newBuilder() (*builder, error) {
	root, err := lab.Root()
	if err != nil {
		return nil, err
	}
	return &builder{cache: filepath.Join(root, "images"), programs: map[string][]byte{}, layers: map[string]v1.Layer{}}, nil
}

// image makes an image of a base, packages, the program and files, a layer each.
func (b *builder) image(ctx context.Context, r recipe) (v1.Image, error) {
	var adds []mutate.Addendum
	add := func(layer v1.Layer, by string) {
		adds = append(adds, mutate.Addendum{Layer: layer, History: v1.History{Created: v1.Time{Time: made}, CreatedBy: by}})
	}
	files := r.files
	switch r.base {
	case scratch:
		files = append(files, accounts(nil, nil, r.users)...)
	case busybox:
		layer, err := b.busybox(ctx)
		if err != nil {
			return nil, err
		}
		add(layer, "ADD busybox /")
		if len(r.users) > 0 {
			files = append(files, accounts(nil, nil, r.users)...)
		}
	case debian:
		layers, added, err := b.debian(ctx, r)
		if err != nil {
			return nil, err
		}
		files = append(files, added...)
		add(layers[0], "ADD debian /")
		add(layers[1], "RUN apt-get install -y "+strings.Join(r.packages, " "))
	}
	if r.program.path != "" {
		layer, err := b.shared("program "+r.program.path+r.program.caps, func() (v1.Layer, error) { return b.layer(ctx, []file{r.program}) })
		if err != nil {
			return nil, err
		}
		add(layer, "COPY app /"+r.program.path)
	}
	if len(files) > 0 {
		layer, err := b.layer(ctx, files)
		if err != nil {
			return nil, err
		}
		add(layer, "COPY rootfs /")
	}

	image, err := mutate.Append(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), adds...)
	if err != nil {
		return nil, fmt.Errorf("putting layers together: %w", err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created, config.Config = "linux", runtime.GOARCH, v1.Time{Time: made}, r.config
	config.Config.Labels = map[string]string{"org.opencontainers.image.title": r.name, "org.opencontainers.image.description": r.about}
	return mutate.ConfigFile(image, config)
}

// shared returns the layer of that key, which build makes when it is asked for first.
func (b *builder) shared(key string, build func() (v1.Layer, error)) (v1.Layer, error) {
	if layer, ok := b.layers[key]; ok {
		return layer, nil
	}
	layer, err := build()
	if err == nil {
		b.layers[key] = layer
	}
	return layer, err
}

// layer makes a layer of files, those that are programs among them.
func (b *builder) layer(ctx context.Context, files []file) (v1.Layer, error) {
	resolved := make([]file, 0, len(files))
	for _, f := range files {
		if f.program != "" {
			var err error
			if f.data, err = b.program(ctx, f.program); err != nil {
				return nil, err
			}
		}
		resolved = append(resolved, f)
	}
	return newLayer(resolved)
}

// busyboxApplets are the commands that the busybox base has.
var busyboxApplets = []string{
	"sh", "ash", "awk", "cat", "chmod", "chown", "cp", "cut", "date", "df", "du", "echo", "env", "find", "grep", "head", "hostname", "id",
	"kill", "ln", "ls", "mkdir", "mount", "mv", "nc", "netstat", "printenv", "ps", "pwd", "readlink", "rm", "sed", "sleep", "sort", "stat",
	"tail", "tar", "tee", "test", "top", "touch", "tr", "true", "false", "uname", "wc", "wget", "whoami", "xargs",
}

// busybox is a layer with a shell, the folders of a small system, and the users root and nobody.
func (b *builder) busybox(ctx context.Context) (v1.Layer, error) {
	return b.shared("busybox", func() (v1.Layer, error) {
		debs, err := b.packages(ctx, []string{"busybox-static"}, nil)
		if err != nil {
			return nil, err
		}
		unpacked, _, err := b.debianLayer(ctx, debs)
		if err != nil {
			return nil, err
		}
		data, err := readFile(unpacked, "usr/bin/busybox")
		if err != nil {
			return nil, err
		}
		files := append([]file{
			{path: "usr/bin/busybox", data: data, mode: 0o755},
			{path: "bin", link: "usr/bin"},
			{path: "tmp", folder: true, mode: 0o1777},
			{path: "root", folder: true, mode: 0o700},
			{path: "run", folder: true},
			{path: "var/cache", folder: true},
			{path: "var/lib", folder: true},
			{path: "var/run", link: "/run"},
			{path: "var/tmp", folder: true, mode: 0o1777},
		}, accounts(nil, nil, nil)...)
		for _, applet := range busyboxApplets {
			files = append(files, file{path: "usr/bin/" + applet, link: "busybox"})
		}
		return newLayer(files)
	})
}

// debian returns the layers of the Debian base and of the recipe's packages, and the files that belong above both.
func (b *builder) debian(ctx context.Context, r recipe) ([]v1.Layer, []file, error) {
	if b.base.layer == nil {
		var err error
		if b.base.debs, err = b.packages(ctx, debianBase, nil); err != nil {
			return nil, nil, err
		}
		if b.base.layer, b.base.status, err = b.debianLayer(ctx, b.base.debs); err != nil {
			return nil, nil, err
		}
	}
	debs, err := b.packages(ctx, r.packages, b.base.debs)
	if err != nil {
		return nil, nil, err
	}
	packages, status, err := b.debianLayer(ctx, debs)
	if err != nil {
		return nil, nil, err
	}
	passwd, err := readFile(b.base.layer, "usr/share/base-passwd/passwd.master")
	if err != nil {
		return nil, nil, err
	}
	group, err := readFile(b.base.layer, "usr/share/base-passwd/group.master")
	if err != nil {
		return nil, nil, err
	}
	own, err := rootfsFiles(r.name)
	if err != nil {
		return nil, nil, err
	}
	files := append(debianFiles(), file{path: "var/lib/dpkg/status", data: slices.Concat(b.base.status, status)})
	return []v1.Layer{b.base.layer, packages}, slices.Concat(files, accounts(passwd, group, r.users), own), nil
}

// rootfsFiles returns the files of rootfs/NAME.
func rootfsFiles(name string) ([]file, error) {
	root := "rootfs/" + name
	var files []file
	err := fs.WalkDir(rootfs, root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		f := file{path: strings.TrimPrefix(path, root+"/")}
		if strings.HasSuffix(path, ".sh") {
			f.mode = 0o755
		}
		f.data, err = rootfs.ReadFile(path)
		files = append(files, f)
		return err
	})
	return files, err
}

// A user is a line in /etc/passwd, and a group of the same name and number in /etc/group.
type user struct {
	name string
	id   int
	home string
}

// accounts returns /etc/passwd and /etc/group: what the base has, or root and nobody, and the users.
func accounts(passwd, group []byte, users []user) []file {
	if passwd == nil {
		passwd = []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/bin/false\n")
		group = []byte("root:x:0:\nnobody:x:65534:\n")
	}
	for _, u := range users {
		passwd = fmt.Appendf(passwd, "%s:x:%d:%d::%s:/bin/false\n", u.name, u.id, u.id, u.home)
		group = fmt.Appendf(group, "%s:x:%d:\n", u.name, u.id)
	}
	return []file{{path: "etc/passwd", data: passwd}, {path: "etc/group", data: group}}
}
