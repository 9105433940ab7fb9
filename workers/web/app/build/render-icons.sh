#!/bin/sh
# Draws the PNG icons of public/ from public/icon.svg. Run it after changing the drawing, and commit what it makes.
set -eu
cd "$(dirname "$0")/../public"
page=$(mktemp --suffix=.html)
trap 'rm -f "$page"' EXIT

# draw NAME SIZE STYLE: a picture of SIZE x SIZE; STYLE places the drawing on it.
draw() {
  printf '<!doctype html><style>body{margin:0;width:%spx;height:%spx;%s}img{display:block;width:100%%;height:100%%;box-sizing:border-box;%s}</style><img src="file://%s/icon.svg">' \
    "$2" "$2" "$3" "$4" "$PWD" >"$page"
  chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --allow-file-access-from-files \
    --default-background-color=00000000 --window-size="$2,$2" --screenshot="$PWD/$1" "file://$page" 2>/dev/null
}

draw icon-192.png 192 "" ""
draw icon-512.png 512 "" ""
# Cut to any shape by the launcher: the colour fills the square, the drawing keeps to the middle.
draw icon-maskable-512.png 512 "background:#0c4a4d" "padding:9%"
draw apple-touch-icon.png 180 "background:#0c4a4d" ""
