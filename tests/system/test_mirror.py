# SPDX-License-Identifier: Apache-2.0
"""A mirror port beside a host sensor: the same edges, though every packet comes twice.

tc(8) copies what passes two ports of the switch, both ways, into one end of a pair of
interfaces; the sensor listens at the other. What passes between the two mirrored ports comes
twice. Frames that the kernel has no device for (tagged, in tunnels) are sent by hand.
"""

import collections
import json
import os
import socket
import struct
import subprocess
import time
import unittest

import harness
import payload
import scene

MIRRORED = ("web", "app")
MANY = 120   # requests
REFUSED = 7
BULK = 3_000_000
BULK_PORT = 7801
SPAN_IN, SPAN = "span-in", "span"

Sum = collections.namedtuple("Sum", "opens failed up down")


def mirror_ports(here):
    """Every frame in and out of the mirrored ports goes to SPAN_IN, too."""
    switch = here.switch
    scene.call("ip", "-n", switch.namespace, "link", "add", SPAN_IN, "mtu", "9000", "type",
               "veth", "peer", "name", SPAN, "mtu", "9000")
    for name in (SPAN_IN, SPAN):
        scene.call("ip", "-n", switch.namespace, "link", "set", name, "up")
    for name in MIRRORED:
        port = "to-" + name
        scene.call(*switch.enter("tc", "qdisc", "add", "dev", port, "clsact"))
        for way in ("ingress", "egress"):
            scene.call(*switch.enter(
                "tc", "filter", "add", "dev", port, way, "protocol", "all", "u32", "match",
                "u32", "0", "0", "action", "mirred", "egress", "mirror", "dev", SPAN_IN))


class MirrorWatch:
    """`--mirror` in the switch's namespace, listening when this returns."""

    def __init__(self, here, *options):
        self.out = os.path.join(here.directory, "mirror.jsonl")
        ready, wait = os.pipe()
        self.process = subprocess.Popen(
            here.switch.enter(harness.program("skein-sensor"), "--mirror", SPAN, "--once",
                              "90s", "--out", self.out, "--interval", "1s", "--ready-fd",
                              str(wait), *options),
            pass_fds=[wait], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        os.close(wait)
        with os.fdopen(ready) as file:
            if file.readline() != "ready\n":
                raise AssertionError(self.process.communicate()[1])

    def end(self):
        """(flows, what it said, its status)."""
        self.process.terminate()
        words = self.process.communicate(timeout=60)[1]
        with open(self.out, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return [f for f in lines if f["type"] == "flow"], words, self.process.returncode


def sums(flows, addresses):
    """{(client, server, port): Sum} of TCP between two hosts, one of them in ADDRESSES."""
    total = collections.defaultdict(lambda: Sum(0, 0, 0, 0))
    for f in flows:
        if f["protocol"] != "tcp" or not addresses & {f["client_ip"], f["server_ip"]}:
            continue
        if f["client_ip"] == f["server_ip"] or f["server_ip"] in ("127.0.0.1", "::1"):
            continue
        key = (f["client_ip"], f["server_ip"], f["server_port"])
        total[key] = Sum(*(x + y for x, y in zip(total[key], (
            f["opens"], f["failed"], f["bytes_to_server"], f["bytes_to_client"]))))
    return dict(total)


@harness.needs_root
class Mirror(unittest.TestCase):
    """One scene for all of it."""

    maxDiff = None
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        mirror_ports(cls.scene)
        cls.scene.start_shop()
        cls.scene.script(cls.scene.app, "payload_server.py", BULK_PORT)
        cls.host = harness.Watch(120, "--memory-budget", "0")
        cls.addClassCleanup(cls.host.close)
        cls.mirror = MirrorWatch(cls.scene, *cls.options)
        cls.addClassCleanup(cls.mirror.process.kill)
        cls.traffic(cls.scene)
        time.sleep(2)
        cls.flows, cls.words, cls.status = cls.mirror.end()
        _, cls.host_flows = cls.host.end(early=True)

    @staticmethod
    def traffic(here):
        """Requests through three tiers, refusals, much data both ways, IPv6."""
        for n in range(MANY):
            address = f"[{here.web.v6}]" if n % 3 == 0 else here.web.v4
            here.curl(f"http://{address}/{n}")
        for _ in range(REFUSED):
            here.curl(f"http://{here.web.v4}:{scene.CLOSED_PORT}/")
        for address in (here.app.v4, here.app.v6):
            here.payload(address, BULK_PORT, "client", BULK, BULK // 3)
        for back in ([], ["--reverse"]):  # a control and a data connection each
            here.spawn(here.app, "iperf3", "--server", "--one-off", name="iperf3")
            time.sleep(0.5)
            scene.call(*here.client.enter("iperf3", "--client", here.app.v4, "--bytes", "30M",
                                          "--bitrate", "400M", *back), timeout=30)

    def test_the_same_edges_as_the_host_sensor(self):
        """Opens, failures and bytes of every edge at the mirrored ports."""
        addresses = {getattr(self.scene.hosts[name], family)
                     for name in MIRRORED for family in ("v4", "v6")}
        want = sums(self.host_flows, addresses)
        self.assertGreaterEqual(len(want), 8, want)
        self.assertEqual(sums(self.flows, addresses), want)

    def test_its_witness_is_the_mirror(self):
        """And it claims no process."""
        self.assertEqual({tuple(f["witnesses"]) for f in self.flows}, {("mirror",)})
        self.assertEqual({f["client_process"] for f in self.flows}, {None})

    def test_nothing_was_lost_and_that_is_said(self):
        """No drop; the status is that of a whole watch."""
        self.assertEqual(self.status, 0, self.words)
        self.assertNotIn("dropped", self.words)

    def test_copies_were_counted_once(self):
        """What passed both mirrored ports came twice: nginx to the application."""
        flows = [f for f in self.flows if f["server_ip"] == self.scene.app.v4
                 and f["server_port"] == scene.APP_PORT]
        self.assertEqual(sum(f["opens"] for f in flows), MANY)


class MirrorThreads(Mirror):
    """The same with two threads that share the packets."""

    options = ("--threads", "2")


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[:len(data) // 2 * 2]))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip4(src, dst, proto, payload, ident):
    """An IPv4 packet."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident, 0, 64, proto, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def ethernet(payload, *tags):
    """A frame with these VLAN tags."""
    head = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01"
    for tag in tags:
        head += struct.pack("!HH", 0x8100, tag)
    return head + b"\x08\x00" + payload


def conversation(client, server, port, up, down):
    """The IPv4 packets of one connection."""
    flags = {"S": 2, "A": 16, "F": 1, "P": 8}
    seq = {True: 1000, False: 9000}
    packets = []

    def send(out, what, data=b""):
        src, dst = (client, server) if out else (server, client)
        ports = (40001, port) if out else (port, 40001)
        bits = sum(flags[c] for c in what)
        head = struct.pack("!HHIIBBHHH", *ports, seq[out], seq[not out] if "A" in what else 0,
                           0x50, bits, 1000, 0, 0)
        packets.append(ip4(src, dst, 6, head + data, len(packets) + 1))
        seq[out] += len(data) + ("S" in what) + ("F" in what)

    send(True, "S")
    send(False, "SA")
    send(True, "A")
    send(True, "PA", up)
    send(False, "PA", down)
    send(True, "FA")
    send(False, "FA")
    send(True, "A")
    return packets


@harness.needs_root
class Encapsulated(unittest.TestCase):
    """Frames by hand into a pair of interfaces, read at its other end."""

    CASES = {7901: lambda p: ethernet(p, 5),
             7902: lambda p: ethernet(p, 5, 6),
             7903: lambda p: ethernet(ip4("192.0.2.1", "192.0.2.2", 17, struct.pack(
                 "!HHHHII", 5555, 4789, 16 + len(ethernet(p)), 0, 0x08000000, 77 << 8)
                 + ethernet(p), 1)),
             7904: lambda p: ethernet(ip4("192.0.2.1", "192.0.2.2", 47,
                                          struct.pack("!HH", 0, 0x0800) + p, 1)),
             7905: lambda p: ethernet(ip4("192.0.2.1", "192.0.2.2", 47, struct.pack(
                 "!HHIII", 0x1000, 0x88be, 9, 0x10050000, 0) + ethernet(p), 1)),
             7906: lambda p: ethernet(ip4("192.0.2.1", "192.0.2.2", 4, p, 1))}

    def test_each_is_one_edge(self):
        here = scene.Scene()
        self.addCleanup(here.close)
        here.open()
        mirror_ports(here)
        watch = MirrorWatch(here)
        self.addCleanup(watch.process.kill)
        frames = [(port, wrap(packet)) for port, wrap in self.CASES.items()
                  for packet in conversation("10.9.0.1", "10.9.0.2", port, b"u" * 300, b"d" * 700)]
        script = os.path.join(here.directory, "send.py")
        with open(script, "w", encoding="ascii") as file:
            file.write("import socket, sys\ns = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)\n"
                       f"s.bind(({SPAN_IN!r}, 0))\n"
                       "for line in sys.stdin:\n    s.send(bytes.fromhex(line))\n")
        subprocess.run(here.switch.enter(scene.PYTHON, script), text=True, check=True, timeout=20,
                       input="\n".join(frame.hex() for _, frame in frames) + "\n")
        time.sleep(1.5)
        flows, words, _ = watch.end()
        got = {f["server_port"]: (f["client_ip"], f["server_ip"], f["opens"],
                                  f["bytes_to_server"], f["bytes_to_client"]) for f in flows
               if f["server_ip"] == "10.9.0.2"}
        self.assertEqual(got, {port: ("10.9.0.1", "10.9.0.2", 1, 300, 700)
                               for port in self.CASES}, words)


@harness.needs_root
class Told(unittest.TestCase):
    """From the mirror by way of a collector into a database: live, and out of a capture."""

    PORT = 7700

    def setUp(self):
        self.scene = scene.Scene()
        self.addCleanup(self.scene.close)
        self.scene.open()
        mirror_ports(self.scene)
        scene.call("ip", "-n", self.scene.switch.namespace, "link", "set", "lo", "up")
        self.data = os.path.join(self.scene.directory, "data")
        self.address = f"127.0.0.1:{self.PORT}"
        self.collector = self.scene.spawn(
            self.scene.switch, harness.program("skein-collector"), "--data", self.data,
            "--listen", self.address, name="collector")
        scene.wait_for(lambda: os.path.exists(os.path.join(self.data, "skein.db")), 15,
                       "the collector's start")
        time.sleep(0.5)

    def skein(self, program, *argv):
        """Runs a program of ours in the switch's namespace; what it printed."""
        return scene.call(*self.scene.switch.enter(harness.program(program), *argv))

    def enroll(self, name):
        """A sensor's folder with a certificate of role mirror."""
        folder = os.path.join(self.scene.directory, name)
        token = self.skein("skein-collector", "token", "create", "--data", self.data, "--role",
                           "mirror").strip()
        self.skein("skein-sensor", "enroll", "--collector", self.address, "--token", token,
                   "--data", folder)
        return folder

    def edges(self):
        """{(client, server, port): (opens, failed, up, down, live)} of the database."""
        out = scene.call(*self.scene.switch.enter(
            harness.program("skein"), "edges", "--db", os.path.join(self.data, "skein.db"),
            "--json"), check=False) or "[]"
        return {(f["client_ip"], f["server_ip"], f["server_port"]):
                (f["opens"], f["failed"], f["bytes_to_server"], f["bytes_to_client"], f["live"])
                for f in json.loads(out)}

    def test_live(self):
        """While a connection goes on it is live and grows; in the end all is exact."""
        here = self.scene
        here.script(here.app, "payload_server.py", BULK_PORT)
        sensor = here.spawn(
            here.switch, harness.program("skein-sensor"), "--mirror", SPAN, "--collector",
            self.address, "--data", self.enroll("live"), "--interval", "1s", "--threads", "2",
            name="sensor")
        time.sleep(2)
        client = here.open_payload(here.app.v4, BULK_PORT, "client", 1000, 2000)
        key = (here.client.v4, here.app.v4, BULK_PORT)
        scene.wait_for(lambda: self.edges().get(key, (0,) * 5)[4] == 1, 10, "a live edge")
        here.next_step(client)
        for _ in range(20):
            here.payload(here.app.v4, BULK_PORT, "client", 10, 20)
        sensor.terminate()
        self.assertEqual(sensor.wait(30), 0, here.log("sensor"))
        head = payload.HEADER.size
        opens, failed, up, down, live = self.edges()[key]
        self.assertEqual((opens, failed, live), (21, 0, 0))
        self.assertEqual((up - 21 * head, down), (1000 + 20 * 10, 2000 + 20 * 20))

    def test_out_of_a_capture(self):
        """`--read FILE --collector`: its edges, with its own times."""
        frames = [ethernet(p) for p in conversation("10.9.0.1", "10.9.0.2", 7901, b"u" * 300,
                                                    b"d" * 700)]
        path = os.path.join(self.scene.directory, "one.pcap")
        with open(path, "wb") as file:
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for n, frame in enumerate(frames):
                file.write(struct.pack("<IIII", int(time.time()) - 600, n * 1000, len(frame),
                                       len(frame)) + frame)
        folder = self.enroll("read")
        os.killpg(self.collector.pid, 9) # it is there again only when the file is long read
        reader = self.scene.spawn(self.scene.switch, harness.program("skein-sensor"), "--read",
                                  path, "--collector", self.address, "--data", folder,
                                  name="reader")
        time.sleep(17)  # longer than a host's sensor waits at its end
        self.assertIsNone(reader.poll(), self.scene.log("reader"))
        self.scene.spawn(self.scene.switch, harness.program("skein-collector"), "--data",
                         self.data, "--listen", self.address, name="again")
        self.assertEqual(reader.wait(60), 0, self.scene.log("reader"))
        self.assertEqual(self.edges(), {("10.9.0.1", "10.9.0.2", 7901): (1, 0, 300, 700, 0)})


@harness.needs_root
class Rights(unittest.TestCase):
    """Who it is once it listens, and what it needs for that."""

    def test_it_keeps_no_right(self):
        here = scene.Scene()
        self.addCleanup(here.close)
        here.open()
        mirror_ports(here)
        watch = MirrorWatch(here, "--threads", "2")
        self.addCleanup(watch.process.kill)
        [pid] = harness.children(watch.process.pid)  # which writes, and parses nothing
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/status", encoding="ascii") as file:
                words = dict(line.split(":\t", 1) for line in file if ":\t" in line)
            self.assertEqual(int(words["CapEff"], 16), 0)
            self.assertEqual(int(words["CapPrm"], 16), 0)
            self.assertEqual(words["Seccomp"].strip(), "2")
            self.assertEqual(words["NoNewPrivs"].strip(), "1")
        watch.end()

    def test_one_right_is_enough(self):
        """Another user than root, with CAP_NET_RAW alone."""
        done = subprocess.run(
            ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps",
             "-all,+net_raw", "--ambient-caps", "+net_raw", "--bounding-set", "-all,+net_raw",
             harness.program("skein-sensor"), "--mirror", "lo", "--once", "1s", "--out", "-"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_without_a_right_one_line(self):
        outcome = harness.run("skein-sensor", "--mirror", "lo", "--once", "1s", "--out", "-",
                              as_nobody=True)
        self.assertEqual(outcome.status, 3)
        self.assertIn("CAP_NET_RAW", outcome.stderr)
        outcome = harness.run("skein-sensor", "--mirror", "nosuch0", "--once", "1s", "--out", "-")
        self.assertEqual(outcome.status, 3)
        self.assertIn("no such interface", outcome.stderr)


if __name__ == "__main__":
    unittest.main()
