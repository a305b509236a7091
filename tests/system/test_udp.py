# SPDX-License-Identifier: Apache-2.0
"""UDP: who asks whom, with the process at both ends, and nothing where nothing was sent.

UDP has no connections: a client may name its server once (connect), or with every datagram; a
server's socket mostly has no address; and a connect alone sends nothing, as every getaddrinfo()
does.  Each kind of talk has a server port and a client name of its own.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import harness
import scene

DNS, QUIC, OTHER, PAIR, MANY, NAMED, NEVER = 53, 443, 5301, 5302, 5303, 5304, 5999
NTP, SYSLOG = 123, 514
ASKS = 12        # questions of each kind
QUICK = 30       # processes that are gone at once
STORM = 20000    # questions of one process, a socket each
BYTES = 40       # of a question; the answer has twice as many


@harness.needs_root
class Udp(unittest.TestCase):
    """The traffic runs once under `skein up`; the tests look at the map."""

    @classmethod
    def setUpClass(cls):
        harness.program("skein")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.start_servers()
        data = os.path.join(cls.scene.directory, "data")
        cls.up = harness.Daemon("skein", "up", "--data", data)
        cls.addClassCleanup(cls.up.close)
        cls.up.first_words(10, quiet=1.5)
        cls.make_traffic()
        cls.up.signal(signal.SIGINT)
        cls.status = cls.up.wait(40)
        cls.database = os.path.join(data, "skein.db")
        cls.places = {a for h in cls.scene.hosts.values() for a in (h.v4, h.v6)}
        cls.flows = [f for f in harness.edges(cls.database)
                     if f["protocol"] == "udp" and
                     ({f["client_ip"], f["server_ip"]} & cls.places or
                      f["client_process"] == "self.py")]

    @classmethod
    def peer(cls, name):
        """The path of udp_peer.py under another name."""
        path = os.path.join(cls.scene.directory, name)
        if not os.path.exists(path):
            shutil.copy(os.path.join(scene.HERE, "udp_peer.py"), path)
        return path

    @classmethod
    def serve(cls, host, name, *arguments):
        """Starts a server."""
        cls.scene.spawn_ready(host, scene.PYTHON, cls.peer(name),
                              *[str(a) for a in arguments], name=name)

    @classmethod
    def start_servers(cls):
        here = cls.scene
        cls.serve(here.app, "dnsd.py", "serve", DNS)
        cls.serve(here.app, "quicd.py", "serve", QUIC, here.app.v4)
        cls.serve(here.app, "other.py", "serve", OTHER)
        cls.serve(here.app, "many.py", "serve", MANY)
        cls.second = here.app.v4 + "4"  # one more address of that host
        scene.call("ip", "-n", here.app.namespace, "addr", "add", cls.second + "/24",
                   "dev", "eth0")
        cls.serve(here.app, "named.py", "named", NAMED)
        cls.serve(here.app, "ntpd.py", "serve", NTP, here.app.v4)
        cls.serve(here.db, "logd.py", "sink", SYSLOG)
        cls.serve(here.db, "front.py", "front", PAIR, cls.peer("back.py"))
        cls.serve(here.client, "local.py", "serve", OTHER)

    @classmethod
    def ask(cls, name, kind, address, port, count=ASKS):
        """Runs a client of that name on the client's host."""
        said = json.loads(scene.call(*cls.scene.client.enter(
            scene.PYTHON, cls.peer(name), "ask", kind, address, str(port), str(count)),
            timeout=60))
        answered = kind not in ("oneway", "connect")
        assert said["received"] == (2 * BYTES * count if answered else 0), said

    @classmethod
    def make_traffic(cls):
        here, app = cls.scene, cls.scene.app
        for address in (app.v4, app.v6):
            for kind in ("connected", "sendto", "recv", "bound"):
                cls.ask(kind + ".py", kind, address, DNS)
        cls.ask("mapped.py", "sendto", "::ffff:" + app.v4, DNS)
        cls.ask("browser.py", "connected", app.v4, QUIC)
        cls.ask("second.py", "connected", cls.second, NAMED)
        cls.ask("steady.py", "samesocket", app.v4, OTHER)
        cls.ask("self.py", "connected", "127.0.0.1", OTHER)
        cls.ask("ntp.py", "port", app.v4, NTP)
        cls.ask("logger.py", "oneway", here.db.v4, SYSLOG)
        cls.ask("pair.py", "sendto", here.db.v4, PAIR)
        cls.ask("sorter.py", "connect", app.v4, NEVER)
        cls.ask("sorter.py", "connect", app.v4, DNS)
        cls.ask("storm.py", "connected", app.v4, MANY, STORM)
        quick = os.path.join(here.directory, "quick.sh")
        with open(quick, "w", encoding="ascii") as file:
            file.write(f"printf question > /dev/udp/{app.v4}/{OTHER}\n")
        for _ in range(QUICK):
            scene.call(*here.client.enter("bash", quick))
        everybody = here.client.v4.rsplit(".", 1)[0] + ".255"
        for address, port in (("224.0.0.251", 5353), ("239.255.255.250", 1900),
                              ("239.1.2.3", 9999), (everybody, 9998),
                              ("255.255.255.255", 9998)):
            scene.call(*here.client.enter(scene.PYTHON, cls.peer("shout.py"), "shout",
                                          address, str(port), here.client.v4), check=False)

    def of(self, client):
        """The edges of one client, in the order of their server's address."""
        return sorted((f for f in self.flows if f["client_process"] == client),
                      key=lambda f: (f["server_ip"], f["server_port"], f["server_process"]))

    def check(self, client, ends, count=ASKS, size=BYTES, answer=2 * BYTES):
        """CLIENT has these edges and no other: (its address, server, address, port)."""
        self.assertEqual(
            [(f["client_ip"], f["server_process"], f["server_ip"], f["server_port"],
              f["opens"], f["failed"], f.get("bytes_to_server"), f.get("bytes_to_client"))
             for f in self.of(client)],
            [(*end, count, 0, size * count, answer * count) for end in ends], client)

    def test_servers_are_seen_to_wait(self):
        waiting = {(row["process"], row["port"]) for row in
                   harness.run_json("services", "--db", self.database, "--json")
                   if row["protocol"] == "udp"}
        self.assertLessEqual({("dnsd.py", DNS), ("ntpd.py", NTP), ("logd.py", SYSLOG),
                              ("front.py", PAIR), ("local.py", OTHER)}, waiting)

    def test_ends_with_status_0(self):
        self.assertEqual(self.status, 0, self.up.errors())

    def test_kinds_of_clients_over_both_families(self):
        here = self.scene
        ends = [(here.client.v4, "dnsd.py", here.app.v4, DNS),
                (here.client.v6, "dnsd.py", here.app.v6, DNS)]
        for kind in ("connected", "sendto", "recv", "bound"):
            with self.subTest(kind):
                self.check(kind + ".py", ends)

    def test_mapped_addresses_are_v4(self):
        self.check("mapped.py", [(self.scene.client.v4, "dnsd.py", self.scene.app.v4, DNS)])

    def test_a_server_that_answers_from_its_other_address(self):
        self.check("second.py", [(self.scene.client.v4, "named.py", self.second, NAMED)])
        self.assertEqual({f["server_ip"] for f in self.flows if f["server_port"] == NAMED},
                         {self.second})

    def test_a_socket_that_asks_often_opens_once(self):
        flow, = self.of("steady.py")
        self.assertEqual((flow["opens"], flow["bytes_to_client"]), (1, 2 * BYTES * ASKS))

    def test_quic(self):
        self.check("browser.py", [(self.scene.client.v4, "quicd.py", self.scene.app.v4, QUIC)])

    def test_within_a_namespace(self):
        self.check("self.py", [("127.0.0.1", "local.py", "127.0.0.1", OTHER)])

    def test_equal_ports_have_the_direction_of_who_began(self):
        here = self.scene
        flow, = [f for f in self.flows if f["server_port"] == NTP]
        self.assertEqual((flow["client_process"], flow["client_ip"], flow["server_process"],
                          flow["server_ip"]), ("ntp.py", here.client.v4, "ntpd.py", here.app.v4))
        self.assertEqual((flow["opens"], flow["bytes_to_client"]), (1, 2 * BYTES * ASKS))

    def test_one_way(self):
        self.check("logger.py", [(self.scene.client.v4, "logd.py", self.scene.db.v4, SYSLOG)],
                   answer=0)

    def test_a_server_of_two_processes(self):
        """Both are seen; the questions are counted once."""
        flows = self.of("pair.py")
        self.assertLessEqual({f["server_process"] for f in flows}, {"front.py", "back.py"})
        self.assertEqual(sum(f["opens"] for f in flows), ASKS, flows)
        self.assertEqual(sum(f.get("bytes_to_client", 0) for f in flows), 2 * BYTES * ASKS, flows)

    def test_processes_that_are_gone_at_once(self):
        self.check("quick.sh", [(self.scene.client.v4, "other.py", self.scene.app.v4, OTHER)],
                   count=QUICK, size=len("question"), answer=0)  # nobody waited for one

    def test_a_storm_is_one_edge(self):
        flow, = self.of("storm.py")
        self.assertEqual((flow["server_process"], flow["opens"], flow["bytes_to_server"],
                          flow["bytes_to_client"]),
                         ("many.py", STORM, BYTES * STORM, 2 * BYTES * STORM))

    def test_a_connect_alone_is_no_traffic(self):
        self.assertEqual(self.of("sorter.py"), [])

    def test_what_is_said_to_everybody_is_no_edge(self):
        self.assertEqual(self.of("shout.py"), [])
        self.assertEqual([f for f in self.flows if f["server_port"] in (9998, 9999, 1900, 5353)],
                         [])

    def test_nothing_else_is_invented(self):
        """Every edge of the scene has both its processes and is one that was made."""
        known = {DNS, QUIC, OTHER, PAIR, MANY, NAMED, NTP, SYSLOG}
        for flow in self.flows:
            self.assertIn(flow["server_port"], known, flow)
            self.assertTrue(flow["client_process"] and flow["server_process"], flow)


class Spy:
    """A probe by itself; at its end, what it told of edges and of intervals."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [harness.program("tests/probespy"), "ebpf", *arguments], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        assert scene.read_line(self.process.stdout, 20, "probespy") == "ready ebpf"

    def end(self):
        """Its edges of UDP and its intervals."""
        time.sleep(0.2)
        words, _ = self.process.communicate(timeout=30)
        said = [json.loads(line) for line in words.splitlines() if line.startswith("{")]
        return ([s for s in said if s.get("protocol") == "udp"],
                [s for s in said if "interval" in s])


@harness.needs_root
class Probe(unittest.TestCase):
    """What the probe itself does with a flood, with little from the kernel, and after a kill."""

    @staticmethod
    def peer(directory):
        """udp_peer.py under the name of its folder, so that these are no others' edges."""
        path = os.path.join(directory, os.path.basename(directory) + ".py")
        shutil.copy(os.path.join(scene.HERE, "udp_peer.py"), path)
        return path, os.path.basename(path)

    def ask(self, path, kind, port, count=ASKS, address="127.0.0.1"):
        scene.call(scene.PYTHON, path, "ask", kind, address, str(port), str(count), timeout=60)

    def test_a_kernel_that_tells_no_lengths(self):
        """Before Linux 6.3: hooks alone, no amounts; a connect is believed to known ports."""
        with tempfile.TemporaryDirectory(prefix="udp") as directory:
            path, name = self.peer(directory)
            server = subprocess.Popen([scene.PYTHON, path, "serve", str(OTHER)],
                                      stdout=subprocess.PIPE, text=True,
                                      start_new_session=True)
            self.addCleanup(server.stdout.close)
            self.addCleanup(scene.stop, server)
            scene.read_line(server.stdout, 10, "the server")
            spy = Spy("200", "1000", "udp-hooks")
            self.ask(path, "sendto", OTHER)
            self.ask(path, "connected", OTHER)
            self.ask(path, "connect", DNS)
            self.ask(path, "connect", QUIC)
            edges, _ = spy.end()
        opens = {}
        for edge in edges:
            if edge.get("process") == name:
                self.assertNotIn("to_server", edge)
                key = (edge["side"], edge["port"])
                opens[key] = opens.get(key, 0) + edge["opens"]
        self.assertEqual(opens, {("client", OTHER): ASKS, ("server", OTHER): 2 * ASKS,
                                 ("client", DNS): ASKS})

    def test_a_namespace_that_is_gone_at_once(self):
        """Its address is asked for while it is there, not at the end of the interval."""
        name = f"skeinudp{os.getpid()}"
        with tempfile.TemporaryDirectory(prefix="udp") as directory:
            path, process = self.peer(directory)
            spy = Spy("20000")
            scene.call("ip", "netns", "add", name)
            self.addCleanup(scene.call, "ip", "netns", "delete", name, check=False)
            scene.call("ip", "-n", name, "link", "add", "eth9", "type", "veth",
                       "peer", "name", "eth8")
            scene.call("ip", "-n", name, "addr", "add", "10.78.1.1/24", "dev", "eth9")
            scene.call("ip", "-n", name, "link", "set", "eth9", "up")
            scene.call("ip", "netns", "exec", name, scene.PYTHON, path, "ask", "oneway",
                       "10.78.1.9", "53", "3")
            scene.call("ip", "netns", "delete", name)
            edges, _ = spy.end()
        self.assertEqual([(e["client"], e["server"], e["port"], e["opens"])
                          for e in edges if e.get("process") == process],
                         [("10.78.1.1", "10.78.1.9", 53, 3)])

    def test_a_flood_of_peers_is_counted_or_said_to_be_lost(self):
        flood = 40000
        spy = Spy("20000")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for n in range(flood):
                sock.sendto(b"x", (f"127.{n // 62500 + 1}.{n // 250 % 250}.{n % 250 + 1}", 7007))
        edges, intervals = spy.end()
        told = sum(e["opens"] for e in edges if e["port"] == 7007)
        lost = sum(i["edge_full"] for i in intervals)
        self.assertEqual(told + lost, flood)
        self.assertGreaterEqual(told, 16384)  # what fits, even if nobody drains it early

    def test_a_kill_leaves_nothing_in_the_kernel(self):
        def programs():
            return {p["id"] for p in json.loads(scene.call("bpftool", "prog", "show", "-j"))
                    if p["name"] in ("send4", "receive6", "on_send", "bound")}

        before = programs()
        spy = Spy()
        self.assertEqual(len(programs() - before), 4)
        spy.process.kill()
        spy.process.communicate()
        scene.wait_for(lambda: not programs() - before, 5, "the programs' end")


if __name__ == "__main__":
    unittest.main()
