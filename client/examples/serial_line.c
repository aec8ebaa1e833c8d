/* SPDX-License-Identifier: MIT */
#include "serial_line.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

int serial_line_open(const char *device)
{
    struct termios settings;
    int line = open(device, O_RDWR | O_NOCTTY | O_NONBLOCK);

    if (line < 0)
        return -1;
    if (tcgetattr(line, &settings) < 0) {
        close(line);
        return -1;
    }
    cfmakeraw(&settings);
    cfsetspeed(&settings, B115200);
    tcsetattr(line, TCSANOW, &settings);
    return line;
}

void serial_line_send(int line, const uint8_t *frame, size_t len)
{
    uint8_t coded[2 * SLIP_FRAME_MAX + 2];

    (void)!write(line, coded, slip_write(frame, len, coded));
}

size_t serial_line_receive(int line, struct slip *slip)
{
    uint8_t octet;
    size_t len = 0;

    while (len == 0 && read(line, &octet, 1) == 1)
        len = slip_take(slip, octet);
    return len;
}
