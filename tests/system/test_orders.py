# SPDX-License-Identifier: Apache-2.0
"""A collector that turned bad, with the true keys: whatever it says, a sensor only acknowledges,
pauses, or hangs up and comes again.  It runs nothing, opens nothing, writes nothing but its own
spool, says nothing but what it sees, and serves the true collector again when that is back.
"""

import hashlib
import os
import random
import socket
import ssl
import struct
import time
import unittest

import harness
import scene

SEED = int(os.environ.get("SKEIN_SEED", "5"))
HELLO, WELCOME, BATCH, ACK, ERROR, ENROLL, CERT = range(1, 8)
SPOKEN = {HELLO, BATCH, ERROR}  # all that a sensor with an identity ever says
OPTIONAL = 1
IDENTITY = ("sensor.key", "sensor.crt", "ca.crt")
ORDERS = (b"exec /bin/sh -c 'touch /tmp/owned'\0", b'{"command":"update","url":"http://x/"}\0',
          b"interval = 1\0", b"\x7fELF" + bytes(60), b"../../../../etc/passwd\0")


def frame(kind, body=b"", flags=0):
    """A frame of docs/wire.md."""
    return struct.pack("!IBB", len(body) + 2, kind, flags) + body


def zstr(text):
    """A short string as on the wire."""
    return bytes([len(text)]) + text + b"\0"


class Session:
    """One connection of the sensor, spoken to over the collector's own certificate."""

    def __init__(self, sock):
        self.sock = sock
        self.heard = []
        self.epoch = 0

    def take(self):
        """The next frame as (type, body), None at the end."""
        head = self.read(6)
        if not head:
            return None
        length, kind, _ = struct.unpack("!IBB", head)
        self.heard.append(kind)
        return kind, self.read(length - 2)

    def read(self, size):
        """SIZE bytes, or nothing where it hung up or says nothing for a while."""
        data = b""
        while len(data) < size:
            try:
                piece = self.sock.recv(size - len(data))
            except OSError:
                return b""
            if not piece:
                return b""
            data += piece
        return data

    def greet(self, sequence=0, credit=8):
        """Takes HELLO and welcomes it."""
        _, hello = self.take()
        self.epoch = struct.unpack_from("!HQQQ", hello)[3]
        self.sock.sendall(frame(WELCOME, struct.pack(
            "!HQQQIQ", 1, 0, self.epoch, sequence, credit, int(time.time() * 1000)) +
            zstr(b"skein-collector")))

    def ack(self, sequence, credit=8):
        """An acknowledgement."""
        self.sock.sendall(frame(ACK, struct.pack("!QQI", self.epoch, sequence, credit)))

    def batches(self, seconds):
        """Batches that come within that time, unacknowledged."""
        end, count = time.monotonic() + seconds, 0
        while (left := end - time.monotonic()) > 0:
            self.sock.settimeout(left)
            got = self.take()
            if got is None:
                break
            count += got[0] == BATCH
        self.sock.settimeout(8)
        return count

    def hangs_up(self, seconds=8):
        """True if the sensor ends the connection by itself."""
        self.sock.settimeout(seconds)
        try:
            while self.sock.recv(65536):
                pass
            return True
        except TimeoutError:
            return False
        except OSError:
            return True


@harness.needs_root
class Orders(unittest.TestCase):
    """A sensor that is enrolled with a true collector, whose place a bad one takes."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.random = random.Random(SEED)
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.data = os.path.join(cls.scene.directory, "collector")
        cls.sensor_data = os.path.join(cls.scene.directory, "sensor")
        cls.port = harness.free_port()
        cls.address = f"127.0.0.1:{cls.port}"
        cls.start_collector()
        harness.enroll(cls.address, cls.data, cls.sensor_data)
        cls.collector.end()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0
        context.load_cert_chain(f"{cls.data}/collector.crt", f"{cls.data}/collector.key")
        context.load_verify_locations(f"{cls.data}/ca.crt")
        context.verify_mode = ssl.CERT_REQUIRED
        context.set_alpn_protocols(["skein/1"])
        cls.context = context

    @classmethod
    def start_collector(cls):
        """The true one."""
        cls.collector = harness.Daemon("skein-collector", "--data", cls.data, "--listen",
                                       cls.address)
        cls.addClassCleanup(cls.collector.close)
        scene.wait_for(lambda: harness.listening(cls.port), 15, "the collector's start")

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.addCleanup(self.listener.close)
        self.listener.settimeout(45)
        self.sensor = harness.Daemon("skein-sensor", "--ebpf", "--collector", self.address,
                                     "--data", self.sensor_data, "--interval", "1s")
        self.addCleanup(self.sensor.close)
        session = self.session()
        session.greet()
        self.before = self.state()
        session.sock.close()

    def session(self):
        """The sensor's next connection."""
        sock, _ = self.listener.accept()
        sock.settimeout(8)
        session = Session(self.context.wrap_socket(sock, server_side=True))
        self.addCleanup(session.sock.close)
        self.sessions = [*getattr(self, "sessions", []), session]
        return session

    def state(self):
        """What a bad collector would want to change."""
        watcher = self.sensor.process.pid
        [courier] = harness.children(watcher)
        found = {"courier": courier, "grandchildren": harness.children(courier)}
        for pid in (watcher, courier):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                found[pid, "cmdline"] = file.read()
            found[pid, "exe"] = os.readlink(f"/proc/{pid}/exe")
            with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                found[pid, "rights"] = [line for line in file if line.startswith(
                    ("Cap", "Uid", "Gid", "Seccomp:", "NoNewPrivs"))]
            with open(f"/proc/{pid}/maps", encoding="utf-8") as file:
                found[pid, "code"] = sorted({line.split()[5] for line in file
                                             if "x" in line.split()[1] and "/" in line})
        for name in IDENTITY:
            with open(os.path.join(self.sensor_data, name), "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
        found["bpf"] = {kind: n for kind in ("prog", "link")
                        for n in [sum(k == kind for k, _ in harness.bpf_held(watcher))]}
        found["files"] = sorted(name for name in os.listdir(self.sensor_data)
                                if not name.startswith("spool"))
        return found

    def tearDown(self):
        """Nothing has changed, and it never said anything that it has no business to say."""
        self.assertIsNone(self.sensor.process.poll(), self.sensor.errors())
        self.assertEqual(self.state(), self.before)
        for session in self.sessions:
            self.assertLessEqual(set(session.heard), SPOKEN)
        self.assertFalse(os.path.exists("/tmp/owned"))

    def test_frames_that_a_sensor_does_not_know(self):
        """Each ends the connection, or is skipped where it says that it may be."""
        kinds = [HELLO, BATCH, ENROLL, CERT, 8, 9, 17, 127, 255]
        for kind, body in zip(kinds, [*ORDERS, *ORDERS]):
            with self.subTest(kind):
                session = self.session()
                session.greet()
                session.sock.sendall(frame(kind, body))
                self.assertTrue(session.hangs_up(), f"frame {kind} was taken")
                session.sock.close()

    def test_optional_frames_are_skipped(self):
        """And then it works on as before: batches come, and are acknowledged."""
        session = self.session()
        session.greet()
        for kind in range(8, 256):
            session.sock.sendall(frame(kind, self.random.choice(ORDERS), OPTIONAL))
        self.assertGreater(session.batches(4), 0)

    def test_a_new_certificate_that_nobody_asked_for(self):
        """Neither as a frame of its own nor marked optional."""
        with open(os.path.join(self.data, "ca.crt"), "rb") as file:
            authority = file.read()
        body = zstr(b"somebody") + zstr(b"x") + zstr(b"y") + authority
        session = self.session()
        session.greet()
        session.sock.sendall(frame(CERT, body))
        self.assertTrue(session.hangs_up())
        session.sock.close()
        session = self.session()
        session.greet()
        session.sock.sendall(frame(CERT, body, OPTIONAL))
        self.assertGreater(session.batches(4), 0)

    def test_garbage(self):
        """Of every length, whole frames and none, before the welcome and after it."""
        for n in range(12):
            session = self.session()
            if n % 2:
                session.greet()
            body = self.random.randbytes(self.random.choice((1, 7, 100, 4000, 70000)))
            try:
                session.sock.sendall(body if n % 3 else frame(self.random.choice(
                    (WELCOME, ACK, ERROR)), body))
                session.sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            self.assertTrue(session.hangs_up(20), f"round {n}, seed {SEED}")
            session.sock.close()

    def test_lengths_that_lie(self):
        """Four gigabytes, and nothing: no memory is set aside for what was not sent."""
        for length in (0xFFFFFFFF, 0x7FFFFFFF, 1 << 20, 4097 + 2, 1, 0):
            session = self.session()
            session.greet()
            session.sock.sendall(struct.pack("!IBB", length, ACK, 0))
            self.assertTrue(session.hangs_up(), f"length {length:#x}")
            session.sock.close()

    def test_acknowledgements_of_what_was_never_sent(self):
        for sequence in (1 << 40, (1 << 64) - 1):
            session = self.session()
            session.greet()
            session.ack(sequence)
            self.assertTrue(session.hangs_up())
            session.sock.close()

    def test_pause_and_going_on(self):
        """No credit: nothing comes. Credit again: all that waited does."""
        session = self.session()
        session.greet(credit=0)
        self.assertEqual(session.batches(4), 0)
        session.ack(0)
        self.assertGreater(session.batches(2), 0)

    def test_refused(self):
        """It stays away for a while, and comes again."""
        session = self.session()
        session.take()
        session.sock.sendall(frame(ERROR, struct.pack("!H", 3) + zstr(b"\x1b[2Jgo\naway")))
        self.assertTrue(session.hangs_up())
        session.sock.close()
        self.session().greet()
        self.assertNotIn("\x1b", self.sensor.errors(), "words of a collector reach a terminal")
        self.assertNotIn("go\naway", self.sensor.errors())

    def test_the_true_one_comes_back(self):
        """After all this the sensor serves it as if nothing had been."""
        session = self.session()
        session.greet()
        session.sock.sendall(self.random.randbytes(3000))
        session.sock.close()
        self.listener.close()
        self.start_collector()
        database = os.path.join(self.data, "skein.db")
        scene.wait_for(lambda: harness.run("skein", "machines", "--db", database).status == 0,
                       45, "the sensor's return")
        self.collector.end()


if __name__ == "__main__":
    unittest.main()
