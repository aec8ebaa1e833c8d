/* SPDX-License-Identifier: MIT */
#include "io/upstream_port.h"

#include <stdio.h>

#include "io/log.h"
#include "io/reason_codes.h"

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
    bool version5 = port->version5;
    struct gw_up_event event = {
        .kind = GW_UP_CONNECTED,
        .connected = {.session_present = session_present,
                      .receive_maximum = port->limits.receive_maximum,
                      .identifiers = version5 && !port->limits.no_identifiers,
                      .retain_options = version5}};

    port->announced = true;
    port->connections++;
    port->connects++;
    port->announced_endpoint = port->endpoint;
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
static void connected(struct gw_paho_port *port, bool present,
                      const struct gw_paho_limits *limits)
{
    if (port->settings.endpoints[port->handle_endpoint].tls && !gw_tls_used()) {
        on_unwatched(port);
        return;
    }
    pthread_mutex_lock(&port->lock);
    port->link_up = true;
    port->limits = *limits;
    present = present && !port->other_version;
    if (!port->clean_attempt && present)
        gw_paho_announce(port, !port->distrust);
    *add_record(port) = (struct gw_paho_record){.what = GW_PAHO_CONNECT_OK,
                                                .session_present = present};
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_connected(void *context, MQTTAsync_successData *data)
{
    connected(context, data && data->alt.connect.sessionPresent != 0,
              &gw_paho_no_limits);
}

static void on_connected5(void *context, MQTTAsync_successData5 *data)
{
    struct gw_paho_limits limits = gw_paho_no_limits;

    if (data)
        gw_paho_read_limits(&data->properties, &limits);
    connected(context, data && data->alt.connect.sessionPresent != 0, &limits);
}

/* Instead of Paho's words. */
#define JOURNAL_FAILS "the journal could not be written"

static void connect_failed(struct gw_paho_port *port, int code,
                           const char *message)
{
    struct gw_paho_record record = {.what = GW_PAHO_CONNECT_FAILED,
                                    .code = code};

    if (message)
        snprintf(record.text, sizeof(record.text), "%s", message);
    (void)gw_tls_take_reason(record.tls, sizeof(record.tls),
                             &record.tls_denied);
    pthread_mutex_lock(&port->lock);
    *add_record(port) = record;
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_connect_failed(void *context, MQTTAsync_failureData *data)
{
    connect_failed(context, data ? data->code : MQTTASYNC_FAILURE,
                   data ? data->message : NULL);
}

/* Before 1.3.15 Paho has the broker's reason in 'code'. */
static void on_connect_failed5(void *context, MQTTAsync_failureData5 *data)
{
    int code = data ? data->code : MQTTASYNC_FAILURE;

    if (data && data->reasonCode >= GW_REASON_REFUSED)
        code = (int)data->reasonCode;
    connect_failed(context, code, data ? data->message : NULL);
}

static void lost(struct gw_paho_port *port, int reason)
{
    struct gw_paho_record record = {.what = GW_PAHO_LOST, .code = reason};

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

static void on_lost(void *context, char *cause)
{
    (void)cause; /* Paho always gives NULL */
    lost(context, 0);
}

/* DISCONNECT from the broker; Paho then does not call on_lost. */
static void on_dismissed(void *context, MQTTProperties *properties,
                         enum MQTTReasonCodes reason)
{
    (void)properties;
    lost(context, (int)reason);
}

static void disconnected(struct gw_paho_port *port)
{
    pthread_mutex_lock(&port->lock);
    *add_record(port) = (struct gw_paho_record){.what = GW_PAHO_DISCONNECTED};
    pthread_mutex_unlock(&port->lock);
    gw_paho_wake(port);
}

static void on_disconnected(void *context, MQTTAsync_successData *data)
{
    (void)data;
    disconnected(context);
}

static void on_disconnected5(void *context, MQTTAsync_successData5 *data)
{
    (void)data;
    disconnected(context);
}

static int create_version(struct gw_paho_port *port, const char *uri,
                          int persistence, void *interface)
{
    MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer5;

    /* Never more than the windows allow; with a limit of its own Paho would
     * refuse what fits them. */
    options.maxBufferedMessages = INT32_MAX;
    if (port->version == MQTTVERSION_5)
        return MQTTAsync_createWithOptions(&port->handle, uri,
                                           port->settings.client_id,
                                           persistence, interface, &options);
    return MQTTAsync_create(&port->handle, uri, port->settings.client_id,
                            persistence, interface);
}

/* What is kept belongs to the session at one broker. */
static int create(struct gw_paho_port *port, const char *uri)
{
    int rc;

    if (!port->keep)
        return create_version(port, uri, MQTTCLIENT_PERSISTENCE_NONE, NULL);
    gw_paho_keep_making(port->keep,
                        port->any_session ||
                            port->session_endpoint == port->endpoint,
                        port->version == MQTTVERSION_5);
    rc = create_version(port, uri, MQTTCLIENT_PERSISTENCE_USER,
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
    port->handle_version = port->version;
    if (port->version == MQTTVERSION_5)
        MQTTAsync_setDisconnected(port->handle, port, on_dismissed);
    return MQTTAsync_setCallbacks(port->handle, port, on_lost,
                                  gw_paho_on_message,
                                  port->keep ? gw_paho_on_delivered : NULL);
}

/* The broker's keep-alive, if it wants a shorter one: Paho pings by ours. */
static int keep_alive(const struct gw_paho_port *port)
{
    unsigned ours = port->settings.keep_alive_s;

    return (int)(port->keep_alive_s != 0 && port->keep_alive_s < ours
                     ? port->keep_alive_s
                     : ours);
}

static void set_will(const struct gw_paho_port *port,
                     MQTTAsync_willOptions *will)
{
    const struct gw_upstream_will *from = &port->settings.will;

    will->topicName = from->topic;
    will->payload.data = from->payload_len > 0 ? from->payload : "";
    will->payload.len = (int)from->payload_len;
    will->qos = from->qos;
    will->retained = from->retain;
}

static int begin_connect(struct gw_paho_port *port, bool clean)
{
    const struct gw_upstream_endpoint *endpoint =
        &port->settings.endpoints[port->endpoint];
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    MQTTAsync_SSLOptions ssl;
    MQTTProperties properties = MQTTProperties_initializer;
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    bool fresh = clean || port->settings.clean_session;
    int rc;

    if (!port->handle) {
        rc = make_handle(port);
        if (rc != MQTTASYNC_SUCCESS)
            return rc;
    }
    options.keepAliveInterval = keep_alive(port);
    options.connectTimeout = (int)port->settings.connect_timeout_s;
    options.username = port->settings.username;
    options.password = port->settings.username ? port->settings.password : NULL;
    if (endpoint->tls) {
        ssl = gw_paho_tls_options(port->tls, endpoint->host);
        options.ssl = &ssl;
    }
    if (endpoint->tls)
        options.httpsProxy = port->settings.proxy_for_tls;
    else
        options.httpProxy = port->settings.proxy;
    if (port->settings.will.topic) {
        set_will(port, &will);
        options.will = &will;
    }
    options.automaticReconnect = 0;
    options.context = port;
    options.MQTTVersion = port->version; /* else Paho tries 3.1 as well */
    if (port->version == MQTTVERSION_5) {
        /* A session that only discards ends with its connection. */
        if (!gw_paho_connect_properties(
                fresh ? 0 : port->settings.session_expiry_s, &properties))
            return MQTTASYNC_FAILURE;
        options.cleansession = 0;
        options.cleanstart = fresh;
        options.connectProperties = &properties;
        options.onSuccess5 = on_connected5;
        options.onFailure5 = on_connect_failed5;
    } else {
        options.cleansession = fresh;
        options.onSuccess = on_connected;
        options.onFailure = on_connect_failed;
    }
    rc = MQTTAsync_connect(port->handle, &options);
    MQTTProperties_free(&properties);
    return rc;
}

bool gw_paho_connect(struct gw_paho_port *port, bool clean, bool *ret_busy)
{
    int rc;

    pthread_mutex_lock(&port->lock);
    port->clean_attempt = clean;
    port->version5 = port->version == MQTTVERSION_5;
    port->limits = gw_paho_no_limits;
    port->other_version =
        port->session_version != 0 && port->session_version != port->version;
    pthread_mutex_unlock(&port->lock);
    /* A session that is lost unbeknown would keep its filters from being asked
     * for, for good. */
    if (port->keep && !gw_paho_keep_attempt(port->keep, clean)) {
        *ret_busy = false;
        connect_failed(port, MQTTASYNC_PERSISTENCE_ERROR, JOURNAL_FAILS);
        return false;
    }
    rc = begin_connect(port, clean);
    /* A command that Paho gave itself is still queued: it ignores ours. */
    *ret_busy = rc == MQTTASYNC_COMMAND_IGNORED;
    if (rc == MQTTASYNC_SUCCESS)
        return true;
    if (!*ret_busy) {
        connect_failed(port, rc, "Paho refused it");
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
    if (port->handle_version == MQTTVERSION_5) {
        options.struct_version = 1; /* without, Paho looks at neither */
        options.onSuccess5 = on_disconnected5;
    } else {
        options.onSuccess = on_disconnected;
    }
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
    port->haunted = port->haunted || poisoned;
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
    "the broker does not speak this version of MQTT",
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
    *ret_denied = code == 2 || code == 4 || code == 5 ||
                  (code >= GW_REASON_REFUSED && gw_reason_of(code)->denied);
    if (code >= GW_REASON_REFUSED)
        return gw_reason_of(code)->name;
    if (code > 0 && code < (int)(sizeof(refusals) / sizeof(refusals[0])))
        return refusals[code];
    if (strcmp(record->text, JOURNAL_FAILS) == 0)
        return JOURNAL_FAILS;
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
