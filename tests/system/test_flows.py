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
import struct
import subprocess
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
BULK_PORT, SILENT_PORT, UDP_PORT = 7801, 83, 5353

Sum = collections.namedtuple("Sum", "opens failed up down")

ANSWERER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data * 3, peer)
"""

ASKER = """
import socket, sys
for n in range(int(sys.argv[3])):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(5)
    s.sendto(b"q" * 100, (sys.argv[1], int(sys.argv[2])))
    s.recv(2048)
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
        return self.here.log(self.name)

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
    """{(client, server, port): Sum} of the TCP connections in a capture."""
    out = scene.call(*here.switch.enter(harness.program("skein-sensor"), "--read", path,
                                        "--connections", "tsv"))
    head, *rows = [line.split("\t") for line in out.splitlines()]
    total = collections.defaultdict(lambda: Sum(0, 0, 0, 0))
    for row in (dict(zip(head, r)) for r in rows):
        key = (row["client_ip"], row["server_ip"], int(row["server_port"]))
        up, down = int(row["bytes_c"]), int(row["bytes_s"])
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
        for name, text in (("answerer.py", ANSWERER), ("asker.py", ASKER)):
            with open(os.path.join(here.directory, name), "w", encoding="ascii") as file:
                file.write(text)
        here.spawn_ready(here.web, scene.PYTHON, os.path.join(here.directory, "answerer.py"),
                         str(UDP_PORT), name="answerer")

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
                                                          "nfprobe10", "sflow", "sampled")}
        port = {n: c.port for n, c in cls.collectors.items()}
        controls = [softflowd(here, v, port[n]) for n, v in (("v5", 5), ("v9", 9),
                                                             ("ipfix", 10))]
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
        got = of_flows(flows)
        key = (here.client.v4, here.web.v4, BULK_PORT)
        self.assertTrue(near(got[key].up + got[key].down,
                             self.want[key].up + self.want[key].down, 0.5, 0),
                        f"{got[key]} {self.want[key]}")

    def test_nothing_was_dropped_and_that_is_said(self):
        for name, counters in self.counters.items():
            for bad in ("flow_strangers", "flow_overrun", "flow_malformed", "flow_unknown",
                        "flow_refused", "flow_no_template", "flow_missed", "flow_lost",
                        "flow_odd", "flow_clocks", "flow_restarts"):
                self.assertEqual(counters[bad], 0, f"{name} {bad}: {counters}")
            self.assertGreater(counters["flow_records"], 0, name)


if __name__ == "__main__":
    unittest.main()
