# SPDX-License-Identifier: Apache-2.0
"""For tests of the spool through the real courier: a collector that comes and goes, and a sensor
whose totals are known.

`simsensor --spool` knows what it has sent.  What the collector has counted and what it has been
told is lost must add up to that, to the record.
"""

import os
import random
import sqlite3
import subprocess
import tempfile
import unittest

import harness
import scene

SEED = int(os.environ.get("SKEIN_SEED", "3"))
RECORDS = 20  # flows in a batch; with them a machine and a process
EACH = RECORDS + 2
MIB = 1 << 20


class SpoolTest(unittest.TestCase):
    """Each test has a collector, which is not started yet."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="skeinspool")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)
        self.random = random.Random(SEED)
        self.data = os.path.join(self.folder.name, "collector")
        self.sensor = os.path.join(self.folder.name, "sensor")
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.collector = None
        self.addCleanup(lambda: self.collector and self.collector.close())

    def start_collector(self):
        """Returns once it listens."""
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        self.address)
        scene.wait_for(lambda: harness.listening(int(self.address.split(":")[1])), 15,
                       "the collector's start")

    def enroll_and_leave(self):
        """A sensor with a certificate, and nobody to tell."""
        self.start_collector()
        harness.enroll(self.address, self.data, self.sensor)
        self.collector.end()

    def arguments(self, batches, *more):
        """Of a sensor that has so many batches to tell."""
        return [os.path.join(harness.BUILD, "tests", "simsensor"), "--collector", self.address,
                "--data", self.sensor, "--batches", str(batches), "--records", str(RECORDS),
                *more]

    def feed(self, batches, *more, timeout=90):
        """To its end; its words."""
        done = subprocess.run(self.arguments(batches, *more), stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def account(self):
        """(records counted without words on losses, lost, gaps) of the only sensor."""
        with sqlite3.connect(os.path.join(self.data, "skein.db")) as db:
            [(records, lost, bad)] = db.execute(
                "SELECT records, lost, quarantined + rejected FROM sensor").fetchall()
            [(gaps, told)] = db.execute(
                "SELECT count(*), ifnull(sum(records), 0) FROM gap").fetchall()
        self.assertEqual(bad, 0)
        self.assertEqual(told, lost)
        return records - gaps, lost, gaps

    def opens(self):
        """Of all edges."""
        return sum(f["opens"] for f in harness.edges(os.path.join(self.data, "skein.db")))

    def total_opens(self, batches):
        """What they should be."""
        said = subprocess.run(self.arguments(batches, "--totals"), check=True,
                              stdout=subprocess.PIPE, text=True).stdout
        return int(said.split()[0])

    def deliver(self, batches, *spool):
        """The collector comes back, and everything goes to it."""
        self.start_collector()
        words = self.feed(batches, *spool, "--wait")
        self.collector.end()
        return words
