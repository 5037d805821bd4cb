package testscans

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// modules are what the program is built with: a module proxy as files, by
// module@version. See https://go.dev/ref/mod#goproxy-protocol.
var modules = map[string]string{
	"example.com/testscans/parser@v1.2.0": "package parser\n\nfunc Name() string { return \"parser\" }\n",
	"example.com/testscans/plain@v0.1.0":  "package plain\n\nfunc Name() string { return \"plain\" }\n",
}

const programSource = `package main

import (
	"example.com/testscans/parser"
	"example.com/testscans/plain"
)

func main() { println(parser.Name(), plain.Name()) }
`

// program is a Linux program that was built with modules, of which its build
// information tells. It is compiled once a process.
func program(t testing.TB) string {
	t.Helper()
	data, err := compiled()
	check(t, err)
	return data
}

var compiled = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "testscans-program-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	proxy := filepath.Join(dir, "proxy")
	for module, source := range modules {
		if err := publish(proxy, module, source); err != nil {
			return "", err
		}
	}
	mod := "module example.com/testscans/server\n\ngo 1.26\n\nrequire (\n"
	for module := range modules {
		mod += "\t" + strings.Replace(module, "@", " ", 1) + "\n"
	}
	at := filepath.Join(dir, "server")
	if err := writeAll(at, map[string]string{"go.mod": mod + ")\n", "main.go": programSource}); err != nil {
		return "", err
	}
	cmd := exec.Command("go", "build", "-mod=mod", "-modcacherw", "-buildvcs=false", "-ldflags=-s -w", "-o", "server", ".")
	cmd.Dir = at
	cmd.Env = append(os.Environ(), "GOPROXY=file://"+filepath.ToSlash(proxy), "GOSUMDB=off", "GOMODCACHE="+filepath.Join(dir, "mod"), "GOFLAGS=", "GOWORK=off", "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", &buildError{err, string(out)}
	}
	data, err := os.ReadFile(filepath.Join(at, "server"))
	return string(data), err
})

type buildError struct {
	error
	output string
}

func (e *buildError) Error() string {
	return "compiling a program: " + e.error.Error() + "\n" + e.output
}

// publish puts a module with one source file into a proxy.
func publish(proxy, module, source string) error {
	path, version, _ := strings.Cut(module, "@")
	mod := "module " + path + "\n\ngo 1.26\n"
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for name, text := range map[string]string{"go.mod": mod, "module.go": source} {
		entry, err := w.Create(module + "/" + name)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(entry, text); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	return writeAll(filepath.Join(proxy, path, "@v"), map[string]string{
		"list": version + "\n", version + ".info": `{"Version":"` + version + `","Time":"2026-01-01T00:00:00Z"}`, version + ".mod": mod, version + ".zip": buffer.String(),
	})
}

func writeAll(dir string, texts map[string]string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
