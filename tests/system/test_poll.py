# SPDX-License-Identifier: Apache-2.0
"""The probe without eBPF beside the one with it, on one scene in one run.

What is measured is what the probes themselves tell (tests/probespy.c), before a collector puts
the two ends of a connection together.  The lines with a # are the numbers of docs/support.md.
"""

import collections
import json
import os
import subprocess
import tempfile
import time
import unittest

import harness
import scene

SHORT = 2000      # connections of processes that exit at once
HELD = 20         # connections that live through all of it
FAILURES = 10     # of each kind
UP, DOWN = 5, 7   # bytes of a short connection
PREFORK, FORKING, REFUSED, FULL, RESETTING, NOWHERE = range(7301, 7307)
DEGRADED = 1 | 8  # DEGRADED_POLL, DEGRADED_NO_UDP
PROBES = ("ebpf", "poll")

SERVER = """
import os, signal, socket, struct, sys, threading, time
address, prefork, forking, full, resetting = sys.argv[1], *map(int, sys.argv[2:6])
signal.signal(signal.SIGCHLD, signal.SIG_IGN)

def echo(c):
    with c:
        while c.recv(65536):
            c.sendall(b"y" * 7)

def reset(sock):
    while True:
        c, _ = sock.accept()
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()

pre = socket.create_server((address, prefork), backlog=512)
for _ in range(2):
    if os.fork() == 0:
        while True:
            threading.Thread(target=echo, args=(pre.accept()[0],)).start()
fork = socket.create_server((address, forking), backlog=512)
threading.Thread(target=reset, daemon=True,
                 args=(socket.create_server((address, resetting), backlog=512),)).start()
stuck = socket.create_server((address, full), backlog=0)
first = socket.create_connection((address, full))
print("ready", flush=True)
while True:
    c, _ = fork.accept()
    if os.fork() == 0:
        fork.close()
        echo(c)
        os._exit(0)
    c.close()
"""

HOLDER = """
import socket, sys, time
address, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
held = [socket.create_connection((address, port)) for _ in range(n)]
def ask(c):
    c.sendall(b"x" * 5)
    assert len(c.recv(7, socket.MSG_WAITALL)) == 7
for c in held:
    ask(c)
print("ready", flush=True)
sent = 1
for line in sys.stdin:
    for c in held:
        ask(c)
    sent += 1
    print(sent, flush=True)
"""

SHORTS = """
import os, signal, socket, sys
address, port, n = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
for _ in range(n):
    if os.fork() == 0:
        c = socket.create_connection((address, port))
        c.sendall(b"x" * 5)
        c.recv(7, socket.MSG_WAITALL)
        os._exit(0)
    os.wait()
"""

FAILING = """
import socket, sys
kind, address, port, n = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
socks = [socket.socket() for _ in range(n)]
if kind == "blocking":
    for c in socks:
        try:
            c.connect((address, port))
        except OSError:
            pass
        c.close()
elif kind == "reset":
    for c in socks:
        c.connect((address, port))
        try:
            c.recv(1)
        except OSError:
            pass
        c.close()
else:
    import select, time
    for c in socks:
        c.setblocking(False)
        c.connect_ex((address, port))
    time.sleep(float(kind))
    for c in socks:
        c.close()
"""


class Spy:
    """One probe at work; sums are by (side, server's address, port, process)."""

    def __init__(self, probe, *options, before=()):
        self.out = tempfile.TemporaryFile("w+")  # a pipe that nobody reads would stop it
        self.process = subprocess.Popen(
            [*before, harness.program("tests/probespy"), probe, *options], text=True,
            stdin=subprocess.PIPE, stdout=self.out, stderr=subprocess.PIPE)
        ready = scene.wait_for(self.first_line, 15, f"the first interval of {probe}")
        self.name = ready.split()[1]
        self.sums = collections.defaultdict(collections.Counter)
        self.intervals = []
        self.words = ""

    def first_line(self):
        """What it said first, once its first interval is over."""
        said = os.pread(self.out.fileno(), 1 << 20, 0).decode()
        return said.splitlines()[0] if '"interval"' in said else None

    def end(self):
        """Ends it and adds up what it said after its first interval."""
        _, self.words = self.process.communicate(timeout=30)
        self.out.seek(0)
        first = True
        for line in self.out.readlines()[1:]:
            record = json.loads(line)
            if "interval" in record:
                self.intervals.append(record)
                first = False
                continue
            if first:
                continue
            key = (record.pop("side"), record.pop("server"), record.pop("port"),
                   record.pop("process", None))
            record.pop("client")
            live = record.pop("live")
            self.sums[key].update(record)
            self.sums[key]["live"] = live
        self.out.close()
        return self.process.returncode

    def total(self, what, side, port, process=...):
        """The sum of one counter over the edges to a port, of one process or of all."""
        return sum(s[what] for (side_, _, port_, process_), s in self.sums.items()
                   if side_ == side and port_ == port and process in (..., process_))

    def dropped(self, what):
        """What could not be told, over all intervals."""
        return sum(i[what] for i in self.intervals)


@harness.needs_root
class Poll(unittest.TestCase):
    """The scene runs once, with both probes attached."""

    @classmethod
    def setUpClass(cls):
        harness.program("tests/probespy")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        for name, text in (("server", SERVER), ("holder", HOLDER), ("shorts", SHORTS),
                           ("failing", FAILING)):
            with open(cls.path(name), "w", encoding="utf-8") as file:
                file.write(text)
        app = cls.scene.app
        cls.scene.spawn_ready(app, scene.PYTHON, cls.path("server"), app.v4, *map(str, (
            PREFORK, FORKING, FULL, RESETTING)), name="server")
        cls.before = cls.hold(PREFORK)
        cls.spies = {probe: Spy(probe) for probe in PROBES}
        cls.after = cls.hold(FORKING)
        cls.make_traffic()
        time.sleep(1.5)
        cls.status = {probe: spy.end() for probe, spy in cls.spies.items()}

    @classmethod
    def path(cls, name):
        """Where a script of the scene is."""
        return os.path.join(cls.scene.directory, name + ".py")

    @classmethod
    def hold(cls, port):
        """A process with connections that stay open."""
        return cls.scene.spawn_ready(cls.scene.web, scene.PYTHON, cls.path("holder"),
                                     cls.scene.app.v4, str(port), str(HELD), name="holder",
                                     stdin=subprocess.PIPE)

    @classmethod
    def run_script(cls, name, *arguments):
        """One script in the client's namespace, to its end."""
        scene.call(*cls.scene.client.enter(scene.PYTHON, cls.path(name), *map(str, arguments)),
                   timeout=120)

    @classmethod
    def make_traffic(cls):
        """Short ones to both servers, failures of each kind, and the long ones in between."""
        address = cls.scene.app.v4
        for port in (PREFORK, FORKING):
            cls.run_script("shorts", address, port, SHORT // 2)
        for holder in (cls.before, cls.after):
            cls.scene.next_step(holder)
        cls.run_script("failing", "blocking", address, REFUSED, FAILURES)
        cls.run_script("failing", "0.1", address, REFUSED, FAILURES)
        cls.run_script("failing", "2.5", address, FULL, FAILURES)
        cls.run_script("failing", "4.5", address.rsplit(".", 1)[0] + ".200", NOWHERE, FAILURES)
        cls.run_script("failing", "0.05", address, FULL, FAILURES)
        cls.run_script("failing", "reset", address, RESETTING, FAILURES)
        for holder in (cls.before, cls.after):
            cls.scene.next_step(holder)

    def share(self, spy, side, ports, process, of):
        """Opens that the right process has, as a share of all; printed."""
        right = sum(spy.total("opens", side, port, process) for port in ports)
        print(f"#   {spy.name}: {side}'s process of short connections: {right} of {of}"
              f" ({100 * right / of:.1f} %)", flush=True)
        return right / of

    def test_both_end_well(self):
        self.assertEqual(self.status, {probe: 0 for probe in PROBES},
                         [spy.words for spy in self.spies.values()])
        spy = self.spies["poll"]
        self.assertEqual({i["degraded"] for i in spy.intervals}, {DEGRADED})
        for name, watched in self.spies.items():  # of the whole machine, not of the scene alone
            lost = {what: watched.dropped(what) for what in (
                "notices", "edge_full", "socket_full", "listener_full", "process_full")}
            print(f"#   {name}: no room for {lost}", flush=True)

    def test_every_short_connection_is_counted_on_both_sides(self):
        for spy in self.spies.values():
            for side in ("client", "server"):
                for port in (PREFORK, FORKING):
                    opened = SHORT // 2 + (HELD if port == FORKING else 0)
                    with self.subTest((spy.name, side, port)):
                        self.assertEqual(spy.total("opens", side, port), opened)

    def test_servers_of_short_connections_are_named(self):
        for spy in self.spies.values():
            self.assertEqual(self.share(spy, "server", (PREFORK, FORKING), "server.py",
                                        SHORT + HELD), 1)
            self.share(spy, "client", (PREFORK, FORKING), "shorts.py", SHORT)

    def test_no_client_is_misnamed(self):
        for spy in self.spies.values():
            names = {p for side, _, port, p in spy.sums
                     if side == "client" and port in (PREFORK, FORKING)}
            self.assertLessEqual(names, {None, "shorts.py", "holder.py", "failing.py"})

    def test_held_connections_are_whole(self):
        """Open before the watch: bytes from then on. Opened during it: everything."""
        for spy in self.spies.values():
            for side, process in (("client", "holder.py"),):
                with self.subTest((spy.name, side)):
                    for port, opens, asked in ((PREFORK, 0, 2), (FORKING, HELD, 3)):
                        got = [spy.total(what, side, port, process)
                               for what in ("opens", "to_server", "to_client", "live")]
                        self.assertEqual(got, [opens, HELD * asked * UP, HELD * asked * DOWN,
                                               HELD])

    def test_bytes(self):
        for spy in self.spies.values():
            for side, less in (("client", "to_server"), ("server", "to_client")):
                sent = sum(spy.total(less, side, port) for port in (PREFORK, FORKING))
                count = SHORT + 5 * HELD
                self.assertEqual(sent, count * (UP if side == "client" else DOWN), spy.name)
            for side, more in (("client", "to_client"), ("server", "to_server")):
                got = sum(spy.total(more, side, port) for port in (PREFORK, FORKING))
                truth = count * (DOWN if side == "client" else UP)
                print(f"#   {spy.name}: bytes received as {side}: {got} of {truth}", flush=True)
                self.assertLessEqual(abs(got - truth), SHORT if spy.name == "poll" else 0)

    def test_failures_are_told_apart(self):
        for spy in self.spies.values():
            kinds = {what: [spy.total(what, "client", port)
                            for port in (REFUSED, FULL, NOWHERE, RESETTING)]
                     for what in ("refused", "timeouts", "unreachable", "abandoned", "resets")}
            lost = spy.dropped("failure")
            print(f"#   {spy.name}: {kinds}, port unknown: {lost}", flush=True)
            n = FAILURES
            if spy.name == "ebpf":
                self.assertEqual(kinds["refused"][0], 2 * n)
            else:
                self.assertEqual(kinds["refused"][0] + lost, 2 * n)
                self.assertGreaterEqual(kinds["refused"][0], n)
            # All gave up by themselves, half of them after a second SYN: no failure, but
            # who is told of the end alone cannot know that.
            unsure = 0 if spy.name == "ebpf" else n
            self.assertEqual(kinds["timeouts"][1], unsure)
            self.assertEqual(kinds["abandoned"][1], 2 * n - unsure)
            self.assertEqual(kinds["unreachable"][2], n)
            self.assertEqual(kinds["resets"][3], n)


@harness.needs_root
class Rights(unittest.TestCase):
    """What is chosen, and said, where rights are missing."""

    @staticmethod
    def without(*rights):
        """A command that takes capabilities away."""
        minus = ",".join("-" + right for right in rights)
        return ["setpriv", "--bounding-set=" + minus, "--inh-caps=" + minus]

    def test_without_bpf_it_polls_and_says_so(self):
        name = f"{scene.PREFIX}{os.getpid()}-poll"
        scene.call("ip", "netns", "add", name)
        self.addCleanup(scene.remove_namespace, name)
        spy = Spy("choose", before=self.without("bpf", "perfmon", "sys_admin"))
        self.assertEqual(spy.end(), 0)
        self.assertEqual(spy.name, "poll")
        self.assertRegex(spy.words, "eBPF: .*not permitted.*watches without eBPF instead")
        self.assertRegex(spy.words, "other network namespaces cannot be entered")
        self.assertEqual(len(spy.words.splitlines()), 2, spy.words)

    def test_with_all_rights_it_does_not(self):
        spy = Spy("choose")
        self.assertEqual((spy.end(), spy.name, spy.words), (0, "ebpf", ""))


if __name__ == "__main__":
    unittest.main()
