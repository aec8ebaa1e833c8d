/* SPDX-License-Identifier: MIT */
/* database_private.h - what database.c and database_open.c share. */
#ifndef GW_DATABASE_PRIVATE_H
#define GW_DATABASE_PRIVATE_H

#include "database.h"

#include <sqlite3.h>

enum {
    SELECT_KIND,
    PUT_ROW,
    DELETE_ROW,
    SELECT_OWNER,
    DELETE_OWNER,
    PUT_META,
    STATEMENTS
};

struct gw_database {
    sqlite3 *sqlite;
    sqlite3_stmt *statement[STATEMENTS]; /* made when first used */
    struct gw_database_meta meta;
    unsigned version; /* of the schema in the file */
    bool meta_known;
    bool damaged;
    bool writing; /* between begin and commit */
};

/* The status of a result of SQLite's, and its text in 'why'. */
enum mqttsn_status database_failed(struct gw_database *database, int result,
                                   const char *what, char *why);

/* The checksum of the row that describes the whole. */
uint32_t database_meta_crc(const struct gw_database_meta *meta,
                           unsigned version);

/* database_open.c: reads the row that describes the whole; a result of
 * SQLite's. */
int database_read_meta(struct gw_database *database);

/* Says that a result means damage. SQLite says so of what the device cannot
 * read, too: that is none, for it may be read the next time. */
bool database_is_damage(struct gw_database *database, int result);

#endif
