package testscans

import (
	"crypto/md5"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// pkg is a package of a distribution.
type pkg struct {
	name, version string
	source        string // the source package, for Debian with its version in parentheses where that differs; empty: of the same name
	status        string // Debian's; empty: installed
	files         []string
}

// alpine is a base system of a release such as 3.23.2, and its installed packages.
func alpine(release string, installed ...pkg) files {
	minor := release[:strings.LastIndex(release, ".")]
	return join(apk(installed...), files{
		"etc/alpine-release":   release + "\n",
		"etc/os-release":       fmt.Sprintf("NAME=\"Alpine Linux\"\nID=alpine\nVERSION_ID=%s\nPRETTY_NAME=\"Alpine Linux v%s\"\n", release, minor),
		"etc/apk/repositories": fmt.Sprintf("https://dl-cdn.alpinelinux.org/alpine/v%[1]s/main\nhttps://dl-cdn.alpinelinux.org/alpine/v%[1]s/community\n", minor),
		"bin/busybox":          "\x7fELF of a test",
	})
}

// apk is the database of installed packages of Alpine: https://wiki.alpinelinux.org/wiki/Apk_spec.
func apk(installed ...pkg) files {
	var b strings.Builder
	for _, p := range installed {
		source := p.source
		if source == "" {
			source = p.name
		}
		fmt.Fprintf(&b, "C:Q1qKcZ+j23xssAXmgQhkOO8dHnbWw=\nP:%s\nV:%s\nA:x86_64\nS:1\nI:1\nT:for tests\nU:https://example.com\nL:MIT\no:%s\nm:Nobody <nobody@example.com>\nt:1767225600\n\n", p.name, p.version, source)
	}
	return files{"lib/apk/db/installed": b.String()}
}

// debian is a base system of a release such as 13, and its installed packages.
func debian(release string, installed ...pkg) files {
	f := join(debianRelease(release))
	var b strings.Builder
	for _, p := range installed {
		b.WriteString(p.paragraph() + "\n")
		f["var/lib/dpkg/info/"+p.name+".md5sums"] = sums(p.files...)
	}
	f["var/lib/dpkg/status"] = b.String()
	return f
}

// distroless has no dpkg, only what it says of each package: a file each in
// status.d, and the sums of its files beside it.
func distroless(release string, installed ...pkg) files {
	f := debianRelease(release)
	for _, p := range installed {
		f["var/lib/dpkg/status.d/"+p.name] = strings.ReplaceAll(p.paragraph(), "Status: install ok installed\n", "")
		f["var/lib/dpkg/status.d/"+p.name+".md5sums"] = sums(p.files...)
	}
	return f
}

// sums is a list of the files of a package: deb-md5sums(5).
func sums(paths ...string) string {
	var b strings.Builder
	for _, p := range append(paths, "usr/share/doc/copyright") {
		fmt.Fprintf(&b, "%x  %s\n", md5.Sum([]byte(p)), p)
	}
	return b.String()
}

func debianRelease(release string) files {
	return files{
		"etc/debian_version": release + ".1\n",
		"etc/os-release":     fmt.Sprintf("NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"%s\"\nPRETTY_NAME=\"Debian GNU/Linux %[1]s\"\n", release),
	}
}

// paragraph is what dpkg writes of a package: dpkg-query(1), deb-control(5).
func (p pkg) paragraph() string {
	status := p.status
	if status == "" {
		status = "install ok installed"
	}
	text := fmt.Sprintf("Package: %s\nStatus: %s\nPriority: optional\nSection: libs\nMaintainer: Debian Nobody <nobody@lists.debian.org>\nArchitecture: amd64\n", p.name, status)
	if p.source != "" {
		text += "Source: " + p.source + "\n"
	}
	return text + "Version: " + p.version + "\nDescription: for tests\n"
}

// nodePackage is an installed package of Node.js below a folder.
func nodePackage(t testing.TB, dir, name, version string) files {
	t.Helper()
	data, err := json.Marshal(map[string]string{"name": name, "version": version, "license": "MIT"})
	check(t, err)
	return files{dir + "/node_modules/" + name + "/package.json": string(data)}
}

// pythonPackage is an installed package of Python, as pip leaves it.
func pythonPackage(dir, name, version string) files {
	return files{fmt.Sprintf("%s/%s-%s.dist-info/METADATA", dir, name, version): fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nLicense: MIT\n", name, version)}
}
