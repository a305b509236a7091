# SPDX-License-Identifier: Apache-2.0
"""Foreign flows: real exporters beside a capture of the same packets.

softflowd and pmacct watch one port of the switch and export what they see, each to a collector of
its own; tcpdump writes down the same packets, and `skein-sensor --read` says what they amount to.
The edges have to be the same: ends, openings and failures to the one, bytes within what headers
leave open.
"""

import os
import shutil
import signal
import subprocess
import time
import unittest

import harness
import scene
from flowscene import Alone, Collector, Sum, of_capture, of_flows

PORT_SEEN = "to-web"
MANY = 60
REFUSED = 5
SILENT = 3
QUESTIONS = 20
BULK = 400_000
BULK_PORT, SILENT_PORT, UDP_PORT, STREAM_PORT = 7801, 83, 5353, 5354
STREAM, PIECE = 4000, 500

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


if __name__ == "__main__":
    unittest.main()
