#!/usr/bin/env bash
# Tries what `make snapshot` left in dist/, as somebody would who has nothing of ours yet: the archives hold what they
# should, the manifest is one that krew-index takes, krew installs every archive by it, and the program of this platform
# works as `kubectl harden` from an empty home. `make verify-snapshot` builds what this needs and runs it.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
dist=$root/dist
manifest=$dist/krew/harden.yaml
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

say() { printf '%s\n' "$*"; }
fail() { printf 'snapshot: %s\n' "$*" >&2; exit 1; }

kubectl=$(bin/lab build | sed -n 's/^kubectl: //p')
krew=$(hack/tool.sh krew)
validate=$(hack/tool.sh validate-krew-manifest)
here=$(go env GOOS)_$(go env GOARCH)

# archive PLATFORM: its path.
archive() { case $1 in windows_*) echo "$dist/kubectl-harden_$1.zip" ;; *) echo "$dist/kubectl-harden_$1.tar.gz" ;; esac; }

# exe PLATFORM: the name of the program in it.
exe() { case $1 in windows_*) echo kubectl-harden.exe ;; *) echo kubectl-harden ;; esac; }

# value FIELD: that of a line of the manifest.
value() { sed -n "s/^[ -]*$1: *//p" "$manifest"; }

check_sums() {
  local sum="sha256sum"
  command -v sha256sum >/dev/null || sum="shasum -a 256"
  (cd "$dist" && $sum -c --quiet checksums.txt) || fail "dist/checksums.txt does not match the files"
  for platform in "$@"; do
    grep -q " kubectl-harden_$platform\.cdx\.json\$" "$dist/checksums.txt" || fail "$platform has no bill of materials"
  done
  say "checksums: $(wc -l <"$dist/checksums.txt" | tr -d ' ') files"
}

# What krew-index asks for beyond what krew checks.
# https://krew.sigs.k8s.io/docs/developer-guide/develop/best-practices/ and .../plugin-manifest/
check_manifest() {
  "$validate" -manifest "$manifest" -skip-install 2>"$work/validate.log" || { cat "$work/validate.log" >&2; fail "krew refuses the manifest"; }
  local short
  short=$(value shortDescription)
  [ ${#short} -le 50 ] || fail "the short description has ${#short} characters; krew-index asks for at most 50"
  case $short in *[Kk]ubectl* | *[Hh]arden* | *[Pp]lugin* | *.) fail "the short description repeats what is known: $short" ;; esac
  [ -n "$(value homepage)" ] || fail "the manifest has no homepage"
  grep -q '^  caveats:' "$manifest" || fail "the manifest has no caveats"
  for platform in "$@"; do
    local file sum
    file=$(basename "$(archive "$platform")")
    sum=$(sed -n "s/  $file\$//p" "$dist/checksums.txt")
    grep -q "sha256: $sum\$" "$manifest" || fail "the manifest has another hash for $file than dist/checksums.txt"
    grep -q "uri: https://.*/$file\$" "$manifest" || fail "the manifest does not name $file"
  done
  [ "$(value bin | wc -l)" -eq $# ] || fail "the manifest has another number of platforms than there are archives"
  say "manifest: krew takes it"
}

# check_store FOLDER PLATFORM: what an archive holds.
check_store() {
  local name
  for name in "$(exe "$2")" kubectl_complete-harden LICENSE README.md THIRD_PARTY_LICENSES.txt \
    completions/kubectl-harden.bash completions/_kubectl-harden completions/kubectl-harden.fish completions/kubectl-harden.ps1 \
    man/kubectl-harden.1 man/kubectl-harden-scan.1 man/kubectl-harden-fix.1; do
    [ -s "$1/$name" ] || fail "the archive of $2 has no $name"
  done
  grep -q '^std go.*: BSD-3-Clause$' "$1/THIRD_PARTY_LICENSES.txt" || fail "the notices of $2 do not begin with the standard library"
  ! grep -q "$HOME" "$1/THIRD_PARTY_LICENSES.txt" "$1"/man/* "$1"/completions/* || fail "the archive of $2 names somebody's home"
}

# as_newcomer PATH COMMAND...: runs it with an empty home, and nothing else on PATH but kubectl.
as_newcomer() {
  local path=$1
  shift
  mkdir -p "$work/a home"
  env -i HOME="$work/a home" PATH="$path:$work/kubectl" KREW_ROOT="${KREW_ROOT-}" "$@"
}

# check_plugin PATH: `kubectl harden` works, with the program found on PATH.
check_plugin() {
  local out
  out=$(as_newcomer "$1" kubectl plugin list)
  grep -q '/kubectl-harden$' <<<"$out" || fail "kubectl does not find the plugin: $out"
  out=$(as_newcomer "$1" kubectl harden version)
  case $out in "kubectl harden $(value version) "*) ;; *) fail "kubectl harden version says: $out" ;; esac
  out=$(as_newcomer "$1" kubectl harden scan -f "$root/examples/shop" -o name)
  case $out in *deployment.apps/web*) ;; *) fail "kubectl harden scan finds nothing in examples/shop: $out" ;; esac
  as_newcomer "$1" kubectl harden fix -f "$root/examples/shop" --dry-run >"$work/fix.out" || fail "kubectl harden fix --dry-run"
  [ -s "$work/fix.out" ] || fail "kubectl harden fix --dry-run shows nothing"
  say "kubectl harden: $(as_newcomer "$1" kubectl harden version)"
}

# check_completion PATH: kubectl completes the plugin.
check_completion() {
  local out
  out=$(as_newcomer "$1" kubectl __complete harden sc 2>&1)
  grep -q '^scan' <<<"$out" || fail "kubectl does not complete the plugin's commands: $out"
  out=$(as_newcomer "$1" kubectl __complete harden scan --fail-on '' 2>&1)
  grep -q '^critical' <<<"$out" || fail "kubectl does not complete the plugin's flags: $out"
}

# krew_install PLATFORM: by krew itself, from the archive, into an empty folder. It checks the hash and the program's name.
krew_install() {
  KREW_ROOT="$work/krew of $1"
  KREW_OS=${1%_*} KREW_ARCH=${1#*_} KREW_ROOT=$KREW_ROOT KREW_NO_UPGRADE_CHECK=1 \
    "$krew" install --manifest="$manifest" --archive="$(archive "$1")" </dev/null >"$work/krew.log" 2>&1 ||
    { cat "$work/krew.log" >&2; fail "krew does not install the archive of $1"; }
  check_store "$KREW_ROOT/store/harden/$(value version)" "$1"
  say "krew installs the archive of $1"
}

mkdir "$work/kubectl" "$work/unpacked here"
ln -s "$kubectl" "$work/kubectl/kubectl"
platforms=()
for file in "$dist"/kubectl-harden_*.tar.gz "$dist"/kubectl-harden_*.zip; do
  [ -e "$file" ] || continue
  file=${file##*/kubectl-harden_}
  platforms+=("${file%%.*}")
done
[ ${#platforms[@]} -gt 0 ] || fail "dist/ has no archive: run 'make snapshot'"

check_sums "${platforms[@]}"
check_manifest "${platforms[@]}"
for platform in "${platforms[@]}"; do
  krew_install "$platform"
done
case " ${platforms[*]} " in *" $here "*) ;; *) fail "there is no archive of this platform, $here" ;; esac

say "from the archive, in a path with blanks:"
tar -xzf "$(archive "$here")" -C "$work/unpacked here"
unset KREW_ROOT
check_plugin "$work/unpacked here"
check_completion "$work/unpacked here"

say "by krew, through its link:"
KREW_ROOT="$work/krew of $here"
[ -L "$KREW_ROOT/bin/kubectl-harden" ] || fail "krew made no link"
check_plugin "$KREW_ROOT/bin"
# As the caveats tell.
ln -s "$KREW_ROOT/store/harden/$(value version)/kubectl_complete-harden" "$KREW_ROOT/bin/"
check_completion "$KREW_ROOT/bin"
say "the snapshot works"
