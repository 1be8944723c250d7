#!/usr/bin/env bash
# Runs the test suite, on the embedded PostgreSQL and, where Debian's PostgreSQL is installed, on a throw-away server too.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1 || true)
if [ -z "${TRABECULA_TEST_DATABASE_URL:-}" ] && [ -n "$bin" ]; then
    cluster=$(mktemp -d /tmp/trabecula-postgres.XXXXXX)
    as_owner() { "$@"; }
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres "$cluster"
        as_owner() { runuser -u postgres -- "$@"; }
    fi
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    (cd "$cluster" && as_owner "$bin/initdb" -D "$cluster/data" -U trabecula --auth=trust >/dev/null)
    (cd "$cluster" && as_owner "$bin/pg_ctl" -D "$cluster/data" -w -l "$cluster/log" \
        -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$cluster -c fsync=off" start >/dev/null)
    trap '(cd "$cluster" && as_owner "$bin/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null); rm -rf "$cluster"' EXIT
    export TRABECULA_TEST_DATABASE_URL="postgresql://trabecula@127.0.0.1:$port/postgres"
fi
.venv/bin/python -m pytest "$@"
