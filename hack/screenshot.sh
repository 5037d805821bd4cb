#!/usr/bin/env bash
# Draws the pictures of the UI in docs/img: starts the demo, runs the UI in tmux, presses keys, and converts what is on
# the screen. `make screenshot` builds the programs and runs this.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
width=120 height=36

if [ "${1:-}" != inside ]; then
  exec hack/demo.sh hack/screenshot.sh inside
fi

work=$(mktemp -d)
socket=$work/tmux
trap 'tmux -S "$socket" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

cat >"$work/tmux.conf" <<'EOF'
set -g status off
set -g default-terminal tmux-256color
set -g escape-time 0
EOF
go build -o "$work/ansi2svg" ./hack/ansi2svg

screen() { tmux -S "$socket" capture-pane -p "$@" -t ui; }

# settle TEXT [SECONDS]: waits until the screen shows a text and stays as it is for a moment.
settle() {
  local text=$1 before='' now same=0
  for _ in $(seq 1 $((4 * ${2:-30}))); do
    now=$(screen) || { echo "the UI ended" >&2; return 1; }
    if [[ $now == *"$text"* && $now == "$before" ]]; then
      same=$((same + 1))
      [ $same -ge 3 ] && return
    else
      same=0
    fi
    before=$now
    sleep 0.25
  done
  printf 'the screen never showed %q and came to rest:\n%s\n' "$text" "$now" >&2
  return 1
}

# press_until TEXT KEY: presses the key until the screen shows the text.
press_until() {
  local now
  for _ in $(seq 1 50); do
    now=$(screen)
    [[ $now == *"$1"* ]] && return
    tmux -S "$socket" send-keys -t ui "$2"
    settle ''
  done
  printf 'pressing %s never showed %q:\n%s\n' "$2" "$1" "$now" >&2
  return 1
}

# draw NAME TITLE: what is on the screen becomes docs/img/NAME.svg.
draw() {
  settle ''
  screen -e | "$work/ansi2svg" -width $width -height $height -title "$2" >"$work/$1.svg"
  mkdir -p docs/img
  mv "$work/$1.svg" "docs/img/$1.svg"
  echo "docs/img/$1.svg"
}

keys() { tmux -S "$socket" send-keys -t ui "$@"; }

# An escape and what follows at once would be another key.
escape() { keys Escape; sleep 0.3; }

# A state of its own: pictures do not hang on how somebody left the UI, and nobody's journal fills up.
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

# ui ARGUMENT...: the UI anew, as for the first time. Within tmux, programs hold back with colours; what it stores and captures has all of them.
ui() {
  tmux -S "$socket" kill-session -t ui 2>/dev/null || true
  rm -f "$XDG_STATE_HOME/kubectl-harden/ui.json"
  tmux -S "$socket" -f "$work/tmux.conf" new-session -d -s ui -x $width -y $height \
    "env -u TMUX TERM=xterm-256color COLORTERM=truecolor bin/kubectl-harden $*"
}

# A confirm takes no key in its first 400 ms.
armed() { settle "y $1"; sleep 0.5; }

ui -A
settle 'deploy/api'
keys l # into the workloads
press_until '› deploy/api' j
keys l # into its findings
press_until '┌ run-as-non-root' j
draw browse "kubectl harden: namespaces and workloads with their findings, why one of them matters, and the patch for it"
escape
escape
keys v
settle 'All findings'
draw flat "kubectl harden: all findings of the cluster in one list"
keys :
settle 'Do'
keys -l rep
draw palette "kubectl harden: finding an action by its name"
escape
keys C
settle 'What fails'
keys Tab
draw report "kubectl harden: how the cluster stands against a benchmark, control by control"

ui -n shop
settle 'deploy/api'
keys n # the network
settle 'may reach'
press_until '▸ deploy/api' j
press_until 'api → deploy/cache' l
keys b # as proposed
settle 'as proposed'
draw network "kubectl harden: who can talk to whom as the proposal would make it, and which policies decide one of the connections"
escape
keys i
settle 'Images'
draw images "kubectl harden: the images of a namespace"

ui -n shop
settle 'deploy/api'
keys a # what is safe or proven
settle ' marked'
keys f
settle 'accepted'
press_until '▸ ✓ accepted       shop/deploy/api' j
draw plan "kubectl harden: what would be changed, who else owns it, and what the API server says to it"
keys f
armed apply
draw confirm "kubectl harden: the question before anything is written"
keys y
settle 'Applied' 600
draw applied "kubectl harden: how it went: each object proven by its rollout and read back"
escape
keys u
settle 'applied plans'
draw undo "kubectl harden: what was applied, and taking it back"
keys u
armed undo
keys y
settle 'Undone' 600

ui -n shop
settle 'deploy/api'
press_until '› ds/node-agent' j
keys l
press_until '┌ host-network' j
keys w
settle 'reason'
keys -l 'ships logs of the node'
keys Enter
settle 'accepted'
keys f
armed apply
keys y
settle 'Applied' 600
escape
keys W
settle 'holds'
draw waivers "kubectl harden: who waived what, until when and why"
keys x
settle 'accepted'
keys f
armed apply
keys y
settle 'Applied' 600

KUBECONFIG=/dev/null ui
settle 'the demo'
draw start "kubectl harden without a cluster: what is wrong, and what can be looked at instead"
keys '?'
settle 'Help'
draw help "kubectl harden: what can be done here"
