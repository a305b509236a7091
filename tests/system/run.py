#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the system tests: all test_*.py of this folder, or those that are named.

    run.py [test_main_line | test_main_line.py | path/to/test_main_line.py]...

Each file runs in a process of its own with a time limit.  Every test is one line, `ok`, `FAIL`
or `skip`; the closing line counts them.  Exit status 1 when a test failed.
"""

import glob
import importlib
import os
import re
import signal
import subprocess
import sys
import time
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 240  # seconds for one file
GRACE = 20   # seconds more to take the scene down


class Lines(unittest.TestResult):
    """Prints a line for each test as it ends."""

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()
        self.word, self.reason = "ok", ""

    def _note(self, test, word, reason):
        """A verdict on a test, or on a whole class that could not be set up."""
        if isinstance(test, unittest.TestCase):
            self.word, self.reason = word, reason
        else:
            self._print(word, str(test), 0.0, reason)

    @staticmethod
    def _print(word, name, seconds, reason):
        print(f"{word:4} {seconds:6.1f}s {name}", flush=True)
        for line in reason.splitlines():
            print(f"      {line}", flush=True)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._note(test, "skip", reason)

    def _failed(self, test, error):
        kind, value, trace = error
        words = str(value) if issubclass(kind, AssertionError) else \
            "".join(traceback.format_exception(kind, value, trace))
        self._note(test, "FAIL", words)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            params = ", ".join(str(v) for v in subtest.params.values())
            earlier = self.reason + "\n" if self.reason else ""
            self._failed(test, err)
            self.reason = f"{earlier}[{params}] {self.reason}"

    def stopTest(self, test):
        super().stopTest(test)
        name = ".".join(test.id().split(".")[-2:])
        self._print(self.word, name, time.monotonic() - self.began, self.reason)


def child(name):
    """Runs one file's tests in this process."""
    sys.path.insert(0, HERE)
    sys.dont_write_bytecode = True
    result = Lines()
    unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name)).run(result)
    print(f"end of {name}", flush=True)


def end_group(process):
    """Ends a file that ran too long: politely, so that it takes its scene down."""
    os.kill(process.pid, signal.SIGTERM)
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def run_file(name, counts):
    """Runs one file as a child, passes its lines on and counts them."""
    print(f"# {name}", flush=True)
    began = time.monotonic()
    with subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--child", name],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, errors="replace", start_new_session=True) as process:
        ended = watch(process, name, counts)
    seconds = time.monotonic() - began
    if not ended:
        why = f"stopped after {LIMIT} s" if seconds >= LIMIT else "ended before its last test"
        print(f"FAIL {seconds:6.1f}s {name}: {why}", flush=True)
        counts["FAIL"] += 1
    print(f"# {name}: {seconds:.1f} s", flush=True)


def watch(process, name, counts):
    """Passes a child's lines on; False if it did not come to its end."""
    def too_long(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LIMIT)
    ended = False
    try:
        for line in process.stdout:
            if line == f"end of {name}\n":
                ended = True
                continue
            print(line, end="", flush=True)
            match = re.match(r"(ok|FAIL|skip) +[\d.]+s ", line)
            if match:
                counts[match.group(1)] += 1
    except (TimeoutError, KeyboardInterrupt) as error:
        end_group(process)
        if isinstance(error, KeyboardInterrupt):
            raise
    finally:
        signal.alarm(0)
    return ended


def main():
    """Runs what was named, or everything."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2])
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    named = sys.argv[1:] or sorted(glob.glob(os.path.join(HERE, "test_*.py")))
    names = [os.path.basename(path).removesuffix(".py") for path in named]
    for name in names:
        if not os.path.exists(os.path.join(HERE, name + ".py")):
            print(f"run.py: no {name}.py in {HERE}", file=sys.stderr)
            return 2
    counts = {"ok": 0, "FAIL": 0, "skip": 0}
    if os.geteuid() != 0:
        print("# not root: the tests that need it are listed as skipped", flush=True)
    try:
        for name in names:
            run_file(name, counts)
    except KeyboardInterrupt:
        print("run.py: interrupted", file=sys.stderr)
        return 130
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped")
    return 1 if counts["FAIL"] else 0


if __name__ == "__main__":
    sys.exit(main())
