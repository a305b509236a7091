#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the truth off the wire: who connected to whom, and how much payload went each way.

The tests compare Skein with this, so it must share nothing with Skein: no socket state, no
/proc, no BPF, only the frames that cross the scene's switch.  The payload of a direction is
the distance from its SYN to the highest byte that it sent, by sequence numbers.  That is exact
without seeing every frame (the FIN alone is enough), and it is blind to copies, so it does not
matter that the switch shows each frame where it comes in and again where it goes out.

It runs in the switch's network namespace and is spoken to by a pipe: it prints "ready", and
answers every line on its standard input with one line of JSON.  At end of file it ends.
"""

import json
import selectors
import socket
import struct
import sys

ETH_P_ALL = 0x0003
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
SOL_PACKET = 263
PACKET_STATISTICS = 6
SO_RCVBUFFORCE = 33

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
SNAP = 160  # Ethernet, IPv6 and the longest TCP header; the lengths come from the headers
BUFFER = 64 << 20


class Half:
    """One direction of a connection."""

    def __init__(self):
        self.first = None  # the sequence number of the SYN
        self.payload = 0
        self.fin = False

    def segment(self, seq, length, fin):
        """Takes a segment into account, in whatever order and however often it comes."""
        if self.first is None or not (length or fin):
            return  # a bare ACK: after a FIN its number lies one beyond the payload
        end = (seq + length - self.first - 1) & 0xFFFFFFFF
        if end < 1 << 31:  # else it lies before the first byte: a keep-alive
            self.payload = max(self.payload, end)
        self.fin = self.fin or fin


class Connection:
    """One connection from its SYN; `client` and `server` are (address, port)."""

    def __init__(self, client, server):
        self.client = client
        self.server = server
        self.up = Half()
        self.down = Half()
        self.reset = False

    def state(self):
        """What became of it: refused, open, closed (both FINs), reset or unanswered."""
        if self.down.first is None:
            return "refused" if self.reset else "unanswered"
        if self.reset:
            return "reset"
        return "closed" if self.up.fin and self.down.fin else "open"

    def report(self):
        """Itself as the object that is printed."""
        return {
            "client_ip": self.client[0],
            "client_port": self.client[1],
            "server_ip": self.server[0],
            "server_port": self.server[1],
            "state": self.state(),
            "bytes_to_server": self.up.payload,
            "bytes_to_client": self.down.payload,
        }


class Table:
    """All connections seen; those whose SYN came before the witness are left out."""

    def __init__(self):
        self.connections = []
        self.current = {}

    def segment(self, source, target, seq, flags, length):
        """One TCP segment from SOURCE to TARGET with LENGTH bytes of payload."""
        if flags & SYN and not flags & ACK:
            self.opened(source, target, seq)
        connection = self.current.get((source, target)) or self.current.get((target, source))
        if connection is None:
            return
        half = connection.up if source == connection.client else connection.down
        if flags & SYN and flags & ACK:
            half.first = seq
        if flags & RST:
            connection.reset = True  # what a RST carries is no payload
            return
        half.segment(seq, length, bool(flags & FIN))

    def opened(self, client, server, seq):
        """A SYN: a new connection, unless it is the same SYN again."""
        known = self.current.get((client, server))
        if known is not None and known.up.first == seq:
            return
        connection = Connection(client, server)
        connection.up.first = seq
        self.connections.append(connection)
        self.current[client, server] = connection


def parse(frame):
    """(source, target, seq, flags, payload length) of a TCP segment, else None."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == ETH_P_IP:
        header = (frame[14] & 15) * 4
        total = struct.unpack_from("!H", frame, 16)[0]
        protocol = frame[23]
        source, target = frame[26:30], frame[30:34]
        family = socket.AF_INET
    elif kind == ETH_P_IPV6:
        header = 40
        total = 40 + struct.unpack_from("!H", frame, 18)[0]
        protocol = frame[20]
        source, target = frame[22:38], frame[38:54]
        family = socket.AF_INET6
    else:
        return None
    if protocol != socket.IPPROTO_TCP:
        return None
    tcp = 14 + header
    source_port, target_port, seq = struct.unpack_from("!HHI", frame, tcp)
    offset = (frame[tcp + 12] >> 4) * 4
    return (
        (socket.inet_ntop(family, source), source_port),
        (socket.inet_ntop(family, target), target_port),
        seq,
        frame[tcp + 13],
        total - header - offset,
    )


def drain(wire, table):
    """Reads all frames that are waiting."""
    while True:
        try:
            frame = wire.recv(SNAP, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        segment = parse(frame)
        if segment is not None:
            table.segment(*segment)


def main():
    """Watches every interface of this namespace until standard input ends."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    wire.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    table = Table()
    dropped = 0
    selector = selectors.DefaultSelector()
    selector.register(wire, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("ready", flush=True)
    while True:
        asked = any(key.fileobj is sys.stdin for key, _ in selector.select())
        drain(wire, table)
        if not asked:
            continue
        if not sys.stdin.readline():
            return
        statistics = wire.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8)
        dropped += struct.unpack("II", statistics)[1]
        report = {
            "dropped": dropped,
            "connections": [c.report() for c in table.connections],
        }
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
