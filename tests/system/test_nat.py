# SPDX-License-Identifier: Apache-2.0
"""Translations that this host makes: the seen end and the real end are both kept.

Two namespaces and one watch (`--once`): the server's redirects port 80 to the one it serves, the
client's translates an address that nobody has.
"""

import json
import os
import subprocess
import time
import unittest

import harness

CLIENT, SERVER = f"skeinnatc{os.getpid()}", f"skeinnats{os.getpid()}"
REAL = 18090
REDIRECT = f"""table ip nat {{
  chain pre {{
    type nat hook prerouting priority -100;
    tcp dport 80 redirect to :{REAL};
  }}
}}
"""
OUTPUT = f"""table ip nat {{
  chain out {{
    type nat hook output priority -100;
    ip daddr 10.98.0.100 tcp dport 443 dnat to 10.98.0.2:{REAL};
  }}
}}
"""
LISTEN = """
import socket, sys
s = socket.create_server(("0.0.0.0", int(sys.argv[1])))
print("ready", flush=True)
while True:
    c = s.accept()[0]
    c.recv(16)
    c.sendall(b"hello")
    c.close()
"""
CONNECT = """
import socket, sys
c = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=5)
c.sendall(b"x")
assert c.recv(16) == b"hello"
"""


def ip(*words):
    """ip(8), which must not fail."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def inside(netns, *argv, **options):
    """A command in a namespace."""
    return subprocess.run(["ip", "netns", "exec", netns, *argv], check=True, text=True,
                          capture_output=True, timeout=20, **options)


class Translations(unittest.TestCase):
    """What the watch wrote of five connections."""

    @classmethod
    def setUpClass(cls):
        cls.server = cls.sensor = None
        cls.out = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"skein-nat-{os.getpid()}.jsonl")
        cls.addClassCleanup(cls.sweep)
        for netns in (CLIENT, SERVER):
            ip("netns", "add", netns)
        ip("link", "add", "natc", "netns", CLIENT, "type", "veth", "peer", "name", "nats",
           "netns", SERVER)
        for netns, device, address in ((CLIENT, "natc", "10.98.0.1/24"),
                                       (SERVER, "nats", "10.98.0.2/24")):
            ip("-n", netns, "addr", "add", address, "dev", device)
            ip("-n", netns, "link", "set", device, "up")
            ip("-n", netns, "link", "set", "lo", "up")
        ip("-n", CLIENT, "route", "add", "10.98.0.100", "dev", "natc")
        inside(SERVER, "nft", "-f", "-", input=REDIRECT)
        inside(CLIENT, "nft", "-f", "-", input=OUTPUT)
        cls.server = subprocess.Popen(
            ["ip", "netns", "exec", SERVER, "/usr/bin/python3", "-c", LISTEN, str(REAL)],
            stdout=subprocess.PIPE, text=True)
        cls.server.stdout.readline()
        cls.watch()

    @classmethod
    def watch(cls):
        """Three through the redirect, two through the client's own translation."""
        ready, wait = os.pipe()
        cls.sensor = subprocess.Popen(
            [harness.program("skein-sensor"), "--ebpf", "--once", "4s", "--out", cls.out,
             "--ready-fd", str(wait)], pass_fds=[wait], stderr=subprocess.PIPE, text=True)
        os.close(wait)
        with os.fdopen(ready) as file:
            assert file.readline() == "ready\n"
        time.sleep(0.5)
        for target, port, times in (("10.98.0.2", "80", 3), ("10.98.0.100", "443", 2)):
            for _ in range(times):
                inside(CLIENT, "/usr/bin/python3", "-c", CONNECT, target, port)
        cls.words = cls.sensor.communicate(timeout=30)[1]
        with open(cls.out, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        cls.flows = [f for f in lines if f["type"] == "flow" and f["client_ip"] == "10.98.0.1"]

    @classmethod
    def sweep(cls):
        """Takes everything down."""
        for process in (cls.server, cls.sensor):
            if process and process.poll() is None:
                process.kill()
            if process:
                process.wait()
                for stream in (process.stdout, process.stderr):
                    if stream:
                        stream.close()
        for netns in (CLIENT, SERVER):
            subprocess.run(["ip", "netns", "del", netns], check=False, capture_output=True)
        if os.path.exists(cls.out):
            os.unlink(cls.out)

    def test_the_watch_was_whole(self):
        """Exit status 0: nothing was degraded."""
        self.assertEqual(self.sensor.returncode, 0, self.words)

    def test_every_connection_ends_at_the_real_server(self):
        """Also the two whose client asked for an address that nobody has."""
        self.assertEqual({(f["server_ip"], f["server_port"]) for f in self.flows},
                         {("10.98.0.2", REAL)})
        self.assertEqual(sum(f["opens"] for f in self.flows), 5)
        self.assertEqual(sum(f["bytes_to_client"] for f in self.flows), 25)

    def test_both_processes_are_known(self):
        """The join is by what conntrack says, not by addresses."""
        for flow in self.flows:
            self.assertTrue(flow["server_process"], flow)
            self.assertTrue(flow["client_process"], flow)

    def test_what_the_client_addressed_is_kept(self):
        """The seen end stands beside the real one."""
        seen = {f.get("server_seen") for f in self.flows}
        self.assertTrue(seen & {"10.98.0.2:80", "10.98.0.100:443"}, self.flows)


if __name__ == "__main__":
    unittest.main()
