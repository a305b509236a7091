# SPDX-License-Identifier: Apache-2.0
"""What the system tests share: running Skein's programs and reading what they say."""

import json
import os
import queue
import resource
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import scene

ROOT = os.path.dirname(os.path.dirname(scene.HERE))
BUILD = os.environ.get("SKEIN_BUILD", os.path.join(ROOT, "build"))
NOBODY = 65534

needs_root = unittest.skipUnless(os.geteuid() == 0, "needs root")


def program(name):
    """The path of a program of Skein."""
    path = os.path.join(BUILD, name)
    if not os.access(path, os.X_OK):
        raise AssertionError(f"{path} is not there; build it with: make")
    return path


class Outcome:
    """What one finished command left: its status and words, and how it was called."""

    def __init__(self, argv, done):
        self.command = " ".join([os.path.basename(argv[0]), *argv[1:]])
        self.status = done.returncode
        self.stdout = done.stdout
        self.stderr = done.stderr

    def __str__(self):
        return (f"{self.command}\n  status {self.status}\n  stdout {self.stdout[-1500:]!r}"
                f"\n  stderr {self.stderr[-1500:]!r}")


def run(name, *arguments, timeout=30, as_nobody=False, before=(), **options):
    """Runs a program of Skein to its end; BEFORE is a command that runs it in its turn."""
    argv = [program(name), *[str(a) for a in arguments]]
    if as_nobody:
        before = [*before, "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}",
                  "--clear-groups", "--bounding-set=-all", "--inh-caps=-all"]
    options.setdefault("stdin", subprocess.DEVNULL)
    if "input" in options:
        del options["stdin"]
    done = subprocess.run([*before, *argv], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, errors="replace", timeout=timeout, check=False, **options)
    return Outcome(argv, done)


def run_json(*arguments):
    """Runs `skein` and parses what it printed; any other end than 0 is an error."""
    outcome = run("skein", *arguments)
    if outcome.status != 0:
        raise AssertionError(str(outcome))
    return json.loads(outcome.stdout)


def edges(database, *options):
    """What `skein edges --json` says: a list of flows."""
    return run_json("edges", "--db", database, "--json", *options)


def edge_key(flow):
    """A flow's name as the scene gives it."""
    return scene.Edge(flow.get("client_process"), flow.get("client_ip"),
                      flow.get("server_process"), flow.get("server_ip"),
                      flow.get("server_port"))


def edge_count(flow):
    """A flow's counters; bytes that are absent are nothing to compare with but 0."""
    return scene.Count(flow.get("opens"), flow.get("failed"),
                       flow.get("bytes_to_server", 0), flow.get("bytes_to_client", 0))


def compare(expected, flows):
    """The differences between {Edge: Count} and a list of flows, one a line, "" for none."""
    words = []
    seen = {}
    for flow in flows:
        key = edge_key(flow)
        if key in seen:
            words.append(f"twice: {key}")
        seen[key] = edge_count(flow)
    for key in sorted(set(expected) | set(seen), key=str):
        if key not in seen:
            words.append(f"missing: {key} {expected[key]}")
        elif key not in expected:
            words.append(f"invented: {key} {seen[key]}")
        elif seen[key] != expected[key]:
            words.append(f"wrong: {key}\n  expected {expected[key]}\n  has      {seen[key]}")
    return "\n".join(words)


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return sock.getsockname()[1]


def listening(port):
    """True if somebody listens on that IPv4 port; looked up, since a connection is noise."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and row[3] == "0A" for row in rows)


def bpf_objects():
    """{(kind, id)} of the programs, maps and links that the kernel keeps."""
    return {(kind, o["id"]) for kind in ("prog", "map", "link")
            for o in json.loads(scene.call("bpftool", "-j", kind, "show") or "[]")}


def bpf_held(pid):
    """Those that a process holds; bpftool itself does not always say."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
                words = dict(line.split(":", 1) for line in file if ":" in line)
        except OSError:
            continue  # closed meanwhile
        for kind in ("link", "prog", "map"):  # a link says its program's id as well
            if kind + "_id" in words:
                found.add((kind, int(words[kind + "_id"])))
                break
    return found


def left_in_kernel():
    """What of Skein is there and held by nobody, by its own word; others' sensors may run."""
    outcome = run("skein-sensor", "--self-check-clean", "--json")
    if outcome.status not in (0, 1):
        raise AssertionError(str(outcome))
    return [c["found"] for c in json.loads(outcome.stdout) if "by no process" in c["found"] or
            (c["name"] in ("pinned", "mounts") and c["status"] != "ok")]


def children(pid):
    """The processes that PID started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def resident(pid):
    """The resident memory of a process, in bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def enroll(address, data, sensor_data):
    """Buys a sensor its certificate from the collector of DATA, by the manual's two commands."""
    made = run("skein-collector", "token", "create", "--data", data)
    done = run("skein-sensor", "enroll", "--collector", address, "--token",
               made.stdout.strip(), "--data", sensor_data)
    if made.status or done.status:
        raise AssertionError(f"{made}\n{done}")


class Watch:
    """`skein-sensor --once`, attached when this returns; end() gives what it wrote."""

    def __init__(self, seconds, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="skeinwatch")
        self.out = os.path.join(self.folder.name, "watch.jsonl")
        ready, wait = os.pipe()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", program("skein-sensor"), "--ebpf", "--once",
             f"{seconds}s", "--out", self.out, "--interval", "1s", "--cpu-budget", "0",
             "--ready-fd", str(wait), *options],
            pass_fds=[wait], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        os.close(wait)
        with os.fdopen(ready) as file:
            said = file.readline()
        if said != "ready\n":
            raise AssertionError(f"the sensor did not attach: {self.process.communicate()[1]}")

    def end(self, early=False):
        """(machine, flows) once it is over; EARLY: by SIGTERM."""
        if early:
            self.process.terminate()
        words = self.process.communicate(timeout=90)[1]
        if self.process.returncode:
            raise AssertionError(f"status {self.process.returncode}: {words}")
        with open(self.out, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.folder.cleanup()
        return (next(line for line in lines if line["type"] == "machine"),
                [line for line in lines if line["type"] == "flow"])

    def close(self):
        """Makes sure that it is gone."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.communicate()
        self.folder.cleanup()


class Daemon:
    """A program of Skein that runs on; its two outputs are collected as they come.

    It gets a SIGTERM should this process die without a word.  BEFORE is a command that runs it.
    """

    def __init__(self, name, *arguments, before=()):
        self.argv = [*before, program(name), *[str(a) for a in arguments]]
        self.started = time.monotonic()
        self.stderr = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig=TERM", *self.argv], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.stderr, text=True, errors="replace",
            start_new_session=True)
        self.lines = []
        self._queue = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._queue.put((time.monotonic() - self.started, line.rstrip("\n")))

    def words(self):
        """What it said so far on standard output, as (seconds since the start, line)."""
        while not self._queue.empty():
            self.lines.append(self._queue.get())
        return self.lines

    def first_words(self, seconds, quiet):
        """Waits until it has said something and then nothing for QUIET seconds."""
        end = self.started + seconds
        while time.monotonic() < end and self.process.poll() is None:
            said = self.words()
            if said and time.monotonic() - self.started - said[-1][0] > quiet:
                break
            time.sleep(0.05)
        return list(self.words())

    def errors(self):
        """What it said so far on standard error."""
        self.stderr.seek(0)
        return self.stderr.read()

    def signal(self, number):
        """Sends a signal to the program itself."""
        self.process.send_signal(number)

    def wait(self, seconds):
        """Its exit status; an assertion fails if it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self} did not end within {seconds} s: {self.errors()[-1500:]}") from None

    def end(self, seconds=30):
        """SIGTERM, and its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def close(self):
        """Makes sure that it is gone, with all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.stderr.close()

    def __str__(self):
        return os.path.basename(self.argv[0]) + " " + " ".join(self.argv[1:])
