/* SPDX-License-Identifier: MIT */
#include "engine_private.h"

static uint64_t id_hash(const struct gw_engine *e, uint32_t session,
                        uint8_t type, uint16_t id)
{
    uint32_t key[2] = {session, (uint32_t)type << 16 | id};

    return gw_hash(e, key, sizeof(key));
}

static uint64_t name_hash(const struct gw_engine *e, uint32_t session,
                          uint8_t type, uint32_t name)
{
    uint32_t key[3] = {session, name, type};

    return gw_hash(e, key, sizeof(key));
}

static uint32_t find_id_in_table(const struct gw_engine *e, uint32_t session,
                                 uint8_t type, uint16_t id)
{
    struct gw_table_probe probe;

    for (uint32_t i = gw_table_first(&e->topics_by_id,
                                     id_hash(e, session, type, id), &probe);
         i != 0; i = gw_table_next(&e->topics_by_id, &probe)) {
        const struct gw_topic *t = gw_topic_at(e, i);

        if (t->session == session && t->id == id && t->type == type)
            return i;
    }
    return 0;
}

uint32_t gw_topic_by_id(const struct gw_engine *e, uint32_t session,
                        uint8_t type, uint16_t id)
{
    const struct gw_session *s = gw_session_at(e, session);

    if (s->flags & GW_S_MANY_TOPICS)
        return find_id_in_table(e, session, type, id);
    for (uint32_t i = s->topics; i != 0; i = gw_topic_at(e, i)->next) {
        const struct gw_topic *t = gw_topic_at(e, i);

        if (t->id == id && t->type == type)
            return i;
    }
    return 0;
}

static uint32_t find_name_in_table(const struct gw_engine *e, uint32_t session,
                                   uint8_t type, uint32_t name)
{
    struct gw_table_probe probe;

    for (uint32_t i = gw_table_first(&e->topics_by_name,
                                     name_hash(e, session, type, name), &probe);
         i != 0; i = gw_table_next(&e->topics_by_name, &probe)) {
        const struct gw_topic *t = gw_topic_at(e, i);

        if (t->session == session && t->name == name && t->type == type)
            return i;
    }
    return 0;
}

uint32_t gw_topic_by_name(const struct gw_engine *e, uint32_t session,
                          uint8_t type, uint32_t name)
{
    const struct gw_session *s = gw_session_at(e, session);

    if (name == 0)
        return 0;
    if (s->flags & GW_S_MANY_TOPICS)
        return find_name_in_table(e, session, type, name);
    for (uint32_t i = s->topics; i != 0; i = gw_topic_at(e, i)->next) {
        const struct gw_topic *t = gw_topic_at(e, i);

        if (t->name == name && t->type == type)
            return i;
    }
    return 0;
}

static void put_in_tables(struct gw_engine *e, uint32_t index)
{
    const struct gw_topic *t = gw_topic_at(e, index);

    gw_table_insert(&e->topics_by_id, id_hash(e, t->session, t->type, t->id),
                    index);
    gw_table_insert(&e->topics_by_name,
                    name_hash(e, t->session, t->type, t->name), index);
}

/* The newest of a session: into the tables, if there are many; with all of
 * them, if they have just become many. */
static void find_by_table(struct gw_engine *e, uint32_t index)
{
    struct gw_session *s = gw_session_at(e, gw_topic_at(e, index)->session);
    unsigned count = 0;

    if (s->flags & GW_S_MANY_TOPICS) {
        put_in_tables(e, index);
        return;
    }
    for (uint32_t i = s->topics; i != 0; i = gw_topic_at(e, i)->next)
        count++;
    if (count <= GW_FEW)
        return;
    s->flags |= GW_S_MANY_TOPICS;
    for (uint32_t i = s->topics; i != 0; i = gw_topic_at(e, i)->next)
        put_in_tables(e, i);
}

/* Takes over the caller's reference on 'name'; 0 when the table is full, and
 * then the reference is given back. */
static uint32_t add(struct gw_engine *e, uint32_t session, uint8_t type,
                    uint16_t id, uint32_t name, uint8_t flags)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t index = gw_slab_take(&e->topics);
    struct gw_topic *t;

    if (index == 0) {
        gw_names_unref(&e->names, name);
        return 0;
    }
    t = gw_topic_at(e, index);
    t->session = session;
    t->name = name;
    t->id = id;
    t->type = type;
    t->flags = flags;
    t->next = s->topics;
    s->topics = index;
    if (type == MQTTSN_TOPIC_NORMAL)
        s->topic_count++;
    find_by_table(e, index);
    return index;
}

/* The next id that no predefined topic uses; 0 when they are used up. Ids
 * only rise: one that was given to a name never means another (G12-11). */
static uint16_t next_id(struct gw_engine *e, struct gw_session *s)
{
    while (s->next_topic_id != 0 && s->next_topic_id != 0xffff) {
        uint16_t id = s->next_topic_id++;

        if (!gw_policy_predefined_uses(&e->policy, id))
            return id;
    }
    s->next_topic_id = 0xffff;
    return 0;
}

enum mqttsn_status gw_topic_register(struct gw_engine *e, uint32_t session,
                                     struct mqttsn_span name,
                                     uint32_t *ret_topic)
{
    struct gw_session *s = gw_session_at(e, session);
    uint32_t found = gw_topic_by_name(e, session, MQTTSN_TOPIC_NORMAL,
                                      gw_names_find(&e->names, name));
    uint32_t ref, index;
    uint16_t id;

    if (found != 0) {
        *ret_topic = found;
        return MQTTSN_OK;
    }
    if (s->topic_count >= e->policy.options.max_topics_per_client)
        return MQTTSN_EPROTO;
    if (e->topics.used == e->topics.capacity)
        return MQTTSN_ENOSPACE;
    ref = gw_names_intern(&e->names, name);
    if (ref == 0)
        return MQTTSN_ENOSPACE;
    id = next_id(e, s);
    if (id == 0) {
        gw_names_unref(&e->names, ref);
        return MQTTSN_EPROTO;
    }
    index = add(e, session, MQTTSN_TOPIC_NORMAL, id, ref, GW_T_NEW);
    *ret_topic = index;
    return MQTTSN_OK;
}

static void end(struct gw_engine *e, uint32_t index)
{
    struct gw_topic *t = gw_topic_at(e, index);
    struct gw_session *s = gw_session_at(e, t->session);
    uint32_t *link = &s->topics;

    while (*link != index)
        link = &gw_topic_at(e, *link)->next;
    *link = t->next;
    if (t->type == MQTTSN_TOPIC_NORMAL)
        s->topic_count--;
    if (s->flags & GW_S_MANY_TOPICS) {
        gw_table_remove(&e->topics_by_id,
                        id_hash(e, t->session, t->type, t->id), index);
        gw_table_remove(&e->topics_by_name,
                        name_hash(e, t->session, t->type, t->name), index);
    }
    if (s->topics == 0)
        s->flags &= ~(unsigned)GW_S_MANY_TOPICS;
    gw_names_unref(&e->names, t->name);
    t->session = 0;
    gw_slab_give(&e->topics, index);
}

uint32_t gw_topic_note_predefined(struct gw_engine *e, uint32_t session,
                                  uint16_t id, uint32_t name)
{
    uint32_t found = gw_topic_by_id(e, session, MQTTSN_TOPIC_PREDEFINED, id);

    if (found != 0) {
        gw_topic_at(e, found)->flags &= (uint8_t)~GW_T_UNKNOWN;
        if (gw_topic_at(e, found)->name == name)
            return found;
        end(e, found); /* a reload gave the id another name */
    }
    found = add(e, session, MQTTSN_TOPIC_PREDEFINED, id,
                gw_names_ref(&e->names, name), 0);
    if (found != 0)
        gw_store_topic(e, found);
    return found;
}

uint32_t gw_topic_restore(struct gw_engine *e, uint32_t session, uint8_t type,
                          uint16_t id, struct mqttsn_span name, uint8_t flags)
{
    uint32_t ref;

    if (gw_topic_by_id(e, session, type, id) != 0)
        return 0;
    ref = gw_names_intern(&e->names, name);
    return ref == 0 ? 0 : add(e, session, type, id, ref, flags);
}

void gw_topics_wipe(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    while (s->topics != 0)
        end(e, s->topics);
}

void gw_topic_announce(struct gw_engine *e, uint32_t topic)
{
    struct gw_topic *t = gw_topic_at(e, topic);

    t->announced = gw_session_at(e, t->session)->connection;
    t->flags = 0; /* what it refused before, it knows now (G12-15) */
}

void gw_topic_kept(struct gw_engine *e, uint32_t topic)
{
    gw_topic_at(e, topic)->flags &= (uint8_t)~GW_T_NEW;
}

void gw_topic_unannounce(struct gw_engine *e, uint32_t topic)
{
    gw_topic_at(e, topic)->announced = 0;
}

bool gw_topic_is_announced(const struct gw_engine *e, uint32_t topic)
{
    const struct gw_topic *t = gw_topic_at(e, topic);

    return t->announced == gw_session_at(e, t->session)->connection;
}

void gw_topics_forget_announced(struct gw_engine *e, uint32_t session)
{
    struct gw_session *s = gw_session_at(e, session);

    if (++s->connection == 0)
        s->connection = 1; /* 0 is "never" */
}
