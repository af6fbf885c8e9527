#!/usr/bin/env bash
# What the tests need of the system: a browser for the app's page, and PostgreSQL's programs, which
# the tests start themselves. Does nothing where both are there, or without the right to install.
set -euo pipefail
if command -v chromium >/dev/null && compgen -G "/usr/lib/postgresql/*/bin/initdb" >/dev/null; then
  exit 0
fi
[ "$(id -u)" = 0 ]
# No database server of the machine's own is started.
mkdir -p /etc/postgresql-common/createcluster.d
echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/none.conf
{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium postgresql; } >/dev/null
