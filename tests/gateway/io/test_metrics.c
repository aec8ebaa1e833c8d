/* SPDX-License-Identifier: MIT */
/*
 * The table of metrics and the text. After a change of the table,
 * GW_UPDATE_DOCUMENTS=1 makes this test write docs/metrics.md anew.
 */
#include "io/metrics.h"

#include "check.h"

#include <stdlib.h>
#include <unistd.h>

#include "io/metrics_table.h"

#define BEGIN "<!-- written from gateway/io/metrics_table.c: begin -->\n"
#define END "<!-- written from gateway/io/metrics_table.c: end -->\n"

/* How many rows are of that number. */
static size_t rows_at(size_t offset, unsigned of)
{
    size_t count = 0;

    for (size_t i = 0; i < metric_row_count; i++)
        count += metric_rows[i].width != 0 && metric_rows[i].of == of &&
                 metric_rows[i].offset == offset;
    return count;
}

static void every_counter_has_its_row(void **state)
{
    (void)state;
#define ENGINE(name, text)                                                     \
    CASE(#name);                                                               \
    assert_int_equal(                                                          \
        rows_at(offsetof(struct gw_metrics, engine.name), METRIC_OF_GATEWAY),  \
        strcmp(#name, "tx_retransmissions") != 0); /* a sum of others */
    GW_COUNTER_MAP(ENGINE)
#undef ENGINE
#define LISTENER(name, text)                                                   \
    CASE(#name);                                                               \
    assert_true(                                                               \
        rows_at(offsetof(struct gw_udp_counters, name), METRIC_OF_LISTENER) +  \
            rows_at(offsetof(struct gw_metrics, udp.name),                     \
                    METRIC_OF_GATEWAY) >                                       \
        0);
    GW_UDP_COUNTER_MAP(LISTENER)
#undef LISTENER
}

static struct gw_metrics *some(void)
{
    static const struct gw_forward_times forward = {
        .count = {[0] = 2, [3] = 1, [GW_FORWARD_BUCKETS - 1] = 4},
        .sum_us = 123000045};
    struct gw_metrics *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    m->forward = &forward;
    m->version = "1.2.3";
    m->mode = "aggregating";
    m->store = "memory";
    m->up_ms = 61007;
    m->engine.connects_accepted = UINT64_MAX;
    m->usage.sessions = UINT32_MAX;
    m->listener_count = 2;
    m->listeners[0].name = "lan";
    m->listeners[1].name = "ipv6";
    m->listeners[1].counters.rx_datagrams = 8;
    return m;
}

static void assert_line(const char *text, const char *line)
{
    char whole[256];

    snprintf(whole, sizeof(whole), "\n%s\n", line);
    if (strstr(text, whole) == NULL)
        fail_msg("no line '%s' in:\n%s", line, text);
}

static void numbers_are_written_whole_and_by_their_unit(void **state)
{
    struct gw_metrics *m = some();
    size_t len = 0;
    char *text = gw_metrics_text(m, &len);

    (void)state;
    assert_non_null(text);
    assert_int_equal(strlen(text), len);
    assert_line(text, "mqttsn_gateway_build_info{version=\"1.2.3\",mode="
                      "\"aggregating\",store=\"memory\"} 1");
    assert_line(text, "mqttsn_gateway_up_seconds 61.007");
    assert_line(text, "mqttsn_gateway_connects_total{result=\"accepted\"} "
                      "18446744073709551615");
    assert_line(text, "mqttsn_gateway_table_used{table=\"sessions\"} "
                      "4294967295");
    assert_line(text, "mqttsn_gateway_listener_datagrams_total{listener="
                      "\"lan\",direction=\"in\"} 0");
    assert_line(text, "mqttsn_gateway_listener_datagrams_total{listener="
                      "\"ipv6\",direction=\"in\"} 8");
    assert_line(text, "process_open_fds 0");
    CASE("a histogram is summed up");
    assert_line(
        text, "mqttsn_gateway_publish_forward_seconds_bucket{le=\"0.001\"} 2");
    assert_line(text,
                "mqttsn_gateway_publish_forward_seconds_bucket{le=\"0.01\"} 3");
    assert_line(text,
                "mqttsn_gateway_publish_forward_seconds_bucket{le=\"30\"} 3");
    assert_line(text,
                "mqttsn_gateway_publish_forward_seconds_bucket{le=\"+Inf\"} 7");
    assert_line(text, "mqttsn_gateway_publish_forward_seconds_sum 123.000045");
    assert_line(text, "mqttsn_gateway_publish_forward_seconds_count 7");
    free(text);
    free(m);
}

static void a_datagram_counts_by_the_type_that_it_says(void **state)
{
    static const struct {
        const char *why, *octets;
        size_t len, type;
    } rows[] = {
        {"short form", "\x02\x16", 2, MQTTSN_PINGREQ},
        {"ADVERTISE is type 0", "\x05\x00\x01\x00\x01", 5, MQTTSN_ADVERTISE},
        {"long form", "\x01\x00\x04\x0c", 4, MQTTSN_PUBLISH},
        {"the last there is", "\x02\x1d", 2, MQTTSN_WILLMSGRESP},
        {"encapsulated", "\x03\xfe\x00", 3, GW_METRICS_ENCAPSULATED},
        {"reserved", "\x02\x03", 2, GW_METRICS_OTHER},
        {"reserved above", "\x02\x1e", 2, GW_METRICS_OTHER},
        {"and there", "\x02\xff", 2, GW_METRICS_OTHER},
        {"no more than a length", "\x02", 1, GW_METRICS_OTHER},
        {"no more than a long one", "\x01\x00\x04", 3, GW_METRICS_OTHER},
        {"empty", "", 0, GW_METRICS_OTHER},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CASE(rows[i].why);
        assert_int_equal(
            gw_metrics_type(mqttsn_span(rows[i].octets, rows[i].len)),
            rows[i].type);
    }
}

static void the_process_is_looked_at(void **state)
{
    struct gw_metrics_process a, b;
    uint64_t start = 0, first;

    (void)state;
    gw_metrics_process(5000, &start, &a);
    assert_true(a.start_s > 1000000000);
    assert_true(a.resident > 100000);
    assert_true(a.open_fds >= 3 && a.open_fds < a.max_fds);
    first = start;
    CASE("its start does not move by a second");
    gw_metrics_process(6000, &start, &b);
    assert_int_equal(b.start_s, first);
    assert_true(b.cpu_ms >= a.cpu_ms);
    CASE("but when the clock was set");
    gw_metrics_process(1005000, &start, &b);
    assert_true(b.start_s < first - 900);
}

/* ---- the document ------------------------------------------------------ */

static char *read_all(const char *path)
{
    char *text = calloc(1, 1 << 17);
    FILE *file = fopen(path, "r");

    assert_non_null(text);
    assert_non_null(file);
    text[fread(text, 1, (1 << 17) - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* 'old' with what is between the marks made anew. */
static char *made_anew(const char *old)
{
    const char *begin = strstr(old, BEGIN), *end = strstr(old, END);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    assert_non_null(out);
    assert_non_null(begin);
    assert_non_null(end);
    fwrite(old, 1, (size_t)(begin - old), out);
    fputs(BEGIN "\n", out);
    gw_metrics_print_document(out);
    fputs("\n", out);
    fputs(end, out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void the_document_in_the_tree_is_up_to_date(void **state)
{
    const char *root = getenv("GW_SOURCE_ROOT");
    char path[1024], *old, *text;

    (void)state;
    if (root == NULL)
        skip();
    snprintf(path, sizeof(path), "%s/docs/metrics.md", root);
    old = read_all(path);
    text = made_anew(old);
    if (strcmp(old, text) != 0 && getenv("GW_UPDATE_DOCUMENTS") != NULL) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        fputs(text, file);
        assert_int_equal(fclose(file), 0);
    } else {
        assert_string_equal(old, text);
    }
    free(old);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_counter_has_its_row),
        cmocka_unit_test(numbers_are_written_whole_and_by_their_unit),
        cmocka_unit_test(a_datagram_counts_by_the_type_that_it_says),
        cmocka_unit_test(the_process_is_looked_at),
        cmocka_unit_test(the_document_in_the_tree_is_up_to_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
