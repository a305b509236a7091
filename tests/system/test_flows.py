# SPDX-License-Identifier: Apache-2.0
"""Foreign flows: real exporters beside a capture of the same packets.

softflowd and pmacct watch one port of the switch and export what they see, each to a collector of
its own; tcpdump writes down the same packets, and `skein-sensor --read` says what they amount to.
The edges have to be the same: ends, openings and failures to the one, bytes within what headers
leave open.
"""

import collections
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import tempfile
import time
import unittest

import harness
import scene

PORT_SEEN = "to-web"
MANY = 60
REFUSED = 5
SILENT = 3
QUESTIONS = 20
BULK = 400_000
BULK_PORT, SILENT_PORT, UDP_PORT, STREAM_PORT = 7801, 83, 5353, 5354
STREAM, PIECE = 4000, 500

Sum = collections.namedtuple("Sum", "opens failed up down")

ANSWERER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = int(sys.argv[1])
s.bind(("", port))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048)
    if port == %d:
        s.sendto(data * 3, peer)
""" % UDP_PORT

ASKER = """
import socket, sys
for n in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"q" * 100, (sys.argv[1], int(sys.argv[2])))
    s.recv(2048)
"""


STREAMER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for n in range(int(sys.argv[3])):
    s.sendto(b"s" * int(sys.argv[4]), (sys.argv[1], int(sys.argv[2])))
    if n % 100 == 0:
        time.sleep(0.01)
"""

FILLER = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 253)  # for experiments: RFC 3692
for n in range(6000):
    s.sendto(b"f" * 1400, (sys.argv[1], 0))
    if n % 100 == 0:
        time.sleep(0.01)
"""


def exporters_missing():
    """Programs that the tests need beside those of the scene."""
    return [p for p in ("softflowd", "pmacctd", "tcpdump") if not shutil.which(p)]


class Collector:
    """A collector in the switch's namespace that takes flows from loopback."""

    def __init__(self, here, name, allowed="127.0.0.1", listen="127.0.0.1:0"):
        self.here, self.name = here, name
        self.data = os.path.join(here.directory, name)
        self.process = here.spawn(
            here.switch, harness.program("skein-collector"), "--data", self.data, "--listen",
            "127.0.0.1:0", "--flows", listen, "--flow-exporters", allowed, name=name)
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


def softflowd(here, version, port, *options):
    """softflowd on the port that is watched; its control socket."""
    name = f"softflowd{version}-{port}"
    control = os.path.join(here.directory, name + ".ctl")
    here.spawn(here.switch, "softflowd", "-i", PORT_SEEN, "-n", f"127.0.0.1:{port}", "-v",
               str(version), "-d", "-c", control, "-p",
               os.path.join(here.directory, name + ".pid"), *options, name=name)
    scene.wait_for(lambda: os.path.exists(control), 10, name)
    return control


def stop_softflowd(here, control):
    """All that it has is exported."""
    scene.call(*here.switch.enter("softflowctl", "-c", control, "expire-all"))
    time.sleep(0.3)
    scene.call(*here.switch.enter("softflowctl", "-c", control, "shutdown"))


def pmacctd(here, name, *lines):
    """pmacctd with a configuration of these lines."""
    path = os.path.join(here.directory, name + ".conf")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(["daemonize: false", f"pcap_interface: {PORT_SEEN}",
                              "aggregate: src_host, dst_host, src_port, dst_port, proto, tos, "
                              "tcpflags", *lines]) + "\n")
    return here.spawn(here.switch, "pmacctd", "-f", path, name=name)


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


def near(got, want, share, least):
    """Within SHARE of it, or LEAST bytes."""
    return abs(got - want) <= max(share * want, least)


def differences(want, got, share=0.01, each=0):
    """What is wrong with edges, one a line; EACH byte of every opening is left open as well."""
    words = []
    for key in sorted(set(want) | set(got)):
        a, b = want.get(key), got.get(key)
        if a is None or b is None:
            words.append(f"{key}: capture {a}, flows {b}")
        elif (a.opens, a.failed) != (b.opens, b.failed):
            words.append(f"{key}: opens, failed: capture {a}, flows {b}")
        elif not (near(b.up, a.up, share, each * a.opens) and
                  near(b.down, a.down, share, each * a.opens)):
            words.append(f"{key}: bytes: capture {a}, flows {b}")
    return "\n".join(words)


class Watched(unittest.TestCase):
    """A scene with the traffic of all tests, and somebody who writes it down."""

    maxDiff = None

    @classmethod
    def begin(cls):
        """Everything but exporters."""
        missing = exporters_missing()
        if missing:
            raise scene.SceneError(f"missing: {missing}; install with: scripts/deps.sh test")
        cls.scene = here = scene.Scene()
        cls.addClassCleanup(here.close)
        here.open()
        scene.call("ip", "-n", here.switch.namespace, "link", "set", "lo", "up")
        here.start_shop()
        here.script(here.web, "payload_server.py", BULK_PORT)
        scene.call(*here.web.enter("nft", "add table ip quiet; add chain ip quiet in "
                                   "{ type filter hook input priority 0; }; add rule ip quiet "
                                   f"in tcp dport {SILENT_PORT} drop"))
        for name, text in (("answerer.py", ANSWERER), ("asker.py", ASKER),
                           ("streamer.py", STREAMER)):
            with open(os.path.join(here.directory, name), "w", encoding="ascii") as file:
                file.write(text)
        for port in (UDP_PORT, STREAM_PORT):
            here.spawn_ready(here.web, scene.PYTHON,
                             os.path.join(here.directory, "answerer.py"), str(port),
                             name=f"answerer{port}")

    @classmethod
    def capture(cls):
        """tcpdump at the port, listening when this returns."""
        cls.pcap = os.path.join(cls.scene.directory, "seen.pcap")
        cls.dump = cls.scene.spawn(cls.scene.switch, "tcpdump", "-i", PORT_SEEN, "-w", cls.pcap,
                                   "-U", "-B", "65536", "-Z", "root", name="tcpdump")
        scene.wait_for(lambda: "listening on" in cls.scene.log("tcpdump"), 15, "tcpdump")

    @classmethod
    def traffic(cls):
        """Requests, refusals, silence, much data both ways, IPv6, UDP."""
        here = cls.scene
        for n in range(MANY):
            address = f"[{here.web.v6}]" if n % 3 == 0 else here.web.v4
            here.curl(f"http://{address}/{n}")
        for _ in range(REFUSED):
            here.curl(f"http://{here.web.v4}:{scene.CLOSED_PORT}/")
        for address in (here.web.v4, here.web.v6):
            here.payload(address, BULK_PORT, "client", BULK, BULK // 3)
        for _ in range(SILENT):
            subprocess.run(here.client.enter(
                "curl", "--silent", "--connect-timeout", "2",
                f"http://{here.web.v4}:{SILENT_PORT}/"), check=False, timeout=20)
        scene.call(*here.client.enter(scene.PYTHON, os.path.join(here.directory, "asker.py"),
                                      here.web.v4, str(UDP_PORT), str(QUESTIONS)))
        scene.call(*here.client.enter(scene.PYTHON, os.path.join(here.directory, "streamer.py"),
                                      here.web.v4, str(STREAM_PORT), str(STREAM), str(PIECE)))
        time.sleep(1)


    @classmethod
    def push(cls):
        """Exporters get packets by the block: others fill the last one. They are no edges."""
        here = cls.scene
        scene.call(*here.client.enter(scene.PYTHON, "-c", FILLER, here.web.v4), timeout=60)
        time.sleep(1)


@harness.needs_root
class Exporters(Watched):
    """All of them at once, at the same packets."""

    @classmethod
    def setUpClass(cls):
        cls.begin()
        here = cls.scene
        cls.collectors = {n: Collector(here, n) for n in ("v5", "v9", "ipfix", "nfprobe9",
                                                          "nfprobe10", "sflow", "sampled",
                                                          "lossy")}
        port = {n: c.port for n, c in cls.collectors.items()}
        scene.call(*here.switch.enter("nft", "add table ip lossy; add chain ip lossy in "
                                      "{ type filter hook input priority 0; }; add rule ip "
                                      f"lossy in udp dport {port['lossy']} numgen inc mod 3 2 "
                                      "drop"))
        controls = [softflowd(here, v, port[n]) for n, v in (("v5", 5), ("v9", 9),
                                                             ("ipfix", 10), ("lossy", 5))]
        probes = [pmacctd(here, f"pmacct-{n}", "plugins: nfprobe[a]",
                          f"nfprobe_receiver[a]: 127.0.0.1:{port[n]}",
                          f"nfprobe_version[a]: {v}", "nfprobe_timeouts[a]: expint=1")
                  for n, v in (("nfprobe9", 9), ("nfprobe10", 10))]
        probes += [pmacctd(here, f"pmacct-{n}", "plugins: sfprobe[a]",
                           f"sfprobe_receiver[a]: 127.0.0.1:{port[n]}", "sfprobe_agentip[a]: "
                           "127.0.0.1", f"sampling_rate[a]: {rate}")
                   for n, rate in (("sflow", 1), ("sampled", 8))]
        time.sleep(3)
        cls.capture()
        cls.traffic()
        cls.dump.send_signal(signal.SIGINT)
        cls.dump.wait(10)
        cls.push()
        for control in controls:
            stop_softflowd(here, control)
        for probe in probes:
            os.kill(probe.pid, signal.SIGINT)
            probe.wait(20)
        time.sleep(1)
        cls.counters = {n: c.counters() for n, c in cls.collectors.items()}
        for collector in cls.collectors.values():
            collector.end()
        cls.want = of_capture(here, cls.pcap)

    def check(self, name, **tolerance):
        """Edges, counters and marks of one exporter."""
        flows = self.collectors[name].flows()
        self.assertEqual(differences(self.want, of_flows(flows), **tolerance), "",
                         f"{name}: {self.counters[name]}")
        udp = of_flows(flows, "udp")
        here = self.scene
        self.assertEqual(udp.get((here.client.v4, here.web.v4, UDP_PORT)),
                         Sum(QUESTIONS, 0, QUESTIONS * 100, QUESTIONS * 300), f"{name}: {udp}")
        self.assertEqual(udp.get((here.client.v4, here.web.v4, STREAM_PORT)),
                         Sum(1, 0, STREAM * PIECE, 0), f"{name}: {udp}")
        self.assertEqual({tuple(f["witnesses"]) for f in flows}, {("netflow",)})
        self.assertTrue(all(f["unauthenticated"] for f in flows))
        self.assertFalse(any("sampled" in f for f in flows))

    def test_the_capture_has_what_was_sent(self):
        here = self.scene
        self.assertEqual(self.want[(here.client.v4, here.web.v4, scene.WEB_PORT)].opens,
                         MANY - MANY // 3)
        self.assertEqual(self.want[(here.client.v4, here.web.v4, SILENT_PORT)][:2],
                         (SILENT, SILENT))

    def test_softflowd_netflow5(self):
        self.want = {k: v for k, v in self.want.items() if ":" not in k[0]}  # it has no IPv6
        self.check("v5")

    def test_softflowd_netflow9(self):
        self.check("v9")

    def test_softflowd_ipfix(self):
        self.check("ipfix")

    def test_pmacct_netflow9(self):
        self.check("nfprobe9")

    def test_pmacct_ipfix(self):
        self.check("nfprobe10")

    def test_pmacct_sflow_of_every_packet(self):
        self.check("sflow")

    def test_pmacct_sflow_of_one_packet_in_eight(self):
        """Estimates: marked, and about right where there was much."""
        here = self.scene
        flows = self.collectors["sampled"].flows()
        self.assertTrue(flows)
        self.assertEqual({f.get("sampled") for f in flows}, {8})
        got = of_flows(flows, "udp")[(here.client.v4, here.web.v4, STREAM_PORT)]
        self.assertTrue(near(got.up, STREAM * PIECE, 0.2, 0), got)  # four and a half sigma
        self.assertTrue(set(of_flows(flows)) <= set(self.want), flows)

    def test_a_third_of_the_datagrams_is_dropped(self):
        """Less than there was, nothing invented, nothing doubled, and it is said."""
        got = of_flows(self.collectors["lossy"].flows())
        self.assertTrue(set(got) <= set(self.want), got)
        for key, flow in got.items():
            self.assertLessEqual(flow.opens, self.want[key].opens, key)
        self.assertLess(sum(f.opens for f in got.values()),
                        sum(f.opens for k, f in self.want.items() if ":" not in k[0]))
        self.assertGreaterEqual(self.counters["lossy"]["flow_missed"], 30)

    def test_nothing_was_dropped_and_that_is_said(self):
        for name, counters in self.counters.items():
            if name == "lossy":
                continue
            for bad in ("flow_strangers", "flow_overrun", "flow_malformed", "flow_unknown",
                        "flow_refused", "flow_no_template", "flow_missed", "flow_lost",
                        "flow_odd", "flow_clocks", "flow_restarts"):
                self.assertEqual(counters[bad], 0, f"{name} {bad}: {counters}")
            self.assertGreater(counters["flow_records"], 0, name)


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
        """The process that reads datagrams: the one that another one guards."""
        [reader] = [p for guard in harness.children(self.taker.pid())
                    for p in harness.children(guard)]
        return reader


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


@harness.needs_root
class Captures(Alone):
    """softflowd reads captures that were made for the mirror: the same ends and openings."""

    NAMES = ("plain-http", "plain-ipv6", "refused", "half-closed", "syn-with-data", "keep-alive",
             "sent-again", "reordered", "tls-split")

    def test_the_same_ends_and_openings(self):
        folder = os.path.join(harness.ROOT, "tests", "captures")
        for name in self.NAMES:
            with self.subTest(name):
                path = os.path.join(folder, name + ".pcap")
                taker = self.collector()
                scene.call("softflowd", "-r", path, "-v", "9", "-n", f"127.0.0.1:{taker.port}",
                           "-c", "none", "-p", os.path.join(self.here.directory, "pid"))
                self.wait_counter("flow_records", 1)
                taker.end()
                want = {k: v[:2] for k, v in of_capture(self.here, path).items()}
                got = {k: v[:2] for k, v in of_flows(taker.flows()).items()}
                self.assertEqual(got, want)


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

    @staticmethod
    def resident(pid):
        """Bytes."""
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)) * 1024

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
        return self.taker.counters(), self.resident(reader), sent

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
