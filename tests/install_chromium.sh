#!/bin/sh
# Install Chromium for the browser tests, unless a Chromium or Chrome is here already.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null; then exit 0; fi
done
if command -v apt-get >/dev/null; then
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -qq
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y chromium
else
    "${VENV:-.venv}/bin/playwright" install chromium
fi
