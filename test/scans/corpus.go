package testscans

import (
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Credentials that open nothing: they have the form of real ones, as the rules
// of Trivy know it. They are put together here so that this source has none in it.
var (
	awsKey       = "AK" + "IA" + "TESTSCANS7QRSTUV"
	githubToken  = "gh" + "p_" + strings.Repeat("notAToken", 4)
	privateKey   = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("bm90IGEga2V5IG5vdCBhIGtleSBub3QgYSBrZXkgbm90\n", 4) + "-----END RSA " + "PRIVATE KEY-----\n"
	stripeSecret = "sk" + "_test_" + "notASecretOfStripe"
)

// An Image is one of the corpus: an image, or an index of some.
type Image struct {
	Name  string // also its repository
	Image v1.Image
	Index v1.ImageIndex
}

// Corpus is all images. What they hold is told in expectation.yaml.
func Corpus(t testing.TB) []Image {
	t.Helper()
	base := step{layer(t, alpine("3.23.2",
		pkg{name: "musl", version: "1.2.5-r10"},
		pkg{name: "busybox", version: "1.37.0-r20"},
		pkg{name: "libcrypto3", version: "3.5.0-r0", source: "openssl"},
		pkg{name: "libssl3", version: "3.5.0-r0", source: "openssl"},
		pkg{name: "zlib", version: "1.3.1-r2"},
	)), "ADD alpine-minirootfs.tar.gz / # buildkit"}
	upgrade := step{layer(t, apk(
		pkg{name: "musl", version: "1.2.5-r10"},
		pkg{name: "busybox", version: "1.37.0-r21"},
		pkg{name: "libcrypto3", version: "3.5.1-r0", source: "openssl"},
		pkg{name: "libssl3", version: "3.5.1-r0", source: "openssl"},
		pkg{name: "zlib", version: "1.3.1-r3"},
	)), "RUN /bin/sh -c apk upgrade # buildkit"}
	return []Image{
		{Name: "alpine", Image: image(t, "amd64", v1.Config{Entrypoint: []string{"/bin/app"}}, base)},
		{Name: "alpine-secrets", Image: image(t, "amd64", v1.Config{Env: []string{"PATH=/bin", "GITHUB_TOKEN=" + githubToken}}, base, secrets(t))},
		{Name: "alpine-upgraded", Image: image(t, "amd64", v1.Config{}, base, upgrade)},
		{Name: "whiteouts", Image: whiteouts(t, base, upgrade)},
		{Name: "end-of-life", Image: image(t, "amd64", v1.Config{}, step{layer(t, alpine("3.10.9", pkg{name: "libssl1.1", version: "1.1.1k-r0", source: "openssl"})), "ADD alpine-minirootfs.tar.gz /"})},
		{Name: "debian", Image: debianImage(t)},
		{Name: "distroless", Image: distrolessImage(t)},
		{Name: "java", Image: javaImage(t)},
		{Name: "nothing", Image: image(t, "amd64", v1.Config{}, step{layer(t, files{"app/readme.txt": "There is nothing to be found in here.\n"}), "COPY readme.txt /app/"})},
		{Name: "platforms", Index: platforms(t, base, upgrade)},
	}
}

func secrets(t testing.TB) step {
	t.Helper()
	return step{layer(t, files{
		"etc/app/settings.env": "# settings\nREGION=eu-central-1\nACCESS_KEY=\"" + awsKey + "\"\n",
		"root/.ssh/id_rsa":     privateKey,
	}), "COPY settings.env /etc/app/ # buildkit"}
}

// whiteouts takes away what lower layers have: a secret, which its layer still
// holds, one package of two, and a folder of packages as a whole.
func whiteouts(t testing.TB, base, upgrade step) v1.Image {
	t.Helper()
	added := step{layer(t, join(
		files{"etc/app/billing.conf": "[billing]\nkey = " + stripeSecret + "\n"},
		nodePackage(t, "srv/one", "minimist", "1.2.5"), nodePackage(t, "srv/one", "qs", "6.5.2"),
		nodePackage(t, "srv/two", "minimist", "1.2.5"),
	)), "COPY . / # buildkit"}
	taken := step{layer(t, join(
		files{"etc/app/.wh.billing.conf": "", "srv/one/node_modules/.wh.minimist": "", "srv/two/.wh..wh..opq": ""},
		nodePackage(t, "srv/two", "qs", "6.5.3"),
	)), "RUN /bin/sh -c rm -r /etc/app/billing.conf # buildkit"}
	return image(t, "amd64", v1.Config{}, base, upgrade, added, taken)
}

// debianImage also has packages of Node.js and of Python. Not found are: what a
// lock file names, which is not what is installed; what was removed, of which
// dpkg keeps the configuration; what a package of Debian brought, which Debian
// tells about.
func debianImage(t testing.TB) v1.Image {
	t.Helper()
	system := join(pythonPackage("usr/lib/python3/dist-packages", "urllib3", "2.3.0"), debian("13",
		pkg{name: "libc6", version: "2.41-12", source: "glibc"},
		pkg{name: "libssl3t64", version: "3.5.1-1", source: "openssl"},
		pkg{name: "bash", version: "5.2.37-2+b3", source: "bash (5.2.37-2)"},
		pkg{name: "zlib1g", version: "1:1.3.dfsg+really1.3.1-1+b1", source: "zlib (1:1.3.dfsg+really1.3.1-1)"},
		pkg{name: "perl-base", version: "5.40.1-6", source: "perl", status: "deinstall ok config-files"},
		pkg{name: "python3-urllib3", version: "2.3.0-3", source: "python-urllib3", files: []string{"usr/lib/python3/dist-packages/urllib3-2.3.0.dist-info/METADATA"}},
	))
	application := join(
		nodePackage(t, "srv/app", "minimist", "1.2.5"),
		files{"srv/app/package-lock.json": `{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0"},"node_modules/qs":{"version":"6.5.2"}}}`},
		pythonPackage("usr/local/lib/python3.13/site-packages", "requests", "2.30.0"),
	)
	return image(t, "amd64", v1.Config{User: "1000"}, step{layer(t, system), "# debian.sh --arch 'amd64' out/ 'trixie'"}, step{layer(t, application), "COPY . /srv/app # buildkit"})
}

func distrolessImage(t testing.TB) v1.Image {
	t.Helper()
	system := distroless("13",
		pkg{name: "base-files", version: "13.8"},
		pkg{name: "libssl3t64", version: "3.5.1-1+deb13u1", source: "openssl"},
		pkg{name: "zlib1g", version: "1:1.3.dfsg+really1.3.1-1", source: "zlib"},
	)
	return image(t, "amd64", v1.Config{Entrypoint: []string{"/usr/local/bin/server"}}, step{layer(t, system), "bazel build"}, step{layer(t, files{"usr/local/bin/server": program(t)}), "COPY server /usr/local/bin/"})
}

// javaImage has no distribution: a jar that says what it is, one that does not,
// and an archive with a jar in it.
func javaImage(t testing.TB) v1.Image {
	t.Helper()
	logger := mavenJar(t, "org.example", "logger", "2.14.0")
	return image(t, "amd64", v1.Config{}, step{layer(t, files{
		"app/lib/logger-2.14.0.jar": logger,
		"app/lib/renamed.jar":       anonymousJar(t),
		"app/shop.war":              jar(t, files{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "WEB-INF/lib/logger.jar": logger}),
	}), "COPY lib /app/lib"})
}

// platforms differ: only the image for amd64 was not upgraded, and only that for
// arm64 has an application.
func platforms(t testing.TB, base, upgrade step) v1.ImageIndex {
	t.Helper()
	amd64 := image(t, "amd64", v1.Config{}, base)
	arm64 := image(t, "arm64", v1.Config{}, base, upgrade, step{layer(t, nodePackage(t, "srv/app", "qs", "6.5.2")), "COPY . /srv/app"})
	return mutate.AppendManifests(mutate.IndexMediaType(empty.Index, types.OCIImageIndex),
		mutate.IndexAddendum{Add: amd64, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm64, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
	)
}
