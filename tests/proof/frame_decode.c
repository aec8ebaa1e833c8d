/* SPDX-License-Identifier: MIT */
/*
 * The decoder as it is, and what is proved of it (prove.py). The contracts
 * stand here so that the sources stay free of them.
 *
 * Of every function below: if the octets that it is given may be read, it does
 * nothing that C leaves undefined, for all lengths and all contents. It reads
 * nothing else, and writes nothing but its reader, its frame or its header.
 * The spans in a frame may be read wherever a decoder has put one.
 *
 * Not shown: which values a field gets (the tests do that), and that the copy
 * of the whole frame at the end of mqttsn_decode is one.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "mqttsn/span.h"

/* By way of void *, which the memory model of the prover does not follow, it
 * does just this. */
#define mqttsn_span(octets, count) ((struct mqttsn_span){(octets), (count)})

#include "mqttsn/frame.h"
#include "mqttsn/reader.h"

/*@ predicate readable(uint8_t *at, size_t len) =
      len == 0 || \valid_read(at + (0 .. len - 1));
    predicate sound(struct mqttsn_reader *r) =
      \valid(r) && readable(r->at, r->left);
*/

/* memset of a whole frame, which is all that the decoder asks of it: anything
 * may be in the frame afterwards. Another size does not compile. */
/*@ requires \valid(frame);
    assigns *frame;
*/
static void clear_frame(struct mqttsn_frame *frame);
#define memset(at, octet, size)                                                \
    ((void)sizeof(char[(size) == sizeof(struct mqttsn_frame) ? 1 : -1]),       \
     clear_frame(at))

/*@ requires \valid(reader) && readable(octets.data, octets.len);
    assigns *reader;
    ensures sound(reader);
*/
static inline void mqttsn_reader_init(struct mqttsn_reader *reader,
                                      struct mqttsn_span octets);

/*@ requires sound(reader);
    assigns reader->left, reader->failed;
    ensures sound(reader);
    ensures \result ==> reader->left == \old(reader->left);
    ensures \result ==> reader->left >= len;
*/
static inline bool mqttsn_reader_has(struct mqttsn_reader *reader, size_t len);

/*@ requires sound(reader);
    assigns *reader;
    ensures sound(reader);
*/
static inline uint8_t mqttsn_read_u8(struct mqttsn_reader *reader);

/*@ requires sound(reader);
    assigns *reader;
    ensures sound(reader);
*/
static inline uint16_t mqttsn_read_u16(struct mqttsn_reader *reader);

/*@ requires sound(reader);
    assigns *reader;
    ensures sound(reader);
    ensures readable(\result.data, \result.len);
*/
static inline struct mqttsn_span mqttsn_read_bytes(struct mqttsn_reader *reader,
                                                   size_t len);

/*@ requires sound(reader);
    assigns *reader;
    ensures sound(reader);
    ensures readable(\result.data, \result.len);
*/
static inline struct mqttsn_span mqttsn_read_rest(struct mqttsn_reader *reader);

/*@ requires sound(reader);
    assigns \nothing;
*/
static inline enum mqttsn_status
mqttsn_reader_finish(const struct mqttsn_reader *reader);

/*@ requires sound(r);
    assigns \nothing;
*/
static enum mqttsn_status finish_fixed(const struct mqttsn_reader *r);

/*@ requires sound(r);
    assigns *r;
    ensures sound(r);
*/
static struct mqttsn_flags read_flags(struct mqttsn_reader *r, unsigned used);

#define DECODER(name)                                                          \
    static enum mqttsn_status name(struct mqttsn_reader *r,                    \
                                   struct mqttsn_frame *f)
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_advertise);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_searchgw);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->gwinfo.gw_add.data, f->gwinfo.gw_add.len);
*/
DECODER(decode_gwinfo);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->connect.client_id.data, f->connect.client_id.len);
*/
DECODER(decode_connect);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_return_code);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_willtopic);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->willmsg.message.data, f->willmsg.message.len);
*/
DECODER(decode_willmsg);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->reg.topic_name.data, f->reg.topic_name.len);
*/
DECODER(decode_register);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_topic_ack);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->publish.data.data, f->publish.data.len);
*/
DECODER(decode_publish);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_msg_id);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_suback);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
    ensures readable(f->pingreq.client_id.data, f->pingreq.client_id.len);
*/
DECODER(decode_pingreq);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_disconnect);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
DECODER(decode_body);
/*@ requires sound(r) && \valid(f) && \separated(r, f);
    assigns *r, *f;
*/
static enum mqttsn_status decode_filter(struct mqttsn_reader *r, unsigned used,
                                        struct mqttsn_frame *f);

/*@ requires readable(datagram.data, datagram.len) && \valid(ret_frame);
    assigns *ret_frame;
*/
enum mqttsn_status mqttsn_decode(struct mqttsn_span datagram, unsigned options,
                                 struct mqttsn_frame *ret_frame);

#include "../../common/src/frame_decode.c"

/*@ requires readable(datagram.data, datagram.len) && \valid(ret_header);
    assigns *ret_header;
    ensures \result == MQTTSN_OK ==>
      2 <= ret_header->size <= ret_header->len &&
      ret_header->size <= datagram.len;
*/
static enum mqttsn_status read_header(struct mqttsn_span datagram,
                                      struct header *ret_header);

/*@ requires \valid_read(header);
    assigns \nothing;
*/
static bool is_paho_len_quirk(const struct header *header, size_t datagram_len);

/*@ requires readable(message.data, message.len);
    assigns \nothing;
*/
static bool is_encapsulation(struct mqttsn_span message);

/*@ requires \valid_read(header) && \valid(ret_frame);
    requires \separated(header, ret_frame);
    requires readable(datagram.data, datagram.len);
    requires 2 <= header->size <= header->len;
    assigns *ret_frame;
    ensures \result == MQTTSN_OK ==>
      readable(ret_frame->encapsulated.node_id.data,
               ret_frame->encapsulated.node_id.len);
    ensures \result == MQTTSN_OK ==>
      readable(ret_frame->encapsulated.message.data,
               ret_frame->encapsulated.message.len);
*/
static enum mqttsn_status decode_encapsulated(const struct header *header,
                                              struct mqttsn_span datagram,
                                              struct mqttsn_frame *ret_frame);
