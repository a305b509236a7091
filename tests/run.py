#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs every test there is and counts them; the closing line says how many.

    run.py BUILD [NAME...]

Unit tests are the programs BUILD/tests/test_*; tests of the commands, of the folders and of
the wire under SIGKILL are scripts that need no rights; the system tests need root, and without
it are listed as left out.  With NAMEs only those are run.
"""

import glob
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
LIMIT = 300  # seconds for one unit program or script
SYSTEM_LIMIT = 2400
CHECKS = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
COUNTS = re.compile(r"^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
PLAIN = "/usr/bin/python3"  # the distribution's, which has its modules


class Totals:
    """What was counted so far."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, passed, failed, skipped=0):
        """Adds up; returns True when nothing failed."""
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        return failed == 0


def run(command, limit, env=None, live=False):
    """A command's status and output; output goes to the terminal too where LIVE."""
    out = []
    with subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace") as child:
        end = time.monotonic() + limit
        for line in child.stdout:
            out.append(line)
            if live:
                print(line, end="", flush=True)
            if time.monotonic() > end:
                child.kill()
                out.append(f"killed after {limit} s\n")
        return child.wait(), "".join(out)


def counted(pattern, status, output):
    """(passed, failed, skipped) as the closing line has them; an odd end is one failure."""
    found = pattern.findall(output)
    if pattern is CHECKS:
        passed = sum(int(n) - int(f) - int(e) for n, f, e in found)
        failed = sum(int(f) + int(e) for _, f, e in found)
        skipped = 0
    else:
        passed, failed, skipped = (sum(int(n[i] or 0) for n in found) for i in range(3))
    if status != 0 and failed == 0:
        failed = 1
    return passed, failed, skipped


def one(totals, name, command, pattern=None, env=None):
    """Runs one program or script and prints its line, and its words where it failed."""
    began = time.monotonic()
    status, output = run(command, LIMIT, env)
    if pattern:
        passed, failed, skipped = counted(pattern, status, output)
    else:
        passed, failed, skipped = int(status == 0), int(status != 0), 0
    good = totals.add(passed, failed, skipped)
    print(f"{'ok' if good else 'FAIL':4} {time.monotonic() - began:6.1f}s {name} "
          f"({passed} passed{f', {failed} failed' if failed else ''}"
          f"{f', {skipped} skipped' if skipped else ''})", flush=True)
    if not good:
        print("      " + output.strip().replace("\n", "\n      "), flush=True)


def units(build):
    """The unit test programs by name."""
    return {os.path.basename(p)[len("test_"):]: [p]
            for p in sorted(glob.glob(os.path.join(build, "tests", "test_*")))
            if os.access(p, os.X_OK) and not p.endswith((".o", ".d"))}


def scripts(build):
    """The scripts that need no rights, by name."""
    return {"includes": ([PLAIN, "tests/includes.py"], None),
            "cli": ([PLAIN, "tests/cli.py"], COUNTS),
            "captures": ([PLAIN, "tests/captures.py"], COUNTS),
            "skein-waves": ([PLAIN, "tests/waves.py"], COUNTS),
            "exports": ([PLAIN, "tests/export.py"], COUNTS),
            "explain": ([PLAIN, "tests/explain.py"], COUNTS),
            "quality": ([PLAIN, "tests/groups_quality.py"], COUNTS),
            "groups": ([PLAIN, "tests/groups.py"], COUNTS),
            "inventory-keys": ([PLAIN, "tests/inventory.py"], COUNTS),
            "decoders": ([PLAIN, "tests/fuzz/run.py", build, "3"], COUNTS),
            "units": ([PLAIN, "tests/units.py"], COUNTS),
            "kills": ([PLAIN, "tests/kills.py"], COUNTS)}


def run_system(totals):
    """The system tests, live, since they take minutes; without root they are left out."""
    if os.geteuid() != 0:
        names = sorted(os.path.basename(p) for p in glob.glob(f"{HERE}/system/test_*.py"))
        print("left out, since they need root (sudo make check): " + ", ".join(names))
        totals.add(0, 0, len(names))
        return
    status, output = run([PLAIN, "tests/system/run.py"], SYSTEM_LIMIT, os.environ, live=True)
    totals.add(*counted(COUNTS, status, output))


def main(build, names):
    """Runs all, or the named ones."""
    totals = Totals()
    env = dict(os.environ, SKEIN=os.path.join(build, "skein"), SKEIN_BUILD=build)
    os.environ["SKEIN_BUILD"] = build
    for name, command in units(build).items():
        if not names or name in names:
            one(totals, name, command, CHECKS, env)
    for name, (command, pattern) in scripts(build).items():
        if not names or name in names:
            one(totals, name, command, pattern, env)
    if not names or "system" in names:
        run_system(totals)
    known = {*units(build), *scripts(build), "system"}
    for name in names:
        if name not in known:
            print(f"there is no test {name}; there are: {', '.join(sorted(known))}")
            totals.add(0, 1)
    print(f"{totals.passed} passed, {totals.failed} failed, {totals.skipped} skipped")
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
