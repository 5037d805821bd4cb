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

# Waits until the screen shows a text and stays as it is for a moment.
settle() {
  local text=$1 before='' now same=0
  for _ in $(seq 1 120); do
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

# Within tmux, programs hold back with colours; what it stores and captures has all of them.
tmux -S "$socket" -f "$work/tmux.conf" new-session -d -s ui -x $width -y $height \
  "env -u TMUX TERM=xterm-256color COLORTERM=truecolor bin/kubectl-harden -A"

settle 'deploy/api'
tmux -S "$socket" send-keys -t ui l # into the workloads
press_until '› deploy/api' j
tmux -S "$socket" send-keys -t ui l # into its findings
press_until '┌ run-as-non-root' j
draw browse "kubectl harden: namespaces and workloads with their findings, why one of them matters, and the patch for it"

tmux -S "$socket" kill-session -t ui
tmux -S "$socket" -f "$work/tmux.conf" new-session -d -s ui -x $width -y $height \
  "env -u TMUX TERM=xterm-256color COLORTERM=truecolor bin/kubectl-harden -n shop"
settle 'deploy/api'
tmux -S "$socket" send-keys -t ui n # the network
settle 'may reach'
press_until '▸ deploy/api' j
press_until 'api → deploy/cache' l
tmux -S "$socket" send-keys -t ui b # as proposed
settle 'as proposed'
draw network "kubectl harden: who can talk to whom as the proposal would make it, and which policies decide one of the connections"
