#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the sensor costs its host and what it misses: make bench-host.

Everything runs in a network namespace of its own.  Ratios are of CPU time, never of wall time:
slices without and with the programs alternate, and the same with no programs at all (the null
control) tells how far a ratio can be trusted.  Times of programs are the kernel's own.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PORT = 9431
RPS = "/sys/class/net/lo/queues/rx-0/rps_cpus"
STATS = "/proc/sys/kernel/bpf_stats_enabled"
# kind -> operations in a slice
SLICES = {"churn": 6000, "ping": 8000, "bulk": 3000, "getppid": 400000}
LIMITS = {"endpoint": 1500, "read": 170, "memory": 64 << 20}


def in_own_namespace():
    """Starts this program again where the loopback interface is its own."""
    if os.environ.get("SKEIN_BENCH_NETNS"):
        subprocess.run(["mount", "-t", "sysfs", "sysfs", "/sys"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        for name, value in (("ip_local_port_range", "10000 65000"),
                            ("tcp_max_tw_buckets", "64")): # else looking for a port is all
            with open(f"/proc/sys/net/ipv4/{name}", "w", encoding="ascii") as file:
                file.write(value)
        return
    os.environ["SKEIN_BENCH_NETNS"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", sys.executable, *sys.argv])


class Child:
    """A program that answers lines with lines."""

    def __init__(self, *argv):
        self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline()
        if not self.first:
            raise SystemExit(f"{argv[0]} did not start")

    def ask(self, line):
        """The answer to one line."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline()

    def json(self, line):
        """The answer to one line, parsed."""
        return json.loads(self.ask(line))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


def program_name(number):
    """What bpftool calls a program."""
    out = subprocess.run(["bpftool", "prog", "show", "id", number, "-j"], check=True,
                         stdout=subprocess.PIPE).stdout
    return json.loads(out)["name"]


def run_times(pid):
    """{name: (ns, runs)} of the programs that a process holds."""
    found = {}
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            info = dict(re.findall(r"^(\w+):\s*(\S+)$", file.read(), re.M))
        if "prog_id" in info and "run_cnt" in info and "link_type" not in info:
            found[program_name(info["prog_id"])] = (int(info["run_time_ns"]),
                                                    int(info["run_cnt"]))
    return found


class Bench:
    """The programs that were built, and how often things are repeated."""

    def __init__(self, build, rounds):
        self.load = os.path.join(build, "tests", "host_load")
        self.probe = os.path.join(build, "tests", "host_probe")
        self.rounds = rounds

    def watching(self):
        """The probe, attached."""
        return Child(self.probe, PORT)

    # Programs' own run time

    def run_ns(self, kind, count):
        """{name: (ns, runs)} during COUNT operations of one kind, and of nothing else."""
        with self.watching() as probe, Child(self.load, "work", PORT) as load:
            load.ask(f"{kind} 200")
            with open(STATS, "w", encoding="ascii") as file:
                file.write("1")
            try:
                before = run_times(probe.process.pid)
                load.ask(f"{kind} {count}")
                after = run_times(probe.process.pid)
            finally:
                with open(STATS, "w", encoding="ascii") as file:
                    file.write("0")
        return {name: (ns - before[name][0], runs - before[name][1])
                for name, (ns, runs) in after.items() if runs > before[name][1]}

    def programs(self):
        """Prints what programs take; others' traffic only adds, so the least one is right."""
        churn = min((self.run_ns("churn", 5000) for _ in range(self.rounds)),
                    key=lambda r: sum(ns for ns, _ in r.values()))
        for name, (ns, runs) in sorted(churn.items()):
            print(f"  {name:14} {ns / runs:6.0f} ns a run, "
                  f"{runs / 10000:5.2f} runs an endpoint")
        endpoint = sum(ns for ns, _ in churn.values()) / 10000
        read = min(ns / runs for _ in range(self.rounds)
                   for ns, runs in [self.run_ns("ping", 20000)["has_read"]])
        print(f"an endpoint of a connection: {endpoint:.0f} ns (at most {LIMITS['endpoint']})")
        print(f"a read of a known owner:     {read:.0f} ns (at most {LIMITS['read']})")
        return endpoint <= LIMITS["endpoint"] and read <= LIMITS["read"]

    # CPU time

    def slice(self, load, kind, watched):
        """CPU time of one slice in ns."""
        if not watched:
            return int(load.ask(f"{kind} {SLICES[kind]}"))
        with self.watching():
            return int(load.ask(f"{kind} {SLICES[kind]}"))

    def ratio(self, load, kind, watched):
        """Median and quartiles of (with / without), each between two slices without."""
        ratios = []
        before = self.slice(load, kind, False)
        for _ in range(self.rounds * 4):
            this = self.slice(load, kind, watched)
            after = self.slice(load, kind, False)
            ratios.append(2 * this / (before + after))
            before = after
        return statistics.quantiles(ratios, n=4)

    def ratios(self):
        """Prints how much CPU time each kind of work takes with the sensor."""
        print("CPU time with the sensor / without (quartiles); null control beside it")
        with Child(self.load, "work", PORT) as load:
            for kind in SLICES:
                self.slice(load, kind, False)
                low, middle, high = self.ratio(load, kind, True)
                null = self.ratio(load, kind, False)
                print(f"  {kind:8} {middle:.3f} [{low:.3f} {high:.3f}]"
                      f"   null {null[1]:.3f} [{null[0]:.3f} {null[2]:.3f}]")

    # Memory

    def memory(self):
        """Prints what 100,000 edges in one interval take, and whether any was lost."""
        with self.watching() as probe:
            idle = probe.json("cost")
            done = subprocess.run([self.load, "edges", str(PORT), "50000"], check=True,
                                  stdout=subprocess.PIPE, text=True).stdout
            full = probe.json("cost")
            said = probe.json("drain")
            then = probe.json("cost")
        edges = 2 * int(done)
        most = max(full["map_bytes"], then["map_bytes"]) + max(full["rss"], said["rss"])
        lost = sum(said["drops"]) + said["overflow"]
        print(f"memory: idle {mib(idle)}; {edges} edges {mib(full)}; told {mib(then)}")
        print(f"  at most {most / 2**20:.1f} MiB (limit 64); {said['edges']} edges seen, "
              f"{lost} lost, drained in {said['ms']} ms")
        return most <= LIMITS["memory"] and said["edges"] >= edges and lost == 0

    # Seeding

    def seeding(self, sockets):
        """Prints how long attaching takes with many connections open."""
        each = 9000
        holders = [Child(self.load, "hold", PORT + 1 + i, each, 300)
                   for i in range(sockets // 2 // each)]
        with self.watching() as probe:
            said = probe.json("drain")
            took = json.loads(probe.first)["open_ms"]
        for holder in holders:
            holder.__exit__()
        print(f"seeding: {said['live']} open sockets, attached and told of in {took} ms and "
              f"{said['ms']} ms, {sum(said['drops'])} lost")
        return said["live"] >= len(holders) * each * 2 and sum(said["drops"]) == 0

    # Capture

    def capture(self, count, rps):
        """Prints how many of COUNT connections of short-lived processes were seen."""
        with open(RPS, "w", encoding="ascii") as file:
            file.write(rps)
        with tempfile.TemporaryDirectory() as folder:
            names = {}
            for name in ("burster", "burstsrv"):
                names[name] = shutil.copy(self.load, os.path.join(folder, name))
            with Child(names["burstsrv"], "serve", PORT), self.watching() as probe:
                probe.json("drain")
                made = int(subprocess.run(
                    [names["burster"], "burst", str(PORT), str(count)], check=True,
                    stdout=subprocess.PIPE, text=True).stdout)
                said = []
                for _ in range(4): # an end that no program was told of takes three
                    time.sleep(0.2)
                    said.append(probe.json("drain"))
        seen = {(side, name, what): sum(s[side].get(name, {what: 0})[what] for s in said)
                for side, name in (("client", "burster"), ("server", "burstsrv"))
                for what in ("opens", "tx")}
        right = [seen[side, name, "opens"]
                 for side, name in (("client", "burster"), ("server", "burstsrv"))]
        print(f"capture, packets steered to CPUs {rps}: of {made} connections "
              f"{right[0]} and {right[1]} with the right client and server; "
              f"bytes {seen['client', 'burster', 'tx']} and "
              f"{seen['server', 'burstsrv', 'tx']} of {5 * made}; "
              f"drops {sum(sum(s['drops']) for s in said)}, "
              f"{said[-1]['live']} left open")
        return min(right) >= 0.999 * made and max(right) <= made


def mib(said):
    """Maps and the process apart."""
    return f"{said['map_bytes'] / 2**20:.1f} + {said['rss'] / 2**20:.1f} MiB"


def main():
    """Prints every figure; status 1 when one is beyond its limit."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions")
    parser.add_argument("--only", default="programs,ratios,memory,seeding,capture")
    options = parser.parse_args()
    in_own_namespace()
    bench = Bench(options.build, 2 if options.quick else 5)
    good = True
    only = options.only.split(",")
    if "programs" in only:
        good &= bench.programs()
    if "ratios" in only:
        bench.ratios()
    if "memory" in only:
        good &= bench.memory()
    if "seeding" in only:
        good &= bench.seeding(36000 if options.quick else 90000)
    if "capture" in only:
        for rps in ("0", "3"):
            good &= bench.capture(20000, rps)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
