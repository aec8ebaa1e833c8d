/* SPDX-License-Identifier: MIT */
#include "io/changes.h"

#include "check.h"

/* What the database has, for the predicate: everything with an even item. */
static bool has_even(void *user, struct gw_key key)
{
    (void)user;
    return key.kind == GW_KEY_OWNER ? key.owner % 2 == 0 : key.item % 2 == 0;
}

static bool has_nothing(void *user, struct gw_key key)
{
    (void)user;
    (void)key;
    return false;
}

static void apply(struct gw_changes *c, uint8_t verb, uint8_t kind,
                  uint32_t owner, uint32_t item, const char *octets)
{
    const struct gw_journal_record record = {
        verb, kind, owner, item,
        mqttsn_span((const uint8_t *)octets, strlen(octets))};

    gw_changes_apply(c, &record, 9, has_even, NULL);
}

static char text[512];

static const char *write_down(struct gw_changes *c)
{
    text[0] = '\0';
    gw_changes_sort(c, NULL);
    for (const struct gw_changed_owner *o = c->owners; o != NULL;
         o = o->hh.next) {
        if (o->forgotten)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "--%u ",
                     o->owner);
    }
    for (const struct gw_change *change = c->changes; change != NULL;
         change = change->hh.next)
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%c%u/%u/%u%s%.*s ", change->keep ? '+' : '-',
                 change->key.kind, change->key.owner, change->key.item,
                 change->keep ? "=" : "", (int)change->len,
                 (const char *)change->octets);
    return text;
}

enum { KEEP = GW_JOURNAL_KEEP, FORGET, FORGET_OWNER };

#define MANY 2000u

static void only_the_last_word_on_a_key_is_left(void **unused)
{
    static const struct {
        const char *why;
        struct {
            uint8_t verb, kind;
            uint32_t owner, item;
            const char *octets;
        } steps[4];
        const char *left;
    } rows[] = {
        {"the last one counts",
         {{KEEP, 1, 1, 1, "a"}, {KEEP, 1, 1, 1, "b"}, {KEEP, 1, 1, 1, "long"}},
         "+1/1/1=long "},
        {"what comes and goes leaves nothing",
         {{KEEP, 1, 1, 1, "a"}, {FORGET, 1, 1, 1, ""}},
         ""},
        {"unless the database has it",
         {{KEEP, 1, 1, 2, "a"}, {FORGET, 1, 1, 2, ""}},
         "-1/1/2 "},
        {"what is not there need not be forgotten",
         {{FORGET, 1, 1, 1, ""}, {FORGET, 1, 1, 2, ""}, {FORGET, 1, 1, 2, ""}},
         "-1/1/2 "},
        {"and it may come again",
         {{FORGET, 1, 1, 2, ""}, {KEEP, 1, 1, 2, "b"}},
         "+1/1/2=b "},
        {"an owner goes with all that is his",
         {{KEEP, 1, 1, 1, "a"},
          {KEEP, 6, 1, 3, "b"},
          {FORGET_OWNER, 0, 1, 0, ""}},
         ""},
        {"also in the database",
         {{KEEP, 1, 2, 1, "a"},
          {FORGET, 6, 2, 2, ""},
          {FORGET_OWNER, 0, 2, 0, ""}},
         "--2 "},
        {"and what comes then is new",
         {{FORGET_OWNER, 0, 2, 0, ""},
          {KEEP, 6, 2, 2, "a"},
          {FORGET, 6, 2, 2, ""},
          {KEEP, 6, 2, 4, "b"}},
         "--2 +6/2/4=b "},
        {"the shell's are nobody's",
         {{KEEP, 64, 1, 1, "a"}, {FORGET_OWNER, 0, 1, 0, ""}},
         "+64/1/1=a "},
        {"and owner 0 is nobody",
         {{KEEP, 5, 0, 1, "a"}, {FORGET_OWNER, 0, 0, 0, ""}},
         "+5/0/1=a "},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gw_changes *c = gw_changes_new();

        CASE(rows[i].why);
        assert_non_null(c);
        for (size_t n = 0; n < 4 && rows[i].steps[n].octets != NULL; n++)
            apply(c, rows[i].steps[n].verb, rows[i].steps[n].kind,
                  rows[i].steps[n].owner, rows[i].steps[n].item,
                  rows[i].steps[n].octets);
        assert_string_equal(write_down(c), rows[i].left);
        assert_int_equal(gw_changes_are_none(c), rows[i].left[0] == '\0');
        assert_int_equal(c->octets == 0, rows[i].left[0] == '\0');
        gw_changes_free(c);
    }
}

static void what_came_later_is_put_on_top(void **unused)
{
    struct gw_changes *earlier = gw_changes_new(), *later = gw_changes_new();

    (void)unused;
    apply(earlier, KEEP, 1, 1, 1, "old");
    apply(earlier, KEEP, 1, 3, 1, "stays");
    apply(earlier, KEEP, 6, 2, 5, "of an owner");
    apply(earlier, FORGET, 5, 0, 2, "");
    apply(later, KEEP, 1, 1, 1, "new");
    apply(later, FORGET_OWNER, 0, 2, 0, "");
    apply(later, KEEP, 6, 2, 7, "of the next");
    apply(later, KEEP, 5, 0, 2, "again");
    gw_changes_merge(earlier, later, has_even, NULL);

    assert_string_equal(write_down(earlier),
                        "--2 +1/1/1=new +1/3/1=stays +5/0/2=again "
                        "+6/2/7=of the next ");
    assert_true(gw_changes_mention(earlier, (struct gw_key){1, 1, 1}));
    assert_false(gw_changes_mention(earlier, (struct gw_key){6, 2, 5}));
    assert_true(gw_changes_mention(
        earlier, (struct gw_key){.kind = GW_KEY_OWNER, .owner = 3}));
    assert_true(gw_changes_forget_owner(earlier, 2));
    assert_false(gw_changes_forget_owner(earlier, 3));
    gw_changes_free(earlier);
}

/* While a journal is read nobody knows what the database has; later it is. */
static void deletions_of_what_is_not_there_are_taken_out(void **unused)
{
    struct gw_changes *c = gw_changes_new();

    (void)unused;
    apply(c, FORGET, 1, 1, 2, "");
    apply(c, FORGET_OWNER, 0, 2, 0, "");
    apply(c, KEEP, 1, 3, 2, "a");
    gw_changes_prune(c, has_nothing, NULL);
    assert_string_equal(write_down(c), "+1/3/2=a ");
    gw_changes_free(c);
}

/* Appends ask about keys while a flush sorts them. */
struct asking {
    const struct gw_changes *changes;
    pthread_mutex_t lock;
    unsigned missing;
};

static void *ask(void *user)
{
    struct asking *a = user;

    for (uint32_t item = 0; item < MANY; item++) {
        pthread_mutex_lock(&a->lock);
        a->missing += !gw_changes_mention(
            a->changes, (struct gw_key){.kind = 1, .owner = 1, .item = item});
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

static void keys_are_found_while_they_are_sorted(void **unused)
{
    struct asking a = {.changes = NULL, .lock = PTHREAD_MUTEX_INITIALIZER};
    struct gw_changes *c = gw_changes_new();
    pthread_t asker;

    (void)unused;
    for (uint32_t item = MANY; item-- > 0;)
        apply(c, KEEP, 1, 1, item, "x");
    a.changes = c;
    assert_int_equal(pthread_create(&asker, NULL, ask, &a), 0);

    for (unsigned round = 0; round < 20; round++)
        gw_changes_sort(c, &a.lock);

    assert_int_equal(pthread_join(asker, NULL), 0);
    assert_int_equal(a.missing, 0);
    assert_int_equal(c->changes->key.item, 0);
    gw_changes_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_last_word_on_a_key_is_left),
        cmocka_unit_test(what_came_later_is_put_on_top),
        cmocka_unit_test(deletions_of_what_is_not_there_are_taken_out),
        cmocka_unit_test(keys_are_found_while_they_are_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
