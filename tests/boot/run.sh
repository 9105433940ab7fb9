#!/usr/bin/env bash
# run.sh: boots a Debian with the platform in it, and checks that it works there. What is made is in BETTI_BOOT_DIR, else target/boot.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
programs=${BETTI_BOOT_PROGRAMS:-$repository/target/debug}
work=${BETTI_BOOT_DIR:-$repository/target/boot}
mkdir -p "$work"
root=()
if [ "$(id -u)" != 0 ]; then root=(sudo -n --preserve-env=BETTI_BOOT_SUITE); fi
"${root[@]}" "$here/image.sh" "$work" "$programs"
if [ "$(id -u)" != 0 ]; then sudo -n chown "$(id -u)" "$work"/{disk.img,stick.img,kernel,initrd}; fi
exec python3 "$here/machine.py" "$work"
