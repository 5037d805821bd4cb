package testimages

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"github.com/kubectl-harden/kubectl-harden/test/lab/labtest"
)

// built are all images that this machine can make, made once.
var built = sync.OnceValues(func() (map[string]Image, error) {
	images, err := Build(context.Background())
	byName := map[string]Image{}
	for _, image := range images {
		byName[image.Name] = image
	}
	return byName, err
})

// needImages skips the test where no images were ever made and nobody asked for it, since that takes a network.
func needImages(t *testing.T) {
	t.Helper()
	b, err := newBuilder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.cache); err != nil && os.Getenv("HARDEN_LAB") != labtest.Required {
		t.Skipf("no test images were made yet, which takes a network: set HARDEN_LAB=%s", labtest.Required)
	}
}

// get returns an image. What this machine cannot make skips the test.
func get(t *testing.T, name string) Image {
	t.Helper()
	needImages(t)
	images, err := built()
	image, ok := images[name]
	switch {
	case ok:
		return image
	case errors.Is(err, ErrUnavailable):
		t.Skip(err)
	default:
		t.Fatalf("there is no image %q: %v", name, err)
	}
	return Image{}
}

var headersOf = map[string]map[string]*tar.Header{}

// headers returns what the file system of an image holds, by path without slashes around it.
func headers(t *testing.T, image Image) map[string]*tar.Header {
	t.Helper()
	if found := headersOf[image.Name]; found != nil {
		return found
	}
	stream := mutate.Extract(image.Image)
	defer stream.Close()
	found := map[string]*tar.Header{}
	headersOf[image.Name] = found
	for r := tar.NewReader(stream); ; {
		h, err := r.Next()
		if err == io.EOF {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		found[path.Clean(h.Name)] = h
	}
}

func content(t *testing.T, image v1.Image, name string) string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for _, layer := range slices.Backward(layers) {
		if data, err := readFile(layer, name); err == nil {
			return string(data)
		}
	}
	t.Fatalf("no layer has %q", name)
	return ""
}

func config(t *testing.T, image Image) v1.Config {
	t.Helper()
	file, err := image.Image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return file.Config
}

func digest(t *testing.T, image Image) string {
	t.Helper()
	d, err := image.Image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestAllImages(t *testing.T) {
	seen := map[string]string{}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			image := get(t, name)
			if other := seen[digest(t, image)]; other != "" {
				t.Errorf("it is the same image as %s", other)
			}
			seen[digest(t, image)] = name
			c := config(t, image)
			if _, ok := c.ExposedPorts[fmt.Sprintf("%d/tcp", image.Port())]; !ok || len(c.ExposedPorts) != 1 {
				t.Errorf("the workload serves on %d, the image exposes %v", image.Port(), c.ExposedPorts)
			}
			if image.About == "" {
				t.Error("nothing says what it does")
			}
			for setting, b := range image.Breaks {
				if !slices.Contains(Settings(), setting) || b.Says == "" {
					t.Errorf("breaks with %q, saying %q", setting, b.Says)
				}
			}
			files := headers(t, image)
			program := strings.TrimPrefix(c.Entrypoint[0], "/")
			if !strings.Contains(program, "/") && files[program] == nil {
				program = "usr/local/bin/" + program
			}
			if h := files[program]; h == nil || h.Mode&0o111 == 0 {
				t.Errorf("the entrypoint %q cannot be executed", program)
			}
			for name := range files {
				if parent := path.Dir(name); parent != "." && files[parent] == nil {
					t.Errorf("no layer holds the folder of %q", name)
				}
			}
		})
	}
}

func TestUsers(t *testing.T) {
	for _, test := range []struct{ image, user, passwd string }{
		{"root-web", "", "root:x:0:0:"},
		{"numeric", "10001:10001", ""},
		{"named", "app", "app:x:10002:10002:"},
		{"nobody", "nobody", "nobody:x:65534:65534:"},
		{"distroless", "65532", "nonroot:x:65532:65532:"},
		{"nginx", "", "nginx:x:101:101:"},
		{"redis", "", "redis:x:999:999:"},
		{"postgres", "", "postgres:x:999:999:"},
	} {
		t.Run(test.image, func(t *testing.T) {
			image := get(t, test.image)
			if got := config(t, image).User; got != test.user {
				t.Errorf("got user %q, want %q", got, test.user)
			}
			passwd := content(t, image.Image, "etc/passwd")
			if !strings.HasPrefix(passwd, "root:") || !strings.Contains("\n"+passwd, "\n"+test.passwd) {
				t.Errorf("no line %q in\n%s", test.passwd, passwd)
			}
			if strings.Contains(passwd, "10001") {
				t.Errorf("10001 has a name in\n%s", passwd)
			}
		})
	}
}

// What an image holds at a path: type, mode, owner.
func TestFiles(t *testing.T) {
	for _, test := range []struct{ image, path, want string }{
		{"numeric", "tmp", "folder 1777 0:0"},
		{"numeric", "usr/bin/sh", "link 777 0:0 busybox"},
		{"numeric", "usr/local/bin/app", "file 755 0:0"},
		{"cache-writer-root", "var/cache/app", "folder 755 0:0"},
		{"cache-writer", "var/cache/app", "folder 755 10001:10001"},
		{"self-writer", "app", "folder 755 10001:10001"},
		{"self-writer", "app/server", "file 755 0:0"},
		{"seeded", "var/lib/app/defaults.json", "file 644 10001:10001"},
		{"volume", "data", "folder 755 10001:10001"},
		{"late-fail", "var/lib/app", "folder 755 10001:10001"},
		{"root-drop", "var/lib/app", "folder 755 0:0"},
		{"setuid-user", "usr/local/bin/readkey", "file 4755 0:0"},
		{"setuid-user", "etc/app/key", "file 0 0:0"},
		{"nginx", "bin", "link 777 0:0 usr/bin"},
		{"nginx", "usr/bin/sh", "link 777 0:0 dash"},
		{"nginx", "usr/bin/su", "file 4755 0:0"},
		{"nginx", "usr/bin/chage", "file 2755 0:42"},
		{"nginx", "var/local", "folder 2775 0:50"},
		{"nginx", "docker-entrypoint.d/10-listen-on-ipv6.sh", "file 755 0:0"},
		{"nginx", "var/cache/nginx", "folder 755 0:0"},
		{"nginx", "var/log/nginx/error.log", "link 777 0:0 /dev/stderr"},
		{"redis", "data", "folder 755 999:999"},
		{"redis", "usr/local/bin/gosu", "file 755 0:0"},
		{"postgres", "var/lib/postgresql/data", "folder 1777 999:999"},
	} {
		t.Run(test.image+" "+test.path, func(t *testing.T) {
			h := headers(t, get(t, test.image))[test.path]
			if h == nil {
				t.Fatal("there is no such path")
			}
			kind := map[byte]string{tar.TypeReg: "file", tar.TypeDir: "folder", tar.TypeSymlink: "link"}[h.Typeflag]
			got := strings.TrimSpace(fmt.Sprintf("%s %o %d:%d %s", kind, h.Mode, h.Uid, h.Gid, h.Linkname))
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsEmptyInTheImage(t *testing.T) {
	for _, test := range []struct {
		image, folder string
		want          []string
	}{
		{"cache-writer", "var/cache/app", nil},
		{"cache-writer-root", "var/cache/app", nil},
		{"late-fail", "var/lib/app", nil},
		{"nginx", "var/cache/nginx", nil},
		{"volume", "data", nil},
		{"seeded", "var/lib/app", []string{"var/lib/app/defaults.json"}},
		{"self-writer", "app", []string{"app/server"}},
	} {
		t.Run(test.image, func(t *testing.T) {
			var got []string
			for name := range headers(t, get(t, test.image)) {
				if path.Dir(name) == test.folder {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDistrolessHoldsItsProgramAlone(t *testing.T) {
	var got []string
	for name, h := range headers(t, get(t, "distroless")) {
		if h.Typeflag == tar.TypeReg {
			got = append(got, name)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{"etc/group", "etc/passwd", "usr/local/bin/app"}, got); diff != "" {
		t.Error(diff)
	}
}

// CAP_NET_BIND_SERVICE is bit 10; the flag says that the capability is effective at once (linux/capability.h).
func TestFileCapabilities(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			want := 0
			if name == "filecap" || name == "root-filecap" {
				want = 1
			}
			got := 0
			for _, h := range headers(t, get(t, name)) {
				value, ok := h.PAXRecords[capabilityRecord]
				if !ok {
					continue
				}
				got++
				var words [5]uint32
				if _, err := binary.Decode([]byte(value), binary.LittleEndian, &words); err != nil || len(value) != 20 {
					t.Fatalf("%s: the value has %d bytes: %v", h.Name, len(value), err)
				}
				if diff := cmp.Diff([5]uint32{0x02000000 | 1, 1 << 10}, words); h.Name != "usr/local/bin/app" || diff != "" {
					t.Errorf("%s: %s", h.Name, diff)
				}
			}
			if got != want {
				t.Errorf("got %d files with capabilities, want %d", got, want)
			}
		})
	}
}

func TestVolumes(t *testing.T) {
	want := map[string]string{"volume": "/data", "redis": "/data", "postgres": "/var/lib/postgresql/data"}
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			var got string
			for volume := range config(t, get(t, name)).Volumes {
				got += volume
			}
			if got != want[name] {
				t.Errorf("got %q, want %q", got, want[name])
			}
		})
	}
}

func TestDebianKnowsItsPackages(t *testing.T) {
	status := content(t, get(t, "nginx").Image, "var/lib/dpkg/status")
	for _, want := range []string{"Package: nginx\nStatus: install ok installed\n", "\n\nPackage: libc6\n"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in the list of packages", want)
		}
	}
	for _, never := range []string{"Package: dpkg\n", "Package: perl\n"} {
		if strings.Contains(status, never) {
			t.Errorf("%q is in the list of packages", never)
		}
	}
}

// Made from the package files alone, everything is the same again.
func TestBuildsAreTheSame(t *testing.T) {
	first := map[string]string{}
	for _, name := range []string{"setuid-user", "filecap", "nginx"} {
		first[name] = digest(t, get(t, name))
	}
	b, err := newBuilder()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(b.cache, "debs"), filepath.Join(root, "images", "debs")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HARDEN_LAB_ROOT", root)
	again, err := Build(t.Context(), "setuid-user", "filecap", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	for _, image := range again {
		if got := digest(t, image); got != first[image.Name] {
			t.Errorf("%s: got %s, then %s", image.Name, first[image.Name], got)
		}
	}
}

func TestSecondBuildNeedsNoTools(t *testing.T) {
	get(t, "nginx")
	t.Setenv("PATH", "")
	if _, err := Build(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestSaysWhatIsMissing(t *testing.T) {
	get(t, "distroless")
	b, err := newBuilder()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "images"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(b.cache, "programs"), filepath.Join(root, "images", "programs")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HARDEN_LAB_ROOT", root)
	t.Setenv("PATH", "")
	images, err := Build(t.Context(), "nginx", "distroless", "numeric")
	if len(images) != 1 || images[0].Name != "distroless" {
		t.Errorf("got %d images, want the one that needs no packages", len(images))
	}
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), `"nginx"`) || !strings.Contains(err.Error(), "apt-cache") {
		t.Errorf("got error %v", err)
	}
	if _, err := Build(t.Context(), "ngnix"); err == nil || errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "nginx") {
		t.Errorf("got error %v for a name that is none", err)
	}
}

func TestPush(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://") + "/team"
	image := get(t, "distroless")
	refs, err := Push(t.Context(), host, []Image{image})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"distroless": host + "/distroless:v1"}, refs); diff != "" {
		t.Error(diff)
	}
	tag, err := name.NewTag(refs["distroless"], name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(tag)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Error(err)
	}
	if got := digest(t, Image{Image: pulled}); got != digest(t, image) {
		t.Errorf("got %s, want %s", got, digest(t, image))
	}
	server.Close()
	if _, err := Push(t.Context(), host, []Image{image}, remote.WithRetryBackoff(remote.Backoff{Steps: 1})); err == nil || !strings.Contains(err.Error(), refs["distroless"]) {
		t.Errorf("got error %v of a registry that is gone", err)
	}
}
