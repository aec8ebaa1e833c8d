/* SPDX-License-Identifier: MIT */
/*
 * show.h - reports of a gateway for people: what docs/api.md describes, as
 * text.
 */
#ifndef CTL_SHOW_H
#define CTL_SHOW_H

#include "table.h"

#include <cjson/cJSON.h>

/* "45s", "4m", "2h5m", "3d4h"; 'buf' of 32. */
const char *show_time(double seconds, char *buf);

/* Those that a client may be in. */
#define SHOW_STATES 6
extern const char *const show_states[SHOW_STATES];

/* Members, of that type or a default. */
double show_number(const cJSON *object, const char *name);
const char *show_text(const cJSON *object, const char *name);
bool show_is(const cJSON *object, const char *name);

void show_status(const cJSON *status, FILE *out);
void show_client(const cJSON *client, FILE *out);
void show_upstream(const cJSON *upstream, FILE *out);

/* Tables of the list in a report. */
void show_clients_begin(struct table *table);
void show_clients_add(struct table *table, const cJSON *client);
void show_topics(const cJSON *list, FILE *out);
void show_subscriptions(const cJSON *list, FILE *out);
void show_queue(const cJSON *list, FILE *out);
void show_events(const cJSON *list, FILE *out);

#endif
