#!/usr/bin/env bash
# Fetches the OHIF viewer that the browser tests open our results in: npm's @ohif/app (MIT), checked by its digest.
# It is kept in a cache outside the repository, never committed. Without npm it says so and goes on (those tests then
# skip by name).
set -euo pipefail
version=3.13.2
integrity=WZdxmpmG7rqFgW9ZJLcbgr3XCtLi1KDNPoMaeY5PPe6j4G4fjEjjkycZM6C6Zk2F87BKxFfpq+jd5xXZB9E8EA==
cache="${XDG_CACHE_HOME:-$HOME/.cache}/trabecula/ohif-$version"
if [ -f "$cache/dist/index.html" ]; then
    echo "viewer: OHIF $version is in $cache"
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "viewer MISSING: OHIF $version needs npm to be fetched; tests that open it will be skipped by name" >&2
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if ! (cd "$folder" && npm pack --silent "@ohif/app@$version" >/dev/null); then
    echo "viewer MISSING: npm did not give @ohif/app $version; tests that open it will be skipped by name" >&2
    exit 0
fi
archive="$folder/ohif-app-$version.tgz"
if [ "$(openssl dgst -sha512 -binary "$archive" | base64 -w0)" != "$integrity" ]; then
    echo "viewer REFUSED: @ohif/app $version is not the package that was pinned" >&2
    exit 1
fi
tar -xzf "$archive" -C "$folder"
mkdir -p "$cache"
rm -rf "$cache/dist"
cp "$folder/package/LICENSE" "$cache/LICENSE"
mv "$folder/package/dist" "$cache/dist"
echo "viewer: OHIF $version fetched into $cache"
