// Command notices writes the licence notices of everything that is linked into a program, for all platforms that it is
// released for:
//
//	go run ./notices -C ../.. -out ../../build/THIRD_PARTY_LICENSES.txt ./cmd/kubectl-harden
//
// Apache-2.0, BSD, MIT and others ask that whoever passes on a binary passes on their text; MPL-2.0 asks that the source
// is named. A module whose licence is not found, or is not on the list of those that a release may hold, is an error.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
)

// platforms are those of .goreleaser.yaml: some modules are linked on one of them only.
const platforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	dir := flag.String("C", ".", "folder of the module that the program belongs to")
	out := flag.String("out", "", "file to write (default: standard output)")
	on := flag.String("platforms", platforms, "what is released, as GOOS/GOARCH")
	flag.Parse()
	if err := run(*dir, *out, strings.Split(*on, ","), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "notices:", err)
		os.Exit(1)
	}
}

func run(dir, out string, platforms, packages []string) error {
	modules, err := linked(dir, platforms, packages)
	if err != nil {
		return err
	}
	reader, err := newReader()
	if err != nil {
		return err
	}
	if err := reader.read(modules); err != nil {
		return err
	}
	text := format(modules)
	if out == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(out, text, 0o644)
}
