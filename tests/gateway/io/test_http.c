/* SPDX-License-Identifier: MIT */
/* What is asked and answered; limits and time are in test_http_limits.c. */
#include "http_rig.h"

#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define WITH(method, path, header)                                             \
    method " " path " HTTP/1.1\r\nHost: localhost\r\n" header "\r\n\r\n"
#define BEARER "Authorization: Bearer " RIG_TOKEN

static void assert_status(const char *answer, unsigned status)
{
    char head[32];

    snprintf(head, sizeof(head), "HTTP/1.1 %u ", status);
    if (strncmp(answer, head, strlen(head)) != 0)
        fail_msg("expected %u, got '%.300s'", status, answer);
}

static void assert_has(const char *answer, const char *text)
{
    if (strstr(answer, text) == NULL)
        fail_msg("expected '%s' in '%.600s'", text, answer);
}

static void each_target_leads_to_its_route(void **state)
{
    static const struct {
        const char *text;
        unsigned status;
        const char *has;
    } rows[] = {
        {GET("/open/a"), 200, "part=a token=0 client=127.0.0.1:"},
        {GET("/open/a%2Fb%20c"), 200, "part=a/b c token"},
        {GET("/open/a+b"), 200, "part=a+b token"},
        {GET("/open/a?"), 200, "part=a token"},
        {GET("/open/a?q=1"), 200, " [q=1]"},
        {GET("/open/a?x=3&q=a+b%26c%3D&q="), 200, " [x=3] [q=a b&c=] [q=]"},
        {GET("/open/a?qq&=2&x=%zz&y=%"), 200, " [=] [=2] [=] [=]"},
        {GET("/open/a?&q=1"), 200, " [=] [q=1]"},
        {GET("/open/%4"), 400, "{\"error\":\"'%' without two digits\"}"},
        {GET("/open/%zz"), 400, "{\"error\":"},
        {GET("/open/"), 404, "{\"error\":\"there is no such path\"}"},
        {GET("/open/a/b"), 404, "Content-Type: application/json"},
        {GET("/opena"), 404, NULL},
        {GET("//open/a"), 404, NULL},
        {GET("/../open/a"), 404, NULL},
        {GET("http://localhost/open/a"), 404, NULL},
        {GET("*"), 404, NULL},
        {WITH("POST", "/open/a", "Content-Length: 0"), 405,
         "Allow: GET, HEAD\r\n"},
        {WITH("DELETE", "/both", "Content-Length: 0"), 405,
         "Allow: GET, HEAD, POST\r\n"},
        {GET("/read/a/act"), 405, "Allow: POST\r\n"},
        {WITH("OPTIONS", "/open/a", "Origin: http://evil.example"), 405, NULL},
        {"GET /open/a HTTP/1.1\r\n\r\n", 400, NULL},
    };
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *answer = rig_ask(&r, rows[i].text);

        CASE(rows[i].text);
        assert_status(answer, rows[i].status);
        if (rows[i].has != NULL)
            assert_has(answer, rows[i].has);
        assert_null(strstr(answer, "Access-Control"));
    }
    rig_close(&r);
}

static void what_is_too_large_is_refused(void **state)
{
    static char text[80000];
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", true);
    CASE("a target");
    snprintf(text, sizeof(text),
             "GET /open/%02000d?q=%03000d HTTP/1.1\r\nHost: a\r\n\r\n", 0, 0);
    assert_has(rig_ask(&r, text), "{\"error\":\"the target is too long\"}");
    CASE("a target that does not fit at all");
    memset(text, 'a', sizeof(text) - 1);
    memcpy(text, "GET /", 5);
    assert_status(rig_ask(&r, text), 414);
    CASE("a header");
    snprintf(text, sizeof(text),
             "GET /open/a HTTP/1.1\r\nHost: localhost\r\nX: %040000d\r\n\r\n",
             0);
    assert_status(rig_ask(&r, text), 431);
    CASE("a body");
    assert_status(
        rig_ask(&r, WITH("POST", "/both", BEARER "\r\nContent-Length: 1025")),
        413);
    assert_status(rig_ask(&r, WITH("POST", "/both",
                                   BEARER "\r\nTransfer-Encoding: chunked")),
                  411);
    assert_int_equal(r.posts, 0);
    CASE("a body that may be");
    snprintf(text, sizeof(text), "%s%01024d",
             WITH("POST", "/both", BEARER "\r\nContent-Length: 1024"), 0);
    assert_status(rig_ask(&r, text), 200);
    assert_int_equal(r.posts, 1);
    rig_close(&r);
}

static void who_may_do_what(void **state)
{
    static const struct {
        const char *why, *text;
        bool tokens;
        unsigned status;
    } rows[] = {
        {"open", GET("/open/a"), true, 200},
        {"reading without tokens", GET("/read/a"), false, 200},
        {"reading where there are some", GET("/read/a"), true, 401},
        {"reading with one", WITH("GET", "/read/a", BEARER), true, 200},
        {"acting without tokens", WITH("POST", "/both", "Content-Length: 0"),
         false, 403},
        {"acting without it", WITH("POST", "/both", "Content-Length: 0"), true,
         401},
        {"acting with another",
         WITH("POST", "/both",
              "Authorization: Bearer xoken-of-the-rig\r\nContent-Length: 0"),
         true, 401},
        {"acting with it",
         WITH("POST", "/both", BEARER "\r\nContent-Length: 0"), true, 200},
        {"a stranger's name",
         "GET /open/a HTTP/1.1\r\nHost: evil.example\r\n\r\n", true, 403},
        {"a stranger's name, and the token",
         "GET /open/a HTTP/1.1\r\nHost: evil.example\r\n" BEARER "\r\n\r\n",
         true, 200},
        {"a name of ours",
         "GET /open/a HTTP/1.1\r\nHost: gateway.example:1\r\n\r\n", true, 200},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *answer;
        struct rig r;

        CASE(rows[i].why);
        rig_open(&r, "127.0.0.1", rows[i].tokens);
        answer = rig_ask(&r, rows[i].text);
        assert_status(answer, rows[i].status);
        assert_int_equal(strstr(answer, "\r\nWWW-Authenticate: Bearer ") !=
                             NULL,
                         rows[i].status == 401);
        assert_int_equal(r.posts,
                         rows[i].status == 200 && rows[i].text[0] == 'P');
        rig_close(&r);
    }
}

static void other_tokens_are_good_from_then_on(void **state)
{
    struct gw_http_access_list access = {
        .tokens = mqttsn_span_text("another-of-sixteen")};
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", true);
    assert_has(rig_ask(&r, WITH("GET", "/open/a", BEARER)), " token=2 ");
    gw_http_admit(r.http, &access);
    assert_has(rig_ask(&r, WITH("GET", "/open/a", BEARER)), " token=0 ");
    assert_has(rig_ask(&r, WITH("GET", "/open/a",
                                "Authorization: Bearer another-of-sixteen")),
               " token=1 ");
    rig_close(&r);
}

static void every_answer_says_what_may_be_done_with_it(void **state)
{
    static const char *const paths[] = {GET("/open/a"), GET("/nothing"),
                                        GET("/long")};
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        const char *answer = rig_ask(&r, paths[i]);

        CASE(paths[i]);
        assert_has(answer, "\r\nContent-Security-Policy: default-src 'none'; "
                           "frame-ancestors 'none'\r\n");
        assert_has(answer, "\r\nCache-Control: no-store\r\n");
        assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
        assert_has(answer, "\r\nX-Frame-Options: DENY\r\n");
        assert_has(answer, "\r\nReferrer-Policy: no-referrer\r\n");
    }
    rig_close(&r);
}

static void a_page_is_kept_by_its_tag_and_zipped(void **state)
{
    const char *answer;
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    answer = rig_ask(&r, GET("/"));
    assert_status(answer, 200);
    assert_has(answer, "\r\nContent-Encoding: gzip\r\n");
    assert_has(answer, "\r\nContent-Security-Policy: default-src 'self'\r\n");
    assert_has(answer, "\r\nCache-Control: no-cache\r\n");
    assert_has(answer, "\r\nETag: \"e1\"\r\n");
    assert_has(answer, "\r\n\r\nzipped");
    assert_status(rig_ask(&r, WITH("GET", "/", "Accept-Encoding: br, gzip")),
                  200);
    assert_status(rig_ask(&r, WITH("GET", "/", "Accept-Encoding: identity")),
                  406);
    answer = rig_ask(&r, WITH("GET", "/", "If-None-Match: \"e1\""));
    assert_status(answer, 304);
    assert_null(strstr(answer, "zipped"));
    assert_status(rig_ask(&r, WITH("GET", "/", "If-None-Match: \"e0\"")), 200);
    rig_close(&r);
}

static void requests_may_follow_each_other_unasked(void **state)
{
    const char *answer;
    struct rig r;
    int fd;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    fd = rig_connect(&r, "127.0.0.1");
    rig_send(&r, fd, GET("/open/first") GET("/none") GET("/open/third"));
    answer = rig_take(&r, fd, 3);
    assert_has(answer, "part=first");
    assert_has(answer, "there is no such path");
    assert_has(answer, "part=third");
    assert_true(strstr(answer, "part=first") < strstr(answer, "part=third"));
    CASE("and once more on the same connection");
    rig_send(&r, fd, GET("/open/fourth"));
    assert_has(rig_take(&r, fd, 1), "part=fourth");
    close(fd);
    rig_close(&r);
}

static void a_long_answer_goes_to_who_takes_it(void **state)
{
    const char *answer;
    struct rig r;
    int fd;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    CASE("one who takes nothing is silent, and so in nobody's way");
    fd = rig_connect(&r, "127.0.0.1");
    rig_send(&r, fd, GET("/long"));
    CASE("all of it to who takes it");
    answer = rig_ask(&r, GET("/long"));
    assert_status(answer, 200);
    assert_int_equal(strlen(strstr(answer, "\r\n\r\n") + 4), RIG_LONG);
    close(fd);
    rig_close(&r);
}

static void head_is_an_answer_without_its_body(void **state)
{
    const char *answer;
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    answer = rig_ask(&r, "HEAD /open/a HTTP/1.1\r\nHost: localhost\r\n"
                         "Connection: close\r\n\r\n");
    assert_status(answer, 200);
    assert_has(answer, "\r\nContent-Length: ");
    assert_null(strstr(answer, "part="));
    rig_close(&r);
}

static void it_listens_on_ipv6_too(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, "::1", false);
    assert_has(rig_ask(&r, "GET /open/a HTTP/1.1\r\nHost: [::1]:1\r\n\r\n"),
               "client=[::1]:");
    rig_close(&r);
}

static void a_port_that_is_taken_is_an_error(void **state)
{
    struct gw_http_settings settings = {0};
    struct gw_http_access_list access = {0};
    struct gw_http *http = NULL;
    struct rig r;

    (void)state;
    rig_open(&r, "127.0.0.1", false);
    settings.bind = r.bound;
    assert_int_equal(gw_http_open(&r.loop, &settings, &access, &http),
                     MQTTSN_EIO);
    assert_null(http);
    gw_http_close(NULL);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_target_leads_to_its_route),
        cmocka_unit_test(what_is_too_large_is_refused),
        cmocka_unit_test(who_may_do_what),
        cmocka_unit_test(other_tokens_are_good_from_then_on),
        cmocka_unit_test(every_answer_says_what_may_be_done_with_it),
        cmocka_unit_test(a_page_is_kept_by_its_tag_and_zipped),
        cmocka_unit_test(requests_may_follow_each_other_unasked),
        cmocka_unit_test(a_long_answer_goes_to_who_takes_it),
        cmocka_unit_test(head_is_an_answer_without_its_body),
        cmocka_unit_test(it_listens_on_ipv6_too),
        cmocka_unit_test(a_port_that_is_taken_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
