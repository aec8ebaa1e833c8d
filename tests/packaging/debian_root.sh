# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# debian_root.sh - a Debian in a directory, for scripts that source this.
#
#   make_debian PURPOSE PACKAGES WITH   makes one below /var/tmp: $root. In it
#                                       are the packages WITH,commas, and of ours
#                                       /packages (from the directory PACKAGES)
#                                       and /tests (those of the packages)
#   online COMMAND...                   in it, with the machine's network
#
# It comes by debootstrap from the mirror that this machine's apt is configured
# for, as root. Nothing is started by installing. At the end of the script it is
# removed, after leave_debian, if the script has defined such a function.

say() { printf '\n== %s: %s\n' "$purpose" "$*"; }
die() {
    printf '%s: error: %s\n' "$purpose" "$*" >&2
    exit 1
}

online() {
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive \
        LC_ALL=C.UTF-8 chroot "$root" "$@"
}

remove_debian() {
    ! declare -F leave_debian >/dev/null || leave_debian
    umount "$root/proc" 2>/dev/null || true
    rm -rf --one-file-system "$root"
}

make_debian() { # PURPOSE PACKAGES WITH
    local packages suite mirror log tests
    purpose=$1
    packages=$2
    tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../packaging/debian/tests" && pwd)
    [ "$(id -u)" = 0 ] || die "not root"
    command -v debootstrap >/dev/null || die "no debootstrap (scripts/deps package)"
    compgen -G "$packages/*.deb" >/dev/null || die "no package in '$packages'"

    # Of what apt knows: the address and the suite of this very Debian.
    suite=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
    [ -n "$suite" ] || die "this is not a Debian with a name"
    mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
        awk -v suite="$suite" '$2 == suite { print $1; exit }')
    [ -n "$mirror" ] || die "apt knows no mirror of '$suite'"

    root=$(mktemp -d "/var/tmp/mqttsn-$purpose-XXXXXX")
    chmod 755 "$root"
    trap remove_debian EXIT
    trap 'exit 130' INT TERM HUP
    say "a $suite"
    log=$root.log
    debootstrap --variant=minbase --include="$3" "$suite" "$root" "$mirror" >"$log" 2>&1 || {
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "debootstrap failed"
    }
    rm -f "$log"
    mount -t proc proc "$root/proc"
    printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mkdir "$root/packages" "$root/tests"
    cp "$packages"/*.deb "$root/packages/"
    cp "$tests"/* "$root/tests/"
}
