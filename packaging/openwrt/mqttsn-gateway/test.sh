#!/bin/sh
# SPDX-License-Identifier: MIT
# Called by OpenWrt's continuous integration with the name of a package and its
# version, where it is installed.
case $1 in
mqttsn-gateway-*)
    mqttsn-gateway --version | grep -F "$2" || exit 1
    mqttsn-gateway --config /dev/null --check-config
    ;;
mqttsn-tools)
    mqttsn-pub --version | grep -F "$2"
    ;;
esac
