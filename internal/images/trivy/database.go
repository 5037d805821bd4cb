package trivy

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	trivydb "github.com/aquasecurity/trivy-db/pkg/db"
	"github.com/aquasecurity/trivy-db/pkg/metadata"
	"github.com/aquasecurity/trivy/pkg/db"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// A database is the vulnerability database in a folder, opened when it is first
// needed, for reading only: several processes may do so at once.
type database struct {
	dir, why string
	once     sync.Once
	built    time.Time
	err      error
}

func (d *database) open() error {
	d.once.Do(func() {
		if d.err = d.check(); d.err == nil {
			d.err = db.Init(d.dir)
		}
	})
	return d.err
}

// check looks at the database before Trivy does, which removes one that it cannot read.
func (d *database) check() (err error) {
	if d.dir == "" {
		if d.why == "" {
			return errors.New("there is no vulnerability database")
		}
		return errors.New(d.why)
	}
	about, err := metadata.NewClient(d.dir).Get()
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("the vulnerability database in %q has no metadata.json: it is not whole; remove it, and it is downloaded again", d.dir)
	case err != nil:
		return fmt.Errorf("the metadata.json of the vulnerability database in %q: %w", d.dir, errDamaged)
	case about.Version != trivydb.SchemaVersion:
		return fmt.Errorf("the vulnerability database in %q has format %d, and this program reads %d", d.dir, about.Version, trivydb.SchemaVersion)
	}
	d.built = about.UpdatedAt.UTC()
	return readable(db.Path(d.dir))
}

// lockWait is how long somebody else may hold a database that is being written.
const lockWait = 5 * time.Second

func readable(path string) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%q: %w", path, errDamaged)
		}
	}()
	file, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockWait})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("the vulnerability database %q is being written by another process: try again", path)
	case errors.Is(err, os.ErrNotExist), errors.Is(err, os.ErrPermission):
		return fmt.Errorf("opening the vulnerability database: %w", err)
	case err != nil:
		return fmt.Errorf("%q: %w", path, errDamaged)
	}
	defer file.Close()
	return whole(file, path)
}

// whole looks at the end of the file: one that was cut is noticed by its size.
func whole(file *bolt.DB, path string) error {
	return file.View(func(tx *bolt.Tx) error {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Size() < tx.Size() {
			return fmt.Errorf("%q: %w", path, errDamaged)
		}
		if tx.Bucket([]byte("vulnerability")) == nil {
			return fmt.Errorf("%q holds no vulnerabilities: %w", path, errDamaged)
		}
		return nil
	})
}
