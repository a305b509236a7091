# SPDX-License-Identifier: Apache-2.0
"""What becomes of a sensor's words when the collector's database is damaged or put back.

A simulated sensor sends all the while; its totals are known beforehand.  What it had been told
is safe and then was not must be missing, to the last connection, and nothing may be there
twice.  It is never enrolled again.
"""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
import unittest

import harness
import scene

BATCHES = 120
RECORDS = 30
PAGE = 4096


class Database(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-database-")
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", self.folder], check=True))
        self.data = os.path.join(self.folder, "data")
        self.database = os.path.join(self.data, "skein.db")
        self.port = harness.free_port()
        self.start()

    def start(self):
        self.collector = harness.Daemon("skein-collector", "--data", self.data,
                                        "--listen", f"127.0.0.1:{self.port}")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: harness.listening(self.port), 15, "the collector's start")

    def simulate(self, batches=BATCHES, records=RECORDS):
        made = harness.run("skein-collector", "token", "create", "--data", self.data)
        self.assertEqual(made.status, 0, str(made))
        self.sent = (str(batches), str(records))
        sensor = subprocess.Popen(
            [harness.program("tests/simsensor"), "--collector", f"127.0.0.1:{self.port}",
             "--data", os.path.join(self.folder, "sensor"), "--token", made.stdout.strip(),
             "--batches", self.sent[0], "--records", self.sent[1], "--pace", "50",
             "--limit", "90"], stderr=subprocess.DEVNULL)
        self.addCleanup(lambda: scene.stop(sensor))
        return sensor

    def total(self):
        said = subprocess.run(
            [harness.program("tests/simsensor"), "--totals", "--batches", self.sent[0],
             "--records", self.sent[1]], stdout=subprocess.PIPE, text=True, check=True)
        return int(said.stdout.split()[0])

    def counted(self, database=None):
        listed = harness.run("skein", "edges", "--db", database or self.database, "--json")
        self.assertIn(listed.status, (0, 1), str(listed))  # 1: there is none yet
        return sum(edge["opens"] for edge in json.loads(listed.stdout))

    def wait_counted(self, least):
        scene.wait_for(lambda: self.counted() >= least, 30, f"{least} connections")

    def gaps(self):
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as db:
            return db.execute("SELECT start_ms, end_ms, records FROM gap").fetchall()

    def aside(self):
        return [name for name in os.listdir(self.data) if "damaged-" in name
                and not name.endswith(("-wal", "-shm"))]

    def test_a_backup_put_back_gets_again_what_sensors_still_have(self):
        """Acknowledged batches lie in the spool as long as their segment does."""
        sensor = self.simulate()
        self.wait_counted(self.total() // 5)
        backup = os.path.join(self.folder, "backup.db")
        made = harness.run("skein-collector", "backup", backup, "--data", self.data)
        self.assertEqual((made.status, made.stderr), (0, ""), str(made))
        kept = self.counted(backup)
        self.wait_counted(self.total() // 2)
        self.assertEqual(harness.run("skein-collector", "restore", backup, "--data",
                                     self.data).status, 1)
        self.assertEqual(self.collector.end(), 0)
        before = self.counted()
        restored = harness.run("skein-collector", "restore", backup, "--data", self.data)
        self.assertEqual(restored.status, 0, str(restored))
        self.assertEqual(self.counted(), kept)
        self.start()
        self.assertEqual(sensor.wait(90), 0)
        self.assertGreater(before, kept)
        self.assertEqual(self.counted(), self.total())
        self.assertEqual(len(self.gaps()), 1)
        start, end, _ = self.gaps()[0]
        self.assertLess(start, end)
        doctor = harness.run("skein", "doctor", "--db", self.database)
        self.assertIn("gap", doctor.stdout + doctor.stderr, str(doctor))

    def test_a_damaged_database_is_set_aside_and_sensors_go_on(self):
        sensor = self.simulate()
        self.wait_counted(self.total() // 3)
        self.assertEqual(self.collector.end(), 0)
        before = self.counted()
        with sqlite3.connect(self.database) as db:
            page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'fact_total'"
                              ).fetchone()[0]
        with open(self.database, "r+b") as file:
            file.seek((page - 1) * PAGE)
            file.write(random.Random(1).randbytes(PAGE))
        self.start()
        self.assertEqual(sensor.wait(90), 0)
        self.assertEqual(len(self.aside()), 1)
        self.assertIn("set aside as", self.collector.errors())
        self.assertGreater(before, 0)
        self.assertEqual(self.counted(), self.total())
        self.assertEqual(len(self.gaps()), 1)
        doctor = harness.run("skein", "doctor", "--db", self.database)
        self.assertIn(self.aside()[0], doctor.stdout, str(doctor))

    def test_damage_while_it_runs_ends_it_and_the_next_start_sets_it_aside(self):
        sensor = self.simulate()
        self.wait_counted(self.total() // 3)
        with sqlite3.connect(self.database) as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            pages = [row[0] for row in db.execute(
                "SELECT rootpage FROM sqlite_schema WHERE name IN ('fact_total', "
                "'fact_minute', 'fact_hour', 'fact_day')")]
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            with open(self.database, "r+b", buffering=0) as file:
                for page in pages:
                    os.pwrite(file.fileno(), random.Random(page).randbytes(PAGE),
                              (page - 1) * PAGE)
        self.assertEqual(self.collector.wait(30), 3, self.collector.errors())
        self.assertIn("damaged", self.collector.errors())
        self.start()
        self.assertEqual(sensor.wait(90), 0)
        self.assertEqual(len(self.aside()), 1, self.collector.errors())
        self.assertEqual(self.counted(), self.total())
        self.assertGreaterEqual(len(self.gaps()), 1)

    def kill_and_lose_the_log(self, damage):
        """The log holds the second third of what was acknowledged; DAMAGE spoils its file.

        Nobody has the database open then: who has knows the log's frames, and looks at no sum.
        """
        self.wait_counted(self.total() // 3)
        with contextlib.closing(sqlite3.connect(self.database, timeout=10)) as db:
            scene.wait_for(lambda: db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
                           == 0, 10, "a folded log")
        kept = self.counted()
        reader = sqlite3.connect(f"file:{self.database}?mode=ro", uri=True,
                                 isolation_level=None)
        reader.execute("BEGIN")  # so that nothing is folded from here on
        reader.execute("SELECT count(*) FROM sensor").fetchone()
        self.wait_counted(self.total() * 2 // 3)
        pids = sum(harness.family(self.collector.process.pid).values(), [])
        self.collector.process.kill()
        self.collector.wait(5)
        scene.wait_for(lambda: not any(harness.alive(p) for p in pids), 5, "the end of all")
        log = self.database + "-wal"
        with open(log, "r+b") as file:
            damage(file, os.path.getsize(log))
        reader.close()
        return kept

    def test_a_log_cut_short_is_noticed_and_sent_again(self):
        sensor = self.simulate()
        kept = self.kill_and_lose_the_log(lambda file, size: file.truncate(size // 8))
        self.start()
        self.assertLess(self.counted(), self.total() * 2 // 3)
        self.assertGreaterEqual(self.counted(), kept)
        self.assertEqual(sensor.wait(90), 0)
        self.assertEqual(self.counted(), self.total())
        self.assertEqual(self.gaps(), [])
        self.assertRegex(self.collector.errors(),
                         r"was acknowledged \d+ batches and the database knows \d+ of them: "
                         r"it sends the others again")

    def test_a_byte_of_the_log_that_changes_is_a_gap(self):
        """The sensor has no more what was acknowledged long ago."""
        sensor = self.simulate(batches=120, records=2500)

        def flip(file, size):
            file.seek(size // 8)
            byte = file.read(1)[0]
            file.seek(size // 8)
            file.write(bytes([byte ^ 1]))

        before = time.time()
        self.kill_and_lose_the_log(flip)
        self.start()
        self.assertEqual(sensor.wait(90), 0)
        self.assertRegex(self.collector.errors(), r"-wal is damaged behind frame \d+: up to \d+")
        self.assertIn("it has no more is lost, and a gap", self.collector.errors())
        self.assertLess(self.counted(), self.total())
        [(start, end, records)] = self.gaps()
        self.assertLess(start, end)
        self.assertLess(abs(start / 1000 - before), 30)
        self.assertEqual(records, 0)  # nobody knows
        doctor = harness.run("skein", "doctor", "--db", self.database)
        self.assertIn("gap", doctor.stdout + doctor.stderr, str(doctor))

    def test_a_start_after_a_kill_takes_no_time(self):
        self.collector.process.kill()
        self.collector.wait(5)
        began = time.monotonic()
        self.start()
        self.assertLess(time.monotonic() - began, 5)
        self.assertEqual(self.aside(), [])


if __name__ == "__main__":
    unittest.main()
