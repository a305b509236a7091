# SPDX-License-Identifier: Apache-2.0
"""Foreign flows when things go wrong: strangers, loss, restarts, a locked database, floods."""

import os
import re
import signal
import sqlite3
import subprocess
import time
import unittest

import harness
import scene
from flowscene import Alone, TEMPLATE9, data9, netflow5, netflow9, opened


class Trouble(Alone):
    """What must not lose, double or end anything; what is lost is told."""

    def test_the_reader_is_confined(self):
        self.collector()
        with open(f"/proc/{self.reader()}/status", encoding="ascii") as file:
            words = dict(line.split(":\t", 1) for line in file if ":\t" in line)
        self.assertEqual(int(words["CapEff"], 16), 0)
        self.assertEqual(words["Seccomp"].strip(), "2")
        self.assertEqual(words["NoNewPrivs"].strip(), "1")
        names = [os.readlink(f"/proc/{self.reader()}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{self.reader()}/fd")]
        self.assertEqual(len([n for n in names if n.startswith("socket:")]), 2, names)
        self.assertFalse([n for n in names if "skein.db" in n or "collector" in n and
                          not n.endswith(".log")], names)

    def test_as_many_addresses_as_there_may_be(self):
        taker = self.collector(listen=",".join(["127.0.0.1:0"] * 16))
        self.send(netflow5(0, opened(1)))
        self.wait_counter("flow_records", 2)
        ports = re.findall(r"flows are taken at .*:(\d+)", taker.words())
        self.assertEqual(len(set(ports)), 16)
        self.socket.sendto(netflow5(2, opened(2)), ("127.0.0.1", int(ports[-1])))
        self.wait_counter("flow_records", 4)
        taker.end()
        self.assertEqual(self.total(), (2, 200))

    def test_strangers_are_dropped_counted_and_named(self):
        taker = self.collector(allowed="192.0.2.0/24,2001:db8::1")
        for n in range(10):
            self.send(netflow5(n, opened(n)))
        self.wait_counter("flow_strangers", 10)
        self.assertIn("datagrams from 127.0.0.1 are dropped: not among --flow-exporters",
                      taker.words())
        self.assertEqual(taker.counters()["flow_records"], 0)

    def test_a_template_that_comes_late(self):
        taker = self.collector()
        self.send(netflow9(1, (256, data9(opened(1) + opened(2)))))
        self.send(netflow9(2, (0, TEMPLATE9), (256, data9(opened(3)))))
        self.wait_counter("flow_records", 6)
        taker.end()
        self.assertEqual(self.total(), (3, 300))

    def test_every_datagram_twice_and_late(self):
        taker = self.collector()
        datagrams = [netflow5(n * 30, [f for i in range(15) for f in opened(n * 15 + i)])
                     for n in range(20)]
        for a, b in zip(datagrams[::2], datagrams[1::2]):
            for datagram in (b, a, b, a):
                self.send(datagram)
        self.wait_counter("flow_datagrams", 40)
        taker.end()
        self.assertEqual(self.total(), (300, 30000))

    def test_an_exporter_that_starts_again(self):
        """Its sequence begins anew: nothing is missed, nothing comes twice."""
        taker = self.collector()
        for n in range(30):
            self.send(netflow5((n % 15) * 30, [f for i in range(15)
                                               for f in opened(n * 15 + i)]))
        self.wait_counter("flow_datagrams", 30)
        taker.end()
        self.assertEqual(self.total(), (450, 45000))

    def test_one_in_three_is_lost_and_told(self):
        taker = self.collector()
        sent = [n for n in range(30) if n % 3]
        for n in sent:
            self.send(netflow5(n * 30, [f for i in range(15) for f in opened(n * 15 + i)]))
        self.wait_counter("flow_datagrams", len(sent))
        time.sleep(1.2)
        self.assertEqual(taker.counters()["flow_missed"], 9 * 30)  # the first cannot be known
        taker.end()
        self.assertEqual(self.total(), (20 * 15, 20 * 1500))
        with sqlite3.connect(os.path.join(taker.data, "skein.db")) as db:
            row = db.execute("SELECT name, role, lost, degraded, quarantined, rejected "
                             "FROM sensor").fetchall()
        self.assertEqual(row, [("flow:127.0.0.1", "flow", 270, 1024, 0, 0)])

    def test_the_reader_is_killed_and_goes_on(self):
        taker = self.collector()
        reader = self.reader()
        self.send(netflow5(0, opened(1)))
        self.wait_counter("flow_records", 2)
        os.kill(reader, signal.SIGSEGV)
        self.wait_counter("flow_restarts", 1)
        scene.wait_for(lambda: self.reader() != reader, 5, "another reader")
        self.send(netflow5(0, opened(2)))
        self.wait_counter("flow_records", 4)
        taker.end()
        self.assertEqual(self.total(), (1, 100))
        self.assertIn("what it held is lost", taker.words())

    def test_what_the_kernel_dropped_is_counted_once(self):
        """Its number belongs to the socket, which outlives the reader."""
        taker = self.collector()
        reader, sent = self.reader(), 60000
        datagram = netflow5(0, opened(1) * 7)
        os.kill(reader, signal.SIGSTOP)
        for _ in range(sent):
            self.send(datagram)
        os.kill(reader, signal.SIGCONT)
        self.wait_counter("flow_datagrams", 1)
        time.sleep(1)
        self.send(datagram)  # which says what was dropped before it
        self.wait_counter("flow_overrun", 1)
        counters = taker.counters()
        self.assertEqual(counters["flow_datagrams"] + counters["flow_overrun"], sent + 1)
        os.kill(reader, signal.SIGSEGV)
        self.wait_counter("flow_restarts", 1)
        self.send(datagram)
        self.wait_counter("flow_datagrams", counters["flow_datagrams"] + 1)
        self.assertEqual(taker.counters()["flow_overrun"], counters["flow_overrun"])
        taker.end()

    def test_a_database_that_is_locked_for_a_while(self):
        """What cannot be committed waits, and is counted once."""
        taker = self.collector()
        with sqlite3.connect(os.path.join(taker.data, "skein.db"), isolation_level=None) as db:
            db.execute("BEGIN IMMEDIATE")
            for n in range(200):
                self.send(netflow5(n * 30, [f for i in range(15)
                                            for f in opened(n * 15 + i)]))
                time.sleep(0.001)
            self.wait_counter("queued", 1, 60)
            time.sleep(8)
            self.assertEqual(taker.counters()["commits"], 0)
            db.execute("ROLLBACK")
        self.wait_counter("commits", 1)
        scene.wait_for(lambda: taker.counters()["flow_queued"] == 0, 10, "an empty queue")
        taker.end()
        self.assertEqual(self.total(), (3000, 300000))


FLOODER = """
import os, random, socket, struct, sys, time
kind, port, seconds, source = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
rng = random.Random(1)
if kind == "garbage":
    pieces = [rng.randbytes(rng.randrange(1, 1400)) for _ in range(500)]
    pieces += [struct.pack("!H", v) + rng.randbytes(rng.randrange(1, 1400))
               for v in (5, 9, 10) for _ in range(300)]
    pieces += [struct.pack("!I", 5) + rng.randbytes(200) for _ in range(300)]
else:
    pieces = [struct.pack("!HHIIIIBBH", 5, 30, 10**6, int(time.time()), 0, 0, 0, 0, 0) +
              b"".join(struct.pack("!4s4s4sHHIIIIHHBBBBHHBBH", rng.randbytes(4),
                       rng.randbytes(4), bytes(4), 1, 2, 9, 9999, 999000, 999500,
                       rng.randrange(65536), rng.randrange(65536), 0, 27, 6, 0, 0, 0, 0, 0, 0)
                       for _ in range(30)) for _ in range(6000)]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((source, 0))
s.connect(("127.0.0.1", port))
end, n = time.monotonic() + seconds, 0
while time.monotonic() < end:
    for piece in pieces:
        try:
            s.send(piece)
        except OSError:
            pass
    n += len(pieces)
print(n, flush=True)
"""


class Flood(Alone):
    """As many datagrams as this machine can send, of nonsense and of flows out of a hat."""

    SECONDS = 6

    def flood(self, kind, source="127.0.0.1"):
        """Starts a sender."""
        return subprocess.Popen([scene.PYTHON, "-c", FLOODER, kind, str(self.taker.port),
                                 str(self.SECONDS), source], stdout=subprocess.PIPE, text=True)

    def sensors_meanwhile(self):
        """A sensor's batches are acknowledged; True if all were within the time."""
        made = harness.run("skein-collector", "token", "create", "--data", self.taker.data)
        address = re.search(r"listening on (\S+),", self.taker.words()).group(1)
        done = subprocess.run(
            [os.path.join(harness.BUILD, "tests", "simsensor"), "--collector", address,
             "--data", os.path.join(self.here.directory, "sensor"), "--token",
             made.stdout.strip(), "--batches", "20", "--records", "50", "--limit", "30"],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def run_flood(self, *senders):
        """The counters after it; how much the reader holds."""
        reader = self.reader()
        running = [self.flood(*s) for s in senders]
        self.sensors_meanwhile()
        sent = [int(s.communicate()[0]) for s in running]
        self.assertEqual(reader, self.reader(), self.taker.words())
        return self.taker.counters(), harness.resident(reader), sent

    def test_garbage(self):
        taker = self.collector()
        counters, resident, sent = self.run_flood(("garbage",), ("garbage", "127.0.0.2"))
        bad = counters["flow_malformed"] + counters["flow_unknown"] + \
            counters["flow_strangers"] + counters["flow_overrun"]
        self.assertGreater(bad, sum(sent) / 4, f"{sent} {counters}")
        self.assertLess(resident, 160 << 20, counters)
        self.assertEqual(counters["flow_restarts"], 0)
        taker.end()

    def test_flows_out_of_a_hat(self):
        """Tables fill up; what finds no room is counted."""
        taker = self.collector()
        counters, resident, sent = self.run_flood(("flows",))
        self.assertGreater(counters["flow_early"], 0, f"{sent} {counters}")
        self.assertLess(resident, 256 << 20, counters)
        self.assertLessEqual(counters["flow_connections"], 131072)
        self.assertEqual(counters["flow_restarts"], 0)
        taker.process.kill()


if __name__ == "__main__":
    unittest.main()
