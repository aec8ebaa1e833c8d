/* SPDX-License-Identifier: MIT */
#include "io/reason_codes.h"

#define ACCEPTED GW_UP_DONE
#define NOT_SUPPORTED GW_UP_REJECTED
#define CONGESTION GW_UP_QUOTA

/* By code. */
static const struct gw_reason reasons[] = {
    {0x00, "success", ACCEPTED, false},
    {0x01, "granted QoS 1", ACCEPTED, false},
    {0x02, "granted QoS 2", ACCEPTED, false},
    {0x10, "no matching subscribers", ACCEPTED, false},
    {0x11, "no subscription existed", ACCEPTED, false},
    {0x80, "unspecified error", NOT_SUPPORTED, false},
    {0x81, "malformed packet", NOT_SUPPORTED, false},
    {0x82, "protocol error", NOT_SUPPORTED, false},
    {0x83, "implementation specific error", NOT_SUPPORTED, false},
    {0x84, "unsupported protocol version", NOT_SUPPORTED, false},
    {0x85, "client identifier not valid", NOT_SUPPORTED, true},
    {0x86, "bad user name or password", NOT_SUPPORTED, true},
    {0x87, "not authorized", NOT_SUPPORTED, true},
    {0x88, "server unavailable", CONGESTION, false},
    {0x89, "server busy", CONGESTION, false},
    {0x8a, "banned", NOT_SUPPORTED, true},
    {0x8b, "server shutting down", CONGESTION, false},
    {0x8c, "bad authentication method", NOT_SUPPORTED, true},
    {0x8d, "keep alive timeout", CONGESTION, false},
    {0x8e, "session taken over", CONGESTION, false},
    {0x8f, "topic filter invalid", NOT_SUPPORTED, false},
    {0x90, "topic name invalid", NOT_SUPPORTED, false},
    {0x91, "packet identifier in use", CONGESTION, false},
    {0x92, "packet identifier not found", CONGESTION, false},
    {0x93, "receive maximum exceeded", CONGESTION, false},
    {0x94, "topic alias invalid", NOT_SUPPORTED, false},
    {0x95, "packet too large", NOT_SUPPORTED, false},
    {0x96, "message rate too high", CONGESTION, false},
    {0x97, "quota exceeded", CONGESTION, false},
    {0x98, "administrative action", CONGESTION, false},
    {0x99, "payload format invalid", NOT_SUPPORTED, false},
    {0x9a, "retain not supported", NOT_SUPPORTED, false},
    {0x9b, "QoS not supported", NOT_SUPPORTED, false},
    {0x9c, "use another server", CONGESTION, false},
    {0x9d, "server moved", CONGESTION, false},
    {0x9e, "shared subscriptions not supported", NOT_SUPPORTED, false},
    {0x9f, "connection rate exceeded", CONGESTION, false},
    {0xa0, "maximum connect time", CONGESTION, false},
    {0xa1, "subscription identifiers not supported", NOT_SUPPORTED, false},
    {0xa2, "wildcard subscriptions not supported", NOT_SUPPORTED, false},
};

static const struct gw_reason unknown = {0xff, "unknown reason", NOT_SUPPORTED,
                                         false};

const struct gw_reason *gw_reason_of(int code)
{
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].code == code)
            return &reasons[i];
    return &unknown;
}
