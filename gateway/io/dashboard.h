/* SPDX-License-Identifier: MIT */
/*
 * dashboard.h - the dashboard, as it is served.
 *
 * One page of HTML with its style sheet and its script, made by
 * dashboard/join.py. It asks for nothing but /api/v1/ of where it came from.
 */
#ifndef GW_DASHBOARD_H
#define GW_DASHBOARD_H

#include <stddef.h>

/* text/html; charset=utf-8 with Content-Encoding: gzip. */
extern const unsigned char gw_dashboard_page[];
extern const size_t gw_dashboard_size;
extern const char gw_dashboard_etag[]; /* quoted; another page has another */

/* The value of Content-Security-Policy that belongs to it: without it, or with
 * another, hostile names are only as harmless as the script is correct. */
extern const char gw_dashboard_policy[];

#endif
