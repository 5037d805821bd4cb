#!/usr/bin/env bash
# Prints the krew manifest of a release: krew/harden.yaml with the version and the hashes of the archives.
#
#   hack/krew-manifest.sh v0.1.0 dist/checksums.txt >harden.yaml
#
# dist/checksums.txt is what goreleaser writes: a hash and an archive's name on each line.
set -euo pipefail

if [ $# -ne 2 ]; then
  echo "usage: hack/krew-manifest.sh VERSION CHECKSUMS" >&2
  exit 2
fi
version=$1 checksums=$2
template=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/krew/harden.yaml

if ! [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
  echo "version $version: want something like v0.1.0" >&2
  exit 2
fi

# The comment on top speaks about the template only.
manifest=$(sed -e '/^#/d' -e "s/v0\.1\.0/$version/" "$template")
while read -r hash name; do
  if [[ $hash =~ ^[0-9a-f]{64}$ ]]; then
    manifest=${manifest//not-released-yet:$name/$hash}
  fi
done <"$checksums"

if missing=$(grep -o 'not-released-yet:.*' <<<"$manifest"); then
  echo "no hash in $checksums for:" >&2
  echo "${missing//not-released-yet:/  }" >&2
  exit 1
fi
printf '%s\n' "$manifest"
