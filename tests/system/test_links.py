# SPDX-License-Identifier: Apache-2.0
"""Bad links and bad clocks: what is in the store at the end is what was told, once.

A sensor replays lines whose totals are known, over a router that loses packets; in the middle of
that something happens.  Each test says how long after the link was back all was in.
`make check-links` does the same for minutes, at random.
"""

import json
import os
import signal
import struct
import subprocess
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
DAY = 86400
NOTICED = 30 + 5  # seconds until both ends know of a peer that is gone (docs/wire.md, Limits)
RETRY = 30 + 5  # seconds until a sensor has tried again
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
        self.sensor.lines = 3 * LINES
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
            for end, said in (("sensor", "warn: " in sensor.errors()),
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


@harness.needs_root
class LiveClock(unittest.TestCase):
    """The clock of a machine is set while its sensor watches."""

    PORT = 7711
    RATE = 40
    SECONDS = 11

    def setUp(self):
        harness.program("tests/setclock.so")
        self.line = badline.BadLine()
        self.addCleanup(self.line.close)
        self.clock = told.Clock(self.line.path("clock"))
        self.collector = told.Collector(self.line.directory)
        self.addCleanup(self.collector.close)
        self.collector.start()
        data = self.line.path("s")
        harness.enroll(self.collector.address, self.collector.data, data)
        clock = self.clock.environment()
        self.sensor = harness.Daemon(
            "skein-sensor", "--ebpf", "--collector", self.collector.address, "--data", data,
            "--interval", "1s",
            before=("env", *(f"{name}={clock[name]}" for name in ("SKEIN_CLOCK", "LD_PRELOAD"))))
        self.addCleanup(self.sensor.close)
        scene.wait_for(self.collector.records, 20, "the sensor's first words")
        payload = os.path.join(scene.HERE, "payload_server.py")
        server = subprocess.Popen(
            self.line.enter("far", scene.PYTHON, payload, str(self.PORT)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(scene.stop, server)
        scene.read_line(server.stdout, 15, "payload_server.py")

    def test_what_it_sees_counts_once(self):
        client = subprocess.Popen(
            self.line.enter("near", scene.PYTHON, os.path.join(scene.HERE, "payload_client.py"),
                            self.line.far, str(self.PORT), "server", "111", "2222",
                            "--count", str(self.RATE * self.SECONDS), "--rate", str(self.RATE)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(scene.stop, client)
        for seconds in (3600, -3600, 1800, DAY, -DAY, 0):
            time.sleep(1.6)
            self.clock.set(seconds)
        said = json.loads(client.communicate(timeout=30)[0])
        time.sleep(2.5)  # intervals without news, and one more step
        self.clock.set(-DAY)
        time.sleep(2.5)
        self.assertEqual(self.sensor.end(), 0, self.sensor.errors())
        self.assertEqual(self.collector.end(signal.SIGTERM), 0, self.collector.words())
        flows = [f for f in harness.edges(self.collector.database)
                 if f.get("server_ip") == self.line.far]  # whatever else happens on this machine
        self.assertEqual(tuple(sum(f[name] for f in flows) for name in told.AMOUNTS),
                         tuple(said[name] for name in told.AMOUNTS))
        self.assertEqual(self.collector.ask("SELECT sum(rejected), sum(lost) FROM sensor"), (0, 0))
        found = told.levels(self.collector.database)
        self.assertEqual({found[level] for level in told.LEVELS}, {found["total"]})
        self.assertLessEqual(self.collector.ask(
            "SELECT sum(covered_ms) / 60000 FROM coverage")[0], 2)


if __name__ == "__main__":
    unittest.main()
