/* SPDX-License-Identifier: MIT */
/* Of Arduino, as much as a board.c needs to be compiled. */
#ifndef STUB_ARDUINO_ARDUINO_H
#define STUB_ARDUINO_ARDUINO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { A0 = 14 };

uint32_t millis();
uint32_t micros();
void delay(uint32_t ms);
int analogRead(uint8_t pin);

class IPAddress
{
  public:
    IPAddress(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
    bool operator==(const IPAddress &other) const;
};

class HardwareSerial
{
  public:
    void begin(unsigned long baud);
    size_t write(const uint8_t *octets, size_t len);
    size_t println(const char *text = "");
};

extern HardwareSerial Serial;

#endif
