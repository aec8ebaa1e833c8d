/* SPDX-License-Identifier: MIT */
/*
 * status.h - the one set of results.
 *
 * Whatever can fail returns an enum mqttsn_status and is marked
 * MQTTSN_CHECKED. On failure no output is written and the object is as it
 * was, unless the function's own header says otherwise.
 */
#ifndef MQTTSN_STATUS_H
#define MQTTSN_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MQTTSN_CHECKED __attribute__((warn_unused_result))
#define MQTTSN_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define MQTTSN_CHECKED
#define MQTTSN_PRINTF(fmt, args)
#endif

/* One row per result: name, text. */
#define MQTTSN_STATUS_MAP(X)                                                   \
    X(OK, "ok")                                                                \
    X(ETRUNCATED, "the frame ends before its fields do")                       \
    X(ELENGTH, "the Length field is impossible")                               \
    X(ETRAILING, "octets follow the end of the frame")                         \
    X(ETYPE, "the message type is reserved")                                   \
    X(EFIELD, "a field has a value that its message does not allow")           \
    X(ENESTED, "an encapsulated frame is itself encapsulated")                 \
    X(ENOSPACE, "it does not fit the buffer or the table")                     \
    X(EPROTO, "it cannot happen in this state")                                \
    X(EINVAL, "the argument is not valid")                                     \
    X(ENOTFOUND, "there is no such thing")                                     \
    X(EIO, "the system refused")

enum mqttsn_status {
#define MQTTSN_STATUS_ENUM(name, text) MQTTSN_##name,
    MQTTSN_STATUS_MAP(MQTTSN_STATUS_ENUM)
#undef MQTTSN_STATUS_ENUM
};

/* The text of 'status', a static string; "unknown" for a value outside it. */
const char *mqttsn_status_text(enum mqttsn_status status);

#ifdef __cplusplus
}
#endif

#endif
