/* SPDX-License-Identifier: MIT */
/*
 * mqttsn_kconfig.h - client_config.h as Kconfig says it.
 *
 * The build files of Zephyr and ESP-IDF name it in MQTTSN_CLIENT_CONFIG_FILE.
 * Both systems leave the macro of an option undefined when it is off. Neither
 * was run with this file; tests/client/ports builds it with their conventions.
 */
#ifndef MQTTSN_KCONFIG_H
#define MQTTSN_KCONFIG_H

#ifdef ESP_PLATFORM
#include "sdkconfig.h" /* Zephyr includes its own before every file */
#endif

/* ---- features ---------------------------------------------------------- */

#ifdef CONFIG_MQTTSN_CLIENT_NAMES
#define MQTTSN_CLIENT_NAMES 1
#else
#define MQTTSN_CLIENT_NAMES 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_FAILOVER
#define MQTTSN_CLIENT_FAILOVER 1
#else
#define MQTTSN_CLIENT_FAILOVER 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_QOS2
#define MQTTSN_CLIENT_QOS2 1
#else
#define MQTTSN_CLIENT_QOS2 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_WILL
#define MQTTSN_CLIENT_WILL 1
#else
#define MQTTSN_CLIENT_WILL 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_DISCOVERY
#define MQTTSN_CLIENT_DISCOVERY 1
#else
#define MQTTSN_CLIENT_DISCOVERY 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_SUBSCRIBE
#define MQTTSN_CLIENT_SUBSCRIBE 1
#else
#define MQTTSN_CLIENT_SUBSCRIBE 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_REFUSE
#define MQTTSN_CLIENT_REFUSE 1
#else
#define MQTTSN_CLIENT_REFUSE 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_WILDCARD
#define MQTTSN_CLIENT_WILDCARD 1
#else
#define MQTTSN_CLIENT_WILDCARD 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_FORWARDER_FRAMES
#define MQTTSN_CLIENT_FORWARDER_FRAMES 1
#else
#define MQTTSN_CLIENT_FORWARDER_FRAMES 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_SNAPSHOT
#define MQTTSN_CLIENT_SNAPSHOT 1
#else
#define MQTTSN_CLIENT_SNAPSHOT 0
#endif
#ifdef CONFIG_MQTTSN_CLIENT_SEAL
#define MQTTSN_CLIENT_SEAL 1
#else
#define MQTTSN_CLIENT_SEAL 0
#endif

/* ---- sizes and timers -------------------------------------------------- */

#define MQTTSN_CLIENT_ADDRESS_MAX CONFIG_MQTTSN_CLIENT_ADDRESS_MAX
#define MQTTSN_CLIENT_NAME_MAX CONFIG_MQTTSN_CLIENT_NAME_MAX
#define MQTTSN_CLIENT_ID_MAX CONFIG_MQTTSN_CLIENT_ID_MAX
#define MQTTSN_CLIENT_T_RETRY_MS (CONFIG_MQTTSN_CLIENT_T_RETRY_MS + 0u)
#define MQTTSN_CLIENT_N_RETRY CONFIG_MQTTSN_CLIENT_N_RETRY
#define MQTTSN_CLIENT_T_WAIT_MS (CONFIG_MQTTSN_CLIENT_T_WAIT_MS + 0u)
#define MQTTSN_CLIENT_T_SEARCHGW_MS (CONFIG_MQTTSN_CLIENT_T_SEARCHGW_MS + 0u)
#define MQTTSN_CLIENT_SEARCH_GAP_MAX_MS                                        \
    (CONFIG_MQTTSN_CLIENT_SEARCH_GAP_MAX_MS + 0u)
#define MQTTSN_CLIENT_T_GWINFO_MS (CONFIG_MQTTSN_CLIENT_T_GWINFO_MS + 0u)
#define MQTTSN_CLIENT_N_ADV CONFIG_MQTTSN_CLIENT_N_ADV
#define MQTTSN_CLIENT_LATE_MS (CONFIG_MQTTSN_CLIENT_LATE_MS + 0u)

#endif
