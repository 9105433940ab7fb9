#!/usr/bin/env bash
# needs.sh run|test|peers|boot: looks for what `make start`, `make test`, `make test-peers` or `make boot` needs, installs on Debian what the tests need, and says
# of everything else which command installs it.
set -euo pipefail

missing=()   # what to tell the user
packages=()  # Debian packages that would help

on_debian() { [ -r /etc/debian_version ] && command -v apt-get >/dev/null; }

# need COMMAND PACKAGE WHAT-FOR [HOW]: HOW names another way to install it than Debian's package.
need() {
    command -v "$1" >/dev/null && return
    if [ -n "$2" ]; then packages+=("$2"); fi
    missing+=("$1 ($3): ${4:-apt-get install -y --no-install-recommends $2}")
}

# What Vite runs on: 20.19 and later of 20, 22.12 and later.
right_node() {
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
        process.exit((major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major > 22 ? 0 : 1)'
}

need cargo "" "builds the platform" "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
need cc gcc "builds SQLite and libdbus"
need node nodejs "builds the web app"
need npm npm "builds the web app"
tests() { [ "$1" != run ]; }
need_machine() {
    need qemu-system-x86_64 qemu-system-x86 "is the machine that is booted"
    need debootstrap debootstrap "makes the Debian that it boots"
    need mke2fs e2fsprogs "makes its disk"
    need strip binutils "makes its programs small"
    need python3 python3 "holds the machine"
}
# Debian's modules are for Debian's own interpreter.
reads_metrics() {
    for python in python3 /usr/bin/python3; do
        if "$python" -c 'import prometheus_client' 2>/dev/null; then return; fi
    done
    return 1
}
need_reader() {
    reads_metrics && return
    packages+=(python3-prometheus-client)
    missing+=("prometheus_client for Python (reads what is scraped): apt-get install -y --no-install-recommends python3-prometheus-client")
}
PATH=$PATH:/usr/sbin
if [ "$1" = boot ]; then
    need_machine
elif tests "$1"; then
    need python3 python3 "replays recorded exchanges"
    need dbus-daemon dbus-daemon "carries a fake BlueZ in the Bluetooth tests"
    need chromium chromium "shows the web app in the browser tests"
    need redis-server redis-server "is run by the supervisor in its tests"
    need nginx nginx-light "is run by the supervisor in its tests"
    need systemd-analyze systemd "checks the unit that betti-ctl writes"
    need faketime faketime "shows the supervisor another time in its tests, and nobody else"
    need strace strace "records what is written to the disk, to lose some of it in the tests"
fi
if [ "$1" = peers ]; then
    PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
    need postgres postgresql "is run by the supervisor in its tests"
    need mosquitto mosquitto "is run by the supervisor in its tests"
    need_reader
fi

if tests "$1" && [ ${#packages[@]} -gt 0 ] && on_debian; then
    root=()
    if [ "$(id -u)" != 0 ]; then root=(sudo -n); fi
    echo "Installing ${packages[*]}"
    # Only the programs are wanted: a package must not start its service.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy >/dev/null && "${root[@]}" chmod 755 $policy
        trap '"${root[@]}" rm -f $policy' EXIT
    fi
    if "${root[@]}" apt-get update -q >/dev/null &&
        DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -q --no-install-recommends "${packages[@]}" >/dev/null; then
        missing=()
        PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -1)
        commands=(cargo cc node npm python3 dbus-daemon chromium redis-server nginx systemd-analyze faketime strace)
        if [ "$1" = peers ]; then commands+=(postgres mosquitto); fi
        if [ "$1" = boot ]; then commands=(cargo cc node npm qemu-system-x86_64 debootstrap mke2fs strip python3); fi
        for command in "${commands[@]}"; do need "$command" "" "was not in the package"; done
        if [ "$1" = peers ]; then need_reader; fi
    fi
fi
if command -v node >/dev/null && ! right_node; then
    missing+=("node 22.12 or newer, or 20.19 (found $(node --version)): curl -fsSL https://deb.nodesource.com/setup_22.x | bash - && apt-get install -y nodejs")
fi
if [ ${#missing[@]} -gt 0 ]; then
    echo "This is missing:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    exit 1
fi
if tests "$1" && [ "$1" != boot ] && ! cargo nextest --version >/dev/null 2>&1; then
    echo "Installing cargo-nextest, the test runner (some minutes, once)"
    cargo install --locked --quiet cargo-nextest
fi
