#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Minutes of churn under one sensor and collector: make soak MIN=10.

Processes that exit at once connect, in rounds on ports that come and go, in a network namespace
of its own; the whole road is used, from the sensor to the database.  At the end every open must
be there, once; memory of both processes and their maps must be flat, measured after a fifth of
the time, when caches are warm (that of owners is swept every 64 intervals); and the maps of
edges and connections must be as empty as at first.
"""

import json
import os
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "system"))

import harness  # pylint: disable=wrong-import-position
import scene  # pylint: disable=wrong-import-position

ROUND = 1000            # connections of a round
PORTS = range(7450, 7470)
GROWTH = 2 << 20        # bytes that a process or the maps may grow by
SAMPLE = 5              # seconds
# Maps whose entries end with what they are of, among those that the sensor holds.
PASSING = ("edges_a", "edges_b", "sockets")


def resident(pid):
    """Bytes of memory that a process has to itself: RSS without its mapped files."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("RssAnon"))


def maps(pid):
    """({name: ids}, bytes) of the maps that a process holds."""
    names, size = {}, 0
    for kind, number in harness.bpf_held(pid):
        if kind == "map":
            info = json.loads(scene.call("bpftool", "-j", "map", "show", "id", str(number)))
            names.setdefault(info.get("name", ""), []).append(number)
            size += info.get("bytes_memlock", 0)
    return names, size


def entries(ids):
    """How many entries maps have."""
    return sum(len(json.loads(scene.call("bpftool", "-j", "map", "dump", "id", str(n),
                                         timeout=60) or "[]")) for n in ids)


class Soak:
    """The sensor, its collector, and what was measured."""

    def __init__(self, here):
        self.here = here
        self.data = os.path.join(here.directory, "collector")
        sensor_data = os.path.join(here.directory, "sensor")
        self.database = os.path.join(self.data, "skein.db")
        address = f"127.0.0.1:{harness.free_port()}"
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        address)
        scene.wait_for(lambda: harness.listening(int(address.split(":")[1])), 15,
                       "the collector's start")
        harness.enroll(address, self.data, sensor_data)
        # The budget is another test's: here nothing may be taken away.
        self.sensor = harness.Daemon("skein-sensor", "--ebpf", "--collector", address, "--data",
                                     sensor_data, "--interval", "1s", "--cpu-budget", "0")
        self.watcher = self.sensor.process.pid
        time.sleep(3)
        [self.courier] = harness.children(self.watcher)
        self.names = {name: ids for name, ids in maps(self.watcher)[0].items()
                      if name in PASSING}
        if set(self.names) != set(PASSING):
            raise SystemExit(f"no maps named {PASSING} among {maps(self.watcher)[0]}")
        self.made = dict.fromkeys(PORTS, 0)
        self.samples = []
        self.idle = self.left()

    def left(self):
        """Entries of the maps that should be empty when nothing happens."""
        return {name: entries(ids) for name, ids in self.names.items()}

    def churn(self, port):
        """One round on one port; what got through is the truth."""
        done = subprocess.run(
            self.here.client.enter(harness.program("tests/hasty"), str(port), str(ROUND)),
            capture_output=True, text=True, timeout=120, check=True)
        self.made[port] += int(done.stdout)

    def sample(self):
        """Memory now, in bytes."""
        self.samples.append((resident(self.watcher), resident(self.courier),
                             maps(self.watcher)[1]))

    def run(self, seconds):
        """Churn for so long, with a sample now and then."""
        began = last = time.monotonic()
        while time.monotonic() < began + seconds:
            self.churn(PORTS[sum(self.made.values()) // ROUND % len(PORTS)])
            if time.monotonic() > last + SAMPLE:
                last = time.monotonic()
                self.sample()
        time.sleep(4)  # two intervals, and what ends late

    def end(self):
        """Both programs, by SIGTERM; returns what they ended with."""
        self.after = self.left()
        status = self.sensor.end(60), self.collector.end(60)
        return status

    def close(self):
        """Whatever happened."""
        self.sensor.close()
        self.collector.close()

    def flat(self):
        """Prints how memory went; False where one grew from its first fifth to its last."""
        good = True
        fifth = max(1, len(self.samples) // 5)
        for n, what in enumerate(("watcher", "courier", "maps")):
            series = [s[n] for s in self.samples]
            first, last = max(series[:2 * fifth][-fifth:]), max(series[-fifth:])
            print(f"{what:8} {series[0] / 2**20:6.2f} MiB at first, {first / 2**20:6.2f} when "
                  f"warm, {last / 2**20:6.2f} at last (may grow by {GROWTH >> 20})")
            good &= last <= first + GROWTH
        return good

    def exact(self):
        """Prints and compares opens; every other thing that is wrong with them as well."""
        flows = [f for f in harness.edges(self.database) if f["server_port"] in PORTS]
        truth = sum(self.made.values())
        right = sum(f["opens"] for f in flows
                    if f["client_process"] == f["server_process"] == "hasty")
        print(f"opens    {right} of {truth} with the right processes, "
              f"{sum(f['opens'] for f in flows)} in all, "
              f"{sum(f['failed'] for f in flows)} failed, {sum(f['live'] for f in flows)} live")
        seen = {f["server_port"]: (f["opens"], f["failed"], f["live"]) for f in flows}
        return right == truth and len(flows) == len(seen) and seen == {
            port: (n, 0, 0) for port, n in self.made.items() if n}


def main():
    """Status 1 where anything grew or was not exact."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    if minutes < 2:
        print("soak.py: owners are kept for a minute: no less than 2", file=sys.stderr)
        return 2
    with scene.Scene() as here:
        soak = Soak(here)
        try:
            soak.run(minutes * 60)
            status = soak.end()
        finally:
            soak.close()
        good = soak.flat()
        print(f"maps     {soak.idle} entries before, {soak.after} after")
        good &= all(soak.after[name] <= soak.idle[name] + 64 for name in PASSING)
        good &= soak.exact()
        print(f"status   sensor {status[0]}, collector {status[1]}")
        good &= status == (0, 0)
    print("soak: good" if good else "soak: FAILED")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
