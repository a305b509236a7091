# SPDX-License-Identifier: Apache-2.0
"""Bad links: what is in the store at the end is what was told, once.

A sensor replays lines whose totals are known, over a router that loses packets; in the middle of
that something happens.  Each test says how long after the link was back all was in.
`make check-links` does the same for minutes, at random; test_clocks.py sets clocks.
"""

import os
import re
import signal
import struct
import tempfile
import time
import unittest

import badline
import harness
import scene
import told
import wirepeer

PORT = 7710
LINES = 32000  # eight batches
NOTICED = 30 + 10 + 5  # seconds until both ends know of a peer that is gone (docs/wire.md); an interval is 10
RETRY = 30 + 5  # seconds until a sensor has tried again
SOON = 60 + 30  # seconds that all may take once the link is back: no ACK, and a new attempt


@harness.needs_root
class Case(unittest.TestCase):
    """Each test has a collector and an enrolled sensor of its own, on one line."""

    @classmethod
    def setUpClass(cls):
        harness.program("tests/setclock.so")
        cls.line = badline.BadLine()
        cls.addClassCleanup(cls.line.close)

    def setUp(self):
        folder = tempfile.mkdtemp(dir=self.line.directory)
        self.clocks = {name: told.Clock(os.path.join(folder, f"{name}.clock"))
                       for name in ("near", "far")}
        self.collector = told.Collector(folder, f"{self.line.far}:{PORT}",
                                        self.line.enter("far"), self.clocks["far"])
        self.addCleanup(self.collector.close)
        self.addCleanup(self.line.heal)
        self.collector.start()
        self.sensor = told.Sensor(self.collector, 1, LINES, self.line.enter("near"),
                                  self.clocks["near"])
        self.addCleanup(self.sensor.close)
        self.sensor.enroll()

    def begin(self):
        """The replay has begun, and is not over."""
        self.sensor.write()
        self.sensor.start()
        scene.wait_for(self.collector.records, 20, "the first batch")
        self.assertLess(self.collector.records(), self.sensor.lines)

    def finish(self, what=None, soon=SOON):
        """All is told, and the collector ends; the totals hold.  WHAT is said with the time."""
        began = time.monotonic()
        self.assertEqual(self.sensor.process.wait(timeout=soon), 0, self.sensor.words())
        if what:
            print(f"#   {what}: all in {time.monotonic() - began:.1f} s after", flush=True)
        self.assertEqual(self.collector.end(signal.SIGTERM), 0, self.collector.words())
        for name, there, want in told.check(self.collector, [self.sensor]):
            with self.subTest(name):
                self.assertEqual(there, want, self.collector.words()[-2000:])


class Links(Case):
    """What a link does."""

    def test_cut(self):
        self.begin()
        self.line.hurt(badline.CUT)
        time.sleep(4)
        self.assertIsNone(self.sensor.process.poll())
        self.line.heal()
        self.finish("a cut of 4 s")

    def test_the_sensor_starts_again_behind_a_dead_link(self):
        """The collector has a session of one that is gone, with another boot."""
        self.begin()
        self.line.hurt(badline.CUT)
        self.sensor.kill()
        time.sleep(1)
        self.sensor.start()
        time.sleep(3)
        self.line.heal()
        self.finish("half-open, the sensor was killed")

    def test_what_was_under_way_is_no_copy(self):
        """What a sensor left on its way when it was killed comes long after the next one did, and
        what the collector says to that session does not arrive."""
        self.begin()
        [port] = re.findall(r"connected from [0-9.]+:(\d+)", self.collector.words())
        self.line.hurt(badline.CUT)
        self.sensor.kill()
        self.sensor.start()
        time.sleep(9)
        taken = self.collector.records()
        self.line.hurt({"far": f"tcp dport {port} ip length > 92 drop"})  # not what TCP itself says
        scene.wait_for(lambda: "turned away" in self.collector.words(), 20, "the next one")
        scene.wait_for(lambda: self.collector.records() > taken, 20, "what was under way")
        time.sleep(1)
        self.line.heal()
        self.finish("half-open, with much under way")

    def test_the_collector_starts_again_behind_a_dead_link(self):
        self.begin()
        self.line.hurt(badline.CUT)
        self.collector.end(signal.SIGKILL)
        time.sleep(1)
        self.collector.start()
        time.sleep(3)
        self.line.heal()
        self.finish("half-open, the collector was killed")

    def test_a_third_is_lost(self):
        """From each greeting to the end, either way."""
        self.sensor.lines = 2000
        self.line.hurt(badline.LOSSY)
        began = time.monotonic()
        for _ in range(2):
            self.sensor.write()
            self.sensor.start()
            self.assertEqual(self.sensor.process.wait(120), 0, self.sensor.words())
        print(f"#   30 % loss: two replays in {time.monotonic() - began:.1f} s", flush=True)
        self.finish()

    def test_acknowledgements_are_lost(self):
        """What was committed is sent again, by a sensor that knows nothing of it."""
        self.begin()
        self.line.hurt(badline.DEAF)
        time.sleep(2)
        taken = self.collector.records()
        self.sensor.kill()
        self.sensor.start()
        time.sleep(1)
        self.assertGreater(taken, 0)
        self.line.heal()
        self.finish("no acknowledgement came, the sensor was killed")


@harness.needs_root
class Idle(Case):
    """A sensor that watches and has little to say."""

    def test_both_ends_notice_that_the_other_is_gone(self):
        sensor = self.line.daemon("near", "skein-sensor", "--poll", "--collector",
                                  self.collector.address, "--data", self.sensor.data)
        self.addCleanup(sensor.close)
        scene.wait_for(lambda: "connected from" in self.collector.words(), 15, "a session")
        time.sleep(2)
        self.line.hurt(badline.CUT)
        began = time.monotonic()
        noticed = {}

        def look():
            for end, said in (("sensor", f"warn: {self.collector.address}: " in sensor.errors()),
                              ("collector", "connection ended" in self.collector.words())):
                if said:
                    noticed.setdefault(end, time.monotonic() - began)
            return len(noticed) == 2

        scene.wait_for(look, NOTICED, "the notice of both ends")
        self.line.heal()
        began = time.monotonic()
        scene.wait_for(lambda: self.collector.words().count("connected from") == 2, RETRY,
                       "the next session")
        print("#   gone without a word: noticed by " +
              ", ".join(f"the {end} after {noticed[end]:.1f} s" for end in sorted(noticed)) +
              f"; connected {time.monotonic() - began:.1f} s after the link was back", flush=True)
        self.assertEqual(sensor.end(), 0, sensor.errors())


class Replayed(unittest.TestCase):
    """Somebody who has the sensor's key sends again what was sent before."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skein-replayed-")
        self.addCleanup(folder.cleanup)
        self.collector = told.Collector(folder.name)
        self.addCleanup(self.collector.close)
        self.collector.start()
        self.sensor = os.path.join(folder.name, "s")
        harness.enroll(self.collector.address, self.collector.data, self.sensor)
        self.base = int(time.time() * 1000)
        self.boot = 0

    def batch(self, epoch, sequence, opens=1):
        """One flow of so many opens."""
        flow = wirepeer.flow("10.0.0.1", f"10.0.1.{sequence}", 80, opens, self.base // 60000)
        return wirepeer.batch(epoch, sequence, [wirepeer.machine("m", "10.0.0.1"),
                                                wirepeer.process("app"), flow], self.base)

    def call(self, epoch, position):
        """A session that is told so far."""
        self.boot += 1
        talk = wirepeer.as_sensor(self.collector.address, self.sensor)
        talk.say(wirepeer.hello(epoch, boot=self.boot))
        kind, _, body = talk.hear()
        self.assertEqual(kind, wirepeer.WELCOME)
        self.assertEqual(struct.unpack("!HQQQ", body[:26])[2:], (epoch, position))
        return talk

    def tell(self, talk, epoch, sequences, position, opens=1):
        """Sends them and waits until all are answered, by that position."""
        for sequence in sequences:
            talk.say(self.batch(epoch, sequence, opens))
        answered = -1
        while answered != position:
            kind, _, body = talk.hear()
            self.assertEqual(kind, wirepeer.ACK)
            was, answered = struct.unpack("!QQ", body[:16])
            self.assertEqual(was, epoch)
            self.assertLessEqual(answered, position)

    def again(self, epoch, position, times=1):
        """A session in which all of an epoch is told anew, and larger than it was."""
        talk = self.call(epoch, position)
        for _ in range(times):
            self.tell(talk, epoch, range(1, position + 1), position, opens=1000)
        talk.close()

    def test_it_counts_once(self):
        talk = self.call(11, 0)
        self.tell(talk, 11, range(1, 6), 5)
        self.tell(talk, 11, range(1, 6), 5, opens=1000)
        talk.close()
        talk = self.call(11, 5)  # after a reconnect, and then what comes next
        self.tell(talk, 11, (3, 4, 5, 6), 6)
        talk.close()
        talk = self.call(12, 0)
        self.tell(talk, 12, range(1, 4), 3)
        talk.close()
        self.again(11, 6, 40)  # an older epoch
        self.again(12, 3)
        self.collector.end(signal.SIGKILL)
        self.collector.start()
        self.again(11, 6)
        self.again(12, 3)
        talk = self.call(11, 6)
        talk.say(self.batch(11, 9))  # what it has not reached is not taken
        self.assertEqual(talk.hear()[0], wirepeer.WELCOME)
        talk.say(self.batch(12, 4))  # nor another epoch than that of the greeting
        self.assertEqual(talk.hear()[0], wirepeer.ERROR)
        talk.close()
        self.assertEqual(self.collector.end(signal.SIGTERM), 0)
        found = told.levels(self.collector.database)
        self.assertEqual({level: found[level] for level in told.LEVELS},
                         {level: (9, 900, 90) for level in told.LEVELS})
        self.assertEqual(self.collector.ask("SELECT records FROM sensor"), (27,))


if __name__ == "__main__":
    unittest.main()
