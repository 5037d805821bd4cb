package database

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"time"

	"go.etcd.io/bbolt"
)

// checkBolt opens a database of vulnerabilities for a moment. It finds one that
// was cut or is none, not a page that went bad inside.
func checkBolt(path string) (err error) {
	// What is broken in a file that is mapped into memory is a fault, not an error.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	db, err := bbolt.Open(path, 0, &bbolt.Options{ReadOnly: true, Timeout: 5 * time.Second})
	if err != nil {
		return err
	}
	defer db.Close()
	return db.View(func(tx *bbolt.Tx) error {
		if tx.Size() > info.Size() {
			return fmt.Errorf("it was cut: %d bytes are missing", tx.Size()-info.Size())
		}
		if tx.Bucket([]byte("vulnerability")) == nil {
			return errors.New("it holds no vulnerabilities")
		}
		return nil
	})
}

// checkSQLite looks at the first bytes of a database of jar files: section 1.3
// of https://www.sqlite.org/fileformat2.html.
func checkSQLite(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	magic := []byte("SQLite format 3\x00")
	first := make([]byte, len(magic))
	if _, err := io.ReadFull(f, first); err != nil || !bytes.Equal(first, magic) {
		return errors.New("it is no SQLite database")
	}
	return nil
}
