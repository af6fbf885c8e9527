#!/usr/bin/env bash
# Clients and the conformance suite from npm, with the Node they need, outside of this tree.
# Prints the folder. Installs only when the list of packages changed. Needs npm.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${MCP_RELIGHT_NODE_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/mcp-relight/node}

if ! cmp -s "$here/node/package.json" "$folder/installed.json"; then
  command -v npm >/dev/null || { echo "npm is not installed." >&2; exit 2; }
  mkdir -p "$folder"
  cp "$here/node/package.json" "$folder/package.json"
  (cd "$folder" && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2)
  cp "$here/node/package.json" "$folder/installed.json"
fi
echo "$folder"
