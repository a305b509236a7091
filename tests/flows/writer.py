# SPDX-License-Identifier: Apache-2.0
"""Writers of NetFlow v5 and v9, IPFIX and sFlow v5, from the formats' own words (RFC 3954,
RFC 7011, sflow.org), and of the recordings that tests/foreignkit.h reads."""

import ipaddress
import struct

# Clock of the exporters: tests/foreignkit.h begins at the same time.
START = 1767225600

VARIABLE = 65535


def number(value, size):
    """An unsigned integer of so many bytes."""
    return value.to_bytes(size, "big")


def ip(text):
    """An address as 4 or 16 bytes."""
    return ipaddress.ip_address(text).packed


def value_of(value, size):
    """A value of an element: bytes as they are, text an address, else a number."""
    if isinstance(value, bytes):
        raw = value
    elif isinstance(value, str):
        raw = ip(value)
    else:
        raw = number(value, 4 if size == VARIABLE else size)
    if size != VARIABLE:
        assert len(raw) == size, (value, size)
        return raw
    if len(raw) < 255:
        return bytes([len(raw)]) + raw
    return b"\xff" + number(len(raw), 2) + raw


def padded(raw):
    """To the next 32 bits."""
    return raw + bytes(-len(raw) % 4)


def a_set(ident, body, pad=True):
    """A set (flow set) with its head."""
    body = padded(body) if pad else body
    return struct.pack(">HH", ident, 4 + len(body)) + body


def field(element, size):
    """A field's description; an element is an id or (enterprise, id)."""
    if isinstance(element, tuple):
        return struct.pack(">HHI", element[1] | 0x8000, size, element[0])
    return struct.pack(">HH", element, size)


def template(ident, *fields):
    """One template record of v9 or IPFIX."""
    return struct.pack(">HH", ident, len(fields)) + b"".join(field(*f) for f in fields)


def options9(ident, scopes, fields):
    """An options template of v9."""
    return (struct.pack(">HHH", ident, 4 * len(scopes), 4 * len(fields)) +
            b"".join(field(*f) for f in scopes + fields))


def options10(ident, scopes, fields):
    """An options template of IPFIX."""
    return (struct.pack(">HHH", ident, len(scopes) + len(fields), len(scopes)) +
            b"".join(field(*f) for f in scopes + fields))


def record(fields, *values):
    """A data record; FIELDS as in its template."""
    assert len(fields) == len(values), (fields, values)
    return b"".join(value_of(v, f[1]) for f, v in zip(fields, values))


def netflow9(sets, sequence, domain=0, at=0, uptime=1000000, count=1):
    """A datagram; AT seconds after START."""
    return struct.pack(">HHIIII", 9, count, uptime, START + at, sequence, domain) + b"".join(sets)


def ipfix(sets, sequence, domain=0, at=0, length=None):
    """A message; LENGTH lies about its own."""
    body = b"".join(sets)
    return struct.pack(">HHIII", 10, length or 16 + len(body), START + at, sequence,
                       domain) + body


def netflow5(records, sequence, count=None, engine=0, sampling=0, at=0, uptime=1000000,
             nanoseconds=0):
    """A datagram of records by record5."""
    return struct.pack(">HHIIIIHH", 5, len(records) if count is None else count, uptime,
                       START + at, nanoseconds, sequence, engine, sampling) + b"".join(records)


def record5(src, dst, sport, dport, proto, packets, octets, flags=0, first=0, last=0, in_if=0,
            out_if=0):
    """48 bytes of v5."""
    return (ip(src) + ip(dst) + bytes(4) +
            struct.pack(">HHIIIIHHBBBBHHBBH", in_if, out_if, packets, octets, first, last, sport,
                        dport, 0, flags, proto, 0, 0, 0, 24, 24, 0))


# sFlow

def opaque(raw):
    """XDR's variable bytes."""
    return number(len(raw), 4) + padded(raw)


def tagged(kind, body):
    """A sample or a record behind its type and length."""
    return struct.pack(">II", kind, len(body)) + body


def raw_header(frame, protocol=1, wire=None, kept=None):
    """Flow record 1: the first bytes of a frame."""
    kept = frame if kept is None else frame[:kept]
    return tagged(1, struct.pack(">III", protocol, wire or len(frame) + 4, 4) + opaque(kept))


def sampled_ip(src, dst, sport, dport, proto, octets, flags=0):
    """Flow record 3 or 4."""
    kind = 3 if len(ip(src)) == 4 else 4
    return tagged(kind, struct.pack(">II", octets, proto) + ip(src) + ip(dst) +
                  struct.pack(">IIII", sport, dport, flags, 0))


def typed(text):
    """An address behind its type."""
    raw = ip(text)
    return number(1 if len(raw) == 4 else 2, 4) + raw


def flow_sample(records, rate, in_if=1, out_if=2, sequence=1):
    """Sample 1."""
    return tagged(1, struct.pack(">IIIIIIII", sequence, 0x01000001, rate, rate * 10, 0, in_if,
                                 out_if, len(records)) + b"".join(records))


def expanded_sample(records, rate, in_if=(0, 1), out_if=(0, 2)):
    """Sample 3."""
    return tagged(3, struct.pack(">IIIIIIIIIII", 1, 0, 7, rate, rate * 10, 0, *in_if, *out_if,
                                 len(records)) + b"".join(records))


def discarded(records, reason, in_if=1, out_if=0):
    """Sample 5."""
    return tagged(5, struct.pack(">IIIIIIII", 1, 0, 7, 0, in_if, out_if, reason,
                                 len(records)) + b"".join(records))


def sflow(samples, sequence, agent="192.0.2.9", domain=0, uptime=1000000, count=None):
    """A datagram."""
    return (number(5, 4) + typed(agent) +
            struct.pack(">IIII", domain, sequence, uptime,
                        len(samples) if count is None else count) + b"".join(samples))


# Frames

def ethernet(ethertype, payload, *tags):
    """TAGS: (TPID, VLAN)."""
    head = bytes.fromhex("020000000001020000000002")
    for tpid, vlan in tags:
        head += struct.pack(">HH", tpid, vlan)
    return head + number(ethertype, 2) + payload


def ipv4(src, dst, proto, payload, options=b"", fragment=0, total=None):
    """FRAGMENT: the 16 bits of flags and offset; TOTAL: a length that differs."""
    size = 20 + len(options) + len(payload) if total is None else total
    return (struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, size, 7, fragment, 64, proto,
                        0) + ip(src) + ip(dst) + options + payload)


def ipv6(src, dst, following, payload):
    """FOLLOWING: the protocol or the first extension."""
    return (struct.pack(">IHBB", 0x60000000, len(payload), following, 64) + ip(src) + ip(dst) +
            payload)


def tcp(sport, dport, flags, payload=b""):
    """A segment of no options."""
    return struct.pack(">HHIIBBHHH", sport, dport, 1, 2, 0x50, flags, 1000, 0, 0) + payload


def udp(sport, dport, payload=b""):
    """A datagram."""
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def recording(*datagrams):
    """Each is (exporter, seconds since the one before, bytes)."""
    return b"".join(bytes([exporter, wait]) + number(len(raw), 2) + raw
                    for exporter, wait, raw in datagrams)
