/* SPDX-License-Identifier: MIT */
/* What a listener asks of its sockets, and what it does when they refuse. */
#include "udp_rig.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- a setsockopt that can be told to refuse --------------------------- */

static struct {
    int fd; /* of the last call for IP or IPv6 */
    int level, option, error;
    unsigned refused;
} kernel;

int __real_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t len);

int __wrap_setsockopt(int fd, int level, int option, const void *value,
                      socklen_t len)
{
    if (level == IPPROTO_IP || level == IPPROTO_IPV6)
        kernel.fd = fd;
    if (kernel.error != 0 && level == kernel.level && option == kernel.option) {
        kernel.refused++;
        errno = kernel.error;
        return -1;
    }
    return __real_setsockopt(fd, level, option, value, len);
}

/* ---- the log of one test ----------------------------------------------- */

static int real_stderr, log_file;

static int begin(void **unused)
{
    (void)unused;
    memset(&kernel, 0, sizeof(kernel));
    real_stderr = dup(STDERR_FILENO);
    log_file = memfd_create("log", 0);
    return real_stderr < 0 || dup2(log_file, STDERR_FILENO) < 0;
}

static int end(void **unused)
{
    (void)unused;
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(log_file);
    return 0;
}

static const char *logged(void)
{
    static char text[16384];
    ssize_t len = pread(log_file, text, sizeof(text) - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    return text;
}

/* ---- the tests --------------------------------------------------------- */

static int option_of(int fd, int level, int option)
{
    int value = -1;
    socklen_t len = sizeof(value);

    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

/* Nodes cannot put pieces together [SN12 has no reassembly]. */
static void nothing_that_is_sent_may_be_cut_up(void **unused)
{
    struct rig *r = rig_new();

    (void)unused;
    rig_listen(r, "127.0.0.1");
    assert_int_equal(option_of(kernel.fd, IPPROTO_IP, IP_MTU_DISCOVER),
                     IP_PMTUDISC_DO);
    if (has_ipv6()) {
        rig_listen(r, "::1");
        assert_int_equal(option_of(kernel.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER),
                         IPV6_PMTUDISC_DO);
        assert_int_equal(option_of(kernel.fd, IPPROTO_IPV6, IPV6_DONTFRAG), 1);
    }
    rig_free(r);
}

static void a_listener_tied_to_an_interface_hears_that_one(void **unused)
{
    static const struct {
        const char *why;
        int error;
        bool filtered;
    } rows[] = {
        {"tied by the kernel", 0, false},
        {"no privilege: what comes in elsewhere is dropped here", EPERM, true},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = rig_new();
        int fd;

        CASE(rows[i].why);
        kernel.level = SOL_SOCKET;
        kernel.option = SO_BINDTODEVICE;
        kernel.error = rows[i].error;
        fd = node("127.0.0.1",
                  rig_listen_with(
                      r, (struct gw_udp_listener){.name = "lan",
                                                  .bind = address("0.0.0.0", 0),
                                                  .interface = "lo"}));
        r->echo = true;
        say(fd, 7, 1);
        assert_true(rig_see(r, 1));

        assert_int_equal(hear(fd), 7);
        assert_non_null(strstr(logged(), "event=listening listener=lan"));
        assert_non_null(strstr(logged(), " interface=lo "));
        if (rows[i].filtered)
            assert_non_null(
                strstr(logged(),
                       "event=interface_filtered listener=lan interface=lo"));
        assert_int_equal(counters(r, 0).rx_elsewhere, 0);
        close(fd);
        rig_free(r);
    }
}

/* One that cannot be had at all is no listener. */
static void an_interface_that_is_refused_is_an_error(void **unused)
{
    const struct gw_udp_listener options = {
        .name = "lan", .bind = address("127.0.0.1", 0), .interface = "lo"};
    struct rig *r = rig_new();

    (void)unused;
    kernel.level = SOL_SOCKET;
    kernel.option = SO_BINDTODEVICE;
    kernel.error = ENODEV;
    assert_int_equal(gw_udp_listen(r->udp, &options), MQTTSN_EIO);
    assert_non_null(strstr(logged(), "event=cannot_bind listener=lan"));
    assert_non_null(strstr(logged(), strerror(ENODEV)));
    rig_free(r);
}

static void
a_membership_that_is_refused_is_said_and_stops_nothing(void **unused)
{
    static const struct {
        const char *why, *bind, *group;
        int level, option;
    } rows[] = {
        {"IPv4", "127.0.0.1", "239.77.0.1", IPPROTO_IP, IP_ADD_MEMBERSHIP},
        {"IPv6", "::1", "ff08::7777", IPPROTO_IPV6, IPV6_JOIN_GROUP},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char expected[128];
        struct rig *r;
        int fd;

        CASE(rows[i].why);
        if (strchr(rows[i].bind, ':') != NULL && !has_ipv6())
            continue;
        r = rig_new();
        kernel.level = rows[i].level;
        kernel.option = rows[i].option;
        kernel.error = ENOBUFS;
        kernel.refused = 0;
        fd = node(
            rows[i].bind,
            rig_listen_with(r, (struct gw_udp_listener){
                                   .name = rows[i].why,
                                   .bind = address(rows[i].bind, 0),
                                   .group = address(rows[i].group, free_port()),
                                   .hops = 1}));
        assert_int_not_equal(kernel.refused, 0);
        snprintf(expected, sizeof(expected),
                 "level=warn area=udp event=cannot_join listener=%s ",
                 rows[i].why);
        assert_non_null(strstr(logged(), expected));
        snprintf(expected, sizeof(expected), " interface=lo reason=\"%s; ",
                 strerror(ENOBUFS));
        assert_non_null(strstr(logged(), expected));

        r->echo = true;
        say(fd, 9, 1);
        assert_true(rig_see(r, 1));
        assert_int_equal(hear(fd), 9);
        close(fd);
        rig_free(r);
    }
    assert_null(strstr(logged(), "event=group_joined"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_that_is_sent_may_be_cut_up),
        TEST(a_listener_tied_to_an_interface_hears_that_one),
        TEST(an_interface_that_is_refused_is_an_error),
        TEST(a_membership_that_is_refused_is_said_and_stops_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
