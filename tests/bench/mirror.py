#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What reading a capture costs, and whether it is read right: make bench-mirror.

Captures are generated with their truth (mirror_gen.c) and kept in the build folder.  What the
sensor says is held against the truth before anything is timed.  Ratios are of CPU time over
that of a program that only counts frames (mirror_floor.c), run just before or after on the
same file; the floor over itself (the null control) tells how far a ratio can be trusted.
"""

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import namedtuple

# times: CPU time over the floor's
Scene = namedtuple("Scene", "name times timed arguments")
SCENES = (
    Scene("mix100k", 5.0, True, {"n": 100000, "c": 5000}),
    Scene("mix1m", 5.0, True, {"n": 1000000, "c": 50000}),
    Scene("fat", 1.5, True, {"n": 64, "c": 64, "b": 30000000, "m": 0, "s": 2}),
    Scene("vlan", None, False, {"n": 50000, "c": 2000, "e": "vlan", "d": 30, "s": 3}),
    Scene("vxlan", None, False, {"n": 50000, "c": 2000, "e": "vxlan", "d": 5, "s": 4}),
    Scene("mid", None, False, {"n": 50000, "c": 2000, "m": 40, "s": 5}),
)
MEMORY = 64 << 20
FLAT = 1.25 # a packet of mix1m over one of mix100k
SHOWN = 5
PEERS = {
    "argus": ("-X", "-r", "{file}", "-w", "/dev/null"),
    "nfpcapd": ("-r", "{file}", "-l", "{folder}", "-w", "{folder}"),
    "softflowd": ("-d", "-r", "{file}", "-n", "127.0.0.1:9"),
    "tshark": ("-n", "-q", "-r", "{file}", "-z", "conv,tcp"),
}


class Bench:
    """The programs that were built, and what is made of the captures."""

    def __init__(self, build, options):
        self.sensor = os.path.join(build, "skein-sensor")
        self.floor = os.path.join(build, "tests", "mirror_floor")
        self.generator = os.path.join(build, "tests", "mirror_gen")
        self.folder = os.path.join(build, "captures")
        self.options = options
        self.missed = 0

    def bar(self, what, value, limit, unit=""):
        """One figure beside its bar."""
        good = value <= limit
        self.missed += not good
        print(f"  {what:<34} {value:8.2f}{unit}  at most {limit:g}{unit}"
              f"{'' if good else '   MISSED'}", flush=True)

    def capture(self, scene):
        """(capture, truth) of a scene, generated unless they are there already.

        The name has the arguments and the generator's own time: neither is ever stale."""
        arguments = dict(scene.arguments)
        if self.options.quick:
            arguments["b" if "b" in arguments else "n"] //= 10
            arguments["c"] = arguments["c"] if "b" in arguments else arguments["c"] // 10
        words = [f"-{key}{value}" for key, value in arguments.items()]
        made = int(os.stat(self.generator).st_mtime)
        stem = os.path.join(self.folder, scene.name + "".join(words))
        path, truth = f"{stem}.{made}.pcap", f"{stem}.{made}.tsv"
        if not os.path.exists(path):
            os.makedirs(self.folder, exist_ok=True)
            for old in os.listdir(self.folder):
                if old.startswith(os.path.basename(stem) + "."):
                    os.unlink(os.path.join(self.folder, old))
            subprocess.run([self.generator, path + ".part", truth, *words], check=True)
            os.rename(path + ".part", path)
        return path, truth

    def reading(self, path):
        """The command that is measured."""
        return [self.sensor, "--read", path, "--connections", "tsv"]


def measure(argv, stdout=subprocess.DEVNULL):
    """(CPU seconds, peak memory in bytes, exit status) of one run.

    The peak is never less than this program's own, some 13 MiB."""
    with subprocess.Popen(argv, stdout=stdout, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss << 10, process.returncode


# Right before fast

def told(line):
    """A line of the sensor in the words of the truth, and with its ends turned."""
    f = line.rstrip(b"\n").split(b"\t")
    name = f[22] if f[22] != b"-" else f[23]
    ends, sides = (f[0:2], f[2:4]), ((f[12], f[14], f[16]), (f[13], f[15], f[17]))
    return tuple(b"\t".join((*ends[i], *ends[1 - i], f[5], *sides[i], *sides[1 - i], name))
                 for i in (0, 1))


def differences(argv, truth):
    """Exits with 1, and says why, unless the sensor tells exactly the truth."""
    with open(truth, "rb") as file:
        expected = {line.rstrip(b"\n") for line in file}
    all_of_it, wrong, turned = len(expected), 0, 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        next(process.stdout, None)
        for line in process.stdout:
            straight, other_way = told(line)
            if straight in expected:
                expected.remove(straight)
            elif straight.split(b"\t")[4] == b"mid" and other_way in expected:
                expected.remove(other_way) # no handshake: who is who is a guess
                turned += 1
            else:
                wrong += 1
                if wrong <= SHOWN:
                    print("  said:   ", straight.decode())
    for line in sorted(expected)[:SHOWN]:
        print("  missing:", line.decode())
    print(f"  {all_of_it} connections: {len(expected)} missing, {wrong} wrong, "
          f"{turned} of those in mid-stream turned; exit status {process.returncode}",
          flush=True)
    sys.exit(bool(expected or wrong or process.returncode))


def is_right(argv, truth):
    """In a process of its own: a child's peak memory begins with its parent's."""
    child = multiprocessing.Process(target=differences, args=(argv, truth))
    child.start()
    child.join()
    return child.exitcode == 0


# Fast

def spread(ratios):
    """Median and quartiles, for people."""
    low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def timed(bench, path):
    """(ratios, null ratios, sensor's seconds, floor's seconds, peak memory)."""
    ratios, null, own, floors, peak = [], [], [], [], 0
    measure([bench.floor, path]) # the file is in memory from here on
    for turn in range(bench.options.rounds):
        order = ("floor", "sensor", "again") if turn % 2 else ("again", "sensor", "floor")
        seconds = {}
        for who in order:
            argv = bench.reading(path) if who == "sensor" else [bench.floor, path]
            seconds[who], memory, status = measure(argv)
            if status:
                raise SystemExit(f"{argv[0]}: exit status {status}")
            if who == "sensor":
                peak = max(peak, memory)
        ratios.append(seconds["sensor"] / seconds["floor"])
        null.append(seconds["again"] / seconds["floor"])
        own.append(seconds["sensor"])
        floors += [seconds["floor"], seconds["again"]]
    return ratios, null, statistics.median(own), statistics.median(floors), peak


def time_scene(bench, scene, path):
    """Prints what a scene takes; nanoseconds a packet."""
    out = subprocess.run([bench.floor, path], check=True, stdout=subprocess.PIPE, text=True)
    packets, size = (int(word) for word in out.stdout.split())
    ratios, null, own, floor, peak = timed(bench, path)
    print(f"  {packets} packets, {size / 1e6:.0f} MB; sensor {own:.3f} s of CPU, "
          f"floor {floor:.3f} s; {bench.options.rounds} rounds")
    print(f"  over the floor {spread(ratios)}; the floor over itself {spread(null)}")
    bench.bar("CPU time over the floor", statistics.median(ratios), scene.times, " x")
    bench.bar("peak memory", peak / (1 << 20), MEMORY >> 20, " MiB")
    if bench.options.peers:
        compare(path, floor)
    return own / packets * 1e9


def compare(path, floor):
    """The same of other programs, where they are installed; one run each."""
    for name, words in PEERS.items():
        program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if not program:
            print(f"  {name}: not installed")
            continue
        with tempfile.TemporaryDirectory() as folder:
            seconds, memory, status = measure(
                [program, *(word.format(file=path, folder=folder) for word in words)])
        print(f"  {name}: {seconds / floor:.2f} x, {memory / (1 << 20):.0f} MiB"
              f"{f', exit status {status}' if status else ''}", flush=True)


def main():
    """Every scene: right first, then fast."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build")
    parser.add_argument("--quick", action="store_true", help="everything ten times smaller")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peers", action="store_true", help="other programs, too")
    parser.add_argument("--only", action="append", metavar="SCENE",
                        choices=[scene.name for scene in SCENES])
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2")
    bench = Bench(options.build, options)
    cost = {}
    for scene in SCENES:
        if options.only and scene.name not in options.only:
            continue
        print(scene.name, flush=True)
        path, truth = bench.capture(scene)
        if not is_right(bench.reading(path), truth):
            bench.missed += 1
            print("  not as it was generated: not timed", flush=True)
        elif scene.timed:
            cost[scene.name] = time_scene(bench, scene, path)
    if "mix100k" in cost and "mix1m" in cost:
        print(f"cost of a packet: {cost['mix100k']:.0f} ns of mix100k, "
              f"{cost['mix1m']:.0f} ns of mix1m")
        bench.bar("mix1m over mix100k", cost["mix1m"] / cost["mix100k"], FLAT, " x")
    print(f"{bench.missed} missed" if bench.missed else "every bar held")
    return 1 if bench.missed else 0


if __name__ == "__main__":
    sys.exit(main())
