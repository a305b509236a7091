#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a collector holds: thousands of sensors at once, by `make bench-collector`.

    collector.py BUILD [--sensors N] [--learn S] [--seconds S] [--peak S] [--quick]

A real collector on loopback; the sensors are tests/bench/collector_load.c, whose batches are a
known function of their number, so the totals in the database are checked to the last connection.
First come sixty seconds in which every edge is new (some 40,000 a second at the beginning), which
are told apart from what follows.
The floor, in the same run: SQLite alone upserting as many rows of the same columns in the order
of their key (CPU time).  Exit status 1 when a total is wrong or a bar is missed.
"""

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

COLUMNS = 14


class Collector:
    """A collector in a directory of its own, and what it takes."""

    def __init__(self, build, directory):
        self.data = os.path.join(directory, "c")
        self.log = open(os.path.join(directory, "log"), "w", encoding="utf-8")
        read, write = os.pipe()
        self.process = subprocess.Popen(
            [os.path.join(build, "skein-collector"), "--data", self.data, "--listen",
             "127.0.0.1:0", "--log-level", "warn", "--ready-fd", str(write)],
            pass_fds=[write], stdin=subprocess.DEVNULL, stderr=self.log)
        os.close(write)
        with os.fdopen(read) as pipe:
            self.address = pipe.readline().strip()
        self.peak_mib = 0
        threading.Thread(target=self.watch, daemon=True).start()

    def pids(self):
        """It and the processes that it started."""
        pid = self.process.pid
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [pid] + [int(word) for word in file.read().split()]

    def memory_mib(self):
        """Resident, all of its processes."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/status", encoding="ascii") as file:
                total += next(int(line.split()[1]) for line in file
                              if line.startswith("VmRSS"))
        return total / 1024

    def cpu(self):
        """Seconds of processor time, all of its processes."""
        total = 0
        for pid in self.pids():
            with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                total += sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13]))
        return total / os.sysconf("SC_CLK_TCK")

    def watch(self):
        """The highest memory that is seen twice a second."""
        while self.process.poll() is None:
            try:
                self.peak_mib = max(self.peak_mib, self.memory_mib())
            except (OSError, StopIteration):
                return
            time.sleep(0.5)

    def end(self):
        """By SIGTERM; its exit status."""
        self.process.terminate()
        return self.process.wait(30)


def floor(rows):
    """CPU seconds a row: SQLite alone, upserts in the order of the key."""
    with tempfile.TemporaryDirectory() as directory:
        db = sqlite3.connect(os.path.join(directory, "f.db"), isolation_level=None)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        names = [f"c{i}" for i in range(COLUMNS)]
        db.execute(f"CREATE TABLE f(b, e, {', '.join(names)}, PRIMARY KEY(b, e)) WITHOUT ROWID")
        sql = (f"INSERT INTO f VALUES(?, ?{', ?' * COLUMNS}) ON CONFLICT DO UPDATE SET " +
               ", ".join(f"{n} = {n} + excluded.{n}" for n in names))
        data = [(i // 1000, i, *range(COLUMNS)) for i in range(rows)]
        began = time.process_time()
        for start in range(0, rows, 10000):
            db.execute("BEGIN")
            db.executemany(sql, data[start:start + 10000])
            db.execute("COMMIT")
        return (time.process_time() - began) / rows


def totals(data):
    """What the database holds, by the three levels that add up alone."""
    db = sqlite3.connect(f"file:{data}/skein.db?mode=ro", uri=True)
    columns = "sum(opens), sum(bytes_to_server), sum(bytes_to_client)"
    found = {level: db.execute(f"SELECT {columns} FROM fact_{level}").fetchone()
             for level in ("hour", "day", "total")}
    found["edges"] = db.execute("SELECT count(*) FROM edge").fetchone()[0]
    found["lost"] = db.execute("SELECT sum(lost + quarantined + rejected) FROM sensor").fetchone()[0]
    return found


def wait_for_levels(data, limit):
    """Seconds until every minute is over and added up; levels are checked after that."""
    db = sqlite3.connect(f"file:{data}/skein.db?mode=ro", uri=True)
    began = time.monotonic()
    while db.execute("SELECT EXISTS(SELECT 1 FROM fact_minute WHERE edge = -1)").fetchone()[0]:
        if time.monotonic() - began > limit:
            return None
        time.sleep(1)
    return time.monotonic() - began


def main():
    """Prints a line a phase, then what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--sensors", type=int, default=10000)
    parser.add_argument("--learn", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=120)
    parser.add_argument("--peak", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="1,000 sensors, seconds")
    options = parser.parse_args()
    if options.quick:
        options.sensors, options.learn, options.seconds, options.peak = 1000, 20, 20, 10
    n = options.sensors
    directory = tempfile.mkdtemp(prefix="skein-bench-")
    wrong = []
    try:
        a_row = floor(200000)
        print(f"floor: {1 / a_row:,.0f} rows upserted by SQLite in a second of CPU")
        collector = Collector(options.build, directory)
        token = subprocess.run(
            [os.path.join(options.build, "skein-collector"), "token", "create", "--data",
             collector.data, "--uses", str(n)], capture_output=True, text=True,
            check=True).stdout.strip()
        phases = ["storm", f"{options.learn}:10000", f"{options.seconds}:10000",
                  f"{options.peak}:2200", "storm"]
        load = subprocess.Popen(
            [os.path.join(options.build, "tests", "collector_load"), "--collector",
             collector.address, "--token", token, "--sensors", str(n), *phases],
            stdout=subprocess.PIPE, text=True)
        truth, streams, cpu = {}, 0, collector.cpu()
        for line in load.stdout:
            phase, before = json.loads(line), cpu
            cpu = collector.cpu()
            used = cpu - before
            if phase["phase"] in ("enrol", "storm"):
                seconds = phase["ms"] / 1000
                print(f"{phase['phase']}: {n:,} sensors in {seconds:.1f} s, "
                      f"collector {used:.1f} s CPU")
                if phase["phase"] == "storm" and seconds > 30:
                    wrong.append(f"reconnecting took {seconds:.1f} s of 30")
            elif phase["phase"] == "stream":
                name = ("learning", "steady", "peak")[streams]
                streams += 1
                print(f"{name}: {phase['records_s']:,.0f} records/s for {phase['seconds']:.0f} s, "
                      f"acknowledged p50 {phase['p50_ms']} ms, p99 {phase['p99_ms']} ms, "
                      f"longest {phase['max_ms']} ms; batches waiting at most "
                      f"{phase['backlog']:,}; collector {used / phase['seconds']:.2f} cores, "
                      f"{used / phase['records'] / a_row:.1f} x the floor a record; "
                      f"{collector.memory_mib():.0f} MiB")
                if name == "steady" and phase["p99_ms"] > 1000:
                    wrong.append(f"p99 of acknowledgements is {phase['p99_ms']} ms of 1000")
            else:
                truth = phase
        if load.wait() != 0:
            wrong.append(f"the load ended with {load.returncode}")
        print(f"memory: {collector.peak_mib:.0f} MiB at most, all processes")
        if collector.peak_mib > 1024:
            wrong.append(f"memory is {collector.peak_mib:.0f} MiB of 1024")
        waited = wait_for_levels(collector.data, 300)
        if waited is None:
            wrong.append("minutes that are over were not added up within 300 s")
        else:
            print(f"levels: whole {waited:.0f} s after the last batch (a minute is over "
                  "15 s after its end)")
        if collector.end() != 0:
            wrong.append("the collector did not end well")
        found = totals(collector.data)
        want = tuple(truth.get(k) for k in ("opens", "bytes_to_server", "bytes_to_client"))
        for level in ("hour", "day", "total"):
            if found[level] != want:
                wrong.append(f"{level}: {found[level]}, not {want}")
        if found["edges"] != truth.get("edges") or found["lost"]:
            wrong.append(f"{found['edges']} edges of {truth.get('edges')}, {found['lost']} lost")
        print(f"totals: {want[0]:,} opens on {found['edges']:,} edges, each once"
              if not wrong else "\n".join(wrong))
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
