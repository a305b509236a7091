# SPDX-License-Identifier: Apache-2.0
"""Sensors that reach nothing but a relay: nothing lost or doubled, whatever ends it."""

import ipaddress
import os
import signal
import socket
import struct
import subprocess
import time
import unittest

import chain
import harness
import scene

PORT = 7700
SIMSENSOR = os.path.join(harness.BUILD, "tests", "simsensor")

# A far end that prints the first 28 bytes of each connection, and then: `echo` says all again
# once the other end has ended; `slow` says a byte and reads nothing until it is told; `mute`
# reads and says nothing.
SERVER = r"""
import socket, sys, threading, time
listen, port, how, go = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]

def serve(c):
    head = b""
    while len(head) < 28:
        head += c.recv(28 - len(head))
    print(head.hex(), flush=True)
    if how == "mute":
        while c.recv(65536):
            pass
        time.sleep(60)
    if how == "slow":
        c.sendall(b"!")
        import os
        while not os.path.exists(go):
            time.sleep(0.05)
    got = b"".join(iter(lambda: c.recv(65536), b""))
    c.sendall(got if how == "echo" else str(len(got)).encode())
    c.close()

s = socket.create_server((listen, port))
s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""

# Sends COUNT bytes, ends its side, and prints how many came back and the digests of both.
CLIENT = r"""
import hashlib, socket, sys
address, port, count, skip = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
c = socket.create_connection((address, port))
block = bytes(range(32, 96)) * 256
up = hashlib.sha256()
print("connected", flush=True)
got = b""
try:
    if skip:  # what comes before the answer is little
        c.sendall(block[:100])
        up.update(block[:100])
        got, count = c.recv(skip), count - 100
    for n in range(0, count, len(block)):
        c.sendall(block[:count - n])
        up.update(block[:count - n])
    c.shutdown(socket.SHUT_WR)
    got += b"".join(iter(lambda: c.recv(65536), b""))
except OSError as error:
    got = str(error).encode()
print(len(got), up.hexdigest(), hashlib.sha256(got[skip:]).hexdigest(), got[:20], flush=True)
"""


class Case(unittest.TestCase):
    """A chain of machines of its own."""

    @classmethod
    def setUpClass(cls):
        cls.chain = chain.Chain()
        cls.addClassCleanup(cls.chain.close)

    def start(self, maker, *arguments, **more):
        """A daemon that ends with the test."""
        daemon = maker(*arguments, **more)
        self.addCleanup(daemon.close)
        return daemon


@harness.needs_root
class Relay(Case):
    """The collector behind it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.chain.path("collector")
        cls.collector = cls.chain.collector(cls.data, PORT, "--relays", cls.chain.middle_far)
        cls.addClassCleanup(cls.collector.close)
        cls.to = f"{cls.chain.far}:{PORT}"
        cls.at = f"{cls.chain.middle_near}:{PORT}"

    def enroll(self, at, host="near"):
        """Enrols through a relay; (folder, identity)."""
        data = self.chain.path(self.id().rpartition(".")[2] + str(time.monotonic_ns()))
        done = self.chain.run(host, "skein-sensor", "enroll", "--collector", at, "--token",
                              chain.token(self.data), "--data", data)
        self.assertEqual(done.status, 0, done)
        return data, done.stdout.strip()

    def simulate(self, data, at, seed, *options):
        """A sensor that sends a known amount; (process, what it adds up to)."""
        load = ["--batches", "400", "--records", "20", "--seed", str(seed)]
        sim = subprocess.Popen(
            self.chain.enter("near", SIMSENSOR, "--collector", at, "--data", data, *load,
                             *options), stderr=subprocess.DEVNULL)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.kill)
        said = subprocess.run([SIMSENSOR, "--totals", *load], stdout=subprocess.PIPE, text=True,
                              check=True)
        return sim, tuple(map(int, said.stdout.split()))

    def test_nothing_else_leads_there(self):
        done = self.chain.run("near", "skein-sensor", "enroll", "--collector", self.to, "--token",
                              chain.token(self.data), "--data", self.chain.path("none"))
        self.assertEqual(done.status, 3, done)

    def test_the_collector_knows_who_is_behind_it(self):
        relay = self.start(self.chain.relay, self.to, self.at)
        data, name = self.enroll(self.at)
        self.assertRegex(self.collector.errors(), rf"enrolled {name}: host=\S+ from "
                         rf"{self.chain.near}:\d+ through {self.chain.middle_far}:\d+\n")
        before = chain.simulated(self.data)
        sim, want = self.simulate(data, self.at, 1)
        self.assertEqual(sim.wait(60), 0)
        after = chain.simulated(self.data)
        self.assertEqual((after[0] - before[0], after[1] - before[1]), want)
        counts = chain.state(relay)
        self.assertEqual((counts["accepted"], counts["answered"]), (2, 2))
        self.assertGreater(counts["bytes_up"], 50000)
        scene.wait_for(lambda: chain.state(relay)["pairs"] == 0, 5, "the end of the pairs")
        self.assertEqual(relay.end(10), 0)

    def test_relays_in_a_row(self):
        """The first stands on the sensor's own machine, the second believes it."""
        self.start(self.chain.relay, self.to, self.at, "--relays", self.chain.near + "/32")
        self.start(self.chain.relay, self.at, "127.0.0.1:7711", name="near")
        _, name = self.enroll("127.0.0.1:7711")
        self.assertRegex(self.collector.errors(), rf"enrolled {name}: host=\S+ from "
                         rf"127.0.0.1:\d+ through {self.chain.middle_far}:\d+\n")

    def test_a_collector_that_names_no_relays_works_too(self):
        """And takes nobody's word for who is behind a relay."""
        data = self.chain.path("plain")
        collector = self.start(self.chain.collector, data, 7701)
        self.start(self.chain.relay, f"{self.chain.far}:7701", f"{self.chain.middle_near}:7701")
        done = self.chain.run("near", "skein-sensor", "enroll", "--collector",
                              f"{self.chain.middle_near}:7701", "--token", chain.token(data),
                              "--data", self.chain.path("plain-sensor"))
        self.assertEqual(done.status, 0, done)
        self.assertRegex(collector.errors(), rf"enrolled {done.stdout.strip()}: host=\S+ from "
                         rf"{self.chain.middle_far}:\d+\n")

    def test_killed_again_and_again_it_loses_and_doubles_nothing(self):
        relay = self.start(self.chain.relay, self.to, self.at)
        data, _ = self.enroll(self.at)
        other, _ = self.enroll(self.at)
        before = chain.simulated(self.data)
        runs = [self.simulate(d, self.at, seed, "--pace", "10")
                for d, seed in ((data, 2), (other, 3))]
        for n in range(6):
            time.sleep(0.5 + n * 0.07)
            relay.signal(signal.SIGKILL if n % 2 else signal.SIGTERM)
            relay.wait(10)
            time.sleep(0.2)
            relay = self.start(self.chain.relay, self.to, self.at)
        self.assertEqual([sim.wait(60) for sim, _ in runs], [0, 0])
        after = chain.simulated(self.data)
        self.assertEqual((after[0] - before[0], after[1] - before[1]),
                         tuple(map(sum, zip(*(want for _, want in runs)))))

    def test_systemd_is_told(self):
        place = self.chain.path("notify")
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.bind(place)
        heard.settimeout(10)
        self.addCleanup(heard.close)
        os.environ.update(NOTIFY_SOCKET=place, WATCHDOG_USEC="4000000")
        try:
            relay = self.start(self.chain.relay, self.to, self.at)
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        self.assertIn(b"READY=1", heard.recv(1000))
        for _ in range(2):
            self.assertEqual(heard.recv(1000), b"WATCHDOG=1\n")
        relay.signal(signal.SIGTERM)
        while b"STOPPING=1" not in heard.recv(1000):
            pass
        self.assertEqual(relay.wait(10), 0)

    def test_what_is_no_tls_is_cut_and_counted(self):
        relay = self.start(self.chain.relay, self.to, self.at)
        for words in (b"\r\n\r\n\0\r\nQUIT\nxxxx", b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"):
            self.chain.script("near", "import socket, sys\n"
                              "c = socket.create_connection((sys.argv[1], int(sys.argv[2])))\n"
                              f"c.sendall({words!r})\nprint(c.recv(1))",
                              *self.at.split(":")).wait(10)
        self.assertEqual(chain.state(relay)["origins_odd"], 2)


@harness.needs_root
class Bytes(Case):
    """What it does to the bytes of others: nothing."""

    def setUp(self):
        self.port = 7800 + int(time.monotonic() * 10) % 100
        self.at = f"{self.chain.middle_near}:{self.port}"
        self.go = self.chain.path("go" + self.id())

    def server(self, how):
        """A far end, and a relay to it."""
        server = self.chain.script("far", SERVER, self.chain.far, self.port, how, self.go)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        return server, self.start(self.chain.relay, f"{self.chain.far}:{self.port}", self.at)

    def client(self, count, skip=0):
        """One that sends so many bytes; it is connected."""
        client = self.chain.script("near", CLIENT, *self.at.split(":"), count, skip)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        return client

    def header(self, line):
        """What the relay said in front: (source address, its target, target's port)."""
        got = bytes.fromhex(line)
        self.assertEqual(got[:16], b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c")
        addresses = [str(ipaddress.ip_address(got[n:n + 4])) for n in (16, 20)]
        return (*addresses, struct.unpack("!HH", got[24:])[1])

    def test_a_half_that_ends_leaves_the_other(self):
        server, relay = self.server("echo")
        count = 12000  # as a far end that has said nothing may get
        client = self.client(count)
        size, up, down, _ = scene.read_line(client.stdout, 20, "the client").split(" ", 3)
        self.assertEqual((int(size), up), (count, down))
        self.assertEqual(self.header(scene.read_line(server.stdout, 5, "the server")),
                         (self.chain.near, self.chain.middle_near, self.port))
        self.assertEqual(chain.state(relay)["bytes_down"], count)

    def test_a_reader_that_waits_holds_the_writer_back(self):
        """64 MB on their way, and the relay's memory stays what it was."""
        count = 64 << 20
        _, relay = self.server("slow")
        before = harness.resident(relay.process.pid)
        client = self.client(count, 1)
        time.sleep(3)
        held = chain.state(relay)["bytes_up"]
        self.assertLess(held, 32 << 20)
        self.assertLess(harness.resident(relay.process.pid) - before, 4 << 20)
        with open(self.go, "w", encoding="ascii"):
            pass
        said = scene.read_line(client.stdout, 60, "the client")
        self.assertIn(f"b'!{count}'", said)
        self.assertLess(harness.resident(relay.process.pid) - before, 4 << 20)

    def test_a_stranger_may_say_little_before_it_is_answered(self):
        _, relay = self.server("mute")
        client = self.client(1 << 20)
        scene.read_line(client.stdout, 20, "the client")
        counts = chain.state(relay)
        self.assertEqual((counts["early"], counts["pairs"], counts["strangers"]), (1, 0, 0))

    def test_a_far_end_that_says_nothing_is_given_up(self):
        _, relay = self.server("mute")
        client = self.client(100)
        scene.read_line(client.stdout, 40, "the client")
        self.assertEqual(chain.state(relay)["unreached"], 1)

    def test_nobody_there_is_said_once(self):
        relay = self.start(self.chain.relay, f"{self.chain.far}:9", self.at)
        for _ in range(3):
            scene.read_line(self.client(100).stdout, 20, "the client")
        self.assertEqual(chain.state(relay)["unreached"], 3)
        self.assertEqual(relay.errors().count("Connection refused"), 1, relay.errors())

    def test_who_says_nothing_costs_the_far_end_nothing(self):
        _, relay = self.server("echo")
        quiet = self.chain.script(
            "near", "import socket, sys, time\n"
            "c = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for n in range(50)]\n"
            "print('connected', flush=True)\nprint(len([1 for s in c if s.recv(1) == b'']))",
            *self.at.split(":"))
        self.addCleanup(quiet.wait)
        self.addCleanup(quiet.kill)
        time.sleep(0.5)
        counts = chain.state(relay)
        self.assertEqual((counts["waiting"], counts["pairs"]), (50, 0))
        self.assertEqual(scene.read_line(quiet.stdout, 15, "the quiet ones"), "50")
        counts = chain.state(relay)
        self.assertEqual((counts["waiting"], counts["silent"]), (0, 50))


if __name__ == "__main__":
    unittest.main()
