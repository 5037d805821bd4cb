#!/usr/bin/env bash
# Prints the path of a pinned development tool and builds it first where that is needed.
#
#   hack/tool.sh golangci-lint
#   hack/tool.sh gofumpt
#
# The versions are those of tools/go.mod. The binaries live outside the tree, in a folder named after
# tools/go.sum and the Go version, so that a warm run costs nothing and a new version is never mixed with an old one.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=${HARDEN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kubectl-harden}

case ${1:-} in
golangci-lint) pkg=github.com/golangci/golangci-lint/v2/cmd/golangci-lint takes="a few minutes" ;;
gofumpt) pkg=mvdan.cc/gofumpt takes="a few seconds" ;;
*)
  echo "usage: hack/tool.sh golangci-lint|gofumpt" >&2
  exit 2
  ;;
esac

cd "$root/tools"
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
