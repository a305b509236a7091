# SPDX-License-Identifier: Apache-2.0
"""The wire, spoken by hand from docs/wire.md: an old or odd peer for either end.

It shares nothing with Skein's own code, so it is a second reading of the same text.
"""

import os
import socket
import ssl
import struct
import time

HELLO, WELCOME, BATCH, ACK, ERROR, ENROLL = 1, 2, 3, 4, 5, 6
OPTIONAL = 1
CAN_ZSTD = 1
PLAIN, ZSTD = 0, 1


def varint(n):
    """LEB128."""
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def zstr(text):
    """A string as the wire has it."""
    raw = text if isinstance(text, bytes) else text.encode()
    return varint(len(raw)) + raw + b"\0"


def frame(kind, body, flags=0):
    """One frame."""
    return struct.pack("!IBB", len(body) + 2, kind, flags) + body


def hello(epoch, minor=0, can=0, boot=1):
    """As a sensor of that version greets; with bit 3 of CAN one that has been told nothing."""
    place = struct.pack("!QQ", 0, 1) if can & 8 else b""
    return frame(HELLO, struct.pack("!HQQQQ", minor, can, boot, epoch, int(time.time() * 1000))
                 + zstr("wirepeer 0") + place)


def welcome(epoch, sequence, minor=0, can=0, credit=8):
    """As a collector of that version answers."""
    return frame(WELCOME, struct.pack("!HQQQIQ", minor, can, epoch, sequence, credit,
                                      int(time.time() * 1000)) + zstr("wirepeer 0"))


def ack(epoch, sequence, credit=8):
    """Everything up to there is committed."""
    return frame(ACK, struct.pack("!QQI", epoch, sequence, credit))


def error(code, words):
    """The last words."""
    return frame(ERROR, struct.pack("!H", code) + zstr(words))


def batch(epoch, sequence, records, base_ms):
    """A plain batch of ready-made records."""
    body = struct.pack("!Q", base_ms) + b"".join(records)
    return frame(BATCH, struct.pack("!QQIBI", epoch, sequence, len(records), PLAIN, len(body))
                 + body)


def record(kind, body):
    """One record."""
    return struct.pack("!BH", kind, len(body)) + body


def address(text):
    """An address as the wire has it."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    raw = socket.inet_pton(family, text)
    return bytes([len(raw)]) + raw


def machine(name, *addresses):
    """A MACHINE record, as minor 0 wrote it: without the inventory."""
    body = b"".join(zstr(s) for s in (name + "-id", name, "Linux", "6.1", "x86_64"))
    body += varint(2) + varint(1 << 30) + varint(len(addresses))
    return record(4, body + b"".join(map(address, addresses)))


def process(name):
    """A PROCESS record, as minor 0 wrote it: without its arguments."""
    return record(1, b"".join(zstr(s) for s in (name, name + ".service", "", "/usr/bin/" + name,
                                                "nobody", "")))


def flow(client, server, port, opens, minute):
    """A FLOW record of the client's side, by process 1, at the base's own moment."""
    body = struct.pack("!BBH", 1, 6, port) + address(client) + address(server)
    body += varint(0) + varint(1) + varint(0) + varint(minute) + varint(0) + varint(0)
    body += varint(opens) + 6 * varint(0) + varint(100 * opens) + varint(10) + 3 * varint(0)
    return record(2, body + b"\1" + varint(0) + varint(0) + b"\0")


class Conversation:
    """One connection, frame by frame."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(15)

    def say(self, *frames):
        """Sends them in one go."""
        self.sock.sendall(b"".join(frames))

    def _read(self, n):
        got = b""
        while len(got) < n:
            more = self.sock.recv(n - len(got))
            if not more:
                raise EOFError(f"{len(got)} of {n} bytes")
            got += more
        return got

    def hear(self):
        """(type, flags, body) of the next frame; EOFError at the end."""
        length, kind, flags = struct.unpack("!IBB", self._read(6))
        return kind, flags, self._read(length - 2)

    def close(self):
        """Hangs up."""
        self.sock.close()


def context(purpose, chain, key, authority):
    """TLS 1.3 and the protocol's name, for either end."""
    made = ssl.SSLContext(purpose)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.set_alpn_protocols(["skein/1"])
    made.load_cert_chain(chain, key)
    made.load_verify_locations(authority)
    return made


def as_sensor(where, data):
    """Connects as the sensor whose files are in DATA."""
    host, port = where.rsplit(":", 1)
    tls = context(ssl.PROTOCOL_TLS_CLIENT, *[os.path.join(data, name) for name in
                                             ("sensor.crt", "sensor.key", "ca.crt")])
    sock = tls.wrap_socket(socket.create_connection((host, int(port)), 15),
                           server_hostname="skein-collector")
    assert sock.selected_alpn_protocol() == "skein/1"
    return Conversation(sock)


class AsCollector:
    """Listens in the name of the collector whose files are in DATA, which does not run."""

    def __init__(self, data, strangers=False):
        self.tls = context(ssl.PROTOCOL_TLS_SERVER, *[os.path.join(data, name) for name in (
            "collector.crt", "collector.key", "ca.crt")])
        self.tls.verify_mode = ssl.CERT_NONE if strangers else ssl.CERT_REQUIRED
        self.tls.num_tickets = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(20)
        self.address = f"127.0.0.1:{self.listener.getsockname()[1]}"

    def answer(self):
        """The next one who calls."""
        return Conversation(self.tls.wrap_socket(self.listener.accept()[0], server_side=True))

    def accept(self):
        """The next sensor, and what it greeted with: (minor, capabilities, epoch)."""
        talk = self.answer()
        kind, _, body = talk.hear()
        assert kind == HELLO, kind
        minor, can, _, epoch, _ = struct.unpack("!HQQQQ", body[:34])
        return talk, (minor, can, epoch)

    def close(self):
        """Listens no more."""
        self.listener.close()
