/* SPDX-License-Identifier: MIT */
/* The port of the pattern, over loopback. */
#include "udp_port.h"

#include "check.h"

enum { WAIT_MS = 10000 };

static void ask_for(struct mqttsn_udp_place *ret_place, const char *host)
{
    assert_int_equal(mqttsn_udp_resolve(host, 4711, AF_UNSPEC, ret_place, 1),
                     1);
}

static void addresses_have_the_form_that_gwinfo_carries(void **unused)
{
    static const struct {
        const char *host;
        size_t len;
        const char *text;
    } rows[] = {
        {"192.0.2.1", 6, "192.0.2.1:4711"},
        {"2001:db8::1", 18, "[2001:db8::1]:4711"},
    };
    char text[MQTTSN_UDP_TEXT_MAX];
    struct mqttsn_udp_place place;

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].text);
        ask_for(&place, rows[i].host);
        assert_int_equal(place.address.len, rows[i].len);
        mqttsn_udp_text(&place.address, text);
        assert_string_equal(text, rows[i].text);
    }
    place.address.len = 16;
    mqttsn_udp_text(&place.address, text);
    assert_string_equal(text, "2001:db8::1");
    assert_int_equal(
        mqttsn_udp_resolve("300.1.2.3.invalid", 1, AF_UNSPEC, &place, 1), 0);
}

/* Where 'port' sends from, learnt by sending to 'hearer'. */
static void exchange(struct mqttsn_udp_port *port,
                     struct mqttsn_udp_port *hearer, const char *text,
                     struct mqttsn_address *ret_from)
{
    uint8_t buf[64];
    size_t len;

    assert_int_equal(mqttsn_udp_send(port, NULL, 0, mqttsn_span_text(text)),
                     MQTTSN_OK);
    assert_int_equal(
        mqttsn_udp_wait(hearer, -1, mqttsn_udp_now() + WAIT_MS, NULL),
        MQTTSN_UDP_DATAGRAM);
    assert_int_equal(
        mqttsn_udp_receive(hearer, buf, sizeof(buf), ret_from, &len),
        MQTTSN_OK);
    assert_true(
        mqttsn_span_equal(mqttsn_span(buf, len), mqttsn_span_text(text)));
}

/* A hearer of loopback at a free port, and its address. */
static void open_hearer(struct mqttsn_udp_port *hearer,
                        struct mqttsn_udp_place *ret_at)
{
    ask_for(ret_at, "127.0.0.1");
    assert_int_equal(mqttsn_udp_open(hearer, AF_INET, 0), MQTTSN_OK);
    for (unsigned number = 21000;; number++) {
        assert_true(number < 31000);
        ret_at->address.octets[4] = (uint8_t)(number >> 8);
        ret_at->address.octets[5] = (uint8_t)number;
        if (mqttsn_udp_bind(hearer, &ret_at->address) == MQTTSN_OK)
            return;
    }
}

static void a_connected_port_talks_to_its_peer_alone(void **unused)
{
    struct mqttsn_udp_port port, hearer;
    struct mqttsn_udp_place at;
    struct mqttsn_address from;
    uint8_t buf[8];
    size_t len;

    (void)unused;
    open_hearer(&hearer, &at);
    assert_int_equal(mqttsn_udp_open(&port, AF_INET, 0), MQTTSN_OK);
    assert_int_equal(mqttsn_udp_connect(&port, &at.address), MQTTSN_OK);
    exchange(&port, &hearer, "there", &from);

    assert_int_equal(
        mqttsn_udp_send(&hearer, &from, 0, mqttsn_span_text("back")),
        MQTTSN_OK);

    assert_int_equal(
        mqttsn_udp_wait(&port, -1, mqttsn_udp_now() + WAIT_MS, NULL),
        MQTTSN_UDP_DATAGRAM);
    assert_int_equal(mqttsn_udp_receive(&port, buf, sizeof(buf), &from, &len),
                     MQTTSN_OK);
    assert_int_equal(len, 4);
    assert_memory_equal(from.octets, at.address.octets, 6);
    assert_int_equal(mqttsn_udp_receive(&port, buf, sizeof(buf), &from, &len),
                     MQTTSN_ENOTFOUND);
    mqttsn_udp_close(&port);
    mqttsn_udp_close(&hearer);
    mqttsn_udp_close(&hearer);
}

static void a_connected_port_hears_that_nobody_listens(void **unused)
{
    struct mqttsn_udp_port port, hearer;
    struct mqttsn_udp_place at;
    struct mqttsn_address from;
    uint8_t buf[8];
    size_t len;

    (void)unused;
    open_hearer(&hearer, &at);
    mqttsn_udp_close(&hearer);
    assert_int_equal(mqttsn_udp_open(&port, AF_INET, 0), MQTTSN_OK);
    assert_int_equal(mqttsn_udp_connect(&port, &at.address), MQTTSN_OK);

    (void)mqttsn_udp_send(&port, NULL, 0, mqttsn_span_text("x"));
    (void)mqttsn_udp_wait(&port, -1, mqttsn_udp_now() + WAIT_MS, NULL);

    assert_int_equal(mqttsn_udp_receive(&port, buf, sizeof(buf), &from, &len),
                     MQTTSN_EIO);
    mqttsn_udp_close(&port);
}

static void an_address_of_the_other_family_is_refused(void **unused)
{
    struct mqttsn_udp_port port;
    struct mqttsn_udp_place place;

    (void)unused;
    ask_for(&place, "::1");
    assert_int_equal(mqttsn_udp_open(&port, AF_INET, 0), MQTTSN_OK);
    assert_int_equal(mqttsn_udp_connect(&port, &place.address), MQTTSN_EIO);
    assert_int_equal(mqttsn_udp_join(&port, &place.address), MQTTSN_EIO);
    assert_int_equal(
        mqttsn_udp_send(&port, &place.address, 0, mqttsn_span_text("x")),
        MQTTSN_EIO);
    mqttsn_udp_close(&port);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_the_form_that_gwinfo_carries),
        cmocka_unit_test(a_connected_port_talks_to_its_peer_alone),
        cmocka_unit_test(a_connected_port_hears_that_nobody_listens),
        cmocka_unit_test(an_address_of_the_other_family_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
