#!/usr/bin/env bash
# Gives the tests what pip cannot: Chromium for the browser tests. Says what is missing where it may not install it.
set -euo pipefail

browser() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if ! browser >/dev/null; then
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        echo "Installing Chromium for the browser tests ..."
        export DEBIAN_FRONTEND=noninteractive
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null
    else
        echo "The browser tests need Chromium: install it (Debian: sudo apt-get install chromium fonts-noto-cjk) and run this again." >&2
        exit 1
    fi
fi
command -v npm >/dev/null || { echo "The deployment tests take a Qdrant server from npm: install Node.js and run this again." >&2; exit 1; }
