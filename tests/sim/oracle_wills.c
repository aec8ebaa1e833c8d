/* SPDX-License-Identifier: MIT */
/* A will is published when its node is lost: then, once, and never else. */
#include "sim.h"

#include <string.h>

static void put_topic(struct will *will, const struct sn_frame *f)
{
    size_t len = f->tail_len < BROKER_TOPIC ? f->tail_len : BROKER_TOPIC - 1;

    memset(will->topic, 0, sizeof(will->topic));
    memcpy(will->topic, f->tail, len);
    will->armed = len > 0;
    will->qos = (f->flags & SN_QOS_BITS) / SN_QOS1;
    if (will->qos == 3)
        will->qos = 0; /* G12-06 */
    will->retain = (f->flags & SN_RETAIN) != 0;
}

static void put_message(struct will *will, const struct sn_frame *f)
{
    will->len =
        (uint16_t)(f->tail_len < sizeof(will->message) ? f->tail_len
                                                       : sizeof(will->message));
    memcpy(will->message, f->tail, will->len);
}

/* Whether its node may have it there; else it is refused. */
static bool is_allowed(const struct sim *sim, const struct book *book,
                       const struct sn_frame *f)
{
    struct will will = {0};

    put_topic(&will, f);
    return rules_allow(&sim->o, RULES_PUBLISH, book->id, will.topic);
}

static void connecting(const struct sim *sim, struct book *book,
                       const struct sn_frame *f)
{
    if (f->type == SN_WILLTOPIC && book->wills_step == 1) {
        if (f->bare || f->tail_len == 0) {
            memset(&book->will, 0, sizeof(book->will));
            book->wills_step = 0;
            return;
        }
        book->will_barred = !is_allowed(sim, book, f);
        if (book->will_barred)
            return;
        book->next_will = book->will;
        put_topic(&book->next_will, f);
        book->wills_step = 2;
    } else if (f->type == SN_WILLMSG && book->wills_step == 2) {
        put_message(&book->next_will, f);
        book->will = book->next_will;
        book->wills_step = 0;
    }
}

/* Whether 'text' begins with what the wills of this node are called by: "3" of
 * n3, "lib0" of lib0. */
static bool names(const struct book *book, struct mqttsn_span text, size_t skip)
{
    size_t from = book->id[0] == 'n' ? 1 : 0, len = book->id_len - from;

    return text.len >= skip + len &&
           memcmp(text.data + skip, book->id + from, len) == 0 &&
           (text.len == skip + len || text.data[skip + len] == '.');
}

/* A will that is told to a session of which little is known, may or may not be
 * kept there. At an address that had another owner it is that one's will, and
 * goes by his name. */
static void told_to_hazy(struct sim *sim, const struct sn_frame *f)
{
    bool topic = f->type == SN_WILLTOPIC || f->type == SN_WILLTOPICUPD;
    struct mqttsn_span text = mqttsn_span(f->tail, f->tail_len);

    for (size_t i = 0; i < sim->oracle.book_count; i++)
        if (names(&sim->oracle.books[i], text, topic ? 5 : 1))
            sim->oracle.books[i].will_hazy = true;
}

void oracle_wills_in(struct sim *sim)
{
    struct book *book = sim->oracle.bound;
    const struct sn_frame *f = &sim->oracle.frame;
    bool odd = false, barred;

    if (book == NULL)
        return;
    if (book->hazy && (f->type == SN_WILLTOPIC || f->type == SN_WILLMSG ||
                       f->type == SN_WILLTOPICUPD || f->type == SN_WILLMSGUPD))
        told_to_hazy(sim, f);
    if (book->state == GW_HALF_OPEN) {
        connecting(sim, book, f);
        return;
    }
    if (f->type != SN_WILLTOPICUPD && f->type != SN_WILLMSGUPD)
        return;
    barred = f->type == SN_WILLTOPICUPD && !f->bare && f->tail_len != 0 &&
             !is_allowed(sim, book, f);
    book->wills_barred += barred;
    book->wills_asked += f->type == SN_WILLTOPICUPD && !barred;
    if (book->state != GW_ACTIVE && book->state != GW_ASLEEP &&
        book->state != GW_AWAKE)
        return;
    if (book->state == GW_ASLEEP && sim->o.strict_sleep)
        return;
    /* A refusal leaves it as it was; until the answer both may be true. */
    for (size_t i = 0; i < f->tail_len; i++)
        odd |= f->tail[i] < 0x20 || f->tail[i] > 0x7e || f->tail[i] == '#' ||
               f->tail[i] == '+' || f->tail[i] == '$';
    if (barred)
        return;
    if (f->type == SN_WILLMSGUPD) {
        put_message(&book->will, f);
    } else if (f->bare || f->tail_len == 0) {
        memset(&book->will, 0, sizeof(book->will));
    } else if (!odd) {
        put_topic(&book->will, f);
    }
    book->will.unsure = true;
}

void oracle_wills_answered(struct sim *sim, struct book *book,
                           const struct sn_frame *f)
{
    if (f->type == SN_WILLTOPICRESP) {
        if (f->code == 0 && book->wills_asked == 0 && book->wills_barred > 0 &&
            !book->hazy)
            sim_fail(sim, "access",
                     "%s may have its will where it may not "
                     "publish",
                     book->id);
        if (f->code != 0 && book->wills_barred > 0)
            book->wills_barred--;
        else if (book->wills_asked > 0)
            book->wills_asked--;
    }
    if (f->code == 0)
        book->will.unsure = false;
}

void oracle_will_due(struct sim *sim, const struct book *book)
{
    struct oracle *o = &sim->oracle;

    if (!book->will.armed && !book->will.unsure)
        return;
    if (sim->o.transparent && !oracle_links_publish_will(sim, book))
        return;
    /* A reload may have forbidden it since. */
    if (!rules_allow(&sim->o, RULES_PUBLISH, book->id, book->will.topic))
        return;
    if (o->will_count == ORACLE_WILLS) {
        memmove(o->wills, o->wills + 1, sizeof(o->wills) - sizeof(o->wills[0]));
        memmove(o->wills_may, o->wills_may + 1,
                sizeof(o->wills_may) - sizeof(o->wills_may[0]));
        memmove(o->wills_token, o->wills_token + 1,
                sizeof(o->wills_token) - sizeof(o->wills_token[0]));
        o->will_count--;
    }
    o->wills[o->will_count] = book->will;
    rules_at_broker(&sim->o, book->id, book->will.topic,
                    o->wills[o->will_count].topic);
    o->wills_may[o->will_count] =
        book->will.unsure || sim->o.upstream_down_max_s != 0;
    o->wills_token[o->will_count++] = 0;
}

static void remove_at(struct oracle *o, size_t at)
{
    o->will_count--;
    o->wills[at] = o->wills[o->will_count];
    o->wills_may[at] = o->wills_may[o->will_count];
    o->wills_token[at] = o->wills_token[o->will_count];
}

static bool is_it(const struct will *will, const struct gw_up_action *action)
{
    return action->topic.len == strlen(will->topic) &&
           memcmp(action->topic.data, will->topic, action->topic.len) == 0 &&
           (will->unsure ||
            (action->payload.len == will->len &&
             (will->len == 0 ||
              memcmp(action->payload.data, will->message, will->len) == 0)));
}

static bool goes_out_as_told(const struct will *will,
                             const struct gw_up_action *action)
{
    return will->unsure ||
           (action->qos == will->qos && action->retain == will->retain);
}

/* One that was told as it goes out, before one that was told otherwise once;
 * and then one that must, before one that may. */
static bool is_better(const struct oracle *o, size_t at, size_t than,
                      const struct gw_up_action *action)
{
    bool told = goes_out_as_told(&o->wills[at], action);

    if (told != goes_out_as_told(&o->wills[than], action))
        return told;
    return o->wills_may[than] && !o->wills_may[at];
}

/* The will that goes out: again, or one that is due. */
static size_t find(const struct oracle *o, const struct gw_up_action *action)
{
    size_t found = o->will_count;

    for (size_t i = 0; i < o->will_count; i++) {
        if (!is_it(&o->wills[i], action))
            continue;
        if (o->wills_token[i] != 0 && o->wills_token[i] == action->token)
            return i;
        if (o->wills_token[i] == 0 &&
            (found == o->will_count || is_better(o, i, found, action)))
            found = i;
    }
    return found;
}

/* Whether little is known of that will. Each node has a topic of its own,
 * "will/3", and messages, "w3.1"; who moves may be given the topic of another.
 * Villains have theirs on "will/0", and damage may lead anywhere. */
static bool is_hazy(const struct sim *sim, const char *topic,
                    struct mqttsn_span payload)
{
    const struct oracle *o = &sim->oracle;

    if (!o->wills_hazy || strlen(topic) <= 5)
        return false;
    /* Whoever connects in a node's name with another id, has its answers. */
    if (sim->o.flip != 0 || sim->o.truncate != 0 || o->power_lost ||
        (sim->o.villains != 0 && sim->o.spoof_permille != 0) ||
        (sim->o.villains != 0 && topic[5] == '0'))
        return true;
    for (size_t i = 0; i < o->book_count; i++)
        if (o->books[i].will_hazy &&
            (names(&o->books[i], mqttsn_span_text(topic), 5) ||
             names(&o->books[i], payload, 1)))
            return true;
    return false;
}

bool oracle_will_action(struct sim *sim, const struct gw_up_action *action)
{
    struct oracle *o = &sim->oracle;
    char whole[BROKER_TOPIC] = {0};
    const char *topic;
    size_t at = find(o, action);
    bool spoken_of, hazy;

    memcpy(whole, action->topic.data,
           action->topic.len < sizeof(whole) ? action->topic.len
                                             : sizeof(whole) - 1);
    topic = rules_of_anyone(&sim->o, whole);
    spoken_of = strlen(topic) > 5 && memcmp(topic, "will/", 5) == 0;
    hazy = is_hazy(sim, topic, action->payload);

    if (at < o->will_count) {
        const struct will *will = &o->wills[at];

        if (!hazy && !goes_out_as_told(will, action))
            sim_fail(sim, "S11", "the will on %s goes out at QoS %u",
                     will->topic, action->qos);
        o->wills_token[at] = action->token;
        sim->stats->wills++;
        if (action->token == 0)
            remove_at(o, at);
        return true;
    }
    if (spoken_of && hazy &&
        (action->payload.len == 0 || action->payload.data[0] == 'w'))
        return true;
    if (spoken_of && action->payload.len > 0 && action->payload.data[0] == 'w')
        sim_fail(sim, "S11", "the will '%.*s' on %.*s is nobody's now",
                 (int)action->payload.len, (const char *)action->payload.data,
                 (int)action->topic.len, (const char *)action->topic.data);
    return false;
}

void oracle_will_by_broker(struct sim *sim, uint32_t message)
{
    struct oracle *o = &sim->oracle;

    /* What the gateway had not published yet by that connection. */
    for (size_t i = 0; i < o->will_count; i++)
        if (strcmp(o->wills[i].topic, sim->broker.messages[message].topic) == 0)
            o->wills_may[i] = true;
}

void oracle_will_result(struct sim *sim, uint64_t token,
                        enum gw_up_outcome outcome)
{
    struct oracle *o = &sim->oracle;

    for (size_t i = 0; token != 0 && i < o->will_count; i++)
        if (o->wills_token[i] == token) {
            /* The same token comes again, or may. */
            if (outcome == GW_UP_UNSENT) {
                /* By its own connection; else the broker has published it. */
                o->wills_may[i] |= sim->o.transparent != 0;
                return;
            }
            if (outcome == GW_UP_QUOTA && sim->o.durable) {
                o->wills_may[i] = true;
                return;
            }
            remove_at(o, i);
            return;
        }
}
