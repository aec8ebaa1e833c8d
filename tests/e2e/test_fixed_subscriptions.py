# SPDX-License-Identifier: MIT
"""Subscriptions that the configuration makes for nodes that never say
SUBSCRIBE, with a real broker."""

from harness import E2ETest, fr, main

CONFIG = {"client sensor-*": {"subscribe": "cmd/{client_id}/+ 1"}}


class Fixed(E2ETest):
    CONFIG = CONFIG

    def test_a_node_that_never_subscribes_gets_its_messages(self):
        source = self.mqtt()
        source.publish("cmd/sensor-7/rate", "5", 1, retain=True)
        n7 = self.node("sensor-7").connect(300, clean=False)
        rate = n7.take_register("cmd/sensor-7/rate")
        n7.take_publish(rate, "5", 1, retain=True)
        n7.sleep(600)
        source.publish("cmd/sensor-7/rate", "6", 1)
        source.publish("cmd/sensor-8/rate", "7", 1)
        other = self.node("lamp").connect()
        self.settle(n7, other)

        n7.send(fr.pingreq("sensor-7"))

        n7.take_publish(rate, "6", 1)
        n7.expect(fr.pingresp())

    def test_a_reload_ends_and_makes_them(self):
        source = self.mqtt()
        source.publish("other", "yes", 1, retain=True)
        n7 = self.node("sensor-7").connect(300, clean=False)
        self.settle(n7)
        self.gw.write({"client sensor-*": {"subscribe": "other 0"}})
        self.gw.reload()
        other = n7.take_register("other")
        n7.take_publish(other, "yes", 0, retain=True)
        source.publish("cmd/sensor-7/x", "no", 1)

        self.settle(n7)


class Kept(E2ETest):
    CONFIG = {**CONFIG, "store": {"type": "sqlite",
                                  "path": "{directory}/store/gateway.db"}}

    def test_they_survive_the_gateway_and_end_with_the_configuration(self):
        source = self.mqtt()
        n7 = self.node("sensor-7").connect(300, clean=False)
        self.broker.process.wait_line(r"cmd/sensor-7/\+ \(QoS 2\)")
        self.settle(n7)
        n7.register("e2e/stored")  # behind all that is to be kept
        self.gw.restart()
        source.publish("cmd/sensor-7/x", "1", 1)
        x = n7.take_register("cmd/sensor-7/x")
        n7.take_publish(x, "1", 1)
        n7.register("e2e/acknowledged", 2)

        self.gw.write({"store": self.CONFIG["store"]})
        self.gw.restart()
        self.settle(n7)
        source.publish("cmd/sensor-7/x", "2", 1)
        self.settle(n7)


if __name__ == "__main__":
    main()
