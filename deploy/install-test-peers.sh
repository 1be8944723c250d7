#!/usr/bin/env bash
# Installs the Debian packages that the tests drive as real peers: a PACS, DICOM tools, validators, PostgreSQL,
# promtool, rsyslog.
# Does nothing when all are there; without root or apt it names what is missing and goes on (those tests then skip by name).
set -euo pipefail
packages=(orthanc orthanc-dicomweb orthanc-gdcm dcmtk dicom3tools pixelmed-apps postgresql strace chromium systemd)
packages+=(prometheus) # promtool
packages+=(rsyslog rsyslog-gnutls) # a server of audit messages
packages+=(fonts-noto-cjk) # pages in Chinese and Japanese (SIL Open Font License)
if ! command -v npm >/dev/null; then
    packages+=(npm) # fetches the viewer
fi
missing=()
for package in "${packages[@]}"; do
    if ! dpkg-query --show --showformat='${Status}' "$package" 2>/dev/null | grep -q "install ok installed"; then
        missing+=("$package")
    fi
done
if [ "${#missing[@]}" -eq 0 ]; then
    echo "test peers: all installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    echo "test peers MISSING: ${missing[*]} (needs root and apt; tests that need them will be skipped by name)" >&2
    exit 0
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# The servers are started by the tests themselves, on loopback ports of their own: keep Debian from starting them now.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
echo "test peers: installed ${missing[*]}"
