/* SPDX-License-Identifier: MIT */
/*
 * A PUBLISH of QoS 2 ends while the journal fails, so that the journal has it
 * still, and its PUBREL. Then its packet id belongs to another one.
 */
#include "io/paho_keep.h"
#include "io/paho_keep_private.h"

#include <errno.h>
#include <stdio.h>

#include "journal_rig.h"

static struct rig rig;
static struct gw_paho_keep *keep;
static MQTTClient_persistence *paho;

static int set_up(void **state)
{
    (void)state;
    rig_begin(&rig);
    rig.settings.files = &rig_files_faulty;
    rig_open(&rig);
    assert_int_equal(gw_paho_keep_new(rig.journal, &keep), MQTTSN_OK);
    paho = gw_paho_keep_interface(keep);
    assert_true(gw_paho_keep_attempt(keep, false));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    gw_paho_keep_free(keep);
    rig_end(&rig);
    return 0;
}

/* ---- as Paho calls ------------------------------------------------------ */

static int put(const char *prefix, uint8_t id, char *packet, int len)
{
    char key[16];

    snprintf(key, sizeof(key), "%s-%u", prefix, id);
    return paho->pput(keep, key, 1, &packet, &len);
}

static int put_publish(uint8_t id)
{
    char packet[] = {0x34, 6, 0, 1, 't', 0, (char)id, 'x'};

    return put("s", id, packet, sizeof(packet));
}

static int put_pubrel(uint8_t id)
{
    char packet[] = {0x62, 2, 0, (char)id};

    return put("sc", id, packet, sizeof(packet));
}

/* MQTTAsync_send of an exchange, and what it calls inside. */
static void queue(uint32_t exchange, int id)
{
    int type = 3, zero = 0, qos = 2;
    char topic[] = "t", key[] = "c-1";
    char *pieces[] = {(char *)&type, (char *)&id,  topic,        (char *)&zero,
                      topic,         (char *)&qos, (char *)&zero};
    int lens[] = {4, 4, 2, 4, 0, 4, 4};

    gw_paho_keep_sending(keep, exchange);
    (void)paho->pput(keep, key, 7, pieces, lens);
    gw_paho_keep_sent(keep, exchange, (uint16_t)id);
}

static void send_and_release(uint32_t exchange, uint8_t id)
{
    queue(exchange, id);
    assert_int_equal(put_publish(id), 0);
    assert_int_equal(put_pubrel(id), 0);
}

/* PUBCOMP. */
static void end(uint8_t id)
{
    char sent[16], released[16];

    snprintf(sent, sizeof(sent), "s-%u", id);
    snprintf(released, sizeof(released), "sc-%u", id);
    paho->premove(keep, sent);
    paho->premove(keep, released);
}

static void journal_fails(bool fails)
{
    rig_write_fault =
        (struct rig_fault){.in = fails, .lasting = true, .why = EIO};
}

/* ---- what the journal has ----------------------------------------------- */

struct search {
    uint8_t kind;
    uint32_t owner, item;
    bool found;
};

static bool visit(void *user, const struct gw_journal_entry *entry)
{
    struct search *s = user;
    const struct gw_journal_record *r = &entry->record;

    if (r->kind == s->kind && r->owner == s->owner && r->item == s->item)
        s->found = r->verb == GW_JOURNAL_KEEP;
    return true;
}

static bool has(uint8_t kind, uint32_t owner, uint32_t item)
{
    struct search s = {kind, owner, item, false};
    struct gw_journal_report report;

    assert_int_equal(gw_journal_read(&rig.settings, 0, visit, &s, &report),
                     MQTTSN_OK);
    return s.found;
}

/* ---- tests -------------------------------------------------------------- */

static void it_is_told_before_its_id_is_used(void **unused)
{
    (void)unused;
    send_and_release(77, 5);
    journal_fails(true);
    end(5);
    assert_int_equal(gw_paho_keep_packet_of(keep, 77), 0);
    assert_true(has(GW_SHELL_LIBRARY, GW_KEEP_RELEASED, 5));

    /* Nor is the other one written, while that cannot be told. */
    queue(78, 5);
    assert_int_equal(put_publish(5), MQTTCLIENT_PERSISTENCE_ERROR);
    assert_true(gw_paho_keep_take_broken(keep));

    journal_fails(false);
    assert_int_equal(put_publish(5), 0);
    assert_int_equal(gw_paho_keep_packet_of(keep, 78), 5);
    assert_true(has(GW_SHELL_TOKEN, 0, 77));
    assert_true(has(GW_SHELL_LIBRARY, GW_KEEP_SENT, 5));
    assert_false(has(GW_SHELL_LIBRARY, GW_KEEP_RELEASED, 5));
}

static void or_with_the_next_that_ends(void **unused)
{
    (void)unused;
    send_and_release(77, 5);
    send_and_release(78, 6);
    journal_fails(true);
    end(5);
    journal_fails(false);
    end(6);
    assert_true(has(GW_SHELL_TOKEN, 0, 77));
    assert_true(has(GW_SHELL_TOKEN, 0, 78));
    assert_false(has(GW_SHELL_LIBRARY, GW_KEEP_SENT, 5));
    assert_false(has(GW_SHELL_LIBRARY, GW_KEEP_RELEASED, 5));
}

/* It is nothing that a new handle would go on with. */
static void no_handle_goes_on_with_it(void **unused)
{
    (void)unused;
    send_and_release(77, 5);
    gw_paho_keep_making(keep, true, false);
    gw_paho_keep_made(keep);
    assert_true(gw_paho_keep_goes_on(keep));
    journal_fails(true);
    end(5);
    assert_false(gw_paho_keep_goes_on(keep));
    gw_paho_keep_making(keep, true, false);
    gw_paho_keep_made(keep);
    assert_false(gw_paho_keep_goes_on(keep));
    journal_fails(false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_told_before_its_id_is_used),
        TEST(or_with_the_next_that_ends),
        TEST(no_handle_goes_on_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
