# SPDX-License-Identifier: Apache-2.0
"""A collector whose disk is full loses nothing, answers questions, and goes on by itself.

Its data lies on a small file system of its own, which a file fills up while sensors send.  The
sensors are simulated ones, whose totals are known beforehand.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

import harness
import scene
import told

SENSORS = 4
BATCHES = 60
RECORDS = 40
AGAIN_S = 10  # after there is room


@harness.needs_root
class DiskFull(unittest.TestCase):
    """One story; every step needs the one before."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-full-")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=True))
        self.data = os.path.join(self.folder, "data")
        os.mkdir(self.data, 0o700)
        scene.call("mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "skein-full", self.data)
        self.addCleanup(lambda: scene.call("umount", "-l", self.data))
        self.port = harness.free_port()
        self.collector = harness.Daemon("skein-collector", "--data", self.data,
                                        "--listen", f"127.0.0.1:{self.port}")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: harness.listening(self.port), 15, "the collector's start")

    def simulate(self, seed):
        """A sensor of that seed, which ends when all it has is acknowledged."""
        made = harness.run("skein-collector", "token", "create", "--data", self.data)
        self.assertEqual(made.status, 0, str(made))
        argv = [harness.program("tests/simsensor"), "--collector", f"127.0.0.1:{self.port}",
                "--data", os.path.join(self.folder, f"sensor-{seed}"),
                "--token", made.stdout.strip(), "--batches", str(BATCHES),
                "--records", str(RECORDS), "--seed", str(seed), "--pace", "50",
                "--limit", "90"]
        sensor = subprocess.Popen(argv, stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: scene.stop(sensor))
        return sensor

    def fill(self):
        """Takes all the room there is; returns the file that has it."""
        path = os.path.join(self.data, "ballast")
        with open(path, "wb", buffering=0) as ballast:
            try:
                while True:
                    ballast.write(b"x" * 65536)
            except OSError:
                pass
        return path

    def totals(self):
        """What the sensors say that they did, as simsensor knows it."""
        opens = 0
        for seed in range(1, SENSORS + 1):
            said = subprocess.run(
                [harness.program("tests/simsensor"), "--totals", "--batches", str(BATCHES),
                 "--records", str(RECORDS), "--seed", str(seed)],
                stdout=subprocess.PIPE, text=True, check=True).stdout.split()
            opens += int(said[0])
        return opens

    def listed(self):
        listed = harness.run("skein", "edges", "--db", os.path.join(self.data, "skein.db"),
                             "--json")
        self.assertIn(listed.status, (0, 1), str(listed))  # 1: there is none yet
        return json.loads(listed.stdout)

    def counted(self):
        return sum(edge["opens"] for edge in self.listed())

    def test_nothing_is_lost(self):
        sensors = [self.simulate(seed) for seed in range(1, SENSORS + 1)]
        scene.wait_for(lambda: len({edge["client"] for edge in self.listed()}) == SENSORS, 20,
                       "the first facts of every sensor")
        ballast = self.fill()
        scene.wait_for(lambda: "the disk is full" in self.collector.errors(), 20,
                       "the collector's word that the disk is full")
        before = self.counted()
        self.assertGreater(before, 0)
        self.assertLess(before, self.totals())
        time.sleep(3)
        self.assertEqual(self.counted(), before)
        self.assertIsNone(self.collector.process.poll())
        os.unlink(ballast)
        free = time.monotonic()
        scene.wait_for(lambda: self.counted() > before, AGAIN_S, "the first fact after")
        self.assertLess(time.monotonic() - free, AGAIN_S)
        for sensor in sensors:
            self.assertEqual(sensor.wait(60), 0)
        self.assertEqual(self.counted(), self.totals())
        self.assertIn("there is room on the disk again", self.collector.errors())
        self.assertEqual(self.collector.end(), 0)
        self.assertEqual(self.counted(), self.totals())
        found = told.levels(os.path.join(self.data, "skein.db"))
        self.assertEqual([found[level][0] for level in told.LEVELS], 4 * [self.totals()])

    def test_a_start_without_room_says_so(self):
        """And leaves the database as it is."""
        sensor = self.simulate(1)
        self.assertEqual(sensor.wait(60), 0)
        self.collector.signal(signal.SIGKILL)
        self.collector.wait(5)
        ballast = self.fill()
        again = harness.Daemon("skein-collector", "--data", self.data,
                               "--listen", f"127.0.0.1:{self.port}")
        self.addCleanup(again.close)
        time.sleep(2)
        if again.process.poll() is None:  # there was room enough after all
            self.assertEqual(again.end(), 0)
        else:
            self.assertEqual(again.process.returncode, 3, again.errors())
        os.unlink(ballast)
        self.assertEqual([n for n in os.listdir(self.data) if ".damaged" in n], [])
        third = harness.Daemon("skein-collector", "--data", self.data,
                               "--listen", f"127.0.0.1:{self.port}")
        self.addCleanup(third.close)
        scene.wait_for(lambda: harness.listening(self.port), 15, "the collector's start")
        said = subprocess.run(
            [harness.program("tests/simsensor"), "--totals", "--batches", str(BATCHES),
             "--records", str(RECORDS), "--seed", "1"],
            stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        self.assertEqual(self.counted(), int(said[0]))


if __name__ == "__main__":
    unittest.main()
