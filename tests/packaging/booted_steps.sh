#!/bin/sh
# SPDX-License-Identifier: MIT
#
# booted_steps.sh - the service, asked in a Debian that has booted with it.
#
# booted.sh runs this inside of the system that it has made: as root, with
# systemd at work, the packages and mosquitto installed, nothing else. Ends with
# "booted: all is well", or at the first step that fails.
set -eu

unit=mqttsn-gateway
conf=/etc/mqttsn-gateway/gateway.conf
dropin=/etc/systemd/system/$unit.service.d

say() { echo "-- $*"; }
die() {
    echo "booted: $*" >&2
    systemctl status --no-pager --full $unit >&2 || true
    journalctl --no-pager --boot --lines 30 >&2 || true
    exit 1
}
is() { systemctl show $unit --property "$1" --value; }

# within SECONDS WHAT COMMAND...: until it succeeds.
within() {
    left=$(($1 * 5)) what=$2
    shift 2
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || die "$what"
        sleep 0.2
    done
}

# Entries of this boot with these fields, as many lines as there are.
entries() { journalctl --no-pager --boot --output cat --unit $unit "$@"; }
logged() { [ -n "$(entries "$@")" ]; }
is_value() { [ "$(is "$1")" = "$2" ]; }
is_ready() { mqttsn-ctl status --json 2>/dev/null | grep -q '"ready": *true'; }

say "it runs, as itself, and has said that it is ready"
systemctl is-active --quiet mosquitto || die "no broker"
systemctl is-active --quiet $unit || die "it does not run"
systemctl is-enabled --quiet $unit || die "it would not run after a boot"
[ "$(is Type)" = notify ] || die "not of type notify"
pid=$(is MainPID)
[ "$(ps -o user:32= -p "$pid")" = $unit ] || die "it runs as somebody else"
for set in Inh Prm Eff Bnd Amb; do
    grep -q "^Cap$set:[[:space:]]0000000000000000$" "/proc/$pid/status" ||
        die "it holds a capability: $set"
done
grep -q "^NoNewPrivs:[[:space:]]1$" "/proc/$pid/status" || die "it may get privileges"
grep -q "^Seccomp:[[:space:]]2$" "/proc/$pid/status" || die "calls are not filtered"

say "user, directories, limit of the kernel"
getent passwd $unit >/dev/null || die "no user"
[ "$(stat -c '%U:%G %a' /etc/mqttsn-gateway)" = "root:$unit 750" ] || die "/etc/mqttsn-gateway"
[ "$(stat -c '%U:%G %a' /var/lib/mqttsn-gateway)" = "$unit:$unit 700" ] ||
    die "/var/lib/mqttsn-gateway"
[ "$(stat -c '%U:%G %a' /run/mqttsn-gateway/ctl.sock)" = "$unit:$unit 660" ] ||
    die "the control socket"
# A container may not set it.
buffer=/proc/sys/net/core/rmem_max
if [ -w $buffer ]; then
    [ "$(cat $buffer)" = 8388608 ] || die "net.core.rmem_max after the boot"
    ! logged MQTTSN_EVENT=receive_buffer_small || die "a small buffer"
    echo 212992 >$buffer
fi

say "installed again while it runs, it is another process"
dpkg -i /packages/mqttsn-gateway_*.deb >/dev/null 2>&1 || die "no upgrade"
systemctl is-active --quiet $unit || die "it does not run after an upgrade"
[ "$(is MainPID)" != "$pid" ] || die "the old program runs on"
! [ -w $buffer ] || [ "$(cat $buffer)" = 8388608 ] || die "net.core.rmem_max at once"

say "who is in its group steers it, nobody else does"
setpriv --reuid=nobody --regid=nogroup --groups=$unit mqttsn-ctl status >/dev/null ||
    die "the group is kept out"
! setpriv --reuid=nobody --regid=nogroup --clear-groups mqttsn-ctl status >/dev/null 2>&1 ||
    die "anybody is let in"

say "a node is served"
/tests/sensor

say "entries of the journal have priority and fields"
[ -n "$(entries PRIORITY=6 MQTTSN_AREA=session MQTTSN_EVENT=connected MQTTSN_CLIENT=sensor)" ] ||
    die "no such entry"

say "reload, and no reload"
cat >$conf <<'CONF'
[upstream]
username = gw
password_file = /run/credentials/mqttsn-gateway.service/password

[store]
type = sqlite

[http]
bind = 127.0.0.1:9883
CONF
(umask 077 && echo secret >/etc/mqttsn-gateway/password)
mkdir -p $dropin
cat >$dropin/password.conf <<'UNIT'
[Service]
LoadCredential=password:/etc/mqttsn-gateway/password
UNIT
systemctl daemon-reload
systemctl restart $unit || die "not with a credential"
# It is root's, and the service reads a copy of its own.
[ "$(stat -c '%U %a' /etc/mqttsn-gateway/password)" = "root 600" ] || die "the secret"
mqttsn-gateway --check-config >/dev/null || die "what it runs with is refused"
within 60 "not ready with store and credential" is_ready
[ "$(stat -c '%U %a' /var/lib/mqttsn-gateway/gateway.db)" = "$unit 600" ] || die "the store"
printf '\n[log]\nlevel = debug\n' >>$conf
systemctl reload $unit
within 60 "not reloaded" logged MQTTSN_EVENT=reloaded
echo 'nonsense = 1' >>$conf
systemctl reload $unit
within 60 "errors of a reload do not show" logged PRIORITY=3 MQTTSN_EVENT=reload_failed
! mqttsn-ctl reload 2>/dev/null || die "an error is no error"
systemctl is-active --quiet $unit || die "a bad configuration ended it"
sed -i '/nonsense/d' $conf

say "the store is looked at and kept while it runs"
mqttsn-gateway --inspect-store | grep -q '^records: ' || die "--inspect-store"
mqttsn-gateway --backup-store /var/backups/gateway.db >/dev/null || die "--backup-store"

say "killed, it is back at once"
before=$(is NRestarts)
kill -KILL "$(is MainPID)"
within 60 "not started again" is_value NRestarts $((before + 1))
within 60 "not ready again" is_ready

say "hanging, it is killed by the watchdog ($(is WatchdogUSec)), and back"
kill -STOP "$(is MainPID)"
within 120 "the watchdog sleeps" is_value NRestarts $((before + 2))
within 60 "not ready again" is_ready
logged PRIORITY=3 -g 'event=crashed signal=SIGABRT' || die "it left no last words"

say "stopped, it says goodbye"
systemctl stop $unit
[ "$(is Result) $(is ExecMainCode) $(is ExecMainStatus)" = "success 1 0" ] ||
    die "not a clean end: $(is Result) $(is ExecMainCode) $(is ExecMainStatus)"
[ -n "$(entries MQTTSN_EVENT=stopped MQTTSN_BROKER_TOLD=yes)" ] || die "the broker was not told"

say "with a wrong configuration it stays down"
echo 'nonsense = 1' >>$conf
! systemctl start $unit 2>/dev/null || die "it started"
[ "$(is ActiveState) $(is ExecMainStatus)" = "failed 2" ] || die "not failed with 2"
[ -n "$(entries PRIORITY=3 -g 'unknown key')" ] || die "nobody learns why"
sed -i '/nonsense/d' $conf
systemctl start $unit || die "not even when it is mended"
within 60 "not ready" is_ready

say "an address that comes late is waited for"
printf '\n[listener late]\nbind = 192.0.2.1:1883\n' >>$conf
systemctl restart $unit 2>/dev/null && die "it runs without its address"
is_above() { [ "$(is "$1")" -gt "$2" ]; }
within 120 "it gave up" is_above NRestarts 6
ip address add 192.0.2.1/32 dev lo
within 60 "not ready with its address" is_ready
echo "booted: all is well"
