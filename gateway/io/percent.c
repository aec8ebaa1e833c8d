/* SPDX-License-Identifier: MIT */
#include "percent.h"

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool gw_percent_decode(char *text, size_t *len, bool plus)
{
    size_t to = 0;

    for (size_t i = 0; i < *len; i++) {
        char c = text[i];

        if (c == '%') {
            int high = *len - i > 2 ? hex(text[i + 1]) : -1;
            int low = high >= 0 ? hex(text[i + 2]) : -1;

            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        text[to++] = c;
    }
    *len = to;
    return true;
}
