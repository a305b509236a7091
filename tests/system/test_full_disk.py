# SPDX-License-Identifier: Apache-2.0
"""The sensor's directory on a small file system of its own, which fills up."""

import json
import os
import subprocess
import time
import unittest

import harness
import told
from spoolkit import EACH, MIB, SpoolTest


@harness.needs_root
class FullDisk(SpoolTest):
    """Filled by the spool itself, and by others."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.sensor)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "skein-test",
                        self.sensor], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.sensor], check=True)

    def fill(self):
        """Somebody else takes all that is left."""
        with open(os.path.join(self.sensor, "ballast"), "wb", buffering=0) as file:
            for size in (65536, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def test_full_from_the_beginning(self):
        """It goes on in memory, and comes back to the disk when there is room."""
        batches, spool = 400, ("--spool", str(64 * MIB), "--free", "0")
        self.enroll_and_leave()
        self.fill()
        process = subprocess.Popen(self.arguments(batches, *spool, "--pace", "1"),
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        self.start_collector()
        words = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 0, words)
        self.assertIn("goes on in memory", words)
        self.collector.end()
        self.assertEqual(self.account(), (batches * EACH, 0, 0))

    def test_it_fills_up_under_the_sensor(self):
        """The oldest goes, the newest stays, and what went is told."""
        batches, spool = 4000, ("--spool", str(64 * MIB), "--free", "0")
        self.enroll_and_leave()
        words = self.feed(batches, *spool)
        self.assertIn("stay in the spool", words)
        self.deliver(batches, *spool)
        counted, lost, gaps = self.account()
        print(f"#   {counted} records counted, {lost} lost, told in {gaps} gaps", flush=True)
        self.assertEqual(counted + lost, batches * EACH)
        self.assertGreater(lost, 0)
        self.assertGreater(counted, 500 * EACH)

    def test_others_keep_what_is_left_to_them(self):
        """The floor: so much stays free, whatever comes."""
        batches, spool = 2500, ("--spool", str(64 * MIB), "--free", str(2 * MIB))
        self.enroll_and_leave()
        self.feed(batches, *spool)
        free = os.statvfs(self.sensor)
        self.assertGreaterEqual(free.f_bavail * free.f_bsize, 2 * MIB - 300 * 1024)
        self.deliver(batches, *spool)
        counted, lost, _ = self.account()
        self.assertEqual(counted + lost, batches * EACH)
        self.assertGreater(lost, 0)

    def test_a_replay_waits_for_room(self):
        """Much more than fits: nothing is lost, and nothing fails."""
        self.start_collector()
        token = harness.run("skein-collector", "token", "create", "--data", self.data, "--role",
                            "mirror").stdout.strip()
        harness.run("skein-sensor", "enroll", "--collector", self.address, "--token", token,
                    "--data", self.sensor)
        lines = os.path.join(self.folder.name, "lines.jsonl")
        with open(lines, "w", encoding="utf-8") as file:
            for number in range(60000):
                file.write(json.dumps({
                    "type": "flow", "client_ip": "10.0.0.1", "server_ip": "10.0.0.2",
                    "server_port": 1 + number % 7, "opens": 1, "last": 1000,
                    "client_process": f"p{number % 5}", "client_exe": "/x" * 60}) + "\n")
        outcome = harness.run("skein-sensor", "--replay", lines, "--collector", self.address,
                              "--data", self.sensor, timeout=120)
        self.assertEqual(outcome.status, 0, outcome)
        self.collector.end()
        self.assertEqual(self.opens(), 60000)
        found = told.levels(os.path.join(self.data, "skein.db"))
        self.assertEqual([found[level][0] for level in told.LEVELS], 4 * [60000])

    def test_a_file_system_that_is_read_only(self):
        """In memory, as before there was a spool."""
        self.enroll_and_leave()
        subprocess.run(["mount", "-o", "remount,ro", self.sensor], check=True)
        self.start_collector()
        words = self.feed(300, "--spool", str(64 * MIB))
        self.assertIn("goes on in memory", words)
        self.collector.end()
        self.assertEqual(self.account(), (300 * EACH, 0, 0))


if __name__ == "__main__":
    unittest.main()
