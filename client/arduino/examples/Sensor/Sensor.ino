/* SPDX-License-Identifier: MIT */
/*
 * Sensor.ino - a board with Arduino and WiFi, for the sensor.c beside it.
 *
 * Not run with an Arduino IDE: tests/client/ports compiles it against minimal
 * headers. The frame of it is: setup() brings up the network and does not
 * return, since sensor_run() does not.
 */
#include <WiFi.h>
#include <WiFiUdp.h>

#include <mqttsn_client.h>

#include "board.h"

static const IPAddress gateway(192, 0, 2, 1);
static const uint16_t port = 1883;
static WiFiUDP udp;

extern "C" {

extern const char board_name[] = "arduino";
extern const struct mqttsn_address board_gateway = {1, {0}};

/* millis() comes round after seven weeks. It is read at least once a cycle, so
 * no round is missed. */
mqttsn_ms board_now(void)
{
    static uint32_t last;
    static mqttsn_ms rounds;
    uint32_t now = millis();

    if (now < last)
        rounds += (mqttsn_ms)1 << 32;
    last = now;
    return rounds + now;
}

/* Noise of a pin that is connected to nothing. */
uint32_t board_random(void)
{
    uint32_t noise = micros();

    for (int i = 0; i < 32; i++)
        noise = noise * 33 + (uint32_t)analogRead(A0);
    return noise;
}

void board_send(const uint8_t *octets, size_t len)
{
    udp.beginPacket(gateway, port);
    udp.write(octets, len);
    udp.endPacket();
}

size_t board_receive(uint8_t *buf, size_t cap, uint32_t wait_ms)
{
    uint32_t start = millis();

    do {
        if (udp.parsePacket() > 0 && udp.remoteIP() == gateway) {
            int len = udp.read(buf, cap);
            return len > 0 ? (size_t)len : 0;
        }
        delay(1);
    } while (millis() - start < wait_ms);
    return 0;
}

void board_sleep(uint32_t seconds)
{
    delay(1000 * seconds);
}

size_t board_measure(char *buf, size_t cap)
{
    return (size_t)snprintf(buf, cap, "%d", (int)analogRead(A0));
}

void board_obey(const uint8_t *octets, size_t len)
{
    Serial.write(octets, len);
    Serial.println();
}

void board_say(const char *text)
{
    Serial.println(text);
}

} /* extern "C" */

void setup()
{
    Serial.begin(115200);
    WiFi.begin("your network", "its password");
    while (WiFi.status() != WL_CONNECTED)
        delay(100);
    udp.begin(port);
    sensor_run();
}

void loop()
{
}
