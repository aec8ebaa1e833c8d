/* SPDX-License-Identifier: MIT */
/*
 * Every state of a client against every message: the gateway's reaction and
 * the state that follows. The table below is written from the specification's
 * procedures [SN 6] and the decisions G12-17 to G12-49; it shares nothing with
 * the engine's own.
 */
#include <stdlib.h>

#include "check.h"

#include "world.h"

/* How the sender stands with the gateway when the message arrives. */
enum column {
    UNKNOWN,    /* its address belongs to no session */
    HALF_TOPIC, /* half-open, asked for its will topic */
    HALF_MSG,   /* half-open, asked for its will message */
    ACTIVE,
    ASLEEP, /* with mail waiting */
    AWAKE,  /* with mail in flight */
    DISC,
    LOST,
    COLUMNS
};

static const char *const column_names[COLUMNS] = {"unknown",
                                                  "half-open (topic)",
                                                  "half-open (message)",
                                                  "active",
                                                  "asleep",
                                                  "awake",
                                                  "disconnected",
                                                  "lost"};

/* What is on its way to the node, where a row needs it. */
enum mail { MAIL_QOS1, MAIL_QOS2, MAIL_PUBREL, MAIL_REGISTER };

enum reaction {
    NONE,     /* not a datagram, not an action */
    ANY,      /* not laid down */
    UP,       /* published upstream, not answered */
    UP_ACK,   /* published upstream, then PUBACK */
    UP_REC,   /* published upstream, then PUBREC */
    UP_SUB,   /* subscribed upstream, then SUBACK */
    UP_UNSUB, /* unsubscribed upstream, then UNSUBACK */
    /* Above: the type of the one message that answers (0x100 + type). */
    REPLY = 0x100
};
#define R(type) (REPLY + SN_##type)

/* The state that follows, beside the six of the engine. */
enum { SAME = 100, GONE, WHATEVER };

struct cell {
    int reaction;
    int after;
};

struct row {
    const char *name;
    struct octets (*message)(uint16_t msg); /* 'msg': of what is in flight */
    bool flight; /* active needs something in flight */
    enum mail mail;
    struct cell cells[COLUMNS];
};

/* ---- the messages ------------------------------------------------------ */

#define MESSAGE(name, expression)                                              \
    static struct octets name(uint16_t msg)                                    \
    {                                                                          \
        (void)msg;                                                             \
        return expression;                                                     \
    }

static struct octets hex(const char *octets, size_t len)
{
    struct octets o = {.len = len};

    memcpy(o.data, octets, len);
    return o;
}

MESSAGE(advertise, hex("\x05\x00\x09\x03\x84", 5))
MESSAGE(searchgw, hex("\x03\x01\x00", 3))
MESSAGE(gwinfo, hex("\x03\x02\x09", 3))
MESSAGE(gwinfo_of_client, hex("\x08\x02\x09\x04\x0a\x00\x00\x01", 8))
MESSAGE(connect_same, sn_connect("n1", 599, 0))
MESSAGE(connect_clean, sn_connect("n1", 598, SN_CLEAN))
MESSAGE(connect_will, sn_connect("n1", 597, SN_WILL))
MESSAGE(connect_other, sn_connect("other", 600, 0))
MESSAGE(willtopic, sn_willtopic(SN_WILLTOPIC, 0, "w/1"))
MESSAGE(willtopic_empty, sn_bare(SN_WILLTOPIC))
MESSAGE(willmsg, sn_willmsg(SN_WILLMSG, "gone"))
MESSAGE(willtopicupd, sn_willtopic(SN_WILLTOPICUPD, 0, "w/2"))
MESSAGE(willtopicupd_empty, sn_bare(SN_WILLTOPICUPD))
MESSAGE(willmsgupd, sn_willmsg(SN_WILLMSGUPD, "x"))
MESSAGE(reg, sn_register(0, 9, "a/c"))
MESSAGE(regack, sn_ack(SN_REGACK, 3, msg, 0))
MESSAGE(publish_0, sn_publish(SN_QOS0, 1, 0, "x"))
MESSAGE(publish_1, sn_publish(SN_QOS1, 1, 9, "x"))
MESSAGE(publish_2, sn_publish(SN_QOS2, 1, 9, "x"))
MESSAGE(publish_unknown_id, sn_publish(SN_QOS0, 99, 0, "x"))
MESSAGE(publish_reserved, sn_publish(SN_QOS1 | 3, 1, 9, "x"))
MESSAGE(publish_minus1, sn_publish(SN_QOS_MINUS1 | SN_PREDEFINED, 5, 0, "x"))
MESSAGE(publish_minus1_shut,
        sn_publish(SN_QOS_MINUS1 | SN_PREDEFINED, 6, 0, "x"))
MESSAGE(puback, sn_ack(SN_PUBACK, 2, msg, 0))
MESSAGE(puback_foreign, sn_ack(SN_PUBACK, 2, (uint16_t)(msg + 1), 0))
MESSAGE(pubrec, sn_msg(SN_PUBREC, msg))
MESSAGE(pubcomp, sn_msg(SN_PUBCOMP, msg))
MESSAGE(pubcomp_foreign, sn_msg(SN_PUBCOMP, (uint16_t)(msg + 1)))
MESSAGE(pubrel, sn_msg(SN_PUBREL, 77))
MESSAGE(pubrel_foreign, sn_msg(SN_PUBREL, 88))
MESSAGE(subscribe, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 9, "new"))
MESSAGE(subscribe_illegal, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 9, "a/#/b"))
MESSAGE(unsubscribe, sn_subscribe(SN_UNSUBSCRIBE, 0, 9, "cmd/a"))
MESSAGE(unsubscribe_nothing, sn_subscribe(SN_UNSUBSCRIBE, 0, 9, "nope"))
MESSAGE(pingreq, sn_pingreq(NULL))
MESSAGE(pingreq_own, sn_pingreq("n1"))
MESSAGE(pingreq_nobody, sn_pingreq("nobody"))
MESSAGE(pingresp, sn_bare(SN_PINGRESP))
MESSAGE(disconnect, sn_disconnect(-1))
MESSAGE(disconnect_0, sn_disconnect(0))
MESSAGE(disconnect_d, sn_disconnect(250))
MESSAGE(connack, sn_code(SN_CONNACK, 0))
MESSAGE(willtopicreq, sn_bare(SN_WILLTOPICREQ))
MESSAGE(willmsgreq, sn_bare(SN_WILLMSGREQ))
MESSAGE(suback, hex("\x08\x13\x20\x00\x01\x00\x03\x00", 8))
MESSAGE(unsuback, sn_msg(SN_UNSUBACK, 3))
MESSAGE(willtopicresp, sn_code(SN_WILLTOPICRESP, 0))
MESSAGE(willmsgresp, sn_code(SN_WILLMSGRESP, 0))
MESSAGE(encapsulated, hex("\x05\xfe\x00\x0a\x01\x02\x16", 7))

/* ---- the table --------------------------------------------------------- */

/* The same in all columns. */
#define ALL(reaction, state)                                                   \
    {                                                                          \
        {reaction, state}, {reaction, state}, {reaction, state},               \
            {reaction, state}, {reaction, state}, {reaction, state},           \
            {reaction, state}, {reaction, state},                              \
    }
#define EVERYWHERE(reaction) ALL(reaction, SAME)

/* DISCONNECT without a duration. */
#define LEAVES                                                                 \
    {                                                                          \
        {R(DISCONNECT), SAME}, {R(DISCONNECT), GONE}, {R(DISCONNECT), GONE},   \
            {R(DISCONNECT), GW_DISCONNECTED},                                  \
            {R(DISCONNECT), GW_DISCONNECTED},                                  \
            {R(DISCONNECT), GW_DISCONNECTED}, {R(DISCONNECT), SAME},           \
            {R(DISCONNECT), WHATEVER},                                         \
    }

/* A request of a session: told DISCONNECT where there is none, ignored while
 * half-open, done when connected, also asleep (G12-22, G12-26). */
#define REQUEST(reaction)                                                      \
    {                                                                          \
        {R(DISCONNECT), SAME}, {NONE, SAME}, {NONE, SAME}, {reaction, SAME},   \
            {reaction, SAME}, {reaction, SAME}, {R(DISCONNECT), SAME},         \
            {R(DISCONNECT), SAME},                                             \
    }

/* In the order of the columns: unknown, half-open twice, active, asleep,
 * awake, disconnected, lost. */
static const struct row rows[] = {
    {"ADVERTISE", advertise, .cells = EVERYWHERE(NONE)},
    {"SEARCHGW [SN12-113]", searchgw, .cells = EVERYWHERE(R(GWINFO))},
    {"GWINFO", gwinfo, .cells = EVERYWHERE(NONE)},
    {"GWINFO with an address (G12-45)", gwinfo_of_client,
     .cells = EVERYWHERE(NONE)},

    {"CONNECT [SN12-801] [SN12-814] (G12-20, G12-21)", connect_same,
     .cells = ALL(R(CONNACK), GW_ACTIVE)},
    {"CONNECT clean [SN12-209]", connect_clean,
     .cells = ALL(R(CONNACK), GW_ACTIVE)},
    {"CONNECT with Will [SN12-202]", connect_will,
     .cells = ALL(R(WILLTOPICREQ), GW_HALF_OPEN)},
    {"CONNECT with another id (G12-23)", connect_other,
     .cells = {{R(CONNACK), SAME},
               {R(CONNACK), GONE},
               {R(CONNACK), GONE},
               {R(CONNACK), SAME},
               {R(CONNACK), SAME},
               {R(CONNACK), WHATEVER},
               {R(CONNACK), SAME},
               {R(CONNACK), SAME}}},

    {"WILLTOPIC (G12-43)", willtopic,
     .cells = {{NONE, SAME},
               {R(WILLMSGREQ), SAME},
               {R(WILLMSGREQ), SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME}}},
    {"WILLTOPIC empty [SN12-040]", willtopic_empty,
     .cells = {{NONE, SAME},
               {R(CONNACK), GW_ACTIVE},
               {ANY, WHATEVER},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME}}},
    {"WILLMSG (G12-43)", willmsg,
     .cells = {{NONE, SAME},
               {NONE, SAME},
               {R(CONNACK), GW_ACTIVE},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME}}},
    {"WILLTOPICUPD [SN12-214]", willtopicupd,
     .cells = REQUEST(R(WILLTOPICRESP))},
    {"WILLTOPICUPD empty [SN12-215]", willtopicupd_empty,
     .cells = REQUEST(R(WILLTOPICRESP))},
    {"WILLMSGUPD [SN12-214]", willmsgupd, .cells = REQUEST(R(WILLMSGRESP))},

    {"REGISTER [SN12-301]", reg, .cells = REQUEST(R(REGACK))},
    {"REGACK that matches [SN12-604]", regack, true, MAIL_REGISTER,
     .cells = {{NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PUBLISH), SAME},
               {NONE, SAME},
               {R(PUBLISH), SAME},
               {NONE, SAME},
               {NONE, SAME}}},
    {"REGACK that does not", regack, .cells = EVERYWHERE(NONE)},

    {"PUBLISH QoS 0", publish_0, .cells = REQUEST(UP)},
    {"PUBLISH QoS 1", publish_1, .cells = REQUEST(UP_ACK)},
    {"PUBLISH QoS 2", publish_2, .cells = REQUEST(UP_REC)},
    {"PUBLISH QoS 0 with an unknown id [SN12-402] (G12-47)", publish_unknown_id,
     .cells = REQUEST(R(PUBACK))},
    {"PUBLISH with the reserved TopicIdType (G12-06)", publish_reserved,
     .cells = REQUEST(R(PUBACK))},
    {"PUBLISH QoS -1 [SN12-405]", publish_minus1, .cells = EVERYWHERE(UP)},
    {"PUBLISH QoS -1, not open (G12-42)", publish_minus1_shut,
     .cells = EVERYWHERE(NONE)},

    /* Acknowledged mail is followed by PINGRESP when awake [SN12-809]. */
    {"PUBACK that matches", puback, true, MAIL_QOS1,
     .cells = {{NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PINGRESP), GW_ASLEEP},
               {NONE, SAME},
               {NONE, SAME}}},
    {"PUBACK that does not", puback_foreign, true, MAIL_QOS1,
     .cells = EVERYWHERE(NONE)},
    {"PUBREC that matches", pubrec, true, MAIL_QOS2,
     .cells = {{NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PUBREL), SAME},
               {ANY, SAME},
               {R(PUBREL), SAME},
               {NONE, SAME},
               {NONE, SAME}}},
    {"PUBCOMP that matches", pubcomp, true, MAIL_PUBREL,
     .cells = {{NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PINGRESP), GW_ASLEEP},
               {NONE, SAME},
               {NONE, SAME}}},
    {"PUBCOMP that does not", pubcomp_foreign, true, MAIL_PUBREL,
     .cells = EVERYWHERE(NONE)},
    {"PUBREL of an open exchange (G12-34)", pubrel,
     .cells = {{R(DISCONNECT), SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PUBCOMP), SAME},
               {R(PUBCOMP), SAME},
               {R(PUBCOMP), SAME},
               {R(PUBCOMP), SAME},
               {R(PUBCOMP), SAME}}},
    {"PUBREL of none (G12-34)", pubrel_foreign, .cells = REQUEST(R(PUBCOMP))},

    {"SUBSCRIBE [SN12-501]", subscribe, .cells = REQUEST(UP_SUB)},
    {"SUBSCRIBE, illegal [SN12-502]", subscribe_illegal,
     .cells = REQUEST(R(SUBACK))},
    {"UNSUBSCRIBE [SN12-507]", unsubscribe, .cells = REQUEST(UP_UNSUB)},
    {"UNSUBSCRIBE of nothing (G12-41)", unsubscribe_nothing,
     .cells = REQUEST(R(UNSUBACK))},

    {"PINGREQ (G12-25, G12-18)", pingreq,
     .cells = {{R(DISCONNECT), SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PINGRESP), SAME},
               {R(PUBLISH), GW_AWAKE},
               {R(PUBLISH), SAME},
               {R(DISCONNECT), SAME},
               {R(DISCONNECT), SAME}}},
    {"PINGREQ with its id [SN12-807] [SN12-703]", pingreq_own,
     .cells = {{R(DISCONNECT), SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(PINGRESP), SAME},
               {R(PUBLISH), GW_AWAKE},
               {R(PUBLISH), SAME},
               {R(DISCONNECT), SAME},
               {R(DISCONNECT), SAME}}},
    {"PINGREQ with an id that nobody has (G12-24)", pingreq_nobody,
     .cells = {{R(DISCONNECT), SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {NONE, SAME},
               {R(DISCONNECT), SAME},
               {R(DISCONNECT), SAME}}},
    {"PINGRESP", pingresp, .cells = EVERYWHERE(NONE)},

    {"DISCONNECT [SN12-708] [SN12-803] [SN12-815]", disconnect,
     .cells = LEAVES},
    {"DISCONNECT with 0 (G12-31)", disconnect_0, .cells = LEAVES},
    {"DISCONNECT with a duration [SN12-804] [SN12-816]", disconnect_d,
     .cells = {{R(DISCONNECT), SAME},
               {R(DISCONNECT), GONE},
               {R(DISCONNECT), GONE},
               {R(DISCONNECT), GW_ASLEEP},
               {R(DISCONNECT), GW_ASLEEP},
               {R(DISCONNECT), GW_ASLEEP},
               {R(DISCONNECT), SAME},
               {R(DISCONNECT), SAME}}},

    {"CONNACK", connack, .cells = EVERYWHERE(NONE)},
    {"WILLTOPICREQ", willtopicreq, .cells = EVERYWHERE(NONE)},
    {"WILLMSGREQ", willmsgreq, .cells = EVERYWHERE(NONE)},
    {"SUBACK", suback, .cells = EVERYWHERE(NONE)},
    {"UNSUBACK", unsuback, .cells = EVERYWHERE(NONE)},
    {"WILLTOPICRESP", willtopicresp, .cells = EVERYWHERE(NONE)},
    {"WILLMSGRESP", willmsgresp, .cells = EVERYWHERE(NONE)},
    {"an encapsulation from no forwarder (G12-46)", encapsulated,
     .cells = EVERYWHERE(NONE)},
};

/* ---- reaching a column ------------------------------------------------- */

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void accept_action(struct world *w, enum gw_up_action_kind kind)
{
    struct output *out = world_take(w, OUT_UPSTREAM, NULL);

    if (out == NULL || out->up.kind != kind)
        world_fail(w, "the expected upstream action did not come");
    if (out->up.token != 0)
        world_result(w, out->up.token, GW_UP_DONE, 2);
}

static void mail(struct world *w, enum mail kind)
{
    uint8_t qos = kind == MAIL_QOS2 || kind == MAIL_PUBREL ? 2 : 1;

    world_message(w, kind == MAIL_REGISTER ? "wild/x" : "cmd/a", "m", 1, qos,
                  false);
}

/* The MsgId of what was sent to the node last; after PUBREC when the row wants
 * the exchange to stand there. */
static uint16_t flight(struct world *w, const struct node *node, enum mail kind)
{
    struct output *out, *last = NULL;
    static struct sn_frame f;

    while ((out = world_take(w, OUT_DATAGRAM, node)) != NULL)
        last = out;
    if (last == NULL)
        world_fail(w, "there is no mail in flight");
    world_open(w, last, node, &f);
    if (kind == MAIL_PUBREL)
        world_send(w, node, sn_msg(SN_PUBREC, f.msg));
    return f.msg;
}

static void connect_fully(struct world *w, const struct node *node)
{
    world_send(w, node, sn_connect("n1", 600, 0));
    world_send(w, node, sn_register(0, 1, "a/b"));
    world_send(w, node, sn_subscribe(SN_SUBSCRIBE, SN_QOS2, 2, "cmd/a"));
    accept_action(w, GW_UP_SUBSCRIBE);
    world_send(w, node, sn_subscribe(SN_SUBSCRIBE, SN_QOS2, 3, "wild/+"));
    accept_action(w, GW_UP_SUBSCRIBE);
    world_until(w, w->now + 1000);
    world_send(w, node, sn_publish(SN_QOS2, 1, 77, "open"));
    accept_action(w, GW_UP_PUBLISH);
}

static uint16_t reach(struct world *w, const struct node *node,
                      enum column column, bool in_flight, enum mail kind)
{
    uint16_t msg = 1234;

    world_init(w);
    w->fail = stop_test;
    w->options.stranger_reply_rate = 1000;
    world_predefine(w, NULL, 5, "open/x", true);
    world_predefine(w, NULL, 6, "shut/x", false);
    world_start(w);
    if (column == HALF_TOPIC || column == HALF_MSG) {
        world_send(w, node, sn_connect("n1", 600, SN_WILL));
        if (column == HALF_MSG)
            world_send(w, node, sn_willtopic(SN_WILLTOPIC, 0, "w/1"));
    } else if (column != UNKNOWN) {
        connect_fully(w, node);
    }
    if (column == ASLEEP || column == AWAKE) {
        world_send(w, node, sn_disconnect(300));
        mail(w, kind);
    } else if (column == ACTIVE && in_flight) {
        mail(w, kind);
        msg = flight(w, node, kind);
    }
    if (column == AWAKE) {
        world_send(w, node, sn_pingreq("n1"));
        msg = flight(w, node, kind);
    }
    if (column == DISC)
        world_send(w, node, sn_disconnect(-1));
    if (column == LOST)
        world_until(w, w->now + 661000);
    world_forget_outputs(w);
    return msg;
}

/* ---- judging ----------------------------------------------------------- */

static int state_of(struct world *w)
{
    struct gw_session_info info;

    return world_session(w, "n1", &info) ? (int)info.state : GONE;
}

static void expect_nothing(struct world *w)
{
    char text[900];
    struct output *out = world_peek(w, OUT_DATAGRAM, NULL);

    if (out == NULL)
        out = world_peek(w, OUT_UPSTREAM, NULL);
    if (out == NULL)
        return;
    output_text(out, text, sizeof(text));
    world_fail(w, "more than expected: %s", text);
}

static void expect_reply(struct world *w, const struct node *node,
                         unsigned type)
{
    struct output *out = world_take(w, OUT_DATAGRAM, node);
    static struct sn_frame f;

    if (out == NULL)
        world_fail(w, "no %s came", sn_type_name(type));
    world_open(w, out, node, &f);
    if (f.type != type)
        world_fail(w, "a %s came, not a %s", sn_type_name(f.type),
                   sn_type_name(type));
}

static void expect_reaction(struct world *w, const struct node *node,
                            int reaction)
{
    static const struct {
        enum gw_up_action_kind kind;
        int answer;
    } ups[] = {[UP] = {GW_UP_PUBLISH, -1},
               [UP_ACK] = {GW_UP_PUBLISH, SN_PUBACK},
               [UP_REC] = {GW_UP_PUBLISH, SN_PUBREC},
               [UP_SUB] = {GW_UP_SUBSCRIBE, SN_SUBACK},
               [UP_UNSUB] = {GW_UP_UNSUBSCRIBE, SN_UNSUBACK}};

    if (reaction == ANY)
        return;
    if (reaction >= REPLY) {
        expect_reply(w, node, (unsigned)reaction - REPLY);
    } else if (reaction != NONE) {
        if (world_peek(w, OUT_DATAGRAM, NULL) != NULL)
            world_fail(w, "answered before the broker did");
        accept_action(w, ups[reaction].kind);
        if (ups[reaction].answer >= 0)
            expect_reply(w, node, (unsigned)ups[reaction].answer);
    }
    /* After CONNACK, mail may follow; a clean start ends subscriptions. */
    if (reaction != R(CONNACK) && reaction != R(WILLTOPICREQ))
        expect_nothing(w);
}

static void try_cell(const struct row *row, enum column column)
{
    const struct cell *cell = &row->cells[column];
    struct node node = world_node(1);
    static struct world w;
    uint16_t msg = reach(&w, &node, column, row->flight, row->mail);
    int before = state_of(&w), after;

    world_trace(&w, "---- %s when %s", row->name, column_names[column]);
    world_send(&w, &node, row->message(msg));
    expect_reaction(&w, &node, cell->reaction);
    after = state_of(&w);
    if (cell->after != WHATEVER &&
        after != (cell->after == SAME ? before : cell->after))
        world_fail(&w, "the client is now %s",
                   after == GONE ? "gone" : state_name((enum gw_state)after));
    world_stop(&w);
}

static void every_cell_reacts_as_the_table_says(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        for (int column = 0; column < COLUMNS; column++)
            try_cell(&rows[i], (enum column)column);
}

static void the_columns_are_the_states_they_are_called(void **unused)
{
    static const int states[COLUMNS] = {
        GONE,      GW_HALF_OPEN, GW_HALF_OPEN,    GW_ACTIVE,
        GW_ASLEEP, GW_AWAKE,     GW_DISCONNECTED, GW_LOST};
    struct node node = world_node(1);
    static struct world w;

    (void)unused;
    for (int column = 0; column < COLUMNS; column++) {
        reach(&w, &node, (enum column)column, true, MAIL_QOS1);
        if (state_of(&w) != states[column])
            world_fail(&w, "'%s' was not reached", column_names[column]);
        world_stop(&w);
    }
}

static void reserved_types_change_nothing_anywhere(void **unused)
{
    struct node node = world_node(1);
    static struct world w;

    (void)unused;
    for (int column = 0; column < COLUMNS; column++) {
        char *before, *after;
        unsigned sent = 0;
        uint64_t counted, more;

        reach(&w, &node, (enum column)column, true, MAIL_QOS1);
        before = world_snapshot(&w);
        world_counter(&w, "rx_type", &counted);
        w.now += 1;
        for (unsigned type = 0; type < 256; type++) {
            struct octets o = {.len = 4, .data = {4, (uint8_t)type, 0, 0}};

            if (sn_type_name(type) != NULL || type == SN_ENCAPSULATED)
                continue;
            world_send(&w, &node, o);
            sent++;
        }
        expect_nothing(&w);
        after = world_snapshot(&w);
        assert_string_equal(before, after);
        world_counter(&w, "rx_type", &more);
        assert_int_equal(sent, 228); /* all but 27 types and 0xfe */
        assert_int_equal(more - counted, sent);
        free(before);
        free(after);
        world_stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_columns_are_the_states_they_are_called),
        cmocka_unit_test(every_cell_reacts_as_the_table_says),
        cmocka_unit_test(reserved_types_change_nothing_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
