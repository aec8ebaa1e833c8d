/* SPDX-License-Identifier: MIT */
/*
 * topic.h - topic names and topic filters: valid, matching, short.
 *
 * The rules are MQTT's [MQTT-3.1.1 4.7], which MQTT-SN takes over [SN 6].
 * Everything is octets in UTF-8; nothing is copied.
 */
#ifndef MQTTSN_TOPIC_H
#define MQTTSN_TOPIC_H

#include "mqttsn/span.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Well-formed UTF-8 without NUL, surrogates or values past U+10FFFF
 * [MQTT-3.1.1 1.5.3]. The empty span is valid. */
bool mqttsn_utf8_valid(struct mqttsn_span text);

/*
 * Valid UTF-8 without what a broker may close the connection for
 * [MQTT-3.1.1 1.5.3]: control characters U+0001..U+001F and U+007F..U+009F, and
 * the values that are no characters, U+FDD0..U+FDEF and U+nFFFE, U+nFFFF. Who
 * shares a connection must not let others send them.
 */
bool mqttsn_text_prudent(struct mqttsn_span text);

/* A name one can publish on: 1..65535 octets of valid UTF-8, no '+' or '#'. */
bool mqttsn_topic_name_valid(struct mqttsn_span name);

/* A filter one can subscribe to: 1..65535 octets of valid UTF-8, '+' only as a
 * whole level, '#' only as the whole last level. */
bool mqttsn_filter_valid(struct mqttsn_span filter);

/* Whether a valid filter contains a wildcard. */
bool mqttsn_filter_has_wildcard(struct mqttsn_span filter);

/* Whether the valid 'filter' matches the valid 'name'. A filter that begins
 * with a wildcard matches no name that begins with '$'. */
bool mqttsn_filter_matches(struct mqttsn_span filter, struct mqttsn_span name);

/* Whether some name, of whatever length, matches both valid filters. */
bool mqttsn_filters_intersect(struct mqttsn_span a, struct mqttsn_span b);

/* The next level of a name or filter: sets '*ret_level' to the octets before
 * the next '/', and moves '*rest' behind it. False when no level is left;
 * "a/" has two levels, the second empty. A '*rest' with data == NULL is at its
 * end; start with the whole name. */
bool mqttsn_topic_next_level(struct mqttsn_span *rest,
                             struct mqttsn_span *ret_level);

/* Whether 'name' can be sent as a short topic name: exactly two octets, prudent
 * text without wildcard [SN 6.7], G12-38. */
bool mqttsn_short_topic_valid(struct mqttsn_span name);

/* The TopicId field that carries a short name, and back. */
uint16_t mqttsn_short_topic_id(struct mqttsn_span name);
void mqttsn_short_topic_name(uint16_t topic_id, uint8_t ret_name[2]);

#ifdef __cplusplus
}
#endif

#endif
