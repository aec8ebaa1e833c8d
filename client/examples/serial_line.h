/* SPDX-License-Identifier: MIT */
/*
 * serial_line.h - a serial device that carries frames in SLIP.
 */
#ifndef SERIAL_LINE_H
#define SERIAL_LINE_H

#include "slip.h"

/* Opens 'device' at 115200 baud, raw and without blocking; -1: it is none. */
int serial_line_open(const char *device);

/* A frame that the line does not take is lost; the client repeats it. */
void serial_line_send(int line, const uint8_t *frame, size_t len);

/* Takes what has come; the length of 'slip->frame' when one is whole, else 0.
 * It holds until the next call. */
size_t serial_line_receive(int line, struct slip *slip);

#endif
