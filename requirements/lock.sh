#!/usr/bin/env bash
# Writes the pinned, hashed dependency files from pyproject.toml. Needs `uv`; names no index.
set -euo pipefail
cd "$(dirname "$0")/.."
options=(--generate-hashes --no-emit-index-url --no-annotate --no-header --universal --python-version 3.11 --quiet)
uv pip compile pyproject.toml "${options[@]}" -o requirements/service.lock
uv pip compile pyproject.toml --extra train --extra dev "${options[@]}" -c requirements/service.lock -o requirements/all.lock
uv pip compile requirements/cnn.in --no-deps "${options[@]}" -o requirements/cnn.lock
