/* SPDX-License-Identifier: MIT */
/*
 * paho_keep.h - what must outlive the process of what Paho has under way, as
 * records of the journal; and Paho's persistence interface, on top of it.
 *
 * Kept are: PUBLISHes of QoS 2 to the broker until PUBCOMP, with the record of
 * the exchange that each belongs to; PUBLISHes of QoS 2 from the broker until
 * PUBREL; messages that arrived until the engine has taken them over; what is
 * acknowledged until the engine knows; whose session it is. Not kept are
 * PUBLISHes of QoS 1 to the broker, and what Paho has queued: the exchange is
 * in the store, and is submitted anew.
 *
 * What Paho 1.3.12 does with its persistence interface, measured by programs
 * of a few lines against mosquitto 2.0.11, the process killed between two
 * steps; the calls come with Paho's global lock held, so none may wait long:
 *
 *  - Keys: c-N a queued command, s-N a PUBLISH to the broker, sc-N its PUBREL,
 *    r-N a PUBLISH of QoS 2 from the broker, q-N a message that the callback
 *    has not taken, which ours always does; N is the packet id, but of c- and
 *    q- a running number. On removal the keys of MQTT 5, s5-N and so on, are
 *    tried as well.
 *  - With MQTT 5 they are c5-N, s5-N, sc5-N and r5-N. There a message of QoS 2
 *    is delivered when it is read, behind pput r5-N and before PUBREC; PUBREL
 *    only removes r5-N. One that is read again while r5-N is there is not
 *    delivered. A refusal in PUBREC removes s5-N, and ends it as PUBCOMP does.
 *  - pput c-N is called inside MQTTAsync_send, by the thread that calls it,
 *    before the command can be taken from the queue; the second of its pieces
 *    is the packet id. When it fails, Paho keeps its copy in memory and goes on
 *    as without persistence: so commands cost nothing here.
 *  - pput s-N comes before the PUBLISH is written, also before it is written
 *    again; r-N as it is read, before PUBREC; sc-N before PUBREL. Whether it
 *    fails makes no difference to Paho. s-N is there for QoS 1 too.
 *  - At PUBCOMP: premove s-N and sc-N, then the delivery callback, then
 *    onSuccess. At PUBREL: the message callback, premove r-N, then PUBCOMP.
 *  - MQTTAsync_create calls pkeys, and pget for what it restores; when sc-N is
 *    there, only PUBREL is sent again. What was restored is sent right at
 *    CONNACK, before onSuccess of the connection; PUBLISH with DUP, under its
 *    packet id. It ends with the delivery callback alone, not with onSuccess.
 *  - A handle begins packet ids at 1, whatever it restored, and passes over
 *    those in use. What it restored is in their order.
 *  - A PUBREL whose r-N is not there is answered, and delivers nothing.
 *  - At CONNACK without session: pkeys, and premove of each key that is listed;
 *    what was restored ends without any callback. The same when a connection
 *    with CleanSession=1 fails or ends, and when its handle is destroyed.
 *    Otherwise destroying a handle removes nothing. pclear is never called.
 *
 * Hence: pkeys lists something only while a handle is being made. At any other
 * time it means that the session is gone, if one was asked for; so s-N is
 * removed for PUBCOMP alone, and the record that the exchange is acknowledged
 * goes into the journal with that.
 *
 * When the journal fails, what would tell the broker that we have something is
 * not written; the connection is broken instead (paho_guard.h), and the broker
 * sends again after reconnecting. The handle is made anew then, since it has
 * forgotten a message that was not kept.
 *
 * Threads: as said at each function. One lock inside, held while the journal
 * writes; under it nothing but the journal is called.
 */
#ifndef GW_PAHO_KEEP_H
#define GW_PAHO_KEEP_H

#include "core/engine.h"

#include <MQTTClientPersistence.h>

struct gw_journal;
struct gw_paho_keep;

/* MQTTSN_ENOSPACE: memory cannot be had; MQTTSN_EIO: nor a mutex. 'journal' may
 * be closed before this is freed: from there on nothing can be kept. */
MQTTSN_CHECKED enum mqttsn_status
gw_paho_keep_new(struct gw_journal *journal, struct gw_paho_keep **ret_keep);
void gw_paho_keep_free(struct gw_paho_keep *keep);

/* ---- after a restart; before any other thread -------------------------- */

/* Gives back one record of the shell's. What cannot be read is passed over, and
 * forgotten: MQTTSN_EFIELD. MQTTSN_ENOSPACE: memory cannot be had. */
MQTTSN_CHECKED enum mqttsn_status
gw_paho_keep_restore(struct gw_paho_keep *keep, uint8_t kind, uint32_t owner,
                     uint32_t item, struct mqttsn_span octets);

/* What to do about records that were given back. */
struct gw_paho_keep_hands {
    /* The exchange is acknowledged. False: the engine has no use for that. */
    bool (*acknowledged)(void *user, uint32_t exchange);
    /* Paho has it under way: it ends by the delivery callback. */
    void (*under_way)(void *user, uint16_t packet_id, uint32_t exchange);
    /* A message that was not taken over; in the order of their arrival. The
     * spans are borrowed for the call. */
    bool (*arrived)(void *user, const struct gw_up_event *event);
    void *user;
};

/* All was given back. Puts in order what a crash left between two records, and
 * hands the rest over. MQTTSN_ENOSPACE: memory cannot be had.*/
MQTTSN_CHECKED enum mqttsn_status
gw_paho_keep_restored(struct gw_paho_keep *keep,
                      const struct gw_paho_keep_hands *hands);

/* "host:port" of the broker whose session it is; NULL: none yet. Borrowed until
 * the next gw_paho_keep_session. */
const char *gw_paho_keep_endpoint(const struct gw_paho_keep *keep);
/* Of that session. */
bool gw_paho_keep_is_version5(const struct gw_paho_keep *keep);

/* ---- the session; upstream thread -------------------------------------- */

/* The persistence interface, for MQTTAsync_create. */
MQTTClient_persistence *gw_paho_keep_interface(struct gw_paho_keep *keep);

/* Around MQTTAsync_create and MQTTAsync_destroy: a handle of that version is
 * being made, which goes on with what is kept of its version if 'resume'; or
 * destroyed. */
void gw_paho_keep_making(struct gw_paho_keep *keep, bool resume, bool version5);
void gw_paho_keep_destroying(struct gw_paho_keep *keep);
void gw_paho_keep_made(struct gw_paho_keep *keep);

/*
 * An attempt to connect begins. The journal knows from here on that the session
 * at the broker may be a new one, in which nothing is subscribed, until
 * gw_paho_keep_sure. 'clean': it is to be discarded. False: the journal failed
 * and does not know; there must be no attempt.
 */
MQTTSN_CHECKED bool gw_paho_keep_attempt(struct gw_paho_keep *keep, bool clean);
/* Whether that is known now, and whether it was before the attempt. */
bool gw_paho_keep_is_unsure(const struct gw_paho_keep *keep);
bool gw_paho_keep_was_unsure(const struct gw_paho_keep *keep);
/* The session is the one that it was; or the engine has noted that it is not.
 * Nothing happens when that is known already. */
void gw_paho_keep_sure(struct gw_paho_keep *keep);
/* The broker that has the session now, and the version of MQTT it is of. */
void gw_paho_keep_session(struct gw_paho_keep *keep, const char *endpoint,
                          bool version5);

/* The session is gone and all that belongs to it; or the PUBLISHes that it has
 * under way are given up. */
void gw_paho_keep_lose(struct gw_paho_keep *keep);
void gw_paho_keep_give_up(struct gw_paho_keep *keep);

/*
 * The next message that was received in a session that is gone, whose PUBREL
 * will never come: it is delivered without. False: there is none. The spans
 * hold until the next call.
 */
bool gw_paho_keep_take_orphan(struct gw_paho_keep *keep,
                              struct gw_up_event *ret_event);

/* Whether pkeys has told, since the attempt began, that the session is gone. */
bool gw_paho_keep_is_lost(const struct gw_paho_keep *keep);

/* Whether the connection was broken here since this was asked last. */
bool gw_paho_keep_take_broken(struct gw_paho_keep *keep);

/* The handle has forgotten something that is kept: make a new one. */
bool gw_paho_keep_wants_new_handle(const struct gw_paho_keep *keep);

/* ---- PUBLISH with QoS 2; upstream thread -------------------------------- */

/* Around MQTTAsync_send: whose PUBLISH it is, and what came of it: the packet
 * id, 0 if it was refused. */
void gw_paho_keep_sending(struct gw_paho_keep *keep, uint32_t exchange);
void gw_paho_keep_sent(struct gw_paho_keep *keep, uint32_t exchange,
                       uint16_t packet_id);

/*
 * Whether something that the handle goes on with, of an earlier one, is not
 * finished. Until then it is given nothing new: it begins packet ids anew, and
 * the next handle would go on in their order. Any thread, without waiting.
 */
bool gw_paho_keep_goes_on(const struct gw_paho_keep *keep);

/* The packet id under which Paho sends the exchange again in a new handle; 0:
 * it does not. Any thread. */
uint16_t gw_paho_keep_packet_of(struct gw_paho_keep *keep, uint32_t exchange);

/* ---- messages; Paho's thread -------------------------------------------- */

/*
 * Keeps a message that arrived and notes so in 'event->message.arrival'; with
 * QoS 0, and one that is too large for any node, there is nothing to keep.
 * False: it could not be kept. Paho's next answer to the broker on this thread
 * then breaks the connection instead; the message must not be taken.
 */
bool gw_paho_keep_arrival(struct gw_paho_keep *keep, struct gw_up_event *event);

/* As if it could not be kept. */
void gw_paho_keep_refuse(struct gw_paho_keep *keep,
                         const struct gw_up_event *event);

/* ---- figures ------------------------------------------------------------ */

#define GW_PAHO_KEEP_SLOTS 16

struct gw_paho_keep_stats {
    uint64_t arrivals; /* kept */
    uint64_t failures; /* appends that the journal refused */
    /* How long a callback stood in gw_paho_keep_arrival: slot n counts those
     * of 2^n microseconds or more, and less than twice that. */
    uint64_t arrival_us[GW_PAHO_KEEP_SLOTS];
};

/* Any thread; waits for no disk. */
void gw_paho_keep_stats(struct gw_paho_keep *keep,
                        struct gw_paho_keep_stats *ret_stats);

#endif
