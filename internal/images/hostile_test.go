package images

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/zstd"
)

// small are limits that a test reaches in no time.
func small() Limits {
	return Limits{Layers: 3, Compressed: 1 << 20, Uncompressed: 1 << 20, Entries: 1000, Text: 100, Memory: 100_000}.withDefaults()
}

func TestHostileLayers(t *testing.T) {
	type layer = []any
	many := func(n int, entry func(i int) any) layer {
		var l layer
		for i := range n {
			l = append(l, entry(i))
		}
		return l
	}
	for _, test := range []struct {
		name   string
		layers []layer
		want   string
	}{
		{"a name that leaves the image", []layer{{file("../../etc/cron.d/x", 0o755, "")}}, "would leave the image"},
		{"a name that leaves it on a detour", []layer{{file("a/../../x", 0o755, "")}}, "would leave the image"},
		{"a hard link to outside", []layer{{hard("x", "../../../etc/shadow")}}, "would leave the image"},
		{"a hard link to nothing", []layer{{hard("x", "etc/shadow")}}, "no file of the image"},
		{"a hard link to itself", []layer{{hard("x", "x")}}, "in a loop"},
		{"hard links in a loop", []layer{{hard("x", "y"), hard("y", "x")}}, "in a loop"},
		{"a hard link to a directory", []layer{{dir("a", 0o755), hard("x", "a")}}, "hard link to the directory"},
		{"a hard link to a directory below", []layer{{dir("a", 0o755)}, {hard("x", "a")}}, "no file of the image"},
		{"a folder that is a loop of links", []layer{{sym("a", "b"), sym("b", "a"), file("a/x", 0o755, "")}}, "loop of symbolic links"},
		{"a folder that is a file", []layer{{file("a", 0o644, ""), file("a/x", 0o755, "")}}, "no directory"},
		{"a whiteout of nothing", []layer{{file("a/.wh.", 0, "")}}, "removes no file"},
		{"a whiteout of the parent", []layer{{file("a/.wh...", 0, "")}}, "removes no file"},
		{"a negative owner", []layer{{file("x", 0o755, "", -1, 0)}}, "its owner is -1:0"},
		{"a type that is unknown", []layer{{tar.Header{Typeflag: 'Z', Name: "x"}}}, "type is unknown"},
		{"a path that no kernel takes", []layer{{file(strings.Repeat("a/", 2100)+"x", 0o755, "")}}, "no system takes more"},
		{"a name that no file system takes", []layer{{file(strings.Repeat("a", 300), 0o755, "")}}, "no system takes more"},
		{"a target that no kernel takes", []layer{{sym("x", strings.Repeat("a", 5000))}}, "no system takes more"},
		{"a capability that is none", []layer{{capable("x", "nonsense")}}, "unknown form"},
		{"deeper and deeper, through a link", []layer{{sym("l", strings.Repeat("a/", 1000)), file("l/x", 0o755, ""), sym("m", "l/"+strings.Repeat("b/", 1000)), file("m/x", 0o755, ""), sym("n", "m/"+strings.Repeat("c/", 1000)), file("n/x", 0o755, "")}}, "too"},
		{"many files", []layer{many(1001, func(i int) any { return file(fmt.Sprint(i), 0o644, "") })}, "more than 1000 files"},
		{"many whiteouts", []layer{many(1001, func(i int) any { return file(fmt.Sprintf(".wh.%d", i), 0, "") })}, "more than 1000 files"},
		{"many files over all layers", []layer{many(501, func(i int) any { return file(fmt.Sprint(i), 0o644, "") }), many(500, func(i int) any { return file(fmt.Sprint(i), 0o644, "") })}, "more than 1000 files"},
		{"many folders in few entries", []layer{many(10, func(i int) any { return file(fmt.Sprint(i, strings.Repeat("/d", 1000)), 0o644, "") })}, "takes more than 97.66 KiB"},
		{"long names", []layer{many(999, func(i int) any { return file(fmt.Sprintf("%s%d", strings.Repeat("x", 200), i), 0o644, "") })}, "takes more than 97.66 KiB"},
		{"a large passwd", []layer{{file("etc/passwd", 0o644, strings.Repeat("x", 101))}}, "/etc/passwd has more than 100 bytes"},
		{"large when unpacked", []layer{{file("x", 0o644, strings.Repeat("\x00", 2<<20))}}, "more than 1 MiB unpacked"},
		{"large when unpacked, over all layers", []layer{{file("x", 0o644, strings.Repeat("\x00", 600<<10))}, {file("x", 0o644, strings.Repeat("\x00", 600<<10))}}, "more than 1 MiB unpacked"},
		{"many layers", make([]layer, 4), "4 layers"},
	} {
		t.Run(test.name, func(t *testing.T) {
			limits := small()
			if strings.Contains(test.want, "1000 files") {
				limits.Memory = 64 << 20
			}
			files, err := readFiles(t.Context(), imageOf(t, v1.Config{}, test.layers...), limits)
			if err == nil || files != nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, error %v; want an error with %q", files, err, test.want)
			}
		})
	}
}

func TestHostileStreams(t *testing.T) {
	good := archive(t, file("a", 0o755, strings.Repeat("x", 5000)), file("b", 0o755, "x"))
	negative := forge(archive(t, file("a", 0o755, "")), func(header []byte) {
		copy(header[124:136], bytes.Repeat([]byte{0xff}, 12)) // size -1 in base 256
	})
	pax := forge(archive(t, file("a", 0o755, strings.Repeat("x", 2<<20))), func(header []byte) { header[156] = tar.TypeXHeader })
	for _, test := range []struct {
		name string
		data []byte
		want string // empty: no error
	}{
		{"nothing", nil, ""},
		{"zeros", make([]byte, 1024), ""},
		{"good", good, ""},
		{"bytes after the end", append(append([]byte(nil), good...), "more"...), ""},
		{"noise", []byte(strings.Repeat("noise", 500)), "invalid tar header"},
		{"cut in a file", good[:3000], "unexpected EOF"},
		{"cut in a header", good[:100], "unexpected EOF"},
		{"a negative size", negative, "invalid tar header"},
		{"a huge PAX header", pax, "header field too long"},
		{"a header that is only forged", forge(archive(t, file("a", 0o755, "")), func([]byte) {}), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := readLayer(bytes.NewReader(test.data), newBudget(Limits{}.withDefaults()))
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// forge changes the first header of an archive, and makes its checksum right.
func forge(archive []byte, change func(header []byte)) []byte {
	header := archive[:512]
	change(header)
	copy(header[148:156], "        ")
	sum := 0
	for _, b := range header {
		sum += int(b)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return archive
}

func TestMemoryIsBoundedForEndlessWhiteouts(t *testing.T) {
	r, w := io.Pipe()
	go func() {
		tarball := tar.NewWriter(bufio.NewWriterSize(w, 1<<20))
		for i := 0; ; i++ {
			if tarball.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprintf("d/.wh.%d", i)}) != nil {
				return
			}
		}
	}()
	defer r.Close()
	_, err := readLayer(r, newBudget(Limits{Memory: 4 << 20}.withDefaults()))
	var exceeded *tooLargeError
	if !errors.As(err, &exceeded) {
		t.Errorf("error %v, want too large", err)
	}
}

func TestCompressions(t *testing.T) {
	data := archive(t, file("x", 0o4755, strings.Repeat("x", 100_000)))
	for _, test := range []struct {
		name    string
		options []tarball.LayerOption
		layer   v1.Layer
	}{
		{name: "gzip", options: []tarball.LayerOption{tarball.WithCompression(compression.GZip)}},
		{name: "zstd", options: []tarball.LayerOption{tarball.WithCompression(compression.ZStd), tarball.WithMediaType(types.OCILayerZStd)}},
		{name: "none", layer: static.NewLayer(data, types.OCIUncompressedLayer)},
		{name: "gzip under the name of none", options: []tarball.LayerOption{tarball.WithMediaType(types.DockerUncompressedLayer)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := test.layer
			if l == nil {
				l = layerOf(t, data, test.options...)
			}
			files, err := readFiles(t.Context(), imageOfLayers(t, v1.Config{}, l), Limits{}.withDefaults())
			if err != nil || files.Programs["/x"].Mode != 0o4755 {
				t.Errorf("got %v, error %v", files, err)
			}
		})
	}
}

// lying is a layer whose stream is not what its digests promise.
type lying struct {
	v1.Layer
	data []byte
}

func (l lying) Compressed() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(l.data)), nil }

func TestBrokenCompression(t *testing.T) {
	good := archive(t, file("x", 0o755, strings.Repeat("x", 100_000)))
	honest := layerOf(t, good)
	packed, err := honest.Compressed()
	if err != nil {
		t.Fatal(err)
	}
	gz, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	// A frame that wants a window of 256 MiB: magic, no flags, window descriptor, an empty last block.
	wide := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, (28 - 10) << 3, 0x01, 0x00, 0x00}
	for _, test := range []struct {
		name string
		data []byte
		want string
	}{
		{"another archive", archive(t, file("y", 0o755, "")), "was promised"},
		{"bytes after the archive", append(append([]byte(nil), good...), "more"...), "was promised"},
		{"cut", gz[:len(gz)/2], "unexpected EOF"},
		{"a wrong checksum", append(append([]byte(nil), gz[:len(gz)-8]...), 0, 0, 0, 0, 0, 0, 0, 0), "checksum"},
		{"noise after the archive", append(append([]byte(nil), gz...), "noise and more"...), "invalid header"},
		{"zstd with a huge window", wide, zstd.ErrWindowSizeExceeded.Error()},
		{"zstd that is none", []byte("\x28\xb5\x2f\xfdnoise"), ""},
		{"gzip that is none", []byte("\x1f\x8bnoise"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			image := replaced{imageOfLayers(t, v1.Config{}, honest), lying{honest, test.data}}
			_, err := readFiles(t.Context(), image, Limits{}.withDefaults())
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "layer 1 of 1 (sha256:") {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

// replaced is an image with another layer.
type replaced struct {
	v1.Image
	layer v1.Layer
}

func (r replaced) Layers() ([]v1.Layer, error) { return []v1.Layer{r.layer}, nil }

func TestReadingStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := readFiles(ctx, imageOf(t, v1.Config{}, []any{file("x", 0o755, "")}), Limits{}.withDefaults()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
}

func FuzzLayer(f *testing.F) {
	f.Add(archive(f, file("a/b", 0o755, "#!/bin/sh\n"), capable("c", netBind), sym("l", "a"), file("l/x", 0o644, ""), hard("h", "c"), hard("early", "late"), file("late", 0o4755, "")))
	f.Add(archive(f, file("a/.wh.b", 0, ""), file("a/.wh..wh..opq", 0, ""), file(".wh..wh..opq", 0, ""), dir("a", 0o1777, 5, 5), file("etc/passwd", 0o644, "root:x:0:0:::\n"), file("etc/group", 0o644, "root:x:0:a,b\n")))
	f.Add(archive(f, sym("a", "b"), sym("b", "../a"), sym("etc", "/x"), file("etc/passwd", 0o644, ":::\n"), tar.Header{Typeflag: tar.TypeChar, Name: "null"}))
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte("noise"))))
	below := archive(f, file("a/b", 0o755, ""), file("late", 0o755, ""), sym("l", "a"), file("x/y/z", 0o644, ""), file("libx.so", 0o644, ""))
	f.Fuzz(func(t *testing.T, data []byte) {
		b := newBudget(Limits{Memory: 4 << 20, Uncompressed: 16 << 20, Text: 1 << 16}.withDefaults())
		root := newDirectory()
		for _, stream := range [][]byte{below, data, below} {
			l, err := readLayer(b.meter(t.Context(), bytes.NewReader(stream)), b)
			if err != nil {
				return
			}
			if merge(root, l.root) != nil {
				return
			}
		}
		got, err := files(root, b)
		if err != nil {
			return
		}
		for p, d := range got.Dirs {
			inside := 0
			for q := range got.Dirs {
				if strings.HasPrefix(q, p+"/") && !strings.Contains(q[len(p)+1:], "/") {
					inside++
				}
			}
			if inside > d.Entries {
				t.Errorf("%q has %d entries, but holds %d directories", p, d.Entries, inside)
			}
		}
		for p := range got.Programs {
			if !strings.HasPrefix(p, "/") || strings.Contains(p, "/../") || strings.HasSuffix(p, "/..") {
				t.Errorf("program %q is not a clean path", p)
			}
		}
	})
}
