# SPDX-License-Identifier: Apache-2.0
"""Bad links and bad clocks: what is in the store at the end is what was told, once.

A sensor replays lines whose totals are known, over a router that loses packets; in the middle of
that something happens.  Each test says how long after the link was back all was in.
`make check-links` does the same for minutes, at random.
"""

import os
import signal
import tempfile
import time
import unittest

import badline
import harness
import scene
import told

PORT = 7710
LINES = 48000  # a dozen batches
DAY = 86400
SOON = 45  # seconds that all may take once the link is back


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
        """From the greeting to the end, either way."""
        self.sensor.lines = 12000
        self.line.hurt(badline.LOSSY)
        self.sensor.write()
        self.sensor.start()
        self.finish("30 % loss", 150)

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


class Clocks(Case):
    """What is set in the middle of a replay, and set back."""

    def batch(self):
        """Waits for the next one."""
        before = self.collector.records()
        try:
            scene.wait_for(lambda: self.collector.records() > before, 20, "the next batch")
        except scene.SceneError as error:
            self.fail(f"{error}: {self.sensor.words()[-500:]} {self.collector.words()[-500:]}")

    def jumps(self, name):
        """One clock goes everywhere; each time batches come over the old connection and a new."""
        self.sensor.lines = 2 * LINES
        self.begin()
        for seconds in (3600, -3600, DAY, -DAY, 0):
            self.clocks[name].set(seconds)
            self.batch()
            self.collector.end(signal.SIGKILL)
            self.collector.start()
            self.batch()
        self.assertIsNone(self.sensor.process.poll(), "it was over before the last jump")
        self.finish()

    def test_of_the_collector(self):
        self.jumps("far")

    def test_of_the_sensor(self):
        self.jumps("near")


if __name__ == "__main__":
    unittest.main()
