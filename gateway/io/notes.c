/* SPDX-License-Identifier: MIT */
#include "notes.h"

#include "socket.h"

#include <inttypes.h>
#include <stdio.h>

/* Lines a minute of one kind. A hundred nodes that connect at once after a
 * power cut are worth their lines; ten thousand are worth a number. */
#define PER_MINUTE 120u

static const struct {
    const char *event;
    enum gw_log_level level;
} from_map[GW_NOTE_COUNT] = {
#define ROW(name, event, level) [GW_NOTE_##name] = {event, GW_LOG_##level},
    GW_NOTE_MAP(ROW)
#undef ROW
};

/* Where a note belongs, and what its number is; no name, no number. */
static const struct {
    const char *area, *value;
} words[GW_NOTE_COUNT] = {
    [GW_NOTE_CONNECTED] = {"session", "duration_s"},
    [GW_NOTE_DISCONNECTED] = {"session", NULL},
    [GW_NOTE_ASLEEP] = {"sleep", "duration_s"},
    [GW_NOTE_AWAKE] = {"sleep", "queued"},
    [GW_NOTE_LOST] = {"session", "duration_s"},
    [GW_NOTE_EXPIRED] = {"session", NULL},
    [GW_NOTE_MOVED] = {"session", NULL},
    [GW_NOTE_TAKEOVER_REFUSED] = {"session", NULL},
    [GW_NOTE_CONNECT_REFUSED] = {"session", "return_code"},
    [GW_NOTE_QUEUE_DROP] = {"queue", "queued"},
    [GW_NOTE_TOO_LARGE] = {"queue", "max_datagram"},
    [GW_NOTE_TABLE_FULL] = {"limits", NULL},
    [GW_NOTE_REGISTER_TIMEOUT] = {"session", "topic_id"},
    [GW_NOTE_UNRESPONSIVE] = {"sleep", "queued"},
    [GW_NOTE_WILL_PUBLISHED] = {"session", "qos"},
    [GW_NOTE_WILL_QOS] = {"session", "qos"},
    [GW_NOTE_UP_REJECTED] = {"upstream", NULL},
    [GW_NOTE_UP_DROP] = {"upstream", NULL},
    [GW_NOTE_STORE_FAILED] = {"store", NULL},
    [GW_NOTE_OVERLAP_RULE] = {"upstream", NULL},
    [GW_NOTE_GATEWAY_SEEN] = {"discovery", "gw_id"},
    [GW_NOTE_KICKED] = {"session", NULL},
    [GW_NOTE_PURGED] = {"queue", "messages"},
};

bool gw_note_words(enum gw_note_kind kind, struct gw_note_words *ret)
{
    if ((unsigned)kind >= GW_NOTE_COUNT)
        return false;
    *ret = (struct gw_note_words){from_map[kind].event, from_map[kind].level,
                                  words[kind].area, words[kind].value};
    return true;
}

/* Each part is its own text, so that an absent one leaves nothing behind. */
static void write_note(enum gw_note_kind kind, const struct gw_note *note,
                       uint32_t suppressed)
{
    char at[GW_SOCKET_TEXT_MAX], value[48] = "", held[48] = "";
    struct mqttsn_span client =
        mqttsn_span(note->client_id, note->client_id_len);
    struct mqttsn_span topic = mqttsn_span(note->topic, note->topic_len);
    bool has_client = client.len > 0, has_topic = topic.len > 0;
    bool has_address = note->addr.family != 0;
    bool has_reason = note->reason != NULL;

    if (words[kind].value != NULL)
        snprintf(value, sizeof(value), " %s=%" PRIu64, words[kind].value,
                 note->value);
    if (suppressed > 0)
        snprintf(held, sizeof(held), " suppressed=%u", suppressed);
    gw_log_write(
        from_map[kind].level, words[kind].area, from_map[kind].event,
        "%s%s%s%s%s%s%s%s%s%s", has_client ? " client=" : "",
        has_client ? gw_log_value(client) : "", has_address ? " address=" : "",
        has_address ? gw_socket_text(&note->addr, at) : "",
        has_topic ? " topic=" : "", has_topic ? gw_log_value(topic) : "", value,
        has_reason ? " reason=" : "",
        has_reason ? gw_log_text(note->reason) : "", held);
}

void gw_notes_log(struct gw_notes *notes, const struct gw_note *note,
                  mqttsn_ms now)
{
    enum gw_note_kind kind = note->kind;
    uint32_t suppressed;

    if ((unsigned)kind >= GW_NOTE_COUNT || !gw_log_is_on(from_map[kind].level))
        return;
    if (gw_log_limited(&notes->limit[kind], PER_MINUTE, now, &suppressed))
        write_note(kind, note, suppressed);
}
