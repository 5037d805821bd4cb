package testscans

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"testing"
)

// jar packs files.
func jar(t testing.TB, f files) string {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: made})
		check(t, err)
		_, err = io.WriteString(entry, f[name])
		check(t, err)
	}
	check(t, w.Close())
	return buffer.String()
}

// mavenJar says itself what it is.
func mavenJar(t testing.TB, group, artifact, version string) string {
	t.Helper()
	return jar(t, files{
		"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n",
		fmt.Sprintf("META-INF/maven/%s/%s/pom.properties", group, artifact): fmt.Sprintf("groupId=%s\nartifactId=%s\nversion=%s\n", group, artifact, version),
	})
}

// anonymousJar does not say what it is: the database of jar files knows it by its SHA-1.
func anonymousJar(t testing.TB) string {
	t.Helper()
	return jar(t, files{"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n", "org/example/Anonymous.class": "\xca\xfe\xba\xbe of a test"})
}
