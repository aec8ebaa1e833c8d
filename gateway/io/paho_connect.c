/* SPDX-License-Identifier: MIT */
#include "io/upstream_port.h"

#include <stdio.h>

#include "io/log.h"

/* Notes what happened for the thread. Under 'lock'. */
static struct gw_paho_record *add_record(struct gw_paho_port *port)
{
    /* An attempt leaves at most three, and the next one begins only when they
     * have been read; should Paho surprise us, the newest is what counts. */
    if (port->record_count == GW_PAHO_RECORDS)
        port->record_count--;
    return &port->records[port->record_count++];
}

void gw_paho_announce(struct gw_paho_port *port, bool session_present)
{
    struct gw_up_event event = {
        .kind = GW_UP_CONNECTED,
        .connected = {.session_present = session_present}};

    port->announced = true;
    port->connections++;
    port->connects++;
    gw_inbox_push(&port->inbox, &event);
}

/* Whom we are connected to is known to Paho at best. */
static void on_unwatched(struct gw_paho_port *port)
{
    pthread_mutex_lock(&port->lock);
    *add_record(port) = (struct gw_paho_record){
        .what = GW_PAHO_CONNECT_FAILED,
        .unwatched = true,
        .tls = "this Paho makes TLS connections that the gateway cannot check; "
               "link it dynamically"};
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

/*
 * A kept session may send messages at once, so the loop must hear of the
 * connection right here. A new session is silent until we subscribe: there the
 * thread first settles what the old one took with it, then announces.
 */
static void on_connected(void *context, MQTTAsync_successData *data)
{
    struct gw_paho_port *port = context;
    bool present = data && data->alt.connect.sessionPresent != 0;

    if (port->settings.endpoints[port->handle_endpoint].tls && !gw_tls_used()) {
        on_unwatched(port);
        return;
    }
    pthread_mutex_lock(&port->lock);
    port->link_up = true;
    if (!port->clean_attempt && present)
        gw_paho_announce(port, !port->distrust);
    *add_record(port) = (struct gw_paho_record){.what = GW_PAHO_CONNECT_OK,
                                                .session_present = present};
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    struct gw_paho_port *port = context;
    struct gw_paho_record record = {.what = GW_PAHO_CONNECT_FAILED,
                                    .code =
                                        data ? data->code : MQTTASYNC_FAILURE};

    if (data && data->message)
        snprintf(record.text, sizeof(record.text), "%s", data->message);
    (void)gw_tls_take_reason(record.tls, sizeof(record.tls),
                             &record.tls_denied);
    pthread_mutex_lock(&port->lock);
    *add_record(port) = record;
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_lost(void *context, char *cause)
{
    struct gw_paho_port *port = context;
    struct gw_paho_record record = {.what = GW_PAHO_LOST};

    (void)cause; /* Paho always gives NULL */
    (void)gw_tls_take_reason(record.tls, sizeof(record.tls),
                             &record.tls_denied);
    pthread_mutex_lock(&port->lock);
    port->link_up = false;
    if (port->announced) {
        struct gw_up_event event = {.kind = GW_UP_LOST};

        port->announced = false;
        gw_inbox_push(&port->inbox, &event);
    }
    *add_record(port) = record;
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_disconnected(void *context, MQTTAsync_successData *data)
{
    struct gw_paho_port *port = context;

    (void)data;
    pthread_mutex_lock(&port->lock);
    *add_record(port) = (struct gw_paho_record){.what = GW_PAHO_DISCONNECTED};
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

/* What is kept belongs to the session at one broker. */
static int create(struct gw_paho_port *port, const char *uri)
{
    int rc;

    if (!port->keep)
        return MQTTAsync_create(&port->handle, uri, port->settings.client_id,
                                MQTTCLIENT_PERSISTENCE_NONE, NULL);
    gw_paho_keep_making(port->keep,
                        port->any_session ||
                            port->session_endpoint == port->endpoint);
    rc = MQTTAsync_create(&port->handle, uri, port->settings.client_id,
                          MQTTCLIENT_PERSISTENCE_USER,
                          gw_paho_keep_interface(port->keep));
    gw_paho_keep_made(port->keep);
    return rc;
}

static int make_handle(struct gw_paho_port *port)
{
    const struct gw_upstream_endpoint *endpoint =
        &port->settings.endpoints[port->endpoint];
    bool ipv6 = strchr(endpoint->host, ':') != NULL;
    char uri[300];
    int rc;

    snprintf(uri, sizeof(uri), ipv6 ? "tcp://[%s]:%u" : "tcp://%s:%u",
             endpoint->host, endpoint->port);
    rc = create(port, endpoint->uri ? endpoint->uri : uri);
    if (rc != MQTTASYNC_SUCCESS) {
        port->handle = NULL;
        return rc;
    }
    port->handle_endpoint = port->endpoint;
    return MQTTAsync_setCallbacks(port->handle, port, on_lost,
                                  gw_paho_on_message,
                                  port->keep ? gw_paho_on_delivered : NULL);
}

static int begin_connect(struct gw_paho_port *port, bool clean)
{
    const struct gw_upstream_endpoint *endpoint =
        &port->settings.endpoints[port->endpoint];
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_SSLOptions ssl;
    int rc;

    if (!port->handle) {
        rc = make_handle(port);
        if (rc != MQTTASYNC_SUCCESS)
            return rc;
    }
    options.keepAliveInterval = (int)port->settings.keep_alive_s;
    options.connectTimeout = (int)port->settings.connect_timeout_s;
    options.cleansession = clean;
    options.MQTTVersion = MQTTVERSION_3_1_1; /* else Paho tries 3.1 as well */
    options.username = port->settings.username;
    options.password = port->settings.username ? port->settings.password : NULL;
    if (endpoint->tls) {
        ssl = gw_paho_tls_options(port->tls, endpoint->host);
        options.ssl = &ssl;
    }
    options.automaticReconnect = 0;
    options.onSuccess = on_connected;
    options.onFailure = on_connect_failed;
    options.context = port;
    return MQTTAsync_connect(port->handle, &options);
}

bool gw_paho_connect(struct gw_paho_port *port, bool clean, bool *ret_busy)
{
    int rc;

    pthread_mutex_lock(&port->lock);
    port->clean_attempt = clean;
    pthread_mutex_unlock(&port->lock);
    if (port->keep)
        gw_paho_keep_attempt(port->keep, clean);
    rc = begin_connect(port, clean);
    /* A command that Paho gave itself is still queued: it ignores ours. */
    *ret_busy = rc == MQTTASYNC_COMMAND_IGNORED;
    if (rc == MQTTASYNC_SUCCESS)
        return true;
    if (!*ret_busy) {
        MQTTAsync_failureData data = {.code = rc, .message = "Paho refused it"};

        on_connect_failed(port, &data);
    }
    return false;
}

bool gw_paho_disconnect(struct gw_paho_port *port)
{
    MQTTAsync_disconnectOptions options =
        MQTTAsync_disconnectOptions_initializer;

    /* Waiting for what is in flight is done here, not by Paho, whose timer for
     * it has a grain of three seconds. */
    options.timeout = 0;
    options.onSuccess = on_disconnected;
    options.context = port;
    return port->handle &&
           MQTTAsync_disconnect(port->handle, &options) == MQTTASYNC_SUCCESS;
}

static void destroy(struct gw_paho_port *port)
{
    if (port->keep)
        gw_paho_keep_destroying(port->keep);
    MQTTAsync_destroy(&port->handle);
    if (port->keep)
        gw_paho_keep_made(port->keep);
}

void gw_paho_drop_handle(struct gw_paho_port *port)
{
    bool poisoned;

    if (!port->handle)
        return;
    pthread_mutex_lock(&port->lock);
    poisoned = port->poisoned;
    port->poisoned = false;
    pthread_mutex_unlock(&port->lock);
    if (poisoned)
        gw_warn("upstream", "handle_abandoned", "reason=\"%s\"",
                "a write of a publish failed: Paho cannot free it any more");
    else
        destroy(port);
    port->handle = NULL;
    port->handle_endpoint = GW_ENDPOINT_NONE;

    /* What it had to say is of no interest any more. */
    pthread_mutex_lock(&port->lock);
    port->record_count = 0;
    port->link_up = false;
    pthread_mutex_unlock(&port->lock);
}

/* CONNACK return codes of MQTT 3.1.1, section 3.2.2.3. */
static const char *const refusals[] = {
    NULL,
    "the broker does not speak MQTT 3.1.1",
    "the broker rejects our client id",
    "the broker is not available",
    "bad user name or password",
    "not authorized",
};

const char *gw_paho_reason(const struct gw_paho_record *record,
                           bool *ret_denied)
{
    int code = record->code;

    if (record->tls[0] != '\0') {
        *ret_denied = record->tls_denied;
        return record->tls;
    }
    *ret_denied = code == 2 || code == 4 || code == 5;
    if (code > 0 && code < (int)(sizeof(refusals) / sizeof(refusals[0])))
        return refusals[code];
    if (strstr(record->text, "timeout"))
        return "no answer in time";
    if (strstr(record->text, "TCP connect completion"))
        return "the connection closed before the broker answered";
    if (strstr(record->text, "connect failure"))
        return "connection refused or host unreachable";
    if (record->text[0] == '\0')
        return "the host name does not resolve, or there is no route";
    return "the connection failed";
}
