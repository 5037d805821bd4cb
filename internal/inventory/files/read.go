package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// A file is one input with the documents in it.
type file struct {
	name string // as the user named it
	bom  bool   // a UTF-8 byte order mark precedes text
	text string
	docs []*document

	rendered bool // lines mean nothing
}

// extensions are those that a directory is searched for, as kubectl does.
var extensions = []string{".yaml", ".yml", ".json"}

// readAll reads the inputs in the order given. A file that is named twice,
// itself or by its directory, is read once.
func readAll(paths []string, stdin io.Reader) ([]*file, []*ReadError) {
	r := reader{stdin: stdin, seen: map[string]bool{}}
	for _, p := range paths {
		r.path(p)
	}
	return r.files, r.errs
}

type reader struct {
	stdin io.Reader
	seen  map[string]bool
	files []*file
	errs  []*ReadError
}

func (r *reader) fail(name string, err error, format string, args ...any) {
	r.errs = append(r.errs, &ReadError{File: name, Msg: fmt.Sprintf(format, args...), Err: err})
}

func (r *reader) path(p string) {
	if p == Stdin {
		r.standardInput()
		return
	}
	if strings.HasPrefix(p, "http://") || strings.HasPrefix(p, "https://") {
		r.fail(p, nil, "web addresses are not read: download it and pipe it in with -f -")
		return
	}
	info, err := os.Stat(p)
	switch {
	case err != nil:
		r.fail(p, err, "%v", cause(err))
	case !info.IsDir():
		r.file(p)
	default:
		r.directory(p)
	}
}

func (r *reader) standardInput() {
	if r.seen[Stdin] || r.stdin == nil {
		return
	}
	r.seen[Stdin] = true
	var b strings.Builder
	if _, err := io.Copy(&b, r.stdin); err != nil {
		r.fail(Stdin, err, "reading standard input: %v", err)
		return
	}
	r.add(Stdin, b.String())
}

// directory reads the manifests below a directory, in the order of their
// names. Directories whose name starts with a dot are passed over: tools keep
// their own files there.
func (r *reader) directory(root string) {
	err := filepath.WalkDir(root, func(p string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			r.fail(p, err, "%v", cause(err))
			return nil
		case e.IsDir() && p != root && strings.HasPrefix(e.Name(), "."):
			return fs.SkipDir
		case e.IsDir() || !slices.Contains(extensions, strings.ToLower(filepath.Ext(p))):
			return nil
		}
		r.file(p)
		return nil
	})
	if err != nil {
		r.fail(root, err, "%v", cause(err))
	}
}

func (r *reader) file(p string) {
	id := p
	if abs, err := filepath.Abs(p); err == nil {
		id = abs
	}
	if r.seen[id] {
		return
	}
	r.seen[id] = true
	text, err := readFile(p)
	if err != nil {
		r.fail(p, err, "%v", cause(err))
		return
	}
	r.add(p, text)
}

// readFile reads a file into a string without a second copy of it.
func readFile(p string) (string, error) {
	f, err := os.Open(p)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		b.Grow(int(info.Size()))
	}
	_, err = io.Copy(&b, f)
	return b.String(), err
}

// cause drops the path from a file error: the message names it already.
func cause(err error) error {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		return pathErr.Err
	}
	return err
}

const utf8BOM = "\ufeff"

func (r *reader) add(name, text string) {
	f := &file{name: name}
	f.text, f.bom = strings.CutPrefix(text, utf8BOM)
	if line, msg := notText(f.text); msg != "" {
		r.errs = append(r.errs, &ReadError{File: name, Line: line, Msg: msg})
		return
	}
	r.files = append(r.files, f)
}

// notText says why the data cannot be a manifest, or "".
func notText(data string) (line int, msg string) {
	if strings.HasPrefix(data, "\xff\xfe") || strings.HasPrefix(data, "\xfe\xff") {
		return 0, "this is UTF-16: save it as UTF-8"
	}
	if at := strings.IndexByte(data, 0); at >= 0 {
		return 0, fmt.Sprintf("this is a binary file (byte 0 at offset %d), not a manifest", at)
	}
	if utf8.ValidString(data) {
		return 0, ""
	}
	at := 0
	for at < len(data) {
		r, size := utf8.DecodeRuneInString(data[at:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		at += size
	}
	return 1 + strings.Count(data[:at], "\n"), "this line is not UTF-8 text"
}
