/* SPDX-License-Identifier: MIT */
/*
 * client_frames.h - the messages that a node with the features of
 * client_config.h sends or reads, in the words of the codec.
 *
 * Builds that compile the codec for a node alone name it in
 * MQTTSN_FRAME_CONFIG_FILE. Without, the codec knows every message, which works
 * as well and takes more room.
 */
#ifndef MQTTSN_CLIENT_FRAMES_H
#define MQTTSN_CLIENT_FRAMES_H

#include "mqttsn/client_config.h"

#define MQTTSN_FRAME_GATEWAY 0
#define MQTTSN_FRAME_DISCOVERY MQTTSN_CLIENT_DISCOVERY
#define MQTTSN_FRAME_WILL MQTTSN_CLIENT_WILL
#define MQTTSN_FRAME_NAMES MQTTSN_CLIENT_NAMES
#define MQTTSN_FRAME_RECEIVE (MQTTSN_CLIENT_SUBSCRIBE || MQTTSN_CLIENT_REFUSE)
#define MQTTSN_FRAME_SUBSCRIBE MQTTSN_CLIENT_SUBSCRIBE
#define MQTTSN_FRAME_QOS2 MQTTSN_CLIENT_QOS2
#define MQTTSN_FRAME_FORWARDER MQTTSN_CLIENT_FORWARDER_FRAMES

#endif
