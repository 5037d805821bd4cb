package testscans

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	_ "embed"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/types"
	javadb "github.com/aquasecurity/trivy-java-db/pkg/db"
	javatypes "github.com/aquasecurity/trivy-java-db/pkg/types"
	"go.etcd.io/bbolt"
	_ "modernc.org/sqlite" // the database of jar files is one
	"sigs.k8s.io/yaml"
)

//go:embed advisories.yaml
var advisories []byte

// known is advisories.yaml.
type known struct {
	Advisories      map[string]map[string]map[string]*types.Advisory `json:"advisories"`
	Sources         map[string]types.DataSource                      `json:"sources"`
	Vulnerabilities map[string]types.Vulnerability                   `json:"vulnerabilities"`
	Jars            struct{ Group, Artifact, Version string }        `json:"jars"`
}

func read(t testing.TB) known {
	t.Helper()
	var k known
	check(t, yaml.UnmarshalStrict(advisories, &k))
	return k
}

// Titles are those of the vulnerabilities, by id.
func Titles(t testing.TB) map[string]string {
	t.Helper()
	titles := map[string]string{}
	for id, v := range read(t).Vulnerabilities {
		titles[id] = v.Title
	}
	return titles
}

// database is Trivy's trivy.db and its metadata, packed.
func database(t testing.TB, built time.Time) []byte {
	t.Helper()
	k := read(t)
	dir := t.TempDir()
	db, err := bbolt.Open(trivydb.Path(dir), 0o600, nil)
	check(t, err)
	check(t, db.Update(func(tx *bbolt.Tx) error {
		w := writer{t, tx}
		for bucket, packages := range k.Advisories {
			for name, ids := range packages {
				for id, advisory := range ids {
					w.put(advisory, id, bucket, name)
				}
			}
		}
		for bucket, source := range k.Sources {
			w.put(source, bucket, "data-source")
		}
		for id, v := range k.Vulnerabilities {
			w.put(v, id, "vulnerability")
		}
		return nil
	}))
	check(t, db.Close())
	return packed(t, trivydb.Path(dir), trivydb.SchemaVersion, built)
}

// writer writes as trivy-db does: JSON in nested buckets.
type writer struct {
	t  testing.TB
	tx *bbolt.Tx
}

func (w writer) put(value any, key, bucket string, below ...string) {
	w.t.Helper()
	data, err := json.Marshal(value)
	check(w.t, err)
	b, err := w.tx.CreateBucketIfNotExists([]byte(bucket))
	check(w.t, err)
	for _, name := range below {
		b, err = b.CreateBucketIfNotExists([]byte(name))
		check(w.t, err)
	}
	check(w.t, b.Put([]byte(key), data))
}

// javaDatabase is Trivy's trivy-java.db and its metadata, packed.
func javaDatabase(t testing.TB, built time.Time) []byte {
	t.Helper()
	k := read(t)
	dir := t.TempDir()
	db, err := javadb.New(dir)
	check(t, err)
	check(t, db.Init())
	sum := sha1.Sum([]byte(anonymousJar(t)))
	check(t, db.InsertIndexes([]javatypes.Index{
		{GroupID: k.Jars.Group, ArtifactID: k.Jars.Artifact, Version: k.Jars.Version, SHA1: sum[:], ArchiveType: javatypes.JarType},
	}))
	check(t, db.Close())
	return packed(t, filepath.Join(dir, "trivy-java.db"), javadb.SchemaVersion, built)
}

// packed is the archive that a registry keeps of a database, which is renewed a day after it was built.
func packed(t testing.TB, path string, version int, built time.Time) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	check(t, err)
	metadata, err := json.Marshal(map[string]any{"Version": version, "UpdatedAt": built.UTC(), "NextUpdate": built.UTC().Add(24 * time.Hour)})
	check(t, err)
	var buffer bytes.Buffer
	archive := gzip.NewWriter(&buffer)
	w := tar.NewWriter(archive)
	for _, f := range []struct {
		name string
		data []byte
	}{{filepath.Base(path), data}, {"metadata.json", metadata}} {
		check(t, w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.name, Size: int64(len(f.data)), Mode: 0o644, ModTime: made}))
		_, err := w.Write(f.data)
		check(t, err)
	}
	check(t, w.Close())
	check(t, archive.Close())
	return buffer.Bytes()
}
