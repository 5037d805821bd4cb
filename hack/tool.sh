#!/usr/bin/env bash
# Prints the path of a pinned development tool and builds it first where that is needed.
#
#   hack/tool.sh golangci-lint
#   hack/tool.sh goreleaser
#
# The versions are those of tools/go.mod, and for what a release is made with of tools/release/go.mod. The binaries live
# outside the tree, in a folder named after the module's files and the Go version, so that a warm run costs nothing and a
# new version is never mixed with an old one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${HARDEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubectl-harden}

module=tools
case ${1:-} in
golangci-lint) pkg=github.com/golangci/golangci-lint/v2/cmd/golangci-lint takes="a few minutes" ;;
gofumpt) pkg=mvdan.cc/gofumpt takes="a few seconds" ;;
goreleaser) module=tools/release pkg=github.com/goreleaser/goreleaser/v2 takes="some minutes" ;;
cyclonedx-gomod) module=tools/release pkg=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod takes="a few seconds" ;;
krew) module=tools/release pkg=sigs.k8s.io/krew/cmd/krew takes="a few seconds" ;;
validate-krew-manifest) module=tools/release pkg=sigs.k8s.io/krew/cmd/validate-krew-manifest takes="a few seconds" ;;
*)
  echo "usage: hack/tool.sh golangci-lint|gofumpt|goreleaser|cyclonedx-gomod|krew|validate-krew-manifest" >&2
  exit 2
  ;;
esac

cd "$root/$module"
# A linter must understand the newest syntax that it reads, so the key holds the Go version too.
key=$({ cat go.mod go.sum; go env GOVERSION; } | git hash-object --stdin | cut -c1-16)
bin=$cache/tools/$key/$1$(go env GOEXE)

if [ ! -x "$bin" ]; then
  echo "building $1 once, $takes: $bin" >&2
  mkdir -p "$(dirname "$bin")"
  # -mod=readonly: building a tool never edits its module file. The rename makes a half-built tool impossible.
  GOFLAGS=-mod=readonly GOEXPERIMENT='' go build -trimpath -o "$bin.$$" "$pkg"
  mv -f "$bin.$$" "$bin"
fi
echo "$bin"
