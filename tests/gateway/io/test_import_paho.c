/* SPDX-License-Identifier: MIT */
/* Configurations of the Paho gateway: what becomes of each key, that the result
 * loads, and what is said of files that cannot be read. */
#include "config_support.h"

#include "import_paho.h"

static char out[16384], err[4096];

static void write_in(struct fixture *f, const char *name, const char *text)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/%s", f->dir, name);
    write_text(path, text);
}

static enum mqttsn_status import_file(const char *path)
{
    FILE *to = fmemopen(out, sizeof(out), "w");
    FILE *complaints = fmemopen(err, sizeof(err), "w");
    enum mqttsn_status status;

    assert_non_null(to);
    assert_non_null(complaints);
    memset(out, 0, sizeof(out));
    memset(err, 0, sizeof(err));
    status = gw_import_paho(path, to, complaints);
    assert_int_equal(fclose(to), 0);
    assert_int_equal(fclose(complaints), 0);
    return status;
}

/* Imports 'text' as a gateway.conf, and loads what comes out. */
static struct gw_config *import(struct fixture *f, const char *text)
{
    char path[80];

    snprintf(path, sizeof(path), "%s/paho.conf", f->dir);
    write_text(path, text);
    assert_int_equal(import_file(path), MQTTSN_OK);
    assert_string_equal(err, "");
    return load_good(f, out);
}

static void said(const char *text)
{
    if (strstr(out, text) == NULL)
        fail_msg("'%s' is not in:\n%s", text, out);
}

static void not_said(const char *text)
{
    if (strstr(out, text) != NULL)
        fail_msg("'%s' is in:\n%s", text, out);
}

static void an_ordinary_file_becomes_ours(void **state)
{
    struct gw_config *c = import(*state, "#\n# comment\n\n"
                                         "GatewayID=7\n"
                                         "GatewayName=PahoGateway-01\n"
                                         "MaxNumberOfClients=30\n"
                                         "KeepAlive = 900\n"
                                         "LoginID=me\n"
                                         "BrokerName=broker.example.com\n"
                                         "BrokerPortNo=1884\r\n"
                                         "BrokerSecurePortNo=8884\n"
                                         "AggregatingGateway=NO\n"
                                         "QoS-1=NO\n"
                                         "GatewayPortNo=10000\n"
                                         "MulticastPortNo=1885\n"
                                         "MulticastIP=225.1.1.1\n"
                                         "ShearedMemory=NO;\n");

    assert_int_equal(c->options.gw_id, 7);
    assert_string_equal(c->name, "PahoGateway-01");
    assert_int_equal(c->limits.max_sessions, 30);
    assert_int_equal(c->limits.max_connections, 30);
    assert_int_equal(c->options.mode, GW_MODE_TRANSPARENT);
    assert_int_equal(c->options.listener_count, 1);
    assert_int_equal(c->listeners[0].bind.port, 10000);
    assert_int_equal(c->listeners[0].multicast.port, 1885);
    assert_true(c->options.listeners[0].discovery);
    assert_int_equal(c->options.listeners[0].advertise_interval, 900000);
    assert_int_equal(c->upstream.broker_count, 1);
    assert_string_equal(c->upstream.brokers[0].uri,
                        "tcp://broker.example.com:1884");
    assert_string_equal(c->upstream.username, "me");
    assert_int_equal(c->options.qos_minus1_from_count, 0);
    gw_config_free(c);
    said("url = mqtts://broker.example.com:8884\n");
    said("ShearedMemory=NO (line 17): logs go to standard error");
}

static void an_empty_file_is_what_that_gateway_does_without(void **state)
{
    struct gw_config *c = import(*state, "");

    assert_int_equal(c->options.mode, GW_MODE_TRANSPARENT);
    assert_int_equal(c->listeners[0].bind.port, 10000);
    assert_string_equal(c->upstream.brokers[0].uri, "tcp://127.0.0.1:1883");
    gw_config_free(c);
    not_said("No key here");
}

static void aggregating_stays_so(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c;

    write_in(f, "clients.conf", "n1,10.0.0.1:1\n");
    c = import(f, "AggregatingGateway=YES\nMaxNumberOfClients=9000\n");
    assert_int_equal(c->options.mode, GW_MODE_AGGREGATING);
    assert_int_equal(c->limits.max_sessions, 9000);
    gw_config_free(c);
    not_said("max_connections");
    c = import(f, "MaxNumberOfClients=9000\n");
    assert_int_equal(c->limits.max_connections, 5000);
    gw_config_free(c);
}

static void a_password_is_not_copied(void **state)
{
    struct fixture *f = *state;
    char path[80];

    snprintf(path, sizeof(path), "%s/paho.conf", f->dir);
    write_text(path, "Password=old\nLoginID=me\nPassword=sesame\n");
    assert_int_equal(import_file(path), MQTTSN_OK);
    said("# Password (line 3) is not copied");
    said("\npassword_file = /etc/mqttsn-gateway/broker.password\n");
    said("Password=... (line 1): given again below\n");
    not_said("sesame");
    not_said("old");
}

static void a_password_without_a_user_is_left_out(void **state)
{
    struct gw_config *c = import(*state, "LoginID=\nPassword=sesame\n");

    assert_null(c->upstream.username);
    gw_config_free(c);
    not_said("password_file");
    not_said("sesame");
    said("Password=... (line 2): MQTT has no password without a user name");
}

static void tls_is_for_all_when_one_client_is_secure(void **state)
{
    struct fixture *f = *state;

    write_in(f, "nodes", "n1,10.0.0.1:1,secureConnection\nn2,10.0.0.2:1\n");
    write_in(f, "gateway.conf",
             "ClientAuthentication=YES\nClientsList=nodes\n"
             "BrokerName=fd00::1\nRootCAfile=/ca.pem\nRootCApath=/ca\n"
             "CertKey=/cert.pem\nPrivateKey=/key.pem\n");
    assert_int_equal(import_file(f->file), MQTTSN_OK);
    said("url = mqtts://[fd00::1]:8883\n# 1 of the clients are not marked");
    said("[tls]\nca_file = /ca.pem\nca_path = /ca\ncert_file = /cert.pem\n"
         "key_file = /key.pem\n");
    said("ClientAuthentication=YES (line 1): which client ids may connect is "
         "not asked in this version");
}

static void forwarders_and_qos_minus1_nodes_are_addresses(void **state)
{
    struct fixture *f = *state;
    const struct gw_listener_options *listener;
    struct gw_config *c;
    char path[80];

    write_in(f, "clients.conf",
             "# comment\nn1,10.0.0.1:1\nf1,10.0.0.2:1,forwarder\n"
             "f2,10.0.0.2:2,forwarder\nq1,10.0.0.3:1,QoS-1\n"
             "q2,[fd00::4]:1,unstableLine,QoS-1\nx1,COM4,forwarder\n");
    write_in(f, "predefinedTopic.conf",
             "COMMON,a/1,1\nCOMMON,a/2,2\nn1,b,8\nq1,a/1,1\nq1,other,2\n"
             "q1,c/7,7\nq2,c/7,7\nq2,c/9,9\n");
    c = import(f, "QoS-1=YES\nForwarder=YES\nPredefinedTopic=YES\n"
                  "ClientsList=clients.conf\n");
    listener = &c->options.listeners[0];
    assert_int_equal(listener->forwarder_count, 1);
    assert_int_equal(listener->forwarders[0].ip[3], 2);
    assert_int_equal(listener->forwarders[0].bits, 32);
    assert_int_equal(c->options.qos_minus1_from_count, 2);
    assert_int_equal(c->options.qos_minus1_from[1].family, 6);
    /* Eight of the file, and two that are open. */
    assert_int_equal(c->options.predefined_count, 10);
    gw_config_free(c);
    said("# x1: 'COM4' is no IP address\n");
    said("\n7 = c/7, open\n");
    said("\n9 = c/9, open\n");
    said("# 1 = a/1, of q1 with QoS -1: put 'open' behind the line of COMMON");
    said("# 2 = other, of q1 with QoS -1: the id is another topic of COMMON");
    not_said("b, open");
    not_said("No key here");
    snprintf(path, sizeof(path), "predefined_file = %s/predefinedTopic.conf\n",
             f->dir);
    said(path);
}

static void no_more_addresses_are_written_than_are_loaded(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c;
    char rows[8192] = "same,[fd00:0::1]:1,forwarder\n"
                      "again,[fd00::1]:2,forwarder\n";

    for (int i = 0; i < 70; i++)
        snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows),
                 "n%d,10.0.0.%d:1,forwarder,QoS-1\n", i, i);
    write_in(f, "clients.conf", rows);
    c = import(f, "QoS-1=YES\nForwarder=YES\n");
    assert_int_equal(c->options.listeners[0].forwarder_count, 64);
    assert_int_equal(c->options.qos_minus1_from_count, 32);
    gw_config_free(c);
    not_said("10.0.0.62 is one more than the 64");
    said("# n63: 10.0.0.63 is one more than the 64 that there may be");
    not_said("# n31: ");
    said("# n32: 10.0.0.32 is one more than the 32 that there may be");
}

static void topic_ids_are_numbers(void **state)
{
    struct fixture *f = *state;

    write_in(f, "clients.conf", "q1,10.0.0.3:1,QoS-1\nq2,10.0.0.4:1,QoS-1\n");
    write_in(f, "predefinedTopic.conf",
             "COMMON,a/1,1\nq1,b/1,001\nq1,c/7,7\nq2,c/7,07\n");
    gw_config_free(import(f, "QoS-1=YES\nPredefinedTopic=YES\n"));
    said("# 001 = b/1, of q1 with QoS -1: the id is another topic of COMMON");
    said("\n7 = c/7, open\n");
    not_said("\n07 = c/7, open\n");
}

static void what_is_out_of_range_stands_in_a_comment(void **state)
{
    struct gw_config *c =
        import(*state, "GatewayID=300\nGatewayPortNo=0\nKeepAlive=x\n"
                       "MaxNumberOfClients=0\nMulticastTTL=1\nBaudrate=38400\n"
                       "GatewayName=1234567890123456789012345678901234567890"
                       "1234567890123456789012345\nBrokerName=a ;b\nOdd=1\n");

    assert_int_equal(c->options.gw_id, 1);
    gw_config_free(c);
    said("# GatewayID=300 (line 1): expected a number from 1 to 255\n");
    said("# GatewayPortNo=0 (line 2): expected a number from 1 to 65535\n");
    said("# KeepAlive=x (line 3): expected a number from 0 to 65535\n");
    said("# MaxNumberOfClients=0 (line 4): expected a number from 1 to");
    said("# GatewayName (line 7): longer than 64 octets\n");
    said("#   MulticastTTL=1 (line 5): multicast stays on its link");
    said("#   Baudrate=38400 (line 6): serial radios reach the gateway");
    said("#   BrokerName=a ;b (line 8): a ';' after a blank");
    said("#   Odd=1 (line 9): not a key of that gateway");
}

static void the_network_of_ipv6_is_prepared(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c;
    char *at;

    c = import(f, "GatewayPortNo=10000\n");
    gw_config_free(c);
    not_said("udp6");
    c = import(f, "GatewayUDP6Bind=fd00::1\nGatewayUDP6Port=47193\n"
                  "GatewayUDP6Broadcast=ff03::1\nGatewayUDP6If=lo\n");
    assert_int_equal(c->options.listener_count, 1);
    gw_config_free(c);

    CASE("with the '#' taken away it is a listener");
    at = strstr(out, "#[listener udp6]");
    assert_non_null(at);
    for (; *at == '#'; at = strchr(at, '\n') + 1)
        *at = ' ';
    c = load_good(f, out);
    assert_int_equal(c->options.listener_count, 2);
    assert_int_equal(c->listeners[1].bind.port, 47193);
    assert_int_equal(c->listeners[1].multicast.family, 6);
    assert_string_equal(c->listeners[1].interface, "lo");
    gw_config_free(c);
}

static void what_cannot_be_read_is_said_and_nothing_written(void **state)
{
    static const struct {
        const char *text, *topics, *clients, *error;
        enum mqttsn_status status;
    } rows[] = {
        {"GatewayID\n", NULL, NULL, "gateway.conf:1: expected KEY=VALUE\n",
         MQTTSN_EINVAL},
        {"\n=7\n", NULL, NULL, "gateway.conf:2: expected KEY=VALUE\n",
         MQTTSN_EINVAL},
        {"A=\x01\n", NULL, NULL, "gateway.conf:1: expected at most 2048 octets",
         MQTTSN_EINVAL},
        {"A=\xff\n", NULL, NULL, "gateway.conf:1: expected at most 2048 octets",
         MQTTSN_EINVAL},
        {"PredefinedTopic=YES\n", NULL, NULL, "predefinedTopic.conf': No such",
         MQTTSN_EIO},
        {"PredefinedTopic=YES\n", "*,a\n", NULL,
         "predefinedTopic.conf:1: expected client, topic, id\n", MQTTSN_EINVAL},
        {"QoS-1=YES\n", NULL, NULL, "clients.conf': No such", MQTTSN_EIO},
        {"Forwarder=YES\n", NULL, "n1\n",
         "clients.conf:1: expected id, address[", MQTTSN_EINVAL},
        {"Forwarder=YES\n", NULL, "n1,a,walks\n",
         "clients.conf:1: expected id, address[", MQTTSN_EINVAL},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        write_text(f->file, rows[i].text);
        if (rows[i].topics != NULL)
            write_in(f, "predefinedTopic.conf", rows[i].topics);
        if (rows[i].clients != NULL)
            write_in(f, "clients.conf", rows[i].clients);
        assert_int_equal(import_file(f->file), rows[i].status);
        assert_string_equal(out, "");
        if (strstr(err, rows[i].error) == NULL)
            fail_msg("row %zu: %s", i, err);
    }
    assert_int_equal(import_file("/nowhere/gateway.conf"), MQTTSN_EIO);
    assert_int_equal(import_file(f->dir), MQTTSN_EIO);
}

/* ---- the two lists as they are ---- */

static void both_lists_are_read_natively(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c;
    char text[512];

    write_in(f, "clients.conf",
             "# comment\n\nn1,10.0.0.1:1\nf1,10.0.0.2:1,forwarder\n"
             "q1,[fd00::3]:1,unstableLine,QoS-1\n"
             "n2,anywhere,secureConnection\n");
    write_in(f, "predefinedTopic.conf", "COMMON,a/1, 1\nn1,b,1\n");
    snprintf(text, sizeof(text),
             "[listener a]\nforwarders = 10.1.0.0/16\n"
             "[listener b]\nbind = 127.0.0.1:1885\n"
             "[topics]\npredefined_file = %s/predefinedTopic.conf\n"
             "qos_minus1_from = \n[access]\nclients_file = %s/clients.conf\n",
             f->dir, f->dir);
    c = load_good(f, text);
    assert_int_equal(c->options.predefined_count, 2);
    assert_null(c->options.predefined[0].client_id);
    assert_int_equal(c->options.listeners[0].forwarder_count, 2);
    assert_int_equal(c->options.listeners[0].forwarders[0].bits, 16);
    assert_int_equal(c->options.listeners[0].forwarders[1].ip[3], 2);
    assert_int_equal(c->options.listeners[1].forwarder_count, 1);
    assert_int_equal(c->options.qos_minus1_from_count, 1);
    assert_int_equal(c->options.qos_minus1_from[0].bits, 128);
    gw_config_free(c);

    CASE("what is wrong in it has file and line");
    write_in(f, "clients.conf", "n1\nn2,x,flies\nf1,COM4,forwarder\n");
    assert_null(load_text(f, text));
    assert_non_null(strstr(f->reported, "clients.conf:1: access.clients_file: "
                                        "expected id, address["));
    assert_non_null(strstr(f->reported, "clients.conf:2: access.clients_file: "
                                        "expected id, address["));
    assert_non_null(strstr(f->reported, "clients.conf:3: access.clients_file: "
                                        "expected ADDRESS[:PORT], IPv6 in "
                                        "brackets; got 'COM4'"));
}

static void an_address_of_several_nodes_is_counted_once(void **state)
{
    struct fixture *f = *state;
    struct gw_config *c;
    char text[192], rows[4096] = "";

    for (int i = 0; i < 70; i++)
        snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows),
                 "f%d,10.0.0.%d:%d,forwarder,QoS-1\n", i, i % 2, i + 1);
    write_in(f, "clients.conf", rows);
    snprintf(text, sizeof(text),
             "[listener udp]\nforwarders = 10.0.0.1\n[topics]\n"
             "qos_minus1_from =\n[access]\nclients_file = %s/clients.conf\n",
             f->dir);
    c = load_good(f, text);
    assert_int_equal(c->options.listeners[0].forwarder_count, 2);
    assert_int_equal(c->options.qos_minus1_from_count, 2);
    gw_config_free(c);
}

static void more_addresses_than_there_is_room_for_are_refused(void **state)
{
    struct fixture *f = *state;
    char text[160], rows[4096] = "";

    for (int i = 0; i < 70; i++)
        snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows),
                 "f%d,10.0.0.%d:1,forwarder\n", i, i);
    write_in(f, "clients.conf", rows);
    snprintf(text, sizeof(text), "[access]\nclients_file = %s/clients.conf\n",
             f->dir);
    assert_null(load_text(f, text));
    assert_non_null(strstr(f->reported, "clients.conf:65: access.clients_file: "
                                        "expected at most 64 addresses"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_ordinary_file_becomes_ours),
        TEST(an_empty_file_is_what_that_gateway_does_without),
        TEST(aggregating_stays_so),
        TEST(a_password_is_not_copied),
        TEST(a_password_without_a_user_is_left_out),
        TEST(tls_is_for_all_when_one_client_is_secure),
        TEST(forwarders_and_qos_minus1_nodes_are_addresses),
        TEST(no_more_addresses_are_written_than_are_loaded),
        TEST(topic_ids_are_numbers),
        TEST(what_is_out_of_range_stands_in_a_comment),
        TEST(the_network_of_ipv6_is_prepared),
        TEST(what_cannot_be_read_is_said_and_nothing_written),
        TEST(both_lists_are_read_natively),
        TEST(an_address_of_several_nodes_is_counted_once),
        TEST(more_addresses_than_there_is_room_for_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
