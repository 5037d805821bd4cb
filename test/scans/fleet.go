package testscans

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// A Fleet is what a company runs: many images on few bases.
type Fleet struct {
	Images []v1.Image
	Layers int // different ones
}

// NewFleet makes so many images. Each has a layer of its own on one of ten layers
// with an application server, on one of five with a distribution, every second
// one of which has openssl that is vulnerable. Filler is how many files of about
// 10 kB are in a layer of a distribution; there are twice as many in one of an
// application server, and a tenth in the last one.
func NewFleet(t testing.TB, images, filler int) Fleet {
	t.Helper()
	var bases, servers []step
	for i := range 5 {
		f := alpine("3.23.2", pkg{name: "musl", version: "1.2.5-r10"}, pkg{name: "libssl3", version: fmt.Sprintf("3.5.%d-r0", i%2), source: "openssl"})
		bases = append(bases, step{layer(t, join(f, fill(fmt.Sprintf("usr/share/base%d", i), filler))), "ADD alpine-minirootfs.tar.gz /"})
	}
	for i := range 10 {
		at := fmt.Sprintf("srv/server%d", i)
		f := fill(at, filler*2)
		for n := range 20 {
			f = join(f, nodePackage(t, at, fmt.Sprintf("package%d", n), "1.0.0"))
		}
		servers = append(servers, step{layer(t, join(f, nodePackage(t, at, "qs", "6.5.2"))), "RUN npm install"})
	}
	fleet := Fleet{Layers: min(images, len(bases)) + min(images, len(servers)) + images}
	for i := range images {
		own := step{layer(t, join(fill(fmt.Sprintf("srv/app%d", i), max(1, filler/10)), nodePackage(t, "srv/app", "minimist", "1.2.5"))), "COPY . /srv/app"}
		fleet.Images = append(fleet.Images, image(t, "amd64", v1.Config{Entrypoint: []string{"node", fmt.Sprint(i)}}, bases[i%len(bases)], servers[i%len(servers)], own))
	}
	return fleet
}

// Vulnerabilities is how many an image of the fleet has: those of qs and
// minimist, and that of libssl3 where it is not upgraded.
func (f Fleet) Vulnerabilities(image int) int { return 2 + (1 - image%5%2) }

// fill makes files of words, the same each time.
func fill(dir string, n int) files {
	f := files{}
	random := rand.New(rand.NewPCG(1, uint64(len(dir))+uint64(dir[len(dir)-1])))
	for i := range n {
		var b strings.Builder
		for b.Len() < 10_000 {
			fmt.Fprintf(&b, "const value_%x = %d;\n", random.Uint64(), random.IntN(1000))
		}
		f[fmt.Sprintf("%s/file%d.js", dir, i)] = b.String()
	}
	return f
}
