# SPDX-License-Identifier: Apache-2.0
"""The spool on disk: sensors that are killed while nobody listens, a collector that is away for
longer than the spool holds, and damage.
"""

import glob
import os
import signal
import subprocess
import time
import unittest

from spoolkit import EACH, MIB, SpoolTest

KILLS = 30


class Spool(SpoolTest):
    """On a file system that has room."""

    def test_killed_while_nobody_listens(self):
        """Both processes at once, at any moment: everything arrives, once."""
        batches, spool = 2500, ("--spool", str(64 * MIB), "--free", "0")
        self.enroll_and_leave()
        ended = 0
        for _ in range(KILLS):
            process = subprocess.Popen(self.arguments(batches, *spool, "--pace", "2"),
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            time.sleep(self.random.uniform(0.02, 0.4))
            ended += process.poll() is not None
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.assertEqual(ended, 0)
        self.deliver(batches, *spool)
        self.assertEqual(self.account(), (batches * EACH, 0, 0))
        self.assertEqual(self.opens(), self.total_opens(batches))
        self.assertEqual(glob.glob(os.path.join(self.sensor, "spool", "*.seg")), [])

    def test_killed_with_the_collector_there(self):
        """And it is killed as well, now and then."""
        batches, spool = 2000, ("--spool", str(64 * MIB), "--free", "0")
        self.enroll_and_leave()
        self.start_collector()
        for kill in range(KILLS):
            process = subprocess.Popen(self.arguments(batches, *spool, "--pace", "2"),
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            time.sleep(self.random.uniform(0.05, 0.5))
            if kill % 10 == 9:
                self.collector.signal(signal.SIGKILL)
                self.collector.close()
                self.start_collector()
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.collector.end()
        self.deliver(batches, *spool)
        self.assertEqual(self.account(), (batches * EACH, 0, 0))
        self.assertEqual(self.opens(), self.total_opens(batches))

    def test_the_cap_is_passed(self):
        """What was dropped is told, to the record; the newest is there."""
        batches, spool = 3000, ("--spool", str(2 * MIB), "--free", "0")
        self.enroll_and_leave()
        words = self.feed(batches, *spool)
        self.assertIn("stay in the spool", words)
        size = sum(os.path.getsize(p)
                   for p in glob.glob(os.path.join(self.sensor, "spool", "*")))
        self.assertLessEqual(size, 2 * MIB)
        self.deliver(batches, *spool)
        counted, lost, gaps = self.account()
        print(f"#   {counted} records counted, {lost} lost, told in {gaps} gaps", flush=True)
        self.assertEqual(counted + lost, batches * EACH)
        self.assertGreater(lost, counted // 2)
        self.assertGreater(counted, 500 * EACH)

    def test_killed_while_the_cap_is_passed(self):
        """The word on what was dropped survives, and is said once."""
        batches, spool = 2500, ("--spool", str(MIB), "--free", "0")
        self.enroll_and_leave()
        for _ in range(KILLS // 2):
            process = subprocess.Popen(self.arguments(batches, *spool, "--pace", "1"),
                                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                       start_new_session=True)
            time.sleep(self.random.uniform(0.1, 0.6))
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.feed(batches, *spool)
        self.deliver(batches, *spool)
        counted, lost, _ = self.account()
        self.assertEqual(counted + lost, batches * EACH)
        self.assertGreater(lost, 0)

    def test_one_directory_has_one_sensor(self):
        """The second one says so and leaves everything alone."""
        self.enroll_and_leave()
        with subprocess.Popen(self.arguments(100000, "--spool", str(MIB), "--pace", "10"),
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as first:
            time.sleep(1)
            done = subprocess.run(self.arguments(1, "--spool", str(MIB)), timeout=30,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                  check=False)
            first.kill()
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("in use by another sensor", done.stderr)

    def test_it_comes_through_damage(self):
        """Bytes broken, a tail cut off: what is missing is told."""
        batches, spool = 1000, ("--spool", str(64 * MIB), "--free", "0")
        self.enroll_and_leave()
        self.feed(batches, *spool)
        files = sorted(glob.glob(os.path.join(self.sensor, "spool", "*.seg")))
        for path in files:
            with open(path, "r+b") as file:
                for _ in range(20):
                    file.seek(self.random.randrange(os.path.getsize(path) - 4000))
                    file.write(bytes([self.random.randrange(256)]))
        words = self.deliver(batches + 1, *spool)
        self.assertIn("the spool was damaged", words)
        counted, lost, _ = self.account()
        self.assertEqual(counted + lost, (batches + 1) * EACH)
        self.assertGreater(lost, 0)


if __name__ == "__main__":
    unittest.main()
