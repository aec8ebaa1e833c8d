/* SPDX-License-Identifier: MIT */
#include "mqttsn/frame.h"

const char *mqttsn_type_name(unsigned type)
{
    switch (type) {
#define TYPE_CASE(name, value)                                                 \
    case value:                                                                \
        return #name;
        MQTTSN_TYPE_MAP(TYPE_CASE)
#undef TYPE_CASE
    default:
        return NULL;
    }
}
