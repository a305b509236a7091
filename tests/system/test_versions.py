# SPDX-License-Identifier: Apache-2.0
"""A sensor and a collector of another version, written by hand, each against the real other.

Minor 0 knew no capabilities and sent plain batches; a later one will know more than we do.
"""

import os
import re
import shutil
import struct
import subprocess
import tempfile
import time
import unittest

import chain
import harness
import scene
import wirepeer as wire

SIMSENSOR = os.path.join(harness.BUILD, "tests", "simsensor")
EVIL = "no\x1b[31m\r\n\x07\u009b2J<b>=1+1"


def control(text):
    """The control characters in what a log says."""
    return re.findall(r"[\x00-\x09\x0b-\x1f\x7f\x80-\x9f]", text)


class Versions(unittest.TestCase):
    """A collector with one sensor's identity; each test starts what it needs."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-versions-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.data, self.sensor = (os.path.join(self.folder, n) for n in ("c", "s"))
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        "127.0.0.1:0")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: "listening on" in self.collector.errors(), 15, "its start")
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            self.address = file.read().strip()
        harness.enroll(self.address, self.data, self.sensor)

    # An old or later sensor

    def test_a_sensor_of_minor_0(self):
        now = int(time.time())
        base, minute = now // 60 * 60000, now // 60
        talk = wire.as_sensor(self.address, self.sensor)
        self.addCleanup(talk.close)
        talk.say(wire.hello(77))
        kind, _, body = talk.hear()
        self.assertEqual(kind, wire.WELCOME)
        _, _, epoch, sequence, credit, _ = struct.unpack("!HQQQIQ", body[:38])
        self.assertEqual((epoch, sequence, credit), (77, 0, 8))
        for n in (1, 2, 2, 3):  # one of them twice
            talk.say(wire.batch(77, n, [
                wire.machine("old", "10.50.0.1"), wire.process("oldapp"),
                wire.flow("10.50.0.1", "10.50.0.2", 5432, 10 * n, minute)], base))
        acked = 0
        while acked < 3:
            kind, _, body = talk.hear()
            self.assertEqual(kind, wire.ACK)
            acked = struct.unpack("!QQI", body)[1]
        [edge] = harness.edges(os.path.join(self.data, "skein.db"))
        self.assertEqual((edge["client_process"], edge["server_port"], edge["opens"],
                          edge["bytes_to_server"], edge["bytes_to_client"]),
                         ("oldapp", 5432, 60, 6000, 30))

    def test_a_sensor_may_not_zip_what_it_has_not_offered(self):
        talk = wire.as_sensor(self.address, self.sensor)
        self.addCleanup(talk.close)
        talk.say(wire.hello(5), wire.frame(wire.BATCH, struct.pack("!QQIBI", 5, 1, 1, 1, 100)
                                           + b"\x28\xb5\x2f\xfd" + b"x" * 20))
        self.assertEqual(talk.hear()[0], wire.WELCOME)
        kind, _, body = talk.hear()
        self.assertEqual((kind, body[:2]), (wire.ERROR, b"\0\1"))

    def test_a_later_sensor(self):
        """Its number is higher, it can more, and it says things that nobody here knows."""
        talk = wire.as_sensor(self.address, self.sensor)
        self.addCleanup(talk.close)
        greeting = wire.hello(9, minor=40, can=(1 << 64) - 1)[6:] + b"and more"
        talk.say(wire.frame(200, b"?" * 1000, wire.OPTIONAL), wire.frame(wire.HELLO, greeting))
        self.assertEqual(talk.hear()[0], wire.WELCOME)
        talk.say(wire.frame(201, b"", wire.OPTIONAL),
                 wire.batch(9, 1, [wire.record(250, b"news"), wire.machine("new", "10.50.0.9")],
                            int(time.time() * 1000)))
        kind, _, body = talk.hear()
        self.assertEqual((kind, struct.unpack("!QQI", body)), (wire.ACK, (9, 1, 8)))
        talk.say(wire.frame(202, b""))
        kind, _, body = talk.hear()
        self.assertEqual((kind, body[:2]), (wire.ERROR, b"\0\1"))
        self.assertRaises(EOFError, talk.hear)

    def test_a_sensors_last_words_do_not_paint_the_log(self):
        talk = wire.as_sensor(self.address, self.sensor)
        talk.say(wire.error(1, EVIL))
        self.assertRaises(EOFError, talk.hear)
        talk.close()
        scene.wait_for(lambda: "says: no" in self.collector.errors(), 5, "the words")
        self.assertEqual(control(self.collector.errors()), [])

    # An old or later collector

    def stand_in(self):
        """Somebody who speaks in the collector's name, which has ended."""
        self.assertEqual(self.collector.end(), 0)
        other = wire.AsCollector(self.data)
        self.addCleanup(other.close)
        return other

    def simulate(self, other, *options):
        """A real link, and the real spool."""
        log = open(os.path.join(self.folder, "sim.log"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        sim = subprocess.Popen([SIMSENSOR, "--collector", other.address, "--data", self.sensor,
                                "--batches", "20", "--records", "40", *options], stderr=log)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.kill)
        return sim, log

    def take_all(self, talk, epoch, count=20):
        """Takes and acknowledges COUNT batches; their encodings, and plain and sent lengths."""
        encodings, raw, sent = set(), 0, 0
        for want in range(1, count + 1):
            kind, _, body = talk.hear()
            self.assertEqual(kind, wire.BATCH)
            got_epoch, sequence, records, encoding, length = struct.unpack("!QQIBI", body[:25])
            self.assertEqual((got_epoch, sequence), (epoch, want))
            self.assertGreaterEqual(records, 41)
            if encoding == wire.PLAIN:
                self.assertEqual(length, len(body) - 25)
            else:
                self.assertEqual(body[25:29], b"\x28\xb5\x2f\xfd")
            encodings.add(encoding)
            raw, sent = raw + length, sent + len(body) - 25
            talk.say(wire.ack(epoch, sequence))
        return encodings, raw, sent

    def test_a_collector_of_minor_0(self):
        other = self.stand_in()
        sim, log = self.simulate(other)
        talk, (minor, can, epoch) = other.accept()
        self.assertGreaterEqual(minor, 1)
        self.assertTrue(can & wire.CAN_ZSTD)
        talk.say(wire.welcome(epoch, 0))
        self.assertEqual(self.take_all(talk, epoch)[0], {wire.PLAIN})
        log.seek(0)
        self.assertEqual(sim.wait(10), 0, log.read())

    def test_a_later_collector(self):
        other = self.stand_in()
        sim, log = self.simulate(other)
        talk, (_, _, epoch) = other.accept()
        talk.say(wire.frame(211, b"?", wire.OPTIONAL),
                 wire.frame(wire.WELCOME, wire.welcome(epoch, 0, 40, (1 << 64) - 1)[6:] + b"more"),
                 wire.frame(212, b"", wire.OPTIONAL))
        encodings, raw, sent = self.take_all(talk, epoch)
        self.assertEqual(encodings, {wire.ZSTD})
        self.assertLess(sent, raw / 2)
        log.seek(0)
        self.assertEqual(sim.wait(10), 0, log.read())

    def test_a_collector_that_is_put_back_to_an_older_one(self):
        """What was zipped on one connection is plain on the next."""
        other = self.stand_in()
        sim, log = self.simulate(other)
        talk, (_, _, epoch) = other.accept()
        talk.say(wire.welcome(epoch, 0, 1, wire.CAN_ZSTD))
        self.assertEqual(talk.hear()[2][20], wire.ZSTD)
        talk.close()
        talk, _ = other.accept()
        talk.say(wire.welcome(epoch, 0))
        self.assertEqual(self.take_all(talk, epoch)[0], {wire.PLAIN})
        log.seek(0)
        self.assertEqual(sim.wait(10), 0, log.read())

    def test_words_for_one_who_enrols_do_not_paint_the_terminal(self):
        token = chain.token(self.data)
        self.assertEqual(self.collector.end(), 0)
        other = wire.AsCollector(self.data, strangers=True)
        self.addCleanup(other.close)
        sensor = subprocess.Popen(
            [harness.program("skein-sensor"), "enroll", "--collector", other.address, "--token",
             token, "--data", os.path.join(self.folder, "new"), "--config", os.devnull],
            stderr=subprocess.PIPE, text=True)
        talk = other.answer()
        self.assertEqual(talk.hear()[0], wire.ENROLL)
        talk.say(wire.error(3, EVIL))
        said = sensor.communicate(timeout=20)[1]
        talk.close()
        self.assertEqual(sensor.returncode, 1, said)
        self.assertIn("no\\x1b[31m", said)
        self.assertEqual(control(said), [])

    def test_what_a_collector_may_not_say(self):
        """The sensor hangs up, says why, and comes again with all that it has."""
        other = self.stand_in()
        sim, log = self.simulate(other)
        words = {
            wire.frame(210, b"?"): "a frame that makes no sense",
            struct.pack("!IBB", 5000, 210, wire.OPTIONAL): "not the Skein protocol",
            wire.frame(wire.WELCOME, b"\0"): "a welcome that makes no sense",
            wire.welcome(1, 0): "a welcome that makes no sense",
            wire.ack(1, 1): "an acknowledgement that makes no sense",
            wire.error(6, EVIL): "no?[31m",
        }
        for said in words:
            talk, (_, _, epoch) = other.accept()
            talk.say(said)
            try:
                while True:
                    talk.hear()
            except (EOFError, OSError):
                talk.close()
        talk, (_, _, epoch) = other.accept()
        talk.say(wire.welcome(epoch, 0))
        self.take_all(talk, epoch)
        self.assertEqual(sim.wait(10), 0)
        log.seek(0)
        text = log.read()
        for said in words.values():
            self.assertIn(said, text)
        self.assertEqual(control(text), [])


if __name__ == "__main__":
    unittest.main()
