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
    """As a sensor of that version greets."""
    return frame(HELLO, struct.pack("!HQQQQ", minor, can, boot, epoch, int(time.time() * 1000))
                 + zstr("wirepeer 0"))


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


def zigzag(n):
    """A time, relative to the base."""
    return varint((n << 1) ^ (n >> 63) if n >= 0 else ((-n) << 1) - 1)


def flow_of(client, server, port, **more):
    """A FLOW record with any field: addresses are text or bytes, the rest as docs/wire.md."""
    ends = b"".join(a if isinstance(a, bytes) else address(a) for a in (client, server))
    get = more.get
    counters = dict(enumerate(get("counters", ())))
    counters.update(get("amounts", {0: get("opens", 1)}))
    samples = get("samples", 0)
    body = struct.pack("!BBH", get("witness", 1), get("protocol", 6), port) + ends
    body += varint(get("scope", 0)) + varint(get("client_process", 0))
    body += varint(get("server_process", 0)) + varint(get("minute", int(time.time()) // 60))
    body += zigzag(get("first", 0)) + zigzag(get("last", 0))
    body += b"".join(varint(counters.get(i, 0)) for i in range(12)) + b"\1"
    return record(2, body + varint(get("live", 0)) + varint(get("pending", 0))
                  + bytes([samples]) + get("tail", b"\0\0"))


def process_of(*fields):
    """A PROCESS record: name, unit, container, exe, user, app, args, as far as they are given."""
    return record(1, b"".join(map(zstr, (*fields, *[""] * (7 - len(fields))))))


def machine_of(ident, name, addresses=(), inventory="", system=("Linux", "6.1", "x86_64")):
    """A MACHINE record; addresses are text or bytes."""
    body = b"".join(map(zstr, (ident, name, *system))) + varint(2) + varint(1 << 30)
    body += varint(len(addresses))
    body += b"".join(a if isinstance(a, bytes) else address(a) for a in addresses)
    return record(4, body + zstr(inventory))


def listener(where, port, process=0, protocol=6):
    """A LISTENER record."""
    return record(3, struct.pack("!BH", protocol, port) + address(where) + varint(0)
                  + varint(process))


def cover(start, end, overflow=0, unnamed=0, degraded=0):
    """A COVER record; times are milliseconds from the base."""
    return record(5, zigzag(start) + zigzag(end) + varint(overflow) + varint(unnamed)
                  + varint(degraded))


def lost(start, end, records):
    """A LOST record."""
    return record(6, zigzag(start) + zigzag(end) + varint(records))


def capture(start, end, *numbers):
    """A CAPTURE record: namespace, connects seen and kernel's, accepts seen and kernel's."""
    return record(7, zigzag(start) + zigzag(end) + b"".join(map(varint, numbers)))


def usage(metric, device, start, end, *numbers):
    """A USAGE record: samples, mean, maximum."""
    return record(8, bytes([metric]) + zstr(device) + zigzag(start) + zigzag(end)
                  + b"".join(map(varint, numbers)))


def translation(client, seen, called, real, opens=1, first=0, last=0):
    """A TRANSLATION record; CALLED and REAL are (address, port)."""
    body = b"\6" + address(client) + address(seen)
    for where, port in (called, real):
        body += address(where) + struct.pack("!H", port)
    return record(9, body + zigzag(first) + zigzag(last) + varint(opens))


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
