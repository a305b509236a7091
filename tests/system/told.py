# SPDX-License-Identifier: Apache-2.0
"""A collector, and sensors that replay lines whose totals are known: what was told must be in the
store once, at every level, whatever was done to the programs, the link and the clocks meanwhile.

Needs no rights by itself.  A program may be run by a command (BEFORE, such as one that enters a
network namespace), and under a clock of its own (Clock).
"""

import json
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SKEIN_BUILD", os.path.join(ROOT, "build"))
SEED = int(os.environ.get("SKEIN_SEED", "7"))
MACHINES = 30
START = 10  # seconds that a start may take
AMOUNTS = ("opens", "bytes_to_server", "bytes_to_client")
PACKED = (1, 8, 9)  # where these are among those of store/pack.h
LEVELS = ("minute", "hour", "day", "total")


def program(*parts):
    """The path of something that was built."""
    return os.path.join(BUILD, *parts)


class Clock:
    """The wall clock of one program, by tests/system/setclock.c."""

    def __init__(self, path):
        self.path = path
        self.ahead = 0
        self.set(0)

    def set(self, seconds):
        """True time and so many seconds, from now on."""
        self.ahead = seconds
        with open(self.path, "r+b" if os.path.exists(self.path) else "wb") as file:
            file.write(struct.pack("=q", int(seconds * 1000)))

    def environment(self):
        """For a program that is to live by it."""
        return {**os.environ, "SKEIN_CLOCK": self.path,
                "LD_PRELOAD": program("tests", "setclock.so")}


class Collector:
    """A collector on one port, as often as it takes."""

    def __init__(self, directory, address="127.0.0.1:0", before=(), clock=None, options=()):
        self.directory = directory
        self.options = options
        self.address = address
        self.before = before
        self.clock = clock
        self.data = os.path.join(directory, "c")
        self.database = os.path.join(self.data, "skein.db")
        self.path = os.path.join(directory, "collector.log")
        self.log = open(self.path, "a", encoding="utf-8")
        self.process = None

    def start(self):
        """Starts it and waits until it says where it listens."""
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [*self.before, program("skein-collector"), "--data", self.data,
             "--listen", self.address, "--ready-fd", str(write), *self.options],
            pass_fds=[write], stdin=subprocess.DEVNULL, stderr=self.log,
            env=self.clock and self.clock.environment())
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

    def words(self):
        """What it has said."""
        with open(self.path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def token(self, *options):
        """A new one."""
        made = subprocess.run(
            [program("skein-collector"), "token", "create", "--data", self.data, *options],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True,
            env=self.clock and self.clock.environment())
        return made.stdout.strip()

    def ask(self, question):
        """One row of its database, which may be in use."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=20) as db:
            return db.execute(question).fetchone()

    def records(self):
        """How many it has taken so far."""
        return self.ask("SELECT ifnull(sum(records), 0) FROM sensor")[0]

    def close(self):
        """Whatever is left of it."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


class Sensor:
    """Replays one file after the other, from one data directory."""

    def __init__(self, collector, number, lines=4000, before=(), clock=None):
        self.collector = collector
        self.address = None  # where it calls, if not the collector itself
        self.lines = lines  # in a file
        self.before = before
        self.clock = clock
        self.data = os.path.join(collector.directory, f"s{number}")
        self.random = random.Random(SEED * 1000 + number)
        self.log_path = os.path.join(collector.directory, f"s{number}.log")
        self.log = open(self.log_path, "w", encoding="utf-8")
        self.number = number  # no two tell of the same conversation, which would count once
        self.files = 0
        self.truth = (0, 0, 0)
        self.process = None
        self.kills = 0

    def _environment(self):
        return self.clock and self.clock.environment()

    def enroll(self):
        """As a mirror, which may speak of any address."""
        subprocess.run([*self.before, program("skein-sensor"), "enroll", "--collector",
                        self.address or self.collector.address, "--token",
                        self.collector.token("--role", "mirror"), "--data", self.data],
                       check=True, stdout=self.log, stderr=self.log, env=self._environment())

    def path(self):
        """Of the file that is being told."""
        return f"{self.data}.{self.files}.jsonl"

    def write(self):
        """The next file; what it says is added to the truth."""
        self.files += 1
        with open(self.path(), "w", encoding="utf-8") as file:
            for number in range(self.lines):
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
                self.truth = tuple(n + line[name] for n, name in zip(self.truth, AMOUNTS))

    def start(self):
        """Goes on where it was."""
        self.process = subprocess.Popen(
            [*self.before, program("skein-sensor"), "--replay", self.path(), "--collector",
             self.address or self.collector.address, "--data", self.data],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.log,
            start_new_session=True, env=self._environment())

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

    def words(self):
        """What it has said."""
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def close(self):
        """Whatever is left of it."""
        if self.process and self.process.poll() is None:
            self.kill()
        self.log.close()


# What is in the store

def _varint(raw, at):
    value = shift = 0
    while True:
        byte = raw[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _unpack(raw):
    """The sums of AMOUNTS over one pack of rows (store/pack.h)."""
    sums = [0] * len(AMOUNTS)
    at = 13
    while at < len(raw):
        _, at = _varint(raw, at)
        mask, at = _varint(raw, at)
        for bit in range(mask.bit_length()):
            if mask >> bit & 1:
                value, at = _varint(raw, at)
                if bit in PACKED:
                    sums[PACKED.index(bit)] += value >> 1 ^ -(value & 1)
    return sums


def levels(database):
    """{level: sums of AMOUNTS} of a database, packed rows among them; "open": rows of minutes
    that nobody has decided on yet."""
    found = {}
    names = ", ".join(f"ifnull(sum({name}), 0)" for name in AMOUNTS)
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=20) as db:
        for number, level in enumerate(LEVELS):
            where = "WHERE edge > 0" if level == "minute" else ""
            sums = db.execute(f"SELECT {names} FROM fact_{level} {where}").fetchone()
            for [pack] in db.execute("SELECT body FROM fact_packed WHERE level = ?", [number]):
                sums = [a + b for a, b in zip(sums, _unpack(pack))]
            found[level] = tuple(sums)
        found["open"] = db.execute("SELECT count(*) FROM fact_minute WHERE edge < 0").fetchone()[0]
    return found


def check(collector, sensors):
    """(name, what there is, what there should be) of each thing that must hold at the end."""
    truth = tuple(map(sum, zip(*(sensor.truth for sensor in sensors))))
    found = levels(collector.database)
    for level in LEVELS:
        yield f"{level}s add up", found[level], truth
    yield ("nothing was quarantined, rejected or lost",
           collector.ask("SELECT sum(quarantined), sum(rejected), sum(lost) FROM sensor"),
           (0, 0, 0))
    yield ("nobody looks like a copy",
           collector.ask("SELECT count(*) FROM sensor WHERE cloned_ms")[0], 0)
    yield "the database is whole", collector.ask("PRAGMA integrity_check"), ("ok",)


def play(collector, sensors, story):
    """Runs STORY(collector, sensors), which returns the status of each that ended, sensors and then
    the collector; says what holds, a line each, and returns an exit status.  The collector's folder
    stays where something does not."""
    passed = failed = 0
    try:
        statuses = story(collector, sensors)
        for name, there, want in (("sensors and collector end with status 0", statuses,
                                   [0] * (len(sensors) + 1)), *check(collector, sensors)):
            good = there == want
            passed += good
            failed += not good
            print(f"{'ok' if good else 'FAIL':4} {name}" +
                  ("" if good else f": {there}, not {want}"))
    except (AssertionError, OSError, RuntimeError, sqlite3.Error,
            subprocess.SubprocessError) as error:
        failed += 1
        print(f"FAIL {error}")
    finally:
        for sensor in sensors:
            sensor.close()
        collector.close()
    if failed:
        print(f"the logs and the database are in {collector.directory}")
    else:
        shutil.rmtree(collector.directory)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0
