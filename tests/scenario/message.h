/* SPDX-License-Identifier: MIT */
/*
 * message.h - words of a scenario into the octets of a message.
 *
 *   CONNECT clean=1 will=0 duration=60 id=n1 [protocol=2]
 *   WILLTOPIC qos=1 retain=1 topic=a/b     WILLTOPIC empty     WILLMSG "gone"
 *   REGISTER topic=1 msg=1 name=a/b        REGACK topic=1 msg=1 accepted
 *   PUBLISH dup=0 qos=1 retain=0 topic=1|predefined:5|short:ab msg=2 "21.5"
 *   SUBSCRIBE qos=1 msg=3 name=a/+ | topic=predefined:5 | topic=short:ab
 *   SUBACK qos=1 topic=1 msg=3 accepted    DISCONNECT [duration=300]
 *   PINGREQ [id=n1]    SEARCHGW radius=0   hex 0216
 *
 * A field that is not written is 0 or empty, on both sides. Instead of a
 * number, $name stands for what was seen where the name was written first, and
 * _ for any. A return code is accepted, congestion, invalid-topic-id,
 * not-supported or code=N. data=N, or name=fill:N, is N times 'x'; 'long' asks
 * for the 3-octet Length; type=N sets the TopicIdType bits, flags=N all bits.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "frames.h"
#include "script.h"

#define VARIABLES_MAX 512

struct variables {
    size_t count;
    struct {
        char name[24];
        uint64_t value;
    } rows[VARIABLES_MAX];
};

/* The value of "$name", "_" or a number. 'seen' (may be NULL) gives unbound
 * names their value. */
uint64_t variable_number(struct variables *variables,
                         const struct statement *at, const char *text,
                         const uint64_t *seen);

/*
 * Builds the message that the words from 'first' on describe. With 'seen', the
 * message that really came, names and '_' take their values from it.
 */
struct octets message_of(struct variables *variables,
                         const struct statement *at, size_t first,
                         const struct sn_frame *seen);

#endif
