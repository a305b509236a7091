# SPDX-License-Identifier: Apache-2.0
"""Packets, frames and capture files, byte by byte: what make.py makes its scenes of."""

import ipaddress
import struct

BEGIN = 1767225600  # 2026-01-01, in seconds
CLIENT, SERVER = ("192.0.2.10", 40000), ("198.51.100.80", 80)
CLIENT6, SERVER6 = ("2001:db8::10", 40000), ("2001:db8:1::80", 80)
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET, PPP, RAW, LOOP, SLL, NFLOG, SLL2 = 1, 9, 101, 0, 113, 239, 276
GET = b"GET / HTTP/1.1\r\nHost: Shop.Example.com:80\r\n\r\n"
PAGE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


# Packets


def checksum(data):
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(text):
    return ipaddress.ip_address(text).packed


def ip(src, dst, proto, payload, ident=0, ttl=64, fragment=0, total=None):
    """An IP packet of either family.  FRAGMENT is IPv4's flags and offset."""
    src, dst = address(src), address(dst)
    if len(src) == 16:
        return struct.pack(">IHBB", 6 << 28, len(payload), proto, ttl) + src + dst + payload
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload) if total is None else total,
                       ident, fragment, ttl, proto, 0, src, dst)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def transport(src, dst, proto, segment, at):
    """SEGMENT with its checksum, which is two bytes AT."""
    pseudo = address(src) + address(dst) + struct.pack(">IHBB", len(segment), 0, 0, proto)
    return segment[:at] + struct.pack(">H", checksum(pseudo + segment)) + segment[at + 2:]


def udp(src, dst, payload, ident=1):
    """A datagram from (ip, port) to (ip, port)."""
    head = struct.pack(">HHHH", src[1], dst[1], 8 + len(payload), 0)
    return ip(src[0], dst[0], 17, transport(src[0], dst[0], 17, head + payload, 6), ident)


class Tcp:
    """One connection: each call is a packet of one end, numbers are kept.

    WHO is 0 for the client and 1 for the server.  Every packet has another identification.
    """

    def __init__(self, client=CLIENT, server=SERVER, isn=(1000, 500000), ident=1):
        self.end = (client, server)
        self.seq = list(isn)
        self.ident = ident

    def segment(self, who, flags, payload=b"", seq=None, ack=None, **more):
        """As it is told; the numbers move on where SEQ is not given."""
        src, dst = self.end[who], self.end[not who]
        if flags & ACK and ack is None:
            ack = self.seq[not who]
        if seq is None:
            seq = self.seq[who]
            self.seq[who] += len(payload) + bool(flags & (SYN | FIN))
        data = struct.pack(">HHIIBBHHH", src[1], dst[1], seq & 0xffffffff,
                           (ack or 0) & 0xffffffff, 5 << 4, flags, 65000, 0, 0) + payload
        self.ident += 1
        data = transport(src[0], dst[0], 6, data, 16)
        return ip(src[0], dst[0], 6, data, self.ident, **more)

    def syn(self, payload=b""):
        return self.segment(0, SYN, payload)

    def synack(self):
        return self.segment(1, SYN | ACK)

    def ack(self, who):
        return self.segment(who, ACK)

    def say(self, who, payload):
        return self.segment(who, PSH | ACK, payload)

    def fin(self, who):
        return self.segment(who, FIN | ACK)

    def handshake(self):
        return [self.syn(), self.synack(), self.ack(0)]


def exchange(tcp, asked=GET, answer=PAGE):
    """From handshake to the last ACK: ten packets, six of them the client's."""
    return tcp.handshake() + [tcp.say(0, asked), tcp.ack(1), tcp.say(1, answer), tcp.ack(0),
                              tcp.fin(0), tcp.fin(1), tcp.ack(0)]


def routed(packet):
    """A hop later: less to live, another header checksum."""
    head = packet[:8] + bytes([packet[8] - 1, packet[9]]) + b"\0\0" + packet[12:20]
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + packet[20:]


def pieces4(packet, size):
    """An IPv4 packet in fragments of SIZE bytes of payload."""
    body = packet[20:]
    for at in range(0, len(body), size):
        more = 0x2000 if at + size < len(body) else 0
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body[at:at + size]),
                           *struct.unpack(">H", packet[4:6]), more | at // 8, 64, packet[9],
                           0) + packet[12:20]
        yield head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body[at:at + size]


def pieces6(packet, size, ident):
    """An IPv6 packet likewise, with the header for it (RFC 8200 section 4.5)."""
    body = packet[40:]
    for at in range(0, len(body), size):
        more = at + size < len(body)
        part = struct.pack(">BBHI", packet[6], 0, at | more, ident) + body[at:at + size]
        yield packet[:4] + struct.pack(">HB", len(part), 44) + packet[7:40] + part


# What is around them


def ether(payload, kind=None, src=b"\2\0\0\0\0\1", dst=b"\2\0\0\0\0\2", trailer=b""):
    """An Ethernet frame, padded as the wire wants it."""
    if kind is None:
        kind = 0x0800 if payload[0] >> 4 == 4 else 0x86dd
    return (dst + src + struct.pack(">H", kind) + payload).ljust(60, b"\0") + trailer


def tag(ident, frame, kind=0x8100):
    """FRAME with a VLAN tag more."""
    return frame[:12] + struct.pack(">HH", kind, ident) + frame[12:]


def mpls(packet, labels=(100, 200)):
    """A packet below LABELS."""
    stack = b"".join(struct.pack(">I", label << 12 | (i == len(labels) - 1) << 8 | 64)
                     for i, label in enumerate(labels))
    return ether(stack + packet, 0x8847)


def pppoe(packet):
    kind = 0x21 if packet[0] >> 4 == 4 else 0x57
    return ether(struct.pack(">BBHHH", 0x11, 0, 7, len(packet) + 2, kind) + packet, 0x8864)


OUTER = (("203.0.113.1", 50000), ("203.0.113.2", 4789))


def vxlan(packet, vni=42):
    head = struct.pack(">II", 0x08 << 24, vni << 8)
    return ether(udp(OUTER[0], OUTER[1], head + ether(packet)))


def geneve(packet, vni=42):
    """With one option of four bytes."""
    head = struct.pack(">BBHIHBBI", 2, 0, 0x6558, vni << 8, 0x0102, 0x80, 1, 7)
    return ether(udp(OUTER[0], (OUTER[1][0], 6081), head + ether(packet)))


def gre(packet):
    """With a key and a sequence number."""
    return ether(ip(OUTER[0][0], OUTER[1][0], 47,
                    struct.pack(">HHII", 0x3000, 0x0800, 7, 1) + packet))


def erspan1(packet):
    return ether(ip(OUTER[0][0], OUTER[1][0], 47,
                    struct.pack(">HH", 0, 0x88be) + ether(packet)))


def erspan2(packet):
    head = struct.pack(">HHIHHI", 0x1000, 0x88be, 1, 1 << 12 | 100, 7, 0)
    return ether(ip(OUTER[0][0], OUTER[1][0], 47, head + ether(packet)))


def erspan3(packet):
    """With the platform's header of eight bytes."""
    head = struct.pack(">HHIHHIHHQ", 0x1000, 0x22eb, 1, 2 << 12 | 100, 7, 0, 0, 1, 0)
    return ether(ip(OUTER[0][0], OUTER[1][0], 47, head + ether(packet)))


# Payload


def hello(name):
    """A ClientHello with GREASE, a key share of 1.2 KB before NAME, and padding."""
    def extension(kind, body):
        return struct.pack(">HH", kind, len(body)) + body
    listed = struct.pack(">BH", 0, len(name)) + name
    extensions = (extension(0x2a2a, b"") + extension(10, b"\0\2\0\x1d") +
                  extension(51, struct.pack(">HHH", 1220, 0x11ec, 1216) + bytes(1216)) +
                  extension(0, struct.pack(">H", len(listed)) + listed) +
                  extension(21, bytes(64)))
    body = (b"\3\3" + bytes(32) + b"\x20" + bytes(32) + b"\0\4\x13\1\x13\2" + b"\1\0" +
            struct.pack(">H", len(extensions)) + extensions)
    message = b"\1" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\1" + struct.pack(">H", len(message)) + message


def dns_answer(name, records):
    """An answer to a question for NAME: records of (type, bytes), all of that name."""
    asked = b"".join(bytes([len(label)]) + label for label in name.split(b".")) + b"\0"
    return (struct.pack(">HHHHHH", 1, 0x8180, 1, len(records), 0, 0) + asked +
            b"\0\1\0\1" + b"".join(struct.pack(">HHHIH", 0xc00c, kind, 1, 60, len(data)) + data
                                   for kind, data in records))


# Files


class File:
    """A pcap in the making.  Frames come a millisecond after each other, or WHEN (in us)."""

    def __init__(self, link=ETHERNET, nano=False, order="<", snap=65535):
        self.order, self.nano, self.snap = order, nano, snap
        self.at = 0
        self.data = struct.pack(order + "IHHiIII", 0xa1b23c4d if nano else 0xa1b2c3d4, 2, 4, 0,
                                0, snap, link)

    def add(self, frame, when=None):
        if when is None:
            when = self.at
        kept = frame[:self.snap]
        self.data += struct.pack(self.order + "IIII", BEGIN + when // 1000000,
                                 when % 1000000 * (1000 if self.nano else 1), len(kept),
                                 len(frame)) + kept
        self.at = when + 1000

    def all(self, frames):
        for frame in frames:
            self.add(frame)
        return self


class Next:
    """A pcapng in the making: blocks."""

    def __init__(self, order="<"):
        self.order, self.data = order, b""
        self.block(0x0a0d0d0a, struct.pack(order + "IHHq", 0x1a2b3c4d, 1, 0, -1))

    def block(self, kind, body):
        body += b"\0" * (-len(body) % 4)
        size = struct.pack(self.order + "I", len(body) + 12)
        self.data += struct.pack(self.order + "I", kind) + size + body + size

    def option(self, code, value):
        return struct.pack(self.order + "HH", code, len(value)) + value + b"\0" * (
            -len(value) % 4)

    def interface(self, link, snap=0, resolution=None):
        body = struct.pack(self.order + "HHI", link, 0, snap)
        if resolution is not None:
            body += self.option(9, bytes([resolution])) + self.option(0, b"")
        self.block(1, body)

    def packet(self, interface, units, frame):
        self.block(6, struct.pack(self.order + "IIIII", interface, units >> 32,
                                  units & 0xffffffff, len(frame), len(frame)) + frame)
