# SPDX-License-Identifier: Apache-2.0
"""Ten thousand who connect and say nothing, or stop in the middle of the handshake.

They come from forty addresses of the loopback network.  What they cost is bounded, they are
cut, and who has something to say gets in beside them, at once.
"""

import os
import resource
import selectors
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import chain
import harness
import scene

CROWD = 10000
SOURCES = 40
SIMSENSOR = os.path.join(harness.BUILD, "tests", "simsensor")
EACH = 64 << 10           # bytes that one may cost before it has shown a certificate
ALL = 1 << 30
SILENT_S, TURN_S, CROWD_S, GREETING_S = 10, 20, 3, 10  # docs/wire.md, "Limits"


def client_hello():
    """The first bytes of a real handshake."""
    out = ssl.MemoryBIO()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls.set_alpn_protocols(["skein/1"])
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    talk = tls.wrap_bio(ssl.MemoryBIO(), out)
    try:
        talk.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


class Crowd:
    """Connections that are open until the other end cuts them."""

    def __init__(self, port, count, first=2, sources=SOURCES, words=b""):
        self.selector = selectors.DefaultSelector()
        self.open = 0
        self.cut_after = []
        self.began = time.monotonic()
        for n in range(count):
            sock = socket.socket()
            sock.bind((f"127.0.0.{first + n % sources}", 0))
            sock.connect(("127.0.0.1", port))
            if words:
                sock.sendall(words)
            sock.setblocking(False)
            self.selector.register(sock, selectors.EVENT_READ)
            self.open += 1

    def look(self, seconds=0.0):
        """Reads what is there, and counts who was cut."""
        for key, _ in self.selector.select(seconds):
            try:
                data = key.fileobj.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                self.open -= 1
                self.cut_after.append(time.monotonic() - self.began)

    def look_until(self, open_, seconds):
        """True once no more than so many are open."""
        end = time.monotonic() + seconds
        while self.open > open_ and time.monotonic() < end:
            self.look(0.1)
        return self.open <= open_

    def close(self):
        """Hangs up all, once."""
        if not self.selector.get_map():
            return
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


class Idle(unittest.TestCase):
    """A collector of its own for each test."""

    @classmethod
    def setUpClass(cls):
        cls.limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        if cls.limits[1] < CROWD + 2000:
            raise AssertionError(f"{cls.limits[1]} descriptors are too few: ulimit -Hn 20000")
        resource.setrlimit(resource.RLIMIT_NOFILE, (cls.limits[1],) * 2)
        cls.addClassCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, cls.limits)

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-idle-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.data = os.path.join(self.folder, "c")
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        "127.0.0.1:0")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: "listening on" in self.collector.errors(), 15, "its start")
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            self.address = file.read().strip()
        self.port = int(self.address.rsplit(":", 1)[1])
        self.sensor = os.path.join(self.folder, "s")
        harness.enroll(self.address, self.data, self.sensor)
        self.count = 0
        self.base = harness.resident(self.collector.process.pid)

    def crowd(self, *arguments, **more):
        """One that hangs up at the end."""
        crowd = Crowd(self.port, *arguments, **more)
        self.addCleanup(crowd.close)
        return crowd

    def gets_in(self, seconds):
        """A sensor connects and delivers, and another enrols, within that time."""
        began = time.monotonic()
        sim = subprocess.run([SIMSENSOR, "--collector", self.address, "--data", self.sensor,
                              "--batches", "5", "--limit", str(seconds)], check=False,
                             stderr=subprocess.PIPE, text=True)
        self.assertEqual(sim.returncode, 0, sim.stderr)
        self.count += 1
        harness.enroll(self.address, self.data, self.sensor + str(self.count))
        self.assertLess(time.monotonic() - began, seconds)

    def cost(self):
        """Resident bytes more than with nobody there."""
        return harness.resident(self.collector.process.pid) - self.base

    def test_ten_thousand_who_say_nothing(self):
        crowd = self.crowd(CROWD)
        counts = chain.state(self.collector)
        self.assertGreater(counts["accepted"], CROWD)
        self.gets_in(5)
        cost, waiting = self.cost(), chain.state(self.collector)["waiting"]
        self.assertGreater(waiting, 1000)
        self.assertLess(cost / waiting, EACH / 16)
        self.assertTrue(crowd.look_until(0, SILENT_S + 5), crowd.open)
        self.assertGreaterEqual(chain.state(self.collector)["silent"], CROWD)

    def test_a_few_who_say_nothing_are_waited_for(self):
        crowd = self.crowd(100, sources=1)
        crowd.look_until(0, SILENT_S - 1.5)
        self.assertEqual(crowd.open, 100)
        self.assertTrue(crowd.look_until(0, 3), crowd.open)

    def test_of_many_less_patiently(self):
        """With more than 1,024 of them there are three seconds."""
        crowd = self.crowd(2000, sources=8)
        took = time.monotonic() - crowd.began
        self.assertTrue(crowd.look_until(1024, CROWD_S + 1), crowd.open)
        self.assertGreater(min(crowd.cut_after), CROWD_S - took)

    def test_ten_thousand_who_stop_in_the_handshake(self):
        crowd = self.crowd(CROWD, words=client_hello())
        most = 0
        for _ in range(3):
            self.gets_in(GREETING_S)
            crowd.look()
            most = max(most, self.cost())
        counts = chain.state(self.collector)
        self.assertLessEqual(counts["strangers"], 1024)
        self.assertLess(most, CROWD * EACH)
        self.assertLess(harness.resident(self.collector.process.pid), ALL)
        self.assertTrue(crowd.look_until(0, TURN_S + GREETING_S + 5), crowd.open)
        self.gets_in(5)

    def test_what_one_in_the_handshake_costs(self):
        """Of those that are let in: no more than 64 KiB each."""
        crowd = self.crowd(500, sources=4, words=client_hello())
        scene.wait_for(lambda: chain.state(self.collector)["strangers"] == 500, 5, "500 inside")
        crowd.look(0.2)
        self.assertLess(self.cost() / 500, EACH)

    def test_a_crowd_at_one_address_leaves_the_others_room(self):
        """Of one address 256 are let in, the others wait, and other addresses do not."""
        crowd = self.crowd(1000, sources=1, words=client_hello())
        scene.wait_for(lambda: chain.state(self.collector)["strangers"] == 256, 5, "256 inside")
        time.sleep(0.3)
        counts = chain.state(self.collector)
        self.assertEqual((counts["strangers"], counts["waiting"]), (256, 744))
        self.gets_in(2)
        self.assertTrue(crowd.look_until(1000 - 256, GREETING_S + 3), crowd.open)

    def test_who_comes_again_and_again_does_not_keep_a_sensor_out(self):
        """Ten thousand in the handshake at any time, for half a minute."""
        crowds = [self.crowd(CROWD // 2, words=client_hello()) for _ in range(2)]
        end = time.monotonic() + 20
        tries = 0
        while time.monotonic() < end:
            for n, crowd in enumerate(crowds):
                crowd.look()
                if crowd.open < CROWD // 4:
                    crowd.close()
                    crowds[n] = self.crowd(CROWD // 2, words=client_hello())
            self.gets_in(GREETING_S)
            tries += 1
        self.assertGreater(tries, 2)
        self.assertLess(harness.resident(self.collector.process.pid), ALL)


if __name__ == "__main__":
    unittest.main()
