#!/usr/bin/env bash
# Makes sure that the programs which building and testing need are there. As root on Debian and its relatives, what is
# missing is installed, and said; otherwise it says what to install and stops.
#
#   hack/prepare.sh go git
#   hack/prepare.sh containers   # what the lab's node that runs containers needs; only as root on Debian, else nothing
set -euo pipefail

packages=() # of Debian
for program in "$@"; do
  if [ "$program" = containers ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then continue; fi
    # runc is partly written in C; kube-proxy calls nft.
    command -v gcc >/dev/null || packages+=(gcc libc6-dev)
    command -v pkg-config >/dev/null || packages+=(pkg-config)
    [ -e /usr/include/seccomp.h ] || packages+=(libseccomp-dev)
    command -v ip >/dev/null || packages+=(iproute2)
    command -v nft >/dev/null || packages+=(nftables)
    command -v ps >/dev/null || packages+=(procps)
    continue
  fi
  command -v "$program" >/dev/null && continue
  case $program in
  go) packages+=(golang-go) ;;
  *) packages+=("$program") ;;
  esac
done
# Modules are fetched over TLS; a bare system has no certificates to check the other side with.
if [ "$(uname -s)" = Linux ] && command -v apt-get >/dev/null && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
  packages+=(ca-certificates)
fi

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "missing: ${packages[*]} (names of Debian packages); please install and try again" >&2
    exit 1
  fi
  echo "installing Debian packages: ${packages[*]}" >&2
  export DEBIAN_FRONTEND=noninteractive
  # The package lists may be absent or old, so the first attempt may fail.
  if ! apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null 2>&1; then
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends "${packages[@]}" >/dev/null
  fi
fi

# Go since 1.21 fetches the version that go.mod asks for; an older one fails with a message that helps nobody.
if command -v go >/dev/null; then
  version=$(GOTOOLCHAIN=local go env GOVERSION)
  case $version in
  go1.[0-9] | go1.[0-9].* | go1.1[0-9] | go1.1[0-9].* | go1.20 | go1.20.*)
    echo "$version is too old to fetch a newer one: install Go 1.21 or newer, see https://go.dev/doc/install" >&2
    exit 1
    ;;
  esac
fi
