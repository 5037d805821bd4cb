package trivy

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/aquasecurity/trivy/pkg/fanal/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-harden/kubectl-harden/internal/images"
	"github.com/kubectl-harden/kubectl-harden/internal/images/store"
)

// blobFormat changes with what a record means.
const blobFormat = "1"

// A record is what Trivy's analyzers made of a layer, as it is kept. It does not
// depend on the image that the layer was read for, and holds no secret: what
// stood there is cut out.
type record struct {
	Format, Trivy string
	DiffID        string
	Java          bool // analyzed with the Java database
	Archives      int  // files of Java
	Blob          types.BlobInfo
}

func newRecord(diffID v1.Hash, blob types.BlobInfo, archives int, java bool) record {
	blob.Digest, blob.CreatedBy = "", ""
	for s := range blob.Secrets {
		cutSecret(&blob.Secrets[s])
	}
	return record{Format: blobFormat, Trivy: images.TrivyVersion(), DiffID: diffID.String(), Java: java, Archives: archives, Blob: blob}
}

// cutSecret removes what Trivy shows around a secret, although it has stars where the secret was.
func cutSecret(s *types.Secret) {
	for f := range s.Findings {
		s.Findings[f].Match, s.Findings[f].Code = "", types.Code{}
	}
}

// blobs keep records by the digest of what the layer unpacks to. Unlike Trivy's
// own cache they may be used by several processes at once.
type blobs struct{ dir store.Dir }

func (b blobs) name(diffID string) string {
	return fmt.Sprintf("%s/blobs/%s.json.gz", images.CacheFormat, strings.ReplaceAll(diffID, ":", "-"))
}

// get returns the record of a layer. One that was made without the Java
// database is none when that is there now, and could tell more.
func (b blobs) get(diffID v1.Hash, java bool) (record, bool) {
	var r record
	good := b.dir.Read(b.name(diffID.String()), func(f io.Reader) error { return json.NewDecoder(f).Decode(&r) })
	if !good || r.Format != blobFormat || r.Trivy != images.TrivyVersion() || r.DiffID != diffID.String() || r.Blob.SchemaVersion != types.BlobJSONSchemaVersion {
		return record{}, false
	}
	return r, r.Java || !java || r.Archives == 0
}

func (b blobs) put(r record) {
	// Without it the layer is read again another time.
	_ = b.dir.Write(b.name(r.DiffID), func(f io.Writer) error { return json.NewEncoder(f).Encode(r) })
}
