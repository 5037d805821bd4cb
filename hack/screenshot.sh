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

# Waits until the screen shows a text and stays as it is for a second.
settle() {
  local text=$1 before='' now same=0
  for _ in $(seq 1 120); do
    now=$(screen) || { echo "the UI ended" >&2; return 1; }
    if [[ $now == *"$text"* && $now == "$before" ]]; then
      same=$((same + 1))
      [ $same -ge 4 ] && return
    else
      same=0
    fi
    before=$now
    sleep 0.25
  done
  printf 'the screen never showed %q and came to rest:\n%s\n' "$text" "$now" >&2
  return 1
}

# scene NAME TITLE TEXT [KEY...]: presses the keys, waits for the text, and draws docs/img/NAME.svg.
scene() {
  local name=$1 title=$2 text=$3 key
  shift 3
  for key in "$@"; do
    tmux -S "$socket" send-keys -t ui "$key"
    settle ''
  done
  settle "$text"
  screen -e | "$work/ansi2svg" -width $width -height $height -title "$title" >"$work/$name.svg"
  mkdir -p docs/img
  mv "$work/$name.svg" "docs/img/$name.svg"
  echo "docs/img/$name.svg"
}

tmux -S "$socket" -f "$work/tmux.conf" new-session -d -s ui -x $width -y $height \
  "COLORTERM=truecolor bin/kubectl-harden -n shop"

scene browse "kubectl harden: namespaces and workloads, their findings, and the patch for one of them" run-as-non-root
