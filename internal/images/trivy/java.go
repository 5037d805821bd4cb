package trivy

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	javadb "github.com/aquasecurity/trivy-java-db/pkg/db"
	ftypes "github.com/aquasecurity/trivy/pkg/fanal/types"
	trivyjava "github.com/aquasecurity/trivy/pkg/javadb"
	_ "modernc.org/sqlite" // the driver of the Java database
)

// javaFolder is the name that Trivy wants for the folder of the Java database.
const javaFolder = "java-db"

// startJava tells Trivy where the Java database is, which knows jar files by
// their digest. Without one it gets an empty one: its analyzer of jar files wants
// to have one, or downloads it.
func (w *worker) startJava() error {
	parent, err := os.MkdirTemp("", "java-")
	if err != nil {
		return err
	}
	at := filepath.Join(parent, javaFolder)
	w.java = w.settings.JavaDatabase != "" && javaUsable(w.settings.JavaDatabase)
	switch {
	case w.java && filepath.Base(w.settings.JavaDatabase) == javaFolder:
		parent = filepath.Dir(w.settings.JavaDatabase)
	case w.java:
		err = os.Symlink(w.settings.JavaDatabase, at)
	default:
		err = emptyJava(at)
	}
	if err != nil {
		return fmt.Errorf("preparing the Java database: %w", err)
	}
	trivyjava.Init(parent, nil, true, true, ftypes.RegistryOptions{})
	return nil
}

// javaUsable reports whether there is a database that can be read.
func javaUsable(dir string) bool {
	about := javadb.NewMetadata(dir)
	if m, err := about.Get(); err != nil || m.Version != javadb.SchemaVersion {
		return false
	}
	if _, err := os.Stat(filepath.Join(dir, "trivy-java.db")); err != nil {
		return false
	}
	d, err := javadb.New(dir)
	if err != nil {
		return false
	}
	defer d.Close()
	_, err = d.SelectIndexByArtifactIDAndGroupID("junit", "junit")
	return err == nil
}

func emptyJava(dir string) error {
	d, err := javadb.New(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Init(); err != nil {
		return err
	}
	about := javadb.NewMetadata(dir)
	return about.Update(javadb.Metadata{Version: javadb.SchemaVersion, NextUpdate: time.Now().AddDate(1, 0, 0)})
}
