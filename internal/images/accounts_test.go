package images

import (
	"strings"
	"testing"

	"github.com/moby/sys/user"
)

// TestUsersResolveAsInRuntimes compares with what container runtimes use.
func TestUsersResolveAsInRuntimes(t *testing.T) {
	const passwd = "root:x:0:0:root:/root:/bin/sh\napp:x:10002:10003::/app:/bin/sh\ntwin:x:10002:5::/:\nnobody:x:65534:65533::/:\n1000:x:7:8::/:\nbroken:x:y:z::/:\n# comment\n:x:9:9::/:\n"
	const group = "root:x:0:\nwww:x:33:app\n44:x:45:\nempty:x::\n"
	for what, f := range map[string]struct{ passwd, group string }{"accounts": {passwd, group}, "none": {}} {
		files := filesOf(t, []any{file("etc/passwd", 0o644, f.passwd), file("etc/group", 0o644, f.group)})
		for _, name := range []string{
			"", "0", "root", "app", "nobody", "10002", "4242", "1000", "broken", "missing", "-1", "4294967296", "65532:65532", "0:1000", "root:app",
			"app:www", "app:44", "app:45", "app:missing", "app:-1", "app:", ":www", ":33", "app:empty", "2147483647", "2147483648",
		} {
			want, err := user.GetExecUser(name, nil, strings.NewReader(f.passwd), strings.NewReader(f.group))
			uid, gid, ok := files.ResolveUser(name)
			if ok != (err == nil) || ok && (uid != int64(want.Uid) || gid != int64(want.Gid)) {
				t.Errorf("%s: %q is %d:%d, %v; runtimes have %v, error %v", what, name, uid, gid, ok, want, err)
			}
		}
	}
}
