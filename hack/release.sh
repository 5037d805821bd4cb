#!/usr/bin/env bash
# Runs goreleaser, and builds what it needs first.
#
#   hack/release.sh --snapshot   # everything into dist/, nothing is published
#   hack/release.sh              # a draft of a release on GitHub; needs a tag and GITHUB_TOKEN
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
goreleaser=$(hack/tool.sh goreleaser)
sbom=$(hack/tool.sh cyclonedx-gomod)

# Where git names no remote, goreleaser believes it nothing, not even the commit and its date.
if ! git remote get-url origin >/dev/null 2>&1; then
  n=${GIT_CONFIG_COUNT:-0}
  export GIT_CONFIG_COUNT=$((n + 1))
  export "GIT_CONFIG_KEY_$n=remote.origin.url" "GIT_CONFIG_VALUE_$n=https://github.com/kubectl-harden/kubectl-harden"
fi

# A platform takes ten minutes of a core the first time, so they are built one after the other.
PATH=$(dirname "$sbom"):$PATH "$goreleaser" release --clean --parallelism 1 "$@"
install -m 0644 dist/krew/harden.yaml krew/harden.yaml
