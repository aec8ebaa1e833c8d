/* SPDX-License-Identifier: MIT */
/* Of Arduino, as much as a board.c needs to be compiled. */
#ifndef STUB_ARDUINO_WIFI_H
#define STUB_ARDUINO_WIFI_H

#include "Arduino.h"

enum { WL_CONNECTED = 3 };

class WiFiClass
{
  public:
    int begin(const char *network, const char *password);
    int status();
};

extern WiFiClass WiFi;

#endif
