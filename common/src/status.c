/* SPDX-License-Identifier: MIT */
#include "mqttsn/status.h"

const char *mqttsn_status_text(enum mqttsn_status status)
{
    switch (status) {
#define STATUS_CASE(name, text)                                                \
    case MQTTSN_##name:                                                        \
        return text;
        MQTTSN_STATUS_MAP(STATUS_CASE)
#undef STATUS_CASE
    }
    return "unknown";
}
