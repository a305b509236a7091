#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A collector that is killed again and again while two sensors send: exact totals.

    SKEIN_BUILD=build tests/kills.py [KILLS]

Needs no rights and no eBPF: tests/simsensor sends through the real spool and link, and its
totals are a known function of its arguments.  The collector dies by SIGKILL at moments that
are the same in every run (SKEIN_SEED chooses others) and comes back on its port; at the end
each level of the database must hold what was sent, once.  SIGTERM ends it with status 0.
"""

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("SKEIN_BUILD", os.path.join(ROOT, "build"))
SEED = int(os.environ.get("SKEIN_SEED", "7"))
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 10
SENSORS = (1, 2)
LOAD = ["--batches", str(60 * KILLS), "--records", "40", "--pace", "15"]
START = 10  # seconds that a start may take
DRAIN = 30  # seconds that the sensors may take once the killing is over


def program(*parts):
    """The path of something that was built."""
    return os.path.join(BUILD, *parts)


class Collector:
    """A collector on one port, as often as it takes."""

    def __init__(self, directory):
        self.directory = directory
        self.address = "127.0.0.1:0"
        self.log = open(os.path.join(directory, "collector.log"), "a", encoding="utf-8")
        self.process = None

    def start(self):
        """Starts it and waits until it says where it listens."""
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [program("skein-collector"), "--data", os.path.join(self.directory, "c"),
             "--listen", self.address, "--ready-fd", str(write)],
            pass_fds=[write], stdin=subprocess.DEVNULL, stderr=self.log)
        os.close(write)
        with os.fdopen(read) as pipe:
            said = pipe.readline().strip()
        if not said:
            raise RuntimeError("the collector did not start")
        self.address = said

    def end(self, number):
        """Sends a signal and returns the status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=START)

    def close(self):
        """Whatever is left of it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def token(collector):
    """One that both sensors use."""
    made = subprocess.run(
        [program("skein-collector"), "token", "create", "--data",
         os.path.join(collector.directory, "c"), "--uses", "2"],
        stdout=subprocess.PIPE, check=True, text=True)
    return made.stdout.strip()


def start_sensor(collector, seed, word):
    """A simulated sensor with a data directory of its own."""
    log = os.path.join(collector.directory, f"sensor{seed}.log")
    with open(log, "w", encoding="utf-8") as out:
        return subprocess.Popen(
            [program("tests", "simsensor"), "--collector", collector.address, "--data",
             os.path.join(collector.directory, f"s{seed}"), "--token", word,
             "--seed", str(seed), "--limit", "120", *LOAD],
            stdin=subprocess.DEVNULL, stderr=out)


def expected():
    """(opens, bytes to the server, bytes to the client) of all sensors together."""
    opens = to_client = 0
    for seed in SENSORS:
        said = subprocess.run([program("tests", "simsensor"), "--totals", "--seed", str(seed),
                               *LOAD], stdout=subprocess.PIPE, check=True, text=True)
        a, b = map(int, said.stdout.split())
        opens += a
        to_client += b
    return opens, 100 * opens, to_client


def run(collector):
    """Lets the sensors send and kills; returns the statuses of all that ended by itself."""
    chance = random.Random(SEED)
    collector.start()
    word = token(collector)
    sensors = [start_sensor(collector, seed, word) for seed in SENSORS]
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.1, 1.3))
            collector.end(signal.SIGKILL)
            time.sleep(chance.uniform(0.0, 0.3))
            collector.start()
        statuses = [s.wait(timeout=DRAIN) for s in sensors]
    finally:
        for sensor in sensors:
            if sensor.poll() is None:
                sensor.kill()
                sensor.wait()
    return [*statuses, collector.end(signal.SIGTERM)]


def check(database, statuses):
    """(name, what there is, what there should be) of each test."""
    yield "sensors and collector end with status 0", statuses, [0] * (len(SENSORS) + 1)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        for level in ("minute", "hour", "day", "total"):
            where = "WHERE edge != 0" if level == "minute" else ""
            yield (f"{level}s add up",
                   db.execute("SELECT sum(opens), sum(bytes_to_server), sum(bytes_to_client) "
                              f"FROM fact_{level} {where}").fetchone(), expected())
        yield ("nothing was quarantined, rejected or lost",
               db.execute("SELECT sum(quarantined), sum(rejected), sum(lost) "
                          "FROM sensor").fetchone(), (0, 0, 0))
        yield "the database is whole", db.execute("PRAGMA integrity_check").fetchone(), ("ok",)


def main():
    """Runs it in a directory that stays where something failed."""
    directory = tempfile.mkdtemp(prefix="skein-kills-")
    collector = Collector(directory)
    passed = failed = 0
    try:
        statuses = run(collector)
        for name, there, want in check(os.path.join(directory, "c", "skein.db"), statuses):
            good = there == want
            passed += good
            failed += not good
            print(f"{'ok' if good else 'FAIL':4} {name}" +
                  ("" if good else f": {there}, not {want}"))
    except (OSError, RuntimeError, sqlite3.Error, subprocess.SubprocessError) as error:
        failed += 1
        print(f"FAIL {error}")
    finally:
        collector.close()
    if failed:
        print(f"the logs and the database are in {directory}")
    else:
        shutil.rmtree(directory)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
