/* SPDX-License-Identifier: MIT */
/*
 * Several sessions of one client id in the store, as a power cut may leave them
 * when the word that ended one is lost and the word that began the next is not:
 * the last one lives, and what the others had ends with them.
 */
#include "check.h"

#include <stdlib.h>

#include "world.h"

static void stop_test(const char *message)
{
    fail_msg("%s", message);
}

static void start(struct world *w)
{
    world_init(w);
    w->fail = stop_test;
    w->options.durable = true;
    world_start(w);
}

static void connect_node(struct world *w, const struct node *n, uint8_t flags)
{
    struct output *out;
    struct sn_frame frame;

    world_send(w, n, sn_connect("again", 600, flags));
    out = world_take(w, OUT_DATAGRAM, n);
    assert_non_null(out);
    world_open(w, out, n, &frame);
    assert_int_equal(frame.type, SN_CONNACK);
}

static void subscribe(struct world *w, const struct node *n, const char *name)
{
    struct output *out;

    world_send(w, n, sn_subscribe(SN_SUBSCRIBE, SN_QOS1, 7, name));
    out = world_take(w, OUT_UPSTREAM, NULL);
    assert_non_null(out);
    world_result(w, out->up.token, GW_UP_DONE, 2);
    assert_non_null(world_take(w, OUT_DATAGRAM, n));
}

/* ---- records that come back -------------------------------------------- */

static struct record saved[64];
static size_t saved_count;

static void save(const struct world *w)
{
    for (size_t i = 0; i < w->records.count; i++) {
        const struct record *r = &w->records.rows[i];
        struct record *copy = &saved[saved_count++];

        assert_true(saved_count <= ARRAY_LEN(saved));
        *copy = *r;
        copy->data = malloc(r->len + 1);
        assert_non_null(copy->data);
        memcpy(copy->data, r->data, r->len);
    }
}

static bool has(const struct world *w, const struct record *r)
{
    for (size_t i = 0; i < w->records.count; i++) {
        const struct record *other = &w->records.rows[i];

        if (other->kind == r->kind && other->owner == r->owner &&
            other->item == r->item)
            return true;
    }
    return false;
}

static void put_back(struct world *w)
{
    while (saved_count > 0) {
        struct record *r = &saved[--saved_count];

        if (has(w, r)) {
            free(r->data);
            continue;
        }
        if (w->records.count == w->records.room) {
            w->records.room = 2 * w->records.room + 1;
            w->records.rows = realloc(
                w->records.rows, w->records.room * sizeof(*w->records.rows));
            assert_non_null(w->records.rows);
        }
        w->records.rows[w->records.count++] = *r;
    }
}

static size_t sessions_kept(const struct world *w)
{
    size_t count = 0;

    for (size_t i = 0; i < w->records.count; i++)
        count += w->records.rows[i].kind == GW_RECORD_SESSION;
    return count;
}

/* ---- tests ------------------------------------------------------------- */

/* Answers whatever the broker is asked; how many UNSUBSCRIBEs were among it. */
static unsigned answer_all(struct world *w)
{
    unsigned given_up = 0;
    struct output *out;

    while ((out = world_take(w, OUT_UPSTREAM, NULL)) != NULL) {
        given_up += out->up.kind == GW_UP_UNSUBSCRIBE;
        world_result(w, out->up.token, GW_UP_DONE, 2);
    }
    return given_up;
}

static void one_session(struct world *w, const struct node *n, const char *name)
{
    connect_node(w, n, SN_CLEAN);
    subscribe(w, n, name);
    world_message(w, "zz", "for nobody", 10, 1, false);
    save(w);
    world_send(w, n, sn_disconnect(-1));
    assert_non_null(world_take(w, OUT_DATAGRAM, n));
    assert_int_equal(sessions_kept(w), 0);
    assert_int_equal(answer_all(w), 1);
}

static void the_last_of_three_lives(void **unused)
{
    struct node n = world_node(1);
    struct gw_session_info info;
    struct gw_totals totals;
    struct world w;

    (void)unused;
    start(&w);
    one_session(&w, &n, "aa");
    one_session(&w, &n, "bb");
    connect_node(&w, &n, 0);
    subscribe(&w, &n, "cc");
    put_back(&w);
    assert_int_equal(sessions_kept(&w), 3);
    world_forget_outputs(&w);

    world_restart(&w);
    gw_engine_totals(w.engine, &totals);
    for (int state = 0; state < GW_STATE_COUNT; state++)
        assert_int_equal(totals.clients[state], state == GW_ACTIVE);
    assert_int_equal(world_usage(&w).sessions, 1);
    assert_int_equal(world_usage(&w).subscriptions, 1);
    assert_int_equal(sessions_kept(&w), 1);
    assert_true(world_session(&w, "again", &info));
    assert_int_equal(info.state, GW_ACTIVE);
    assert_false(info.clean_session);

    /* What the others had asked for is given up at the broker. */
    world_connected(&w, true);
    assert_int_equal(answer_all(&w), 2);
    world_message(&w, "bb", "x", 1, 1, false);
    assert_null(world_take(&w, OUT_DATAGRAM, &n));
    world_message(&w, "cc", "x", 1, 1, false);
    assert_non_null(world_take(&w, OUT_DATAGRAM, &n));

    /* And once more, with what is in the store now. */
    world_restart(&w);
    assert_int_equal(world_usage(&w).sessions, 1);
    world_stop(&w);
}

/* Two of them at one time need a place each. */
static void where_there_is_no_room_for_both_one_stays(void **unused)
{
    struct node n = world_node(1);
    struct world w;

    (void)unused;
    world_init(&w);
    w.fail = stop_test;
    w.options.durable = true;
    w.limits.max_sessions = 1;
    w.narrows = true;
    world_start(&w);
    one_session(&w, &n, "aa");
    connect_node(&w, &n, 0);
    put_back(&w);
    world_restart(&w);
    assert_int_equal(world_usage(&w).sessions, 1);
    world_stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_three_lives),
        cmocka_unit_test(where_there_is_no_room_for_both_one_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
