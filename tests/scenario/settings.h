/* SPDX-License-Identifier: MIT */
/*
 * settings.h - the lines of a scenario that set the scene.
 *
 *   option retry.interval=10s compat.overlapping=one ...   (also while running)
 *   limit max_sessions=4
 *   listener max_datagram=1024 discovery=no advertise_interval=16m
 *            forwarders=any|10.0.0.9
 *   predefined 101 site/x [open] [client=n1]
 *   predefined none    then others, for the next 'option' line: a reload
 *   rule sensor-* queue_max_messages=3 subscribe=a/+,1
 *   rule none          then others, for the next 'option' line
 *   offline            the upstream is not connected at the start
 */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "script.h"
#include "world.h"

/* Carries out one such line; false when it is none. */
bool settings_line(struct world *world, const struct statement *at);

#endif
