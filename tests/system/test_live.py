# SPDX-License-Identifier: Apache-2.0
"""Connections that were open before the sensor came: whose, which way, and what they carry from
then on, to the byte.

Servers listen on high ports and clients come from low ones, so that a guess by ports would be
wrong. What was carried before the watch must never be counted.
"""

import os
import subprocess
import time
import unittest

import harness
import scene

HEADER = 8
MANY = 2400        # connections that are merely open, both ends of which are sockets
PER_HOLDER = 800   # few enough for the usual limit on open files
PLAIN, HALF, QUEUE, CROWD = 50001, 50002, 50003, 50004
LATE = 700         # bytes that the server sends on a connection that the client shut down

SERVER = """
import os, socket, struct, sys, threading, time
how, port, go = sys.argv[1], int(sys.argv[2]), sys.argv[3]

def serve(c):
    while True:
        head = c.recv(8, socket.MSG_WAITALL)
        if len(head) < 8:
            break
        up, down = struct.unpack("!II", head)
        left = up
        while left:
            left -= len(c.recv(min(left, 65536)))
        c.sendall(b"y" * down)
    while how == "half" and not os.path.exists(go):
        time.sleep(0.02)
    if how == "half":
        c.sendall(b"z" * %d)
    c.close()

s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True,
                         backlog=4096)
print("ready", flush=True)
crowd = []
while how == "queue":
    time.sleep(1)
while True:
    c = s.accept()[0]
    if how == "crowd":
        crowd.append(c)
    else:
        threading.Thread(target=serve, args=(c,), daemon=True).start()
""" % LATE

# Its lines are "UP DOWN" (an exchange), "shut", "read", "close" and "reset".
CLIENT = """
import socket, struct, sys
address, port, own = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
c = socket.create_connection((address, port), source_address=("", own) if own else None)
print("ready", flush=True)

def read(size):
    while size:
        piece = c.recv(min(size, 65536))
        if not piece:
            sys.exit("closed early")
        size -= len(piece)

for line in sys.stdin:
    word, *rest = line.split()
    if word == "shut":
        c.shutdown(socket.SHUT_WR)
    elif word == "send":
        c.sendall(b"x" * int(rest[0]))
    elif word == "read":
        read(int(rest[0]))
    elif word == "reset":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    elif word == "close":
        c.close()
    else:
        up, down = int(word), int(rest[0])
        c.sendall(struct.pack("!II", up, down) + b"x" * up)
        read(down)
    print("done", flush=True)
"""

HOLDER = """
import socket, sys, time
held = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(int(sys.argv[3]))]
print("ready", flush=True)
time.sleep(600)
"""


class Row:
    """One connection: what it does before the watch and in it, and what must be counted."""

    def __init__(self, before, then, counts, port=PLAIN, family="v4", live=0, local=False):
        self.before, self.then, self.counts = before, then, counts
        self.port, self.family, self.live, self.local = port, family, live, local


def exchanged(*sizes):
    """(bytes to the server, bytes to the client) of exchanges."""
    return sum(HEADER + up for up, _ in sizes), sum(down for _, down in sizes)


ROWS = {
    "talks_on_and_stays": Row(["100 1000"], ["5 7", "70000 300000"],
                              exchanged((5, 7), (70000, 300000)), live=1),
    "talks_on_and_closes": Row(["100 1000"], ["5 7", "close"], exchanged((5, 7))),
    "talks_first_in_the_watch": Row([], ["11 13", "close"], exchanged((11, 13))),
    "stays_and_says_nothing": Row(["100 1000"], [], (0, 0), live=1),
    "only_closes": Row(["100 1000"], ["close"], (0, 0)),
    "is_reset_after_data": Row(["100 1000"], ["reset"], (0, 0)),
    "over_v6": Row(["100 1000"], ["5 7", "close"], exchanged((5, 7)), family="v6"),
    "over_v6_and_stays": Row(["100 1000"], ["5 7"], exchanged((5, 7)), family="v6", live=1),
    "inside_one_namespace": Row(["100 1000"], ["5 7"], exchanged((5, 7)), live=1, local=True),
    "much_before": Row(["3000000 5000000"], ["1 1", "close"], exchanged((1, 1))),
    "half_closed_before": Row(["9 9", "shut"], [f"read {LATE}", "close"], (0, LATE), port=HALF),
    "never_accepted": Row(["send 5"], ["send 3"], (3, 0), port=QUEUE, live=1),
    "never_accepted_v6": Row(["send 5"], [], (0, 0), port=QUEUE, family="v6", live=1),
}


@harness.needs_root
class Live(unittest.TestCase):
    """All rows in one watch; one test a row."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.go = os.path.join(cls.scene.directory, "go")
        for how, port in (("plain", PLAIN), ("half", HALF), ("queue", QUEUE), ("crowd", CROWD)):
            cls.start(cls.scene.app, f"srv_{how}.py", SERVER, how, port, cls.go)
        cls.talkers = {name: cls.open_row(name, row, 700 + n)
                       for n, (name, row) in enumerate(ROWS.items())}
        for name, row in ROWS.items():
            cls.say(name, row.before)
        for n in range(MANY // PER_HOLDER):
            cls.start(cls.scene.web, f"holder{n}.py", HOLDER, cls.scene.app.v4, CROWD,
                      PER_HOLDER)
        time.sleep(1)
        began = time.monotonic()
        cls.watch = harness.Watch(60)
        cls.addClassCleanup(cls.watch.close)
        cls.attached = time.monotonic() - began
        time.sleep(0.5)
        with open(cls.go, "w", encoding="ascii"):
            pass
        for name, row in ROWS.items():
            cls.say(name, row.then)
        time.sleep(2.5)
        cls.machine, cls.flows = cls.watch.end(early=True)

    @classmethod
    def start(cls, host, name, text, *arguments, **options):
        """A script under a name of its own, once it is ready."""
        path = os.path.join(cls.scene.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return cls.scene.spawn_ready(host, scene.PYTHON, path, *map(str, arguments), name=name,
                                     **options)

    @classmethod
    def ends(cls, row):
        """(client's host, client's address, server's address) of a row."""
        app = cls.scene.app
        if row.local:
            return app, "127.0.0.1", "127.0.0.1"
        host = cls.scene.client
        return host, getattr(host, row.family), getattr(app, row.family)

    @classmethod
    def open_row(cls, name, row, own_port):
        """The client of a row, connected."""
        host, _, server = cls.ends(row)
        return cls.start(host, name + ".py", CLIENT, server, row.port, own_port,
                         stdin=subprocess.PIPE)

    @classmethod
    def say(cls, name, lines):
        """Has a client do something, and waits until it is done."""
        talker = cls.talkers[name]
        for line in lines:
            talker.stdin.write(line + "\n")
            talker.stdin.flush()
            if scene.read_line(talker.stdout, 15, f"{name}, told to {line},") != "done":
                raise AssertionError(cls.scene.log(name + ".py"))

    def check(self, name, row):
        """One flow, with both processes, and neither opened nor failed in the watch."""
        _, client, server = self.ends(row)
        flows = [f for f in self.flows if f["client_process"] == name + ".py"]
        self.assertEqual(len(flows), 1, flows)
        [flow] = flows
        how = {PLAIN: "plain", HALF: "half", QUEUE: "queue"}[row.port]
        want = {"client_ip": client, "server_ip": server, "server_port": row.port,
                "server_process": f"srv_{how}.py", "opens": 0, "failed": 0, "abandoned": 0,
                "bytes_to_server": row.counts[0], "bytes_to_client": row.counts[1],
                "live": row.live, "pending": 0}
        self.assertEqual({key: flow.get(key, 0) for key in want}, want)

    def test_no_flow_goes_the_wrong_way(self):
        """No server is a client, and nobody is unknown at either end."""
        ports = (PLAIN, HALF, QUEUE, CROWD)
        ours = [f for f in self.flows if f["server_port"] in ports]
        low = [f for f in self.flows if 700 <= f["server_port"] < 700 + len(ROWS)]
        self.assertEqual(low, [])
        self.assertEqual([f for f in ours if not f["client_process"] or
                          not (f["server_process"] or "").startswith("srv_")], [])

    def test_thousands_of_open_connections(self):
        """Each is there, once, with both owners; and attaching takes no time to speak of."""
        print(f"#   attached in {self.attached:.2f} s, {MANY} connections were open")
        held = {f["client_process"]: (f["server_process"], f["opens"], f["live"])
                for f in self.flows if f["server_port"] == CROWD}
        self.assertEqual(held, {f"holder{n}.py": ("srv_crowd.py", 0, PER_HOLDER)
                                for n in range(MANY // PER_HOLDER)})
        self.assertLess(self.attached, 5)


def add_tests():
    """A method a row."""
    for name, row in ROWS.items():
        def test(self, name=name, row=row):
            self.check(name, row)
        test.__doc__ = name.replace("_", " ")
        setattr(Live, "test_" + name, test)


add_tests()

if __name__ == "__main__":
    unittest.main()
