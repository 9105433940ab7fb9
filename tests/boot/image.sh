#!/usr/bin/env bash
# image.sh FOLDER PROGRAMS: a minimal Debian with systemd and the platform in it: FOLDER/{disk,stick}.img, kernel and initrd.
# No loop devices and no mounts: file systems are made out of folders. What Debian gives is kept in FOLDER between runs.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
repository=$(cd "$here/../.." && pwd)
work=$1 programs=$2
PATH=$PATH:/usr/sbin:/sbin
. /etc/os-release
suite=${BETTI_BOOT_SUITE:-$VERSION_CODENAME}
base=$work/$suite

disk_size=3G
stick_size=256M
# A kernel for virtual machines: small, with Landlock, and disks that can be pulled out.
packages=systemd,systemd-sysv,dbus,udev,kmod,linux-image-cloud-amd64,procps,e2fsprogs,curl,jq,dosfstools,adjtimex

# Where this machine gets Debian from, as apt knows it.
mirror() {
    local known
    known=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' "Component: main" "Label: Debian" | sort -u)
    # That of the suite, else of any other one: they are on the same servers.
    { grep "^$suite " <<<"$known" || cat <<<"$known"; } | awk 'NF == 2 { print $2; exit }'
}

# Whatever is mounted below a folder.
release() {
    awk -v below="$(realpath -m "$1")/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r -n1 umount
}
# Removes a folder, and nothing that is mounted in it.
clear() {
    release "$1"
    rm -rf --one-file-system "$1"
}

if [ ! -e "$base/done" ]; then
    clear "$base"
    mkdir -p "$base"
    echo "==> Fetching a minimal Debian ($suite), once"
    from=$(mirror)
    [ -n "$from" ] || { echo "apt on this machine has no archive of Debian in its sources" >&2; exit 1; }
    if ! debootstrap --variant=minbase --include=$packages "$suite" "$base/root" "$from" >"$base/log" 2>&1; then
        tail -5 "$base/log" >&2
        exit 1
    fi
    # Cut off or not, debootstrap may leave it there, and what is in it is this machine's.
    release "$base"
    touch "$base/done"
fi

echo "==> Making the disk"
root=$work/root
clear "$root"
cp -a --reflink=auto "$base/root" "$root"
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
echo hub >"$root/etc/hostname"
echo "127.0.0.1 localhost hub" >"$root/etc/hosts"
echo "/dev/vda / ext4 defaults 0 1" >"$root/etc/fstab"
# Its journal is asked for in the checks, and outlives them.
mkdir -p "$root/var/log/journal" "$root/media/usb"
for account in betti pi; do
    chroot "$root" useradd --user-group --create-home --shell /bin/bash $account
done
chroot "$root" useradd --user-group --shell /bin/bash neighbour

install -d "$root/opt/betti/bin"
for program in betti-supervisor betti-ctl betti-api betti-nutrition betti-video betti-web betti-ble betti-backup; do
    strip --strip-debug -o "$root/opt/betti/bin/$program" "$programs/$program"
done
install -d -m 755 "$root/srv/betti" "$root/home/pi/betti"
cp "$repository/ecosystem.toml" "$root/srv/betti/"
cp "$here/guest/second.toml" "$root/home/pi/betti/ecosystem.toml"
chroot "$root" chown -R betti: /srv/betti
chroot "$root" chown -R pi: /home/pi
install -D "$here/guest/checks.sh" "$root/opt/checks/checks.sh"
install -m 644 "$here/guest/checks.service" "$root/etc/systemd/system/"
ln -sf /etc/systemd/system/checks.service "$root/etc/systemd/system/multi-user.target.wants/checks.service"
# The serial line is for the checks alone.
ln -sf /dev/null "$root/etc/systemd/system/serial-getty@ttyS0.service"
cp "$root"/boot/vmlinuz-* "$work/kernel"
cp "$root"/boot/initrd.img-* "$work/initrd"

rm -f "$work/disk.img" "$work/stick.img"
mke2fs -q -t ext4 -d "$root" "$work/disk.img" $disk_size
truncate -s $stick_size "$work/stick.img"
clear "$root"
