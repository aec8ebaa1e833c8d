/* SPDX-License-Identifier: MIT */
#include "udp_rig.h"

#include <unistd.h>

/* [ecosystem 8.1]: a node with a connected socket hears nothing else. */
static void the_answer_leaves_from_the_address_that_was_asked(void **unused)
{
    static const struct {
        const char *why, *bind, *asked;
    } rows[] = {
        {"a wildcard answers from its second address", "0.0.0.0", "127.0.0.2"},
        {"and from its first", "0.0.0.0", "127.0.0.1"},
        {"a single address", "127.0.0.3", "127.0.0.3"},
        {"IPv6 wildcard", "::", "::1"},
        {"IPv6 single address", "::1", "::1"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r;
        int fd;

        CASE(rows[i].why);
        if (strchr(rows[i].bind, ':') != NULL && !has_ipv6())
            continue;
        r = rig_new();
        r->echo = true;
        fd = node(rows[i].asked, rig_listen(r, rows[i].bind));

        say(fd, 42, 5);
        assert_true(rig_see(r, 1));

        struct gw_addr asked = address(rows[i].asked, 0);

        assert_memory_equal(r->seen[0].via.local_ip, asked.ip, 16);
        assert_int_equal(r->seen[0].via.multicast, 0);
        assert_int_not_equal(r->seen[0].via.interface, 0);
        assert_int_equal(r->seen[0].len, 5);
        assert_int_equal(hear(fd), 42);
        close(fd);
        rig_free(r);
    }
}

static void a_burst_is_read_and_answered_in_order(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    r->echo = true;
    for (unsigned i = 0; i < 200; i++)
        say(fd, (uint8_t)i, 1 + i);
    assert_true(rig_see(r, 200));

    for (unsigned i = 0; i < 200; i++) {
        assert_int_equal(r->seen[i].first, i);
        assert_int_equal(r->seen[i].len, 1 + i);
        assert_int_equal(hear(fd), i);
    }
    assert_int_equal(counters(r, 0).rx_datagrams, 200);
    assert_int_equal(counters(r, 0).tx_datagrams, 200);
    assert_int_equal(counters(r, 0).rx_kernel_dropped, 0);
    close(fd);
    rig_free(r);
}

static void what_is_too_large_is_counted_and_never_seen_cut(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    say(fd, 1, 513);
    say(fd, 2, 512);
    say(fd, 3, 0);
    assert_true(rig_see(r, 2));

    assert_int_equal(r->seen[0].len, 512);
    assert_int_equal(r->seen[0].first, 2);
    assert_int_equal(r->seen[1].len, 0);
    assert_int_equal(counters(r, 0).rx_oversize, 1);
    close(fd);
    rig_free(r);
}

static void a_new_size_is_in_force_at_once(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    assert_int_equal(gw_udp_resize(r->udp, 0), MQTTSN_EINVAL);
    assert_int_equal(gw_udp_resize(r->udp, 2000), MQTTSN_OK);
    say(fd, 1, 2001);
    say(fd, 2, 2000);
    assert_true(rig_see(r, 1));

    assert_int_equal(r->seen[0].len, 2000);
    assert_int_equal(counters(r, 0).rx_oversize, 1);
    close(fd);
    rig_free(r);
}

static void each_listener_has_its_number_and_its_answers(void **unused)
{
    struct rig *r = rig_new();
    int first = node("127.0.0.1", rig_listen(r, "127.0.0.1"));
    int second = node("127.0.0.1", rig_listen(r, "127.0.0.1"));

    (void)unused;
    r->echo = true;
    say(second, 2, 1);
    say(first, 1, 1);
    assert_true(rig_see(r, 2));

    for (size_t i = 0; i < 2; i++)
        assert_int_equal(r->seen[i].via.listener, r->seen[i].first - 1);
    assert_int_equal(hear(first), 1);
    assert_int_equal(hear(second), 2);
    close(first);
    close(second);
    rig_free(r);
}

static void an_address_that_cannot_be_had_is_an_error(void **unused)
{
    struct rig *r = rig_new();
    uint16_t port = rig_listen(r, "127.0.0.1");
    const struct {
        const char *why;
        struct gw_udp_listener options;
    } rows[] = {
        {"in use, also by a gateway",
         {.name = "t", .bind = address("127.0.0.1", port)}},
        {"in use, by a part of the wildcard",
         {.name = "t", .bind = address("0.0.0.0", port)}},
        {"not ours", {.name = "t", .bind = address("192.0.2.77", 0)}},
        {"no such interface",
         {.name = "t",
          .bind = address("127.0.0.1", 0),
          .interface = "nosuch0"}},
        {"no address at all", {.name = "t"}},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(gw_udp_listen(r->udp, &rows[i].options), MQTTSN_EIO);
        assert_int_equal(gw_udp_listener_count(r->udp), 1);
    }
    rig_free(r);
}

static void what_the_kernel_drops_is_counted(void **unused)
{
    struct rig *r = rig_new();
    int fd = node("127.0.0.1",
                  rig_listen_with(r, (struct gw_udp_listener){
                                         .name = "t",
                                         .bind = address("127.0.0.1", 0),
                                         .receive_buffer = 16384}));

    (void)unused;
    for (unsigned i = 0; i < 500; i++)
        say(fd, 1, 10);
    assert_true(rig_see(r, 5));
    uv_run(&r->loop, UV_RUN_NOWAIT);

    struct gw_udp_counters c = counters(r, 0);

    assert_true(c.rx_kernel_dropped > 0);
    assert_int_equal(c.rx_kernel_dropped + c.rx_datagrams, 500);
    close(fd);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_leaves_from_the_address_that_was_asked),
        cmocka_unit_test(a_burst_is_read_and_answered_in_order),
        cmocka_unit_test(what_is_too_large_is_counted_and_never_seen_cut),
        cmocka_unit_test(a_new_size_is_in_force_at_once),
        cmocka_unit_test(each_listener_has_its_number_and_its_answers),
        cmocka_unit_test(an_address_that_cannot_be_had_is_an_error),
        cmocka_unit_test(what_the_kernel_drops_is_counted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
