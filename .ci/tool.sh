#!/usr/bin/env bash
# A program that the tests run, from the list beside this file, in an environment of its own outside
# of this tree: its libraries are no business of ours. Installs only when the list changed.
#
#     .ci/tool.sh fuzzer      # mcp-fuzzer
#     .ci/tool.sh moto        # moto_server, an S3 server
#     .ci/tool.sh zizmor      # which reads workflows for weaknesses
set -euo pipefail
list=$(cd "$(dirname "$0")" && pwd)/$1.txt
folder=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-relight/$1

if ! cmp -s "$list" "$folder/installed.txt"; then
  python3 -m venv "$folder"
  "$folder/bin/python" -m pip --disable-pip-version-check --quiet install \
    --require-hashes --requirement "$list" >&2
  cp "$list" "$folder/installed.txt"
fi
