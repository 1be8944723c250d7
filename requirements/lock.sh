#!/usr/bin/env bash
# Writes the pinned, hashed dependency files from pyproject.toml. Needs `uv`; names no index.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 --quiet)
uv pip compile pyproject.toml "${options[@]}" -o requirements/service.lock
uv pip compile pyproject.toml --extra train --extra dev "${options[@]}" -c requirements/service.lock -o requirements/all.lock
uv pip compile requirements/cnn.in --no-deps "${options[@]}" -o requirements/cnn.lock
# The CPU build of the same torch release (a local version "+cpu" on the wheel index of its makers), Linux x86-64, Python 3.11.
sed -i 's/^torch==\([0-9.]*\) \\$/torch==\1 \\\n    --hash=sha256:6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b \\/' requirements/cnn.lock
