/* SPDX-License-Identifier: MIT */
/*
 * import_paho.h - a configuration of ours from one of the Eclipse Paho MQTT-SN
 * gateway: its gateway.conf, and predefinedTopic.conf and clients.conf where
 * that names or needs them.
 *
 * What is written does what the other gateway did as far as there is a
 * counterpart; each key without one stands in a comment, with its line and the
 * reason. It loads, but for values that are refused here (a wildcard in a
 * predefined topic), which loading then names. A password is not copied: the
 * file that it belongs in is named. Files are read as they are, nothing is
 * changed.
 */
#ifndef GW_IMPORT_PAHO_H
#define GW_IMPORT_PAHO_H

#include "mqttsn/status.h"

#include <stdio.h>

/*
 * Reads 'path', writes the configuration to 'out', and what could not be read
 * to 'err', a line for each.
 *
 * MQTTSN_OK.
 * MQTTSN_EINVAL: a line is no KEY=VALUE, or a list has one that is none.
 * MQTTSN_EIO:    a file cannot be read.
 * MQTTSN_ENOSPACE: no memory.
 * After an error nothing has been written to 'out'.
 */
MQTTSN_CHECKED enum mqttsn_status gw_import_paho(const char *path, FILE *out,
                                                 FILE *err);

#endif
