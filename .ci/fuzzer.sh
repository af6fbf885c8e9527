#!/usr/bin/env bash
# mcp-fuzzer in an environment of its own, outside of this tree: it brings an older HTTP client.
# Prints the program. Installs only when the list of packages changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${MCP_RELIGHT_FUZZER_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mcp-relight/fuzzer}

if ! cmp -s "$here/fuzzer.txt" "$folder/installed.txt"; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip --disable-pip-version-check --quiet install \
    --require-hashes --requirement "$here/fuzzer.txt" >&2
  cp "$here/fuzzer.txt" "$folder/installed.txt"
fi
echo "$folder/bin/mcp-fuzzer"
