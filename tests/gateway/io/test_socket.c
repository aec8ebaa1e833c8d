/* SPDX-License-Identifier: MIT */
#include "io/socket.h"

#include <arpa/inet.h>

#include "check.h"

static struct gw_addr address(const char *ip, uint16_t port, uint32_t scope)
{
    struct gw_addr addr = {.port = port, .scope = scope, .family = 4};

    if (inet_pton(AF_INET, ip, addr.ip) != 1) {
        addr.family = 6;
        assert_int_equal(inet_pton(AF_INET6, ip, addr.ip), 1);
    }
    return addr;
}

static void an_address_survives_the_way_to_the_kernel_and_back(void **unused)
{
    static const struct {
        const char *ip, *text;
        uint32_t scope;
    } rows[] = {
        {"192.0.2.1", "192.0.2.1:1883", 0},
        {"2001:db8::1", "[2001:db8::1]:1883", 0},
        {"fe80::1", "[fe80::1%lo]:1883", 1},
        {"fe80::1", "[fe80::1%999999]:1883", 999999},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_addr there = address(rows[i].ip, 1883, rows[i].scope), back;
        struct sockaddr_storage at;
        char text[GW_SOCKET_TEXT_MAX], lo[IF_NAMESIZE];

        CASE(rows[i].text);
        memset(&back, 0xff, sizeof(back));
        assert_int_not_equal(gw_socket_to_kernel(&there, &at), 0);
        gw_socket_from_kernel(&at, &back);
        assert_true(gw_addr_equal(&there, &back));
        if (rows[i].scope != 1 || if_indextoname(1, lo) != NULL)
            assert_string_equal(gw_socket_text(&there, text), rows[i].text);
    }

    struct gw_addr none = {0};
    struct sockaddr_storage at;

    assert_int_equal(gw_socket_to_kernel(&none, &at), 0);
}

static void addresses_are_told_apart(void **unused)
{
    enum { PUBLIC = 1, GROUP = 2, LOOPBACK = 4, LINK = 8, ANY = 16 };
    static const struct {
        const char *ip;
        unsigned is;
    } rows[] = {
        {"8.8.8.8", PUBLIC},      {"172.15.255.255", PUBLIC},
        {"172.16.0.0", 0},        {"172.31.255.255", 0},
        {"172.32.0.0", PUBLIC},   {"10.1.2.3", 0},
        {"192.168.255.1", 0},     {"192.169.0.1", PUBLIC},
        {"100.64.0.1", 0},        {"100.128.0.1", PUBLIC},
        {"169.254.1.1", LINK},    {"127.0.0.2", LOOPBACK},
        {"224.0.0.1", GROUP},     {"239.255.255.255", GROUP},
        {"240.0.0.1", 0},         {"255.255.255.255", 0},
        {"0.0.0.0", ANY},         {"192.0.2.5", 0},
        {"2a00:1450::1", PUBLIC}, {"2001:db8::1", 0},
        {"fd00::1", 0},           {"fe80::1", LINK},
        {"febf::1", LINK},        {"fec0::1", PUBLIC},
        {"::1", LOOPBACK},        {"::", ANY},
        {"ff02::1", GROUP},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_addr addr = address(rows[i].ip, 0, 0);

        CASE(rows[i].ip);
        assert_int_equal(gw_socket_is_public(&addr), !!(rows[i].is & PUBLIC));
        assert_int_equal(gw_socket_is_group(&addr), !!(rows[i].is & GROUP));
        assert_int_equal(gw_socket_is_loopback(&addr),
                         !!(rows[i].is & LOOPBACK));
        assert_int_equal(gw_socket_is_link_local(&addr), !!(rows[i].is & LINK));
        assert_int_equal(gw_socket_is_any(&addr), !!(rows[i].is & ANY));
    }
}

/* [D10] */
static void a_wildcard_is_public_where_the_machine_is(void **unused)
{
    const struct gw_interface machine[] = {
        {"lo", 1, address("127.0.0.1", 0, 0), true},
        {"lan", 2, address("192.168.0.2", 0, 0), true},
        {"wan", 3, address("8.8.4.4", 0, 0), true},
        {"wan", 3, address("2a00:1450::1", 0, 0), true},
        {"lan", 2, address("fd00::1", 0, 0), true},
    };
    static const struct {
        const char *why, *bound, *name, *found; /* NULL: not public */
    } rows[] = {
        {"a public address itself", "8.8.8.8", NULL, "8.8.8.8:1883"},
        {"a private one, whatever else is there", "192.168.0.2", NULL, NULL},
        {"a wildcard has the public address", "0.0.0.0", NULL, "8.8.4.4:1883"},
        {"tied to the interface that has it", "0.0.0.0", "wan", "8.8.4.4:1883"},
        {"tied to another", "0.0.0.0", "lan", NULL},
        {"only addresses of its family", "::", NULL, "[2a00:1450::1]:1883"},
        {"unique local is not public", "::", "lan", NULL},
        {"loopback", "::1", NULL, NULL},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_addr bound = address(rows[i].bound, 1883, 0), found;
        char text[GW_SOCKET_TEXT_MAX];

        CASE(rows[i].why);
        assert_int_equal(gw_socket_public(&bound, rows[i].name,
                                          ARRAY_LEN(machine), machine, &found),
                         rows[i].found != NULL);
        if (rows[i].found != NULL)
            assert_string_equal(gw_socket_text(&found, text), rows[i].found);
    }
}

static void this_machine_has_a_loopback(void **unused)
{
    struct gw_interface row[32];
    size_t n = gw_socket_interfaces(32, row);
    bool found = false;

    (void)unused;
    assert_true(n <= 32);
    for (size_t i = 0; i < n; i++) {
        assert_int_not_equal(row[i].index, 0);
        assert_int_equal(row[i].addr.port, 0);
        found |= gw_socket_is_loopback(&row[i].addr) && row[i].multicast;
    }
    assert_true(found);
    assert_int_equal(gw_socket_interfaces(1, row), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_survives_the_way_to_the_kernel_and_back),
        cmocka_unit_test(addresses_are_told_apart),
        cmocka_unit_test(a_wildcard_is_public_where_the_machine_is),
        cmocka_unit_test(this_machine_has_a_loopback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
