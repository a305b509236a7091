#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collector and sensors that are killed again and again while recorded lines are replayed: exact totals.

    SKEIN_BUILD=build tests/kills.py [KILLS]

Needs no rights and no eBPF. Two sensors replay files of lines, one after the other, each told once
whatever happens. Now the collector dies by SIGKILL, now a sensor with both its processes, at moments
that are the same in every run (SKEIN_SEED chooses others), and comes back; sometimes the collector stays
away for a while. At the end each level of the database must hold what the lines say, once. SIGTERM ends
it with status 0. The usual run is short; `KILLS=200` is what is promised.
"""

import json
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
KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("KILLS", "20"))
SENSORS = (1, 2)
LINES = 4000  # in a file
MACHINES = 30
START = 10  # seconds that a start may take
DRAIN = 120  # seconds that the sensors may take once the killing is over
AMOUNTS = ("opens", "bytes_to_server", "bytes_to_client")


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


class Sensor:
    """Replays one file after the other, from one data directory."""

    def __init__(self, collector, number):
        self.collector = collector
        self.data = os.path.join(collector.directory, f"s{number}")
        self.random = random.Random(SEED * 1000 + number)
        self.log = open(os.path.join(collector.directory, f"s{number}.log"), "w", encoding="utf-8")
        self.number = number  # no two tell of the same conversation, which would count once
        self.files = 0
        self.truth = [0, 0, 0]
        self.process = None
        self.kills = 0

    def enroll(self):
        """As a mirror, which may speak of any address."""
        made = subprocess.run(
            [program("skein-collector"), "token", "create", "--role", "mirror", "--data",
             os.path.join(self.collector.directory, "c")],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
        subprocess.run([program("skein-sensor"), "enroll", "--collector", self.collector.address,
                        "--token", made.stdout.strip(), "--data", self.data],
                       check=True, stdout=self.log, stderr=self.log)

    def path(self):
        """Of the file that is being told."""
        return f"{self.data}.{self.files}.jsonl"

    def write(self):
        """The next file; what it says is added to the truth."""
        self.files += 1
        with open(self.path(), "w", encoding="utf-8") as file:
            for number in range(LINES):
                client, server = self.random.sample(range(MACHINES), 2)
                opens = self.random.randrange(1, 50)
                net = f"10.{self.files % 250}.{self.number}"
                line = {"type": "flow", "client_ip": f"{net}.{client + 1}",
                        "server_ip": f"{net}.{server + 101}",
                        "server_port": self.random.choice((80, 443, 5432)),
                        "client_process": "app", "server_process": "srv", "protocol": "tcp",
                        "opens": opens, "failed": 0, "bytes_to_server": 100 * opens,
                        "bytes_to_client": 10 * opens, "first": 1767000000,
                        "last": 1767000000 + number % 3600}
                file.write(json.dumps(line) + "\n")
                self.truth = [n + line[name] for n, name in zip(self.truth, AMOUNTS)]

    def start(self):
        """Goes on where it was."""
        self.process = subprocess.Popen(
            [program("skein-sensor"), "--replay", self.path(), "--collector",
             self.collector.address, "--data", self.data],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            start_new_session=True)

    def look(self):
        """Begins the next file when one is told; the status of one that ended badly."""
        status = self.process.poll()
        if status == 0:
            self.write()
            self.start()
        return status if status else 0

    def kill(self):
        """Both processes at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.kills += 1

    def close(self):
        """Whatever is left of it."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.log.close()


def strike(chance, collector, sensors):
    """One kill, and the return of who was killed."""
    victim = chance.choice([None, *sensors])
    if victim is None:
        collector.end(signal.SIGKILL)
        time.sleep(chance.choice((0.0, 0.1, 0.3, 2.0)))
        collector.start()
    elif victim.process.poll() is None:
        victim.kill()
        victim.start()


def run(collector, sensors):
    """Lets the sensors tell, and kills; returns the statuses of all that ended by itself."""
    chance = random.Random(SEED)
    collector.start()
    statuses = []
    for sensor in sensors:
        sensor.enroll()
        sensor.write()
        sensor.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.02, 0.6))
        statuses += [s for s in (sensor.look() for sensor in sensors) if s]
        strike(chance, collector, sensors)
    statuses += [sensor.process.wait(timeout=DRAIN) for sensor in sensors]
    print(f"#    {KILLS} kills, of sensors {sum(s.kills for s in sensors)}; "
          f"{LINES * sum(s.files for s in sensors)} lines")
    return [*statuses, collector.end(signal.SIGTERM)]


def check(database, statuses, sensors):
    """(name, what there is, what there should be) of each test."""
    truth = tuple(map(sum, zip(*(sensor.truth for sensor in sensors))))
    yield "sensors and collector end with status 0", statuses, [0] * (len(SENSORS) + 1)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as db:
        for level in ("minute", "hour", "day", "total"):
            where = "WHERE edge > 0" if level == "minute" else ""
            yield (f"{level}s add up",
                   db.execute("SELECT sum(opens), sum(bytes_to_server), sum(bytes_to_client) "
                              f"FROM fact_{level} {where}").fetchone(), truth)
        yield ("nothing was quarantined, rejected or lost",
               db.execute("SELECT sum(quarantined), sum(rejected), sum(lost) "
                          "FROM sensor").fetchone(), (0, 0, 0))
        yield "the database is whole", db.execute("PRAGMA integrity_check").fetchone(), ("ok",)


def main():
    """Runs it in a directory that stays where something failed."""
    directory = tempfile.mkdtemp(prefix="skein-kills-")
    collector = Collector(directory)
    sensors = [Sensor(collector, number) for number in SENSORS]
    passed = failed = 0
    try:
        statuses = run(collector, sensors)
        for name, there, want in check(os.path.join(directory, "c", "skein.db"), statuses, sensors):
            good = there == want
            passed += good
            failed += not good
            print(f"{'ok' if good else 'FAIL':4} {name}" +
                  ("" if good else f": {there}, not {want}"))
    except (OSError, RuntimeError, sqlite3.Error, subprocess.SubprocessError) as error:
        failed += 1
        print(f"FAIL {error}")
    finally:
        for sensor in sensors:
            sensor.close()
        collector.close()
    if failed:
        print(f"the logs and the database are in {directory}")
    else:
        shutil.rmtree(directory)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
