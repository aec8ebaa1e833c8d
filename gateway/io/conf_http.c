/* SPDX-License-Identifier: MIT */
#include "conf_private.h"

#include "http.h"
#include "socket.h"

static void check_tokens(struct conf_load *load)
{
    const struct gw_config_http *http = &load->config->http;
    struct conf_place place = conf_place_of(load, "http", "token_file");
    const char *fault;
    unsigned line;

    fault = gw_http_tokens_fault(mqttsn_span(http->tokens, http->tokens_len),
                                 &line);
    if (fault != NULL && line != 0)
        conf_error(load, &place, "http.token_file", "line %u of it: %s", line,
                   fault);
    else if (fault != NULL)
        conf_error(load, &place, "http.token_file", "%s", fault);
}

void conf_check_http(struct conf_load *load)
{
    const struct gw_config_http *http = &load->config->http;
    struct conf_place place = conf_place_of(load, "http", "bind");

    if (http->tokens != NULL)
        check_tokens(load);
    if (http->bind.family == 0)
        return;
    if (!gw_http_available())
        conf_error(load, &place, "http.bind",
                   "expected nothing: this build has no HTTP");
    else if (http->tokens == NULL && !gw_socket_is_loopback(&http->bind))
        conf_warn(load, &place, "http.bind",
                  "whoever can reach this address can see which nodes there "
                  "are, and their topics; give http.token_file, or bind to "
                  "127.0.0.1");
}
