#!/bin/bash
# SPDX-License-Identifier: MIT
#
# booted.sh PACKAGES - the Debian packages in a system that boots.
#
# Makes a Debian by debootstrap below /var/tmp, installs the packages from the
# directory PACKAGES and mosquitto there, boots it with systemd as its first
# process (systemd-nspawn, no network but loopback), and asks the service inside
# (booted_steps.sh): readiness, privileges, journal, credentials, reload, a kill,
# a hang, an orderly end. As root. Nothing is left behind.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian_root.sh"
[ $# = 1 ] || {
    echo "usage: booted.sh PACKAGES" >&2
    exit 2
}
packages=$(cd "$1" && pwd)
command -v systemd-nspawn >/dev/null || {
    echo "booted: error: no systemd-nspawn (apt-get install systemd-container)" >&2
    exit 1
}

machine=""
leave_debian() {
    [ -n "$machine" ] || return 0
    # A power cut: nothing of it is kept.
    kill -KILL "$machine" 2>/dev/null || true
    wait "$machine" 2>/dev/null || true
    machine=""
}

make_debian booted "$packages" \
    ca-certificates,iproute2,procps,python3-minimal,systemd,systemd-sysv,dbus,mosquitto,mosquitto-clients
cp "$here/booted_steps.sh" "$root/tests/"

say "install"
online sh -c 'apt-get -q -y --no-install-recommends install /packages/mqttsn-*.deb' \
    >"$root/apt.log" 2>&1 || {
    tail -n 20 "$root/apt.log" >&2
    die "apt-get failed"
}
umount "$root/proc"
# From here on services may be started, by an upgrade too.
rm "$root/usr/sbin/policy-rc.d"

say "boot"
systemd-nspawn --quiet --register=no --keep-unit --private-network --boot \
    --console=pipe --directory="$root" >"$root.log" 2>&1 </dev/null &
machine=$!

# The first process in there, once there is one; then that it has started all.
first() { cut -d ' ' -f 1 "/proc/$machine/task/$machine/children" 2>/dev/null; }
inside() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 nsenter \
        --target "$(first)" --mount --uts --ipc --net --pid --root --wd "$@"
}
tries=120
until state=$(inside systemctl is-system-running --wait 2>/dev/null) || [ -n "$state" ]; do
    tries=$((tries - 1))
    if [ $tries = 0 ] || ! kill -0 "$machine" 2>/dev/null; then
        cat "$root.log" >&2
        rm -f "$root.log"
        die "it does not boot"
    fi
    sleep 0.5
done
rm -f "$root.log"
echo "$state"

inside /tests/booted_steps.sh
