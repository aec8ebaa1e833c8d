#!/bin/bash
# SPDX-License-Identifier: MIT
#
# chroot.sh PACKAGES - the Debian packages in a system of their own.
#
# Makes a Debian by debootstrap, from the mirror that apt of this machine is
# configured for, below /var/tmp, and there, without a network but loopback:
# installs the packages from the directory PACKAGES, runs their tests
# (packaging/debian/tests), installs them again over a store, removes and purges
# them, and compares what files and users there are with what there was before.
# As root. Nothing is left behind.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian_root.sh"
tests=$here/../../packaging/debian/tests
[ $# = 1 ] || {
    echo "usage: chroot.sh PACKAGES" >&2
    exit 2
}
packages=$(cd "$1" && pwd)
make_debian chroot "$packages" ca-certificates,iproute2,procps,python3-minimal

# In the system, with loopback alone.
alone() {
    # What was started there ends with it, whatever happened.
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
        unshare --net --pid --fork --kill-child --mount-proc="$root/proc" \
        chroot "$root" sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

# What the packages and their tests want, and nothing of ours yet.
say "what the packages depend on"
depends=$(sed -n 's/^Depends: //p' "$tests/control" | tr ',' '\n' |
    grep -v mqttsn | sort -u | tr '\n' ' ')
libraries=$(for package in "$packages"/*.deb; do
    dpkg-deb --field "$package" Depends
done | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/ //g' | grep -v mqttsn | sort -u | tr '\n' ' ')
# shellcheck disable=SC2086 # lists of words
online apt-get -q -y --no-install-recommends install $depends $libraries >"$root/apt.log" 2>&1 || {
    tail -n 20 "$root/apt.log" >&2
    die "apt-get failed"
}

everything() {
    # The package manager's own memory of what came and went is not ours.
    (cd "$root" && find . -xdev \( -path ./proc -o -path ./var/cache -o -path ./var/log \
        -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./tests \
        -o -path ./var/lib/systemd/deb-systemd-helper-enabled \
        -o -path ./tmp -o -path ./etc/ld.so.cache \) -prune -o -print | sort)
    cut -d: -f1 "$root/etc/passwd" "$root/etc/group" | sort
}
everything >"$root/tests/before"

say "install"
online sh -c 'dpkg -i /packages/*.deb' || die "the packages cannot be installed"
online dpkg --audit
[ "$(stat -c '%U %a' "$root/etc/mqttsn-gateway" 2>/dev/null)" = "root 750" ] ||
    die "/etc/mqttsn-gateway: $(stat -c '%U:%G %a' "$root/etc/mqttsn-gateway" 2>&1)"
[ -L "$root/etc/systemd/system/multi-user.target.wants/mqttsn-gateway.service" ] ||
    die "the service is not enabled"
alone setpriv --reuid=mqttsn-gateway --regid=mqttsn-gateway --init-groups \
    mqttsn-gateway --check-config || die "the configuration that came with it is refused"

for name in $(sed -n 's/^Tests: //p' "$tests/control"); do
    say "test: $name"
    alone "/tests/$name" || die "test '$name' failed"
done

say "upgrade"
online install -d -o mqttsn-gateway -g mqttsn-gateway -m 700 /var/lib/mqttsn-gateway
alone setpriv --reuid=mqttsn-gateway --regid=mqttsn-gateway --init-groups sh -c '
    timeout 20 mqttsn-gateway --set store.type=sqlite 2>/tmp/gateway.log &
    pid=$!
    until grep -q event=ready /tmp/gateway.log; do kill -0 $pid || exit 1; sleep 0.2; done
    kill $pid; wait $pid' || die "no store"
online sh -c 'printf "[gateway]\nid = 7\n" >/etc/mqttsn-gateway/gateway.conf'
before=$(sha256sum <"$root/var/lib/mqttsn-gateway/gateway.db")
# As a later version, and with a configuration that was changed.
online sh -c 'dpkg -i --force-confdef --force-confold /packages/*.deb' >/dev/null ||
    die "the packages cannot be upgraded"
[ "$(sha256sum <"$root/var/lib/mqttsn-gateway/gateway.db")" = "$before" ] ||
    die "the upgrade touched the store"
grep -q '^id = 7$' "$root/etc/mqttsn-gateway/gateway.conf" ||
    die "the upgrade lost the configuration"

say "remove"
names=$(for package in "$packages"/*.deb; do dpkg-deb --field "$package" Package; done)
# shellcheck disable=SC2086 # a list of words
online dpkg --remove $names
[ -f "$root/var/lib/mqttsn-gateway/gateway.db" ] || die "removing took the store"
[ -f "$root/etc/mqttsn-gateway/gateway.conf" ] || die "removing took the configuration"

say "purge"
# shellcheck disable=SC2086 # a list of words
online dpkg --purge $names
everything >"$root/tests/after"
diff "$root/tests/before" "$root/tests/after" || die "purging leaves something (above)"
printf '\nchroot: installed, tested, upgraded, removed, purged: nothing is left\n'
