#!/usr/bin/env bash
# Puts what the other scripts need in place: `tools.sh buf nextest`. Says what is missing where it cannot.
set -euo pipefail
cd "$(dirname "$0")/.."
for tool in "$@"; do
  case $tool in
    buf)
      [ -x node_modules/.bin/buf ] && continue
      command -v npm >/dev/null || { echo "buf needs npm: install Node.js 20 or later" >&2; exit 1; }
      npm install --silent --no-audit --no-fund --package-lock=false
      ;;
    nextest)
      cargo nextest --version >/dev/null 2>&1 || cargo install cargo-nextest --locked
      ;;
    *)
      echo "tools.sh: no such tool: $tool" >&2
      exit 64
      ;;
  esac
done
