#!/usr/bin/env bash
# The demo: starts the lab (a real Kubernetes control plane with simulated nodes), applies examples/shop, opens the UI
# on it, and stops the lab when the UI is left, however it is left. `make demo` builds the two programs and runs this.
#
#   hack/demo.sh              the UI
#   hack/demo.sh COMMAND...   that command instead, with KUBECONFIG set
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
harden=$PWD/bin/kubectl-harden
lab=$PWD/bin/lab
name=demo
work=$(mktemp -d)
children=" " # process ids, each between blanks
lab_started=

say() { printf '%s\n' "$*" >&2; }

cleanup() {
  set +e # the terminal may be gone, and what was started must end all the same
  trap '' INT TERM HUP
  [ -z "$lab_started" ] || say "stopping the lab"
  for pid in $children; do
    kill "$pid" 2>/dev/null
  done
  for pid in $children; do
    wait "$pid" 2>/dev/null
  done
  rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Runs a command so that a signal to this script is handled at once; bash handles none while it waits for a command in
# the foreground. Being a child of the same process group, the command may use the terminal all the same.
run() {
  "$@" <&0 &
  local pid=$! status=0
  children="$children$pid "
  wait "$pid" || status=$?
  forget "$pid"
  return "$status"
}

forget() { children=${children/ $1 / }; }

terminal() { [ -t 0 ] && [ -t 1 ]; }

# --- the lab's programs ---

"$lab" build >"$work/build.log" 2>&1 &
build=$!
children="$children$build "

building() { kill -0 "$build" 2>/dev/null; }

for _ in 1 2 3 4 5 6 7 8; do # they are usually in the cache, which takes a moment to see
  building || break
  sleep 0.25
done

if building; then
  say "The demo runs on a real Kubernetes control plane, built from source once: about eight minutes on two idle cores."
  if terminal && [ $# -eq 0 ]; then
    printf '[enter] open the UI on the files of the demo meanwhile   [w] wait ' >&2
    answer=w
    read -r -n 1 answer || answer=w
    [ -z "$answer" ] || say ""
    if [ -z "$answer" ]; then
      run "$harden" -f examples/shop || say "the UI ended with an error; see above"
      building && say "The lab is still being built; ctrl-c gives up."
    fi
  fi
  tail -n +1 -f "$work/build.log" >&2 &
  tail=$!
  children="$children$tail "
  while building; do sleep 1; done
  sleep 1 # the last lines
  kill "$tail" 2>/dev/null || true
  wait "$tail" 2>/dev/null || true
  forget "$tail"
fi
status=0
wait "$build" || status=$?
forget "$build"
if [ "$status" != 0 ]; then
  tail -n 40 "$work/build.log" >&2
  say "the lab could not be built"
  exit 1
fi
kubectl=$(sed -n 's/^kubectl: //p' "$work/build.log")

# --- the cluster and what is in it ---

if "$lab" list | grep -q '^demo '; then
  name=demo-$$ # somebody else looks at one
fi
say "starting the lab"
"$lab" up --name "$name" --nodes 3 >"$work/up.out" 2>"$work/up.log" &
up=$!
children="$children$up "
lab_started=yes
until KUBECONFIG=$(sed -n 's/^export KUBECONFIG=//p' "$work/up.out") && [ -n "$KUBECONFIG" ]; do
  if ! kill -0 "$up" 2>/dev/null; then
    lab_started=
    cat "$work/up.log" >&2
    exit 1
  fi
  sleep 0.2
done
export KUBECONFIG
# The demo leaves nothing behind: neither kubectl's discovery cache nor the plugin's journal.
export KUBECACHEDIR=$work/cache XDG_STATE_HOME=$work/state

say "applying examples/shop"
if ! run "$kubectl" apply -f examples/shop >"$work/apply.log" 2>&1; then
  cat "$work/apply.log" >&2
  exit 1
fi
# The UI would show the pods come up, too; a quiet start is easier to read.
for namespace in shop payments identity; do
  run "$kubectl" wait --for=condition=Available deployments --all -n "$namespace" --timeout=60s >/dev/null 2>&1 || true
done

cat >"$work/env" <<EOF
export KUBECONFIG=$KUBECONFIG KUBECACHEDIR=$KUBECACHEDIR XDG_STATE_HOME=$XDG_STATE_HOME
export PATH=$PWD/bin:$(dirname "$kubectl"):\$PATH
EOF

if [ $# -gt 0 ]; then
  run "$@"
else
  say "For kubectl and kubectl harden on this cluster in another terminal: . $work/env"
  run "$harden" -n shop
fi
