#!/usr/bin/env bash
# Takes the picture of the demo's scorecard that README shows (docs/scorecard.png). Needs chromium and a demo made before.
set -euo pipefail
cd "$(dirname "$0")/.."
browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
profile=$(mktemp -d)
trap 'rm -rf "$profile"' EXIT
"$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$profile" \
  --virtual-time-budget=10000 --window-size=1100,1500 --screenshot="$PWD/docs/scorecard.png" \
  "file://$PWD/demo-output/scorecard.html" 2>/dev/null
echo docs/scorecard.png
