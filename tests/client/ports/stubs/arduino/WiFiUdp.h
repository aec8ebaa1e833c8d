/* SPDX-License-Identifier: MIT */
/* Of Arduino, as much as a board.c needs to be compiled. */
#ifndef STUB_ARDUINO_WIFIUDP_H
#define STUB_ARDUINO_WIFIUDP_H

#include "Arduino.h"

class WiFiUDP
{
  public:
    uint8_t begin(uint16_t port);
    int beginPacket(IPAddress to, uint16_t port);
    size_t write(const uint8_t *octets, size_t len);
    int endPacket();
    int parsePacket();
    IPAddress remoteIP();
    int read(uint8_t *buf, size_t cap);
};

#endif
