package database

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// A kind is one of Trivy's databases.
type kind struct {
	name   string // for people
	folder string // as Trivy calls it in its cache
	file   string
	schema int
	media  string // type of the layer
	// fresh is how long it is not asked whether there is a newer one.
	fresh time.Duration
	// packed and unpacked bound its bytes. In 2026 the one of vulnerabilities has
	// 100 MB and 1 GB, the one of jar files 800 MB and 1.5 GB.
	packed, unpacked int64
	check            func(path string) error
}

// The media types and times are those of Trivy: pkg/db and pkg/javadb.
var (
	vulnerabilityKind = kind{
		name: "vulnerability database", folder: "db", file: "trivy.db", schema: 2, media: "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip",
		fresh: time.Hour, packed: 1 << 30, unpacked: 8 << 30, check: checkBolt,
	}
	javaKind = kind{
		name: "database of jar files", folder: "java-db", file: "trivy-java.db", schema: 1, media: "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip",
		fresh: 24 * time.Hour, packed: 4 << 30, unpacked: 16 << 30, check: checkSQLite,
	}
)

const metadataFile = "metadata.json"

// metadata is the file of that name, as Trivy writes it.
type metadata struct {
	Version      int
	NextUpdate   time.Time
	UpdatedAt    time.Time
	DownloadedAt time.Time
}

// read reads the metadata of a database and checks that it can be used. The
// error says what is wrong with it, without the folder; it is fs.ErrNotExist
// when there is no database.
func (k kind) read(dir string) (metadata, error) {
	var m metadata
	if _, err := os.Stat(filepath.Join(dir, k.file)); err != nil {
		return m, err
	}
	data, err := os.ReadFile(filepath.Join(dir, metadataFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return m, fmt.Errorf("%s has no %s beside it", k.file, metadataFile)
	case err != nil:
		return m, err
	}
	if err := json.Unmarshal(data, &m); err != nil {
		return metadata{}, fmt.Errorf("its %s is broken: %w", metadataFile, err)
	}
	if m.Version != k.schema {
		return metadata{}, fmt.Errorf("it has schema %d, and this program reads schema %d", m.Version, k.schema)
	}
	if err := k.check(filepath.Join(dir, k.file)); err != nil {
		return metadata{}, fmt.Errorf("its %s is broken: %w", k.file, err)
	}
	return m, nil
}
