# SPDX-License-Identifier: MIT
"""What outlives the gateway: it is killed, started again on the same files,
and no node notices."""

import os
import resource
import signal
import sqlite3
import struct
import subprocess
import zlib

from harness import E2ETest, fr, main

STORE = {"store": {"type": "sqlite", "path": "{directory}/store/gateway.db"}}


def config(**more):
    return {"store": {**STORE["store"], **more}}


class RestartTest(E2ETest):
    CONFIG = STORE

    def begin(self):
        super().begin()
        self.source = self.mqtt()
        self.names = 0

    def settle(self, *quiet):
        """And everything that it was to keep is kept: answers that wait for
        the store come in the order of what they wait for."""
        super().settle(*quiet)
        self.names += 1
        self._fence.register("e2e/%d" % self.names, 9)

    def rows(self, where="1"):
        """Records in the database, asked of it directly."""
        path = os.path.join(self.gw.directory, "store", "gateway.db")
        database = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        try:
            return database.execute(
                "SELECT count(*) FROM record WHERE " + where).fetchone()[0]
        finally:
            database.close()

    def restored(self, mark=0):
        """The fields of the line that says what came back."""
        line = self.gw.process.lines[
            self.gw.wait_log(r"area=store event=restored", mark)[0]]
        return dict(word.split("=", 1) for word in line.split())


class Killed(RestartTest):
    def test_a_sleeper_that_wakes_gets_its_messages_as_if_nothing_was(self):
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        led = n1.register("cmd/led")
        n1.sleep(600)
        for text in ("one", "two", "three"):
            self.source.publish("cmd/led", text, 1)
        self.source.publish("cmd/new", "four", 1)
        self.settle(n1)

        self.gw.restart()
        self.assertEqual(self.restored()["queued"], "4")

        n1.send(fr.pingreq("n1"))
        for text in ("one", "two", "three"):
            n1.take_publish(led, text, 1)
        new = n1.take_register("cmd/new")
        self.assertGreater(new, led)
        n1.take_publish(new, "four", 1)
        n1.expect(fr.pingresp())

        # And the filter is still there, at the broker and here.
        self.source.publish("cmd/led", "five", 1)
        self.settle(n1)
        n1.send(fr.pingreq("n1"))
        n1.take_publish(led, "five", 1)
        n1.expect(fr.pingresp())

    def test_an_active_node_goes_on_without_connect(self):
        n1 = self.node("n1").connect(60, clean=False)
        topic = n1.register("site/t")
        n1.subscribe("cmd/+", 0)
        reader = self.mqtt("site/#", 1)
        n1.publish1(topic, "before", 2)
        reader.expect("site/t", "before")
        self.settle()

        self.gw.restart()

        n1.publish1(topic, "after", 3)
        # The one before may come again: the kill may have come before the
        # broker's acknowledgement.
        reader.wait_for(lambda messages: messages[-1].payload == b"after",
                        "what was published after the restart")
        self.assertLessEqual(len(reader.messages), 3)
        self.source.publish("cmd/x", "down", 0)
        x = n1.take_register("cmd/x")
        n1.take_publish(x, "down")
        # A name gets its old id, and a new name a new one.
        self.assertEqual(n1.register("site/t", 4), topic)
        self.assertNotEqual(n1.register("site/other", 5), topic)

    def test_a_will_is_published_by_the_next_process(self):
        reader = self.mqtt("wills/#", 1)
        n1 = self.node("n1")
        n1.send(fr.connect("n1", 1, clean=False, will=True))
        n1.expect(fr.willtopicreq())
        n1.send(fr.willtopic("wills/n1", 1))
        n1.expect(fr.willmsgreq())
        n1.send(fr.willmsg("gone"))
        n1.expect(fr.connack())

        self.gw.restart()

        reader.expect("wills/n1", "gone")

    def test_what_was_in_the_database_and_what_was_not_come_together(self):
        self.gw.kill()
        self.gw.write(config(flush_interval="1s"))
        self.gw.start()
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        self.source.publish("cmd/a", "flushed", 1)
        self.settle(n1)
        mark = self.gw.mark()
        while self.rows("kind = 6") == 0:
            mark = self.gw.wait_log(r"area=store event=flushed", mark)[0] + 1
        self.source.publish("cmd/b", "not yet", 1)
        self.settle(n1)

        self.gw.restart()

        n1.send(fr.pingreq("n1"))
        a = n1.take_register("cmd/a")
        n1.take_publish(a, "flushed", 1)
        b = n1.take_register("cmd/b")
        n1.take_publish(b, "not yet", 1)
        n1.expect(fr.pingresp())

    def test_what_was_delivered_does_not_come_again(self):
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        self.source.publish("cmd/a", "once", 2)
        self.settle(n1)
        n1.send(fr.pingreq("n1"))
        a = n1.take_register("cmd/a")
        n1.take_publish(a, "once", 1)
        n1.expect(fr.pingresp())
        self.settle()

        self.gw.restart()

        n1.send(fr.pingreq("n1"))
        n1.expect(fr.pingresp())

    def test_a_session_that_ended_is_gone(self):
        n1 = self.node("n1").connect(60, clean=True)
        n1.subscribe("cmd/#", 1)
        n1.send(fr.disconnect())
        n1.expect(fr.disconnect())

        self.gw.restart()

        self.assertEqual(self.restored()["sessions"], "0")

    def test_with_full_durability_too(self):
        self.gw.kill()
        self.gw.write(config(durability="full"))
        self.gw.start()
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        self.source.publish("cmd/a", "x", 1)
        self.settle(n1)

        self.gw.restart()

        n1.send(fr.pingreq("n1"))
        a = n1.take_register("cmd/a")
        n1.take_publish(a, "x", 1)
        n1.expect(fr.pingresp())

    def test_again_and_again(self):
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        for number in range(5):
            self.source.publish("cmd/a", str(number), 1)
            self.settle(n1)
            self.gw.restart()
        n1.send(fr.pingreq("n1"))
        a = n1.take_register("cmd/a")
        for number in range(5):
            n1.take_publish(a, str(number), 1)
        n1.expect(fr.pingresp())


class Stopped(RestartTest):
    def test_a_stop_in_order_leaves_everything_in_the_database(self):
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        self.source.publish("cmd/a", "kept", 1)
        self.settle(n1)

        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.assertEqual(self.rows("kind = 6"), 1)
        self.gw.start()
        self.assertEqual(self.restored()["journal"], "0")

        n1.send(fr.pingreq("n1"))
        a = n1.take_register("cmd/a")
        n1.take_publish(a, "kept", 1)
        n1.expect(fr.pingresp())

    def test_what_it_cost_is_counted(self):
        n1 = self.node("n1").connect(60, clean=False)
        n1.register("site/t")
        mark = self.gw.mark()
        self.gw.process.signal(signal.SIGUSR1)
        line = self.gw.process.lines[
            self.gw.wait_log(r"event=counters of=store", mark)[0]]
        fields = dict(word.split("=", 1) for word in line.split())
        self.assertGreaterEqual(int(fields["journal_records"]), 2)
        self.assertGreater(int(fields["journal_octets"]), 58)

    def test_it_is_for_one_process(self):
        with self.assertRaises(AssertionError) as caught:
            self.start_gateway(self.broker.port, {"store": {
                **STORE["store"],
                "path": self.gw.directory + "/store/gateway.db"}})
        self.assertIn("another gateway runs on it", str(caught.exception))
        self.node("n1").connect()


class LookedAt(RestartTest):
    """--inspect-store and --backup-store, beside the gateway and without."""

    def ask(self, *arguments):
        return subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", self.gw.file, *arguments],
            capture_output=True, text=True, timeout=60, check=False,
            env=self.gw.env)

    def fill(self):
        n1 = self.node("n1").connect(300, clean=False)
        n1.subscribe("cmd/#", 1)
        n1.sleep(600)
        self.source.publish("cmd/a", "one", 1)
        self.source.publish("cmd/b", "three", 1)
        self.settle(n1)
        return n1

    def assert_shown(self, done):
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split() for line in done.stdout.splitlines()]
        row = next(row for row in rows if row[:1] == ["n1"])
        # client, state, messages, octets, oldest, subscriptions
        self.assertEqual(row[1:4], ["asleep", "2", "128"])
        self.assertRegex(row[4], r"^\d+s$")
        self.assertEqual(row[5], "1")
        self.assertIn("for nodes: 2 places in 1 queues, the oldest waits for",
                      done.stdout)

    def test_what_is_stored_is_shown_beside_a_gateway_and_without(self):
        self.fill()
        self.assert_shown(self.ask("--inspect-store"))
        before = self.gw.mark()

        self.gw.kill()
        self.assert_shown(self.ask("--inspect-store"))
        self.gw.start()
        self.assert_shown(self.ask("--inspect-store"))
        self.assertGreater(before, 0)

    def test_a_copy_is_put_in_the_place_of_the_store(self):
        n1 = self.fill()
        copy = os.path.join(self.gw.directory, "copy.db")
        done = self.ask("--backup-store", copy)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(os.stat(copy).st_mode & 0o777, 0o600)
        self.assertFalse(os.path.exists(copy + "-wal"))

        # What happens later is not in it.
        self.source.publish("cmd/c", "later", 1)
        self.settle(n1)
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        os.rename(copy, os.path.join(self.gw.directory, "store/gateway.db"))
        self.gw.start()
        self.assertEqual(self.restored()["queued"], "2")

        n1.send(fr.pingreq("n1"))
        for topic, text in (("cmd/a", "one"), ("cmd/b", "three")):
            n1.take_publish(n1.take_register(topic), text, 1)
        n1.expect(fr.pingresp())

    def test_copies_while_messages_come_are_each_of_one_moment(self):
        self.gw.kill()
        self.gw.write(config(flush_interval="1s"))
        self.gw.start()
        n1 = self.fill()
        for number in range(8):
            for more in range(10):
                self.source.publish("cmd/x", "%d.%d" % (number, more), 1)
            copy = os.path.join(self.gw.directory, "copy%d.db" % number)
            done = self.ask("--backup-store", copy)
            self.assertEqual(done.returncode, 0, done.stderr)
            database = sqlite3.connect(copy)
            # Each place has its message.
            places, messages = (database.execute(
                "SELECT count(*) FROM record WHERE kind = %d" % kind
            ).fetchone()[0] for kind in (6, 5))
            self.assertLessEqual(places, messages)
            self.assertEqual(database.execute(
                "SELECT rows FROM meta").fetchone(), database.execute(
                    "SELECT count(*) FROM record").fetchone())
            database.close()
        self.settle(n1)

    def test_a_copy_never_replaces_a_file(self):
        path = os.path.join(self.gw.directory, "precious")
        with open(path, "w", encoding="utf-8") as out:
            out.write("mine")
        done = self.ask("--backup-store", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("File exists", done.stderr)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "mine")

    def test_where_there_is_no_store_it_says_so(self):
        done = self.ask("--set", "store.path=/nowhere/at/all.db",
                        "--inspect-store")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nowhere/at/all.db: No such file", done.stderr)
        done = self.ask("--set", "store.type=memory", "--inspect-store")
        self.assertEqual(done.returncode, 1)
        self.assertIn("store.type is memory", done.stderr)

    def test_a_store_of_a_later_version_is_refused(self):
        self.fill()
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        path = os.path.join(self.gw.directory, "store", "gateway.db")
        database = sqlite3.connect(path)
        database.executescript(
            "PRAGMA user_version = 99; UPDATE meta SET version = 99;")
        database.commit()
        database.close()
        with open(path, "rb") as file:
            before = file.read()

        for arguments in (("--inspect-store",),
                          ("--backup-store", path + ".copy"), ()):
            done = self.ask(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn("later version of the gateway", done.stderr)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)
        self.assertFalse(os.path.exists(path + ".copy"))

    def test_a_record_of_a_later_version_is_refused(self):
        """Its schema may be ours; the journal has what ours has not."""
        self.fill()
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        path = os.path.join(self.gw.directory, "store", "gateway.db")
        database = sqlite3.connect(path)
        store, applied = database.execute(
            "SELECT id, applied FROM meta").fetchone()
        database.close()
        head = b"MQSNGWJ1" + store + struct.pack(">Q", applied + 1)
        body = struct.pack(">IQIIIB", 3 << 8 | 1, applied + 1, 0, 0, 1,
                           50) + b"new"
        journal = "%s.j%016x" % (path, applied + 1)
        with open(journal, "wb") as file:
            file.write(head + struct.pack(">I", zlib.crc32(head)) + struct.pack(
                ">I", zlib.crc32(store + body)) + body)
        os.chmod(journal, 0o600)
        with open(path, "rb") as file:
            before = file.read()

        for arguments in (("--inspect-store",), ()):
            done = self.ask(*arguments)
            self.assertEqual(done.returncode, 1)
            self.assertIn("a record of kind 50: a later version of the gateway",
                          done.stderr)
        with open(path, "rb") as file:
            self.assertEqual(file.read(), before)

        os.unlink(journal)
        self.gw.start()
        self.assertEqual(self.restored()["queued"], "2")


class Damaged(RestartTest):
    def fill(self):
        """Six sleepers with a message each; the gateway is stopped."""
        nodes = []
        for number in range(6):
            node = self.node("n%d" % number).connect(300, clean=False)
            node.subscribe("cmd/%d/#" % number, 1)
            node.sleep(600)
            nodes.append(node)
            self.source.publish("cmd/%d/a" % number, "x" * 200, 1)
        self.settle()
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        return nodes

    def test_a_damaged_database_is_set_aside_and_what_is_left_is_used(self):
        nodes = self.fill()
        folder = os.path.join(self.gw.directory, "store")
        path = os.path.join(folder, "gateway.db")
        with open(path, "r+b") as file:
            octets = file.read()
            # In the payload of one message.
            at = octets.index(b"cmd/3/a" + b"x" * 200) + 50
            file.seek(at)
            file.write(b"?")

        self.gw.start()
        self.gw.wait_log(r"event=damaged path=\S+ lost=1 ")
        self.gw.wait_log(r"event=set_aside")
        self.assertEqual(self.restored()["messages"], "5")
        self.assertIn("gateway.db.damaged", os.listdir(folder))
        for number, node in enumerate(nodes):
            node.send(fr.pingreq(node.client_id))
            if number != 3:
                node.take_publish(node.take_register("cmd/%d/a" % number),
                                  "x" * 200, 1)
            node.expect(fr.pingresp())

        # And that was the end of it.
        self.gw.restart()
        self.assertEqual(self.restored()["sessions"], "7")
        self.assertEqual(self.gw.process.count("event=(damaged|set_aside)"), 0)

    def test_what_is_no_database_at_all_is_no_obstacle(self):
        self.fill()
        folder = os.path.join(self.gw.directory, "store")
        with open(os.path.join(folder, "gateway.db"), "r+b") as file:
            file.write(os.urandom(4096))

        self.gw.start()
        self.gw.wait_log(r"event=set_aside")
        self.assertEqual(self.restored()["sessions"], "0")
        self.node("new").connect()

    def test_what_lower_limits_have_no_room_for_is_gone_for_good(self):
        self.fill()
        self.gw.write({**STORE, "limits": {"max_sessions": 4}})
        self.gw.start()
        self.gw.wait_log(r"event=restore_dropped records=3 "
                         r'reason="the limits have no room')
        self.assertEqual(self.restored()["sessions"], "4")

        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.gw.write(STORE)
        self.gw.start()
        self.assertEqual(self.restored()["sessions"], "4")
        self.assertEqual(self.gw.process.count("event=restore_dropped"), 0)


class DiskFails(RestartTest):
    """A limit on the size of files stands in for a disk that is full: every
    write to a file fails, until it is lifted."""

    def fill_disk(self):
        resource.prlimit(self.gw.process.child.pid, resource.RLIMIT_FSIZE,
                         (0, resource.RLIM_INFINITY))

    def free_disk(self):
        resource.prlimit(self.gw.process.child.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def test_the_gateway_goes_on_and_recovers(self):
        reader = self.mqtt("site/#", 1)
        n1 = self.node("n1").connect(300, clean=False)
        topic = n1.register("site/t")
        n1.publish1(topic, "before", 2)
        reader.expect("site/t", "before")
        mark = self.gw.mark()
        self.fill_disk()

        # Not stored, so not acknowledged before the broker has it; but then.
        n1.publish1(topic, "meanwhile", 3)
        reader.expect("site/t", "meanwhile")
        self.gw.wait_log(r"area=store event=append_failed", mark)
        # What has to be kept is refused for now.
        n2 = self.node("n2")
        n2.send(fr.connect("n2", 60, clean=False))
        n2.expect(fr.connack(fr.CONGESTION))
        self.assertEqual(self.gw.process.count("event=append_failed"), 1)

        self.free_disk()
        n2.insist(fr.connect("n2", 60, clean=False), fr.connack())
        n1.publish1(topic, "after", 4)
        reader.expect("site/t", "after")
        self.gw.wait_log(r"area=store event=append_works", mark)

        # And what came meanwhile is stored after all.
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        self.gw.start()
        self.assertEqual(self.restored()["sessions"], "2")
        n1.publish1(topic, "later", 5)
        reader.expect("site/t", "later")

    def test_qos_2_does_not_go_to_the_broker_without_its_record(self):
        reader = self.mqtt("site/#", 2)
        n1 = self.node("n1").connect(300, clean=False)
        topic = n1.register("site/t")
        n1.publish1(topic, "before", 2)
        reader.expect("site/t", "before")
        self.fill_disk()
        n1.send(fr.publish(topic, "once", 2, 3))
        n1.publish1(topic, "meanwhile", 4)
        reader.expect("site/t", "meanwhile")

        # Nobody knows of it but its node.
        self.gw.restart()
        n1.send(fr.publish(topic, "once", 2, 3, dup=True))
        n1.expect(fr.pubrec(3))
        n1.send(fr.pubrel(3))
        n1.expect(fr.pubcomp(3))
        reader.expect("site/t", "once")

        # The disk may also be better before the node gives up.
        self.fill_disk()
        n1.send(fr.publish(topic, "later", 2, 5))
        n1.publish1(topic, "meanwhile", 6)
        reader.expect("site/t", "meanwhile")
        self.free_disk()
        n1.insist(fr.publish(topic, "later", 2, 5, dup=True), fr.pubrec(5),
                  attempts=30)
        n1.insist(fr.pubrel(5), fr.pubcomp(5))
        reader.expect("site/t", "later")
        n2 = self.node("n2").connect(300)
        n2.publish1(n2.register("site/t"), "last", 2)
        reader.expect("site/t", "last")

    def test_a_disk_that_stays_full_does_not_keep_it_from_ending(self):
        self.node("n1").connect(300, clean=False)
        self.fill_disk()
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)

    def test_a_start_that_cannot_write_says_so(self):
        self.gw.terminate()
        self.assertEqual(self.gw.wait(), 0)
        done = subprocess.run(
            [os.environ["MQTTSN_GATEWAY"], "-c", self.gw.file], timeout=60,
            capture_output=True, text=True, check=False, env=self.gw.env,
            # A sanitizer writes before the signal is ignored.
            restore_signals=False, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY)))
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"area=store event=cannot_open .*reason=")


if __name__ == "__main__":
    main()
