# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What OpenWrt's /lib/functions.sh does for who reads UCI by callbacks, for the
# file in $UCI_FILE: 'config TYPE [NAME]', 'option KEY VALUE', 'list KEY VALUE',
# with values in quotes or bare.
config_load() {
    while IFS= read -r row; do
        case $row in
        "" | "#"*) continue ;;
        esac
        eval "set -- $row"
        case $1 in
        config) config_cb "$2" "${3:-}" ;;
        option) option_cb "$2" "$3" ;;
        list) list_cb "$2" "$3" ;;
        esac
    done <"$UCI_FILE"
    config_cb
}
