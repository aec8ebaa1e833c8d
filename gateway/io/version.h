/* SPDX-License-Identifier: MIT */
/*
 * version.h - which program this is, and with which libraries it runs.
 */
#ifndef GW_VERSION_H
#define GW_VERSION_H

#include <stdio.h>

/* The version of this program; a static string. */
const char *gw_version(void);

/* What --version says: one line each for the program and its libraries, as
 * they are loaded, not as they were at build time. */
void gw_version_print(FILE *out);

/* The first line of the log. */
void gw_version_log(const char *gateway_name);

#endif
