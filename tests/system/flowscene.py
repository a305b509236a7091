# SPDX-License-Identifier: Apache-2.0
"""Collectors that take flows, what they make of them, and datagrams made by hand."""

import collections
import os
import re
import signal
import socket
import struct
import tempfile
import time
import unittest

import harness
import scene

Sum = collections.namedtuple("Sum", "opens failed up down")


class Collector:
    """A collector in the switch's namespace that takes flows from loopback."""

    def __init__(self, here, name, allowed="127.0.0.1", listen="127.0.0.1:0", config=None):
        self.here, self.name = here, name
        self.data = os.path.join(here.directory, name)
        self.process = here.spawn(
            here.switch, harness.program("skein-collector"), "--data", self.data, "--listen",
            "127.0.0.1:0", "--flows", listen,
            *(("--config", config) if config else ("--flow-exporters", allowed)), name=name)
        scene.wait_for(lambda: "listening on" in self.words(), 20, f"the start of {name}")
        self.port = int(re.search(r"flows are taken at .*:(\d+)", self.words()).group(1))

    def words(self):
        """What it said so far."""
        with open(os.path.join(self.here.directory, self.name + ".log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def pid(self):
        """Of the collector: `ip netns exec` becomes the program."""
        return self.process.pid

    def counters(self):
        """{name: number} of its state."""
        before = self.words().count("state: listen=")
        os.kill(self.pid(), signal.SIGUSR1)
        scene.wait_for(lambda: self.words().count("state: listen=") > before, 5, "its state")
        line = [w for w in self.words().splitlines() if "state: listen=" in w][-1]
        return {k: int(v) for k, v in re.findall(r" (\w+)=(\d+)(?= |$)", line)}

    def end(self):
        """Drains; whatever it holds is in the database afterwards."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(15) != 0:
            raise AssertionError(self.words())

    def flows(self):
        """Its edges."""
        return harness.edges(os.path.join(self.data, "skein.db"))


def of_capture(here, path):
    """{(client, server, port): Sum} of the TCP connections in a capture.

    What was sent again counts again, as an exporter cannot tell it from the rest.
    """
    out = scene.call(*here.switch.enter(harness.program("skein-sensor"), "--read", path,
                                        "--connections", "tsv"))
    head, *rows = [line.split("\t") for line in out.splitlines()]
    total = collections.defaultdict(lambda: Sum(0, 0, 0, 0))
    for row in (dict(zip(head, r)) for r in rows):
        key = (row["client_ip"], row["server_ip"], int(row["server_port"]))
        up = int(row["bytes_c"]) + int(row["dup_bytes_c"])
        down = int(row["bytes_s"]) + int(row["dup_bytes_s"])
        failed = row["state"] in ("refused", "unanswered") or \
            (row["state"] == "reset" and not up and not down)
        opens = row["state"] in ("established", "reset") or failed
        total[key] = Sum(*(a + b for a, b in zip(total[key], (opens, failed, up, down))))
    return dict(total)


def of_flows(flows, protocol="tcp"):
    """The same out of a database."""
    total = {}
    for f in flows:
        if f["protocol"] == protocol:
            total[(f["client_ip"], f["server_ip"], f["server_port"])] = Sum(
                f["opens"], f["failed"], f["bytes_to_server"], f["bytes_to_client"])
    return total


# Crafted datagrams

def netflow5(sequence, flows, source=0):
    """A datagram; FLOWS are (src, dst, sport, dport, flags, packets, bytes, proto)."""
    now = time.time()
    out = struct.pack("!HHIIIIBBH", 5, len(flows), 1_000_000, int(now), int(now % 1 * 1e9),
                      sequence, 0, source, 0)
    for src, dst, sport, dport, flags, packets, size, proto in flows:
        out += struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", socket.inet_aton(src),
                           socket.inet_aton(dst), bytes(4), 1, 2, packets, size, 999_000,
                           999_500, sport, dport, 0, flags, proto, 0, 0, 0, 0, 0, 0)
    return out


def opened(number, up=100):
    """Both ways of a connection of its own, with UP bytes to the server."""
    client, port = f"10.1.{number >> 8 & 255}.{number & 255}", 20000 + number % 30000
    return [(client, "10.9.0.1", port, 443, 0x1b, 4, 4 * 52 + 8 + up, 6),
            ("10.9.0.1", client, 443, port, 0x1b, 4, 4 * 52 + 8, 6)]


def netflow9(sequence, *sets):
    """A datagram of source 7; a set is (id, bytes)."""
    body = b"".join(struct.pack("!HH", i, 4 + len(b)) + b for i, b in sets)
    return struct.pack("!HHIIII", 9, len(sets), 1_000_000, int(time.time()), sequence, 7) + body


TEMPLATE9 = struct.pack("!HH", 256, 8) + b"".join(struct.pack("!HH", *f) for f in (
    (8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (2, 4), (1, 4)))


def data9(flows):
    """Records of TEMPLATE9."""
    return b"".join(struct.pack("!4s4sHHBBII", socket.inet_aton(f[0]), socket.inet_aton(f[1]),
                                f[2], f[3], f[7], f[4], f[5], f[6]) for f in flows)


class Alone(unittest.TestCase):
    """A collector on this machine's loopback, and a socket that plays exporter."""

    def collector(self, **options):
        """Started; its exporters are at 127.0.0.1."""
        here = LocalScene()
        self.addCleanup(here.close)
        self.here = here
        self.taker = Collector(here, "collector", **options)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.socket.close)
        return self.taker

    def send(self, datagram):
        """From 127.0.0.1."""
        self.socket.sendto(datagram, ("127.0.0.1", self.taker.port))

    def wait_counter(self, name, least, seconds=10):
        """Until a counter has reached LEAST."""
        scene.wait_for(lambda: self.taker.counters()[name] >= least, seconds,
                       f"{name} = {least}")

    def total(self):
        """(opens, bytes to the server) of all edges."""
        flows = self.taker.flows()
        return sum(f["opens"] for f in flows), sum(f["bytes_to_server"] for f in flows)

    def reader(self):
        """The process that reads datagrams; None while there is none."""
        return next(iter(harness.family(self.taker.pid()).get("skein-flows", [])), None)


class Here:
    """A host that is this machine."""

    @staticmethod
    def enter(*argv):
        """As it is."""
        return list(argv)


class LocalScene(scene.Scene):
    """A folder and processes, no network of its own."""

    def __init__(self):
        super().__init__()
        self.switch = Here
        self.directory = tempfile.mkdtemp(prefix=f"{scene.PREFIX}{os.getpid()}-")
