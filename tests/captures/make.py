#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the captures of this folder, and the tables of connections that they hold.

    make.py [FOLDER]

Every capture is a scene below: packets by hand, each with its time, and rows by hand, written
by what docs/connections.md says and not by what the program printed.  The same bytes each
time; tests/captures.py compares the folder with what this makes.  Addresses are those of
documentation (RFC 5737, RFC 3849), times begin with 2026.
"""

import os
import struct
import sys

sys.dont_write_bytecode = True
from craft import (ACK, BEGIN, CLIENT, CLIENT6, ETHERNET, File, GET, LOOP, NFLOG, Next,
                   OUTER, PAGE, PPP, PSH, RAW, RST, SERVER, SERVER6, SLL, SLL2, SYN, Tcp,
                   address, dns_answer, erspan1, erspan2, erspan3, ether, exchange, geneve,
                   gre, hello, ip, mpls, pieces4, pieces6, pppoe, routed, tag, udp, vxlan)

HEADER = ("client_ip client_port server_ip server_port dir state syn synack fin_c fin_s rst_c "
          "rst_s bytes_c bytes_s dup_bytes_c dup_bytes_s pkts_c pkts_s rtt_srv_us rtt_cli_us "
          "first last sni host").split()
SCENES = {}


def scene(function):
    """Keeps FUNCTION: its name is the capture's, it gives (file bytes, rows)."""
    SCENES[function.__name__.replace("_", "-")] = function
    return function


# Rows


def row(how, state, seen="", data=(0, 0), again=(0, 0), packets=(0, 0), rtt=("-", "-"),
        time=(0, 0), ends=(CLIENT, SERVER), sni="-", host="-"):
    """One line; SEEN is words of the columns that are 1, TIME in us after the beginning."""
    flags = [int(name in seen.split()) for name in HEADER[6:12]]
    when = [f"{BEGIN + t // 1000000}.{t % 1000000:06d}" for t in time]
    return [*ends[0], *ends[1], how, state, *flags, *data, *again, *packets, *rtt, *when, sni,
            host]


ALL = "syn synack fin_c fin_s"


def exchanged(**more):
    """What exchange() is, when nothing of it was lost and frames are a millisecond apart."""
    fields = {"seen": ALL, "data": (len(GET), len(PAGE)), "packets": (6, 4),
              "rtt": (1000, 1000), "time": (0, 9000), "host": "shop.example.com", **more}
    return row("syn", "established", **fields)


# How connections begin and end


@scene
def plain_http():
    """And two bytes behind each frame, as some cards leave them."""
    return File().all(ether(p, trailer=b"\xff\xff") for p in exchange(Tcp())), [exchanged()]


@scene
def plain_ipv6():
    return (File().all(ether(p) for p in exchange(Tcp(CLIENT6, SERVER6))),
            [exchanged(ends=(CLIENT6, SERVER6))])


@scene
def refused():
    t = Tcp()
    return (File().all(map(ether, [t.syn(), t.segment(1, RST | ACK, seq=0)])),
            [row("syn", "refused", "syn rst_s", packets=(1, 1), time=(0, 1000))])


@scene
def unanswered():
    """Three times, after one second and two."""
    t, f = Tcp(), File()
    for when in (0, 1000000, 3000000):
        f.add(ether(t.segment(0, SYN, seq=1000)), when)
    return f, [row("syn", "unanswered", "syn", packets=(3, 0), time=(0, 3000000))]


@scene
def half_open():
    """What a port scan does; and one whose SYN/ACK the client never heard."""
    a, b = Tcp(), Tcp(("192.0.2.10", 40001))
    return (File().all(map(ether, [a.syn(), a.synack(), a.segment(0, RST),
                                   b.syn(), b.synack()])),
            [row("syn", "half_open", "syn synack rst_c", packets=(2, 1), rtt=(1000, "-"),
                 time=(0, 2000)),
             row("syn", "half_open", "syn synack", packets=(1, 1), rtt=(1000, "-"),
                 time=(3000, 4000), ends=(b.end[0], SERVER))])


@scene
def reset():
    t = Tcp()
    return (File().all(map(ether, t.handshake() + [t.say(0, GET), t.segment(1, RST | ACK)])),
            [row("syn", "reset", "syn synack rst_s", (len(GET), 0), packets=(3, 2),
                 rtt=(1000, 1000), time=(0, 4000), host="shop.example.com")])


@scene
def both_open():
    """A simultaneous open (RFC 9293, figure 8): the first SYN is the client's."""
    t = Tcp(server=("198.51.100.80", 40007))
    frames = [t.syn(), t.segment(1, SYN), t.segment(0, SYN | ACK, seq=1000, ack=500001),
              t.segment(1, SYN | ACK, seq=500000, ack=1001), t.ack(0), t.say(1, b"hello")]
    r = row("syn", "established", "syn synack", (0, 5), packets=(3, 3), time=(0, 5000),
            ends=t.end)
    r[18], r[19] = "2000", "2000"
    return File().all(map(ether, frames)), [r]


@scene
def syn_with_data():
    """TCP Fast Open (RFC 7413): the request is in the SYN."""
    t = Tcp()
    return (File().all(map(ether, [t.syn(GET), t.synack(), t.say(1, PAGE), t.ack(0)])),
            [row("syn", "established", "syn synack", (len(GET), len(PAGE)), packets=(2, 2),
                 rtt=(1000, 2000), time=(0, 3000), host="shop.example.com")])


@scene
def half_closed():
    """The client has said all; the server goes on."""
    t = Tcp()
    return (File().all(map(ether, t.handshake() + [t.say(0, b"all"), t.fin(0), t.ack(1),
                                                   t.say(1, b"x" * 100), t.ack(0), t.fin(1),
                                                   t.ack(0)])),
            [row("syn", "established", ALL, (3, 100), packets=(6, 4), rtt=(1000, 1000),
                 time=(0, 9000))])


@scene
def keep_alive():
    """Probes with one byte that was there, and with none, a quarter of an hour apart."""
    t, f = Tcp(), File()
    f.all(map(ether, t.handshake() + [t.say(0, b"abc"), t.ack(1)]))
    for i, probe in enumerate((b"c", b"")):
        f.add(ether(t.segment(0, ACK, probe, seq=1003)), 900000000 * (i + 1))
        f.add(ether(t.ack(1)))
    return f, [row("syn", "established", "syn synack", (3, 0), again=(1, 0), packets=(5, 4),
                   rtt=(1000, 1000), time=(0, 1800001000))]


# What was captured of them


@scene
def mid_learned():
    """The server's port is the higher one: what says so is the handshake that comes later."""
    ends = (("192.0.2.10", 2000), ("198.51.100.80", 45000))
    old, new = Tcp(*ends), Tcp(("192.0.2.11", 2000), ends[1])
    return (File().all(map(ether, [old.say(1, b"news"), old.ack(0)] + new.handshake())),
            [row("learned", "mid", data=(0, 4), packets=(1, 1), time=(0, 1000), ends=ends),
             row("syn", "established", "syn synack", packets=(2, 1), rtt=(1000, 1000),
                 time=(2000, 4000), ends=new.end)])


@scene
def mid_guessed():
    """Nobody tells: the one who asks in HTTP, a well-known port, the first that was seen."""
    asks = Tcp(("192.0.2.10", 1000), ("198.51.100.80", 45000))
    port = Tcp(("192.0.2.10", 45001), ("198.51.100.80", 5432))
    first = Tcp(("192.0.2.10", 45002), ("198.51.100.80", 45003))
    return (File().all(map(ether, [asks.say(1, b"x"), asks.say(0, GET), port.say(1, b"row"),
                                   first.say(0, b"a"), first.segment(1, RST | ACK)])),
            [row("port", "mid", data=(len(GET), 1), packets=(1, 1), time=(0, 1000),
                 ends=asks.end, host="shop.example.com"),
             row("port", "mid", data=(0, 3), packets=(0, 1), time=(2000, 2000), ends=port.end),
             row("first", "mid_reset", "rst_s", (1, 0), packets=(1, 1), time=(3000, 4000),
                 ends=first.end)])


@scene
def one_sided():
    """The client's packets of one, the server's of another, a SYN/ACK of a third."""
    a, b, c = (Tcp(("192.0.2.10", port)) for port in (40000, 40001, 40002))
    mine = [p for p in exchange(a) if p[12:16] == address("192.0.2.10")]
    theirs = [p for p in exchange(b) if p[12:16] != address("192.0.2.10")]
    return (File().all(map(ether, mine + theirs + [c.synack()])),
            [row("syn", "established", "syn fin_c", (len(GET), 0), packets=(6, 0),
                 time=(0, 5000), host="shop.example.com"),
             row("synack", "established", "synack fin_s", (0, len(PAGE)), packets=(0, 4),
                 time=(6000, 9000), ends=b.end),
             row("synack", "synack_only", "synack", packets=(0, 1), time=(10000, 10000),
                 ends=c.end)])


@scene
def reordered():
    """The SYN/ACK before the SYN, and three pieces of data backwards."""
    t = Tcp()
    syn, synack = t.syn(), t.synack()
    pieces = [t.say(1, bytes([i]) * 100) for i in range(3)]
    return (File().all(map(ether, [synack, syn, t.ack(0)] + pieces[::-1] + [t.ack(0)])),
            [row("syn", "established", "syn synack", (0, 300), packets=(3, 4),
                 rtt=("-", 2000), time=(0, 6000))])


@scene
def sent_again():
    """The same bytes with other identifications, cut otherwise: repetitions, not copies."""
    t = Tcp()
    start = t.handshake() + [t.say(0, b"a" * 100)]
    again = [t.segment(0, PSH | ACK, b"a" * 100, seq=1001),
             t.segment(0, PSH | ACK, b"a" * 50 + b"b" * 50, seq=1051)]
    return (File().all(map(ether, start + again)),
            [row("syn", "established", "syn synack", (150, 0), again=(150, 0), packets=(5, 1),
                 rtt=(1000, 1000), time=(0, 5000))])


@scene
def gap():
    """A hundred bytes that the mirror lost, though the client has acknowledged them."""
    t = Tcp()
    start = t.handshake() + [t.say(1, b"a" * 100)]
    t.say(1, b"b" * 100)
    return (File().all(map(ether, start + [t.say(1, b"c" * 100), t.ack(0)])),
            [row("syn", "established", "syn synack", (0, 200), packets=(3, 3),
                 rtt=(1000, 1000), time=(0, 5000))])


@scene
def wrap():
    """Sequence numbers that begin again at 0."""
    return (File().all(map(ether, exchange(Tcp(isn=(0xffffffff, 0xfffffff0))))), [exchanged()])


@scene
def snapped():
    """Only the first 60 bytes of each frame: payload counts in full, names cannot be read."""
    return File(snap=60).all(map(ether, exchange(Tcp()))), [exchanged(host="-")]


@scene
def offloaded():
    """As a card with segmentation offload leaves it: a total length of 0, more than an MTU."""
    t = Tcp()
    return (File().all(map(ether, t.handshake() + [
        t.segment(1, PSH | ACK, b"x" * 3000, total=0)])),
            [row("syn", "established", "syn synack", (0, 3000), packets=(2, 2),
                 rtt=(1000, 1000), time=(0, 3000))])


@scene
def order():
    """Lines come as connections end: an attempt after 130 s without an answer, one that closed
    after two minutes, and the one that has been silent all the time at the end."""
    silent, tried, closed, late = (Tcp(("192.0.2.10", port)) for port in range(40000, 40004))
    f = File().all(map(ether, silent.handshake()))
    f.add(ether(tried.syn()), 10000000)
    f.at = 15000000
    f.all(map(ether, exchange(closed)))
    f.add(ether(late.syn()), 138000000)
    f.add(ether(late.segment(0, SYN, seq=1000)), 150000000)
    return f, [exchanged(time=(15000000, 15009000), ends=closed.end),
               row("syn", "unanswered", "syn", packets=(1, 0), time=(10000000, 10000000),
                   ends=tried.end),
               row("syn", "established", "syn synack", packets=(2, 1), rtt=(1000, 1000),
                   time=(0, 2000), ends=silent.end),
               row("syn", "unanswered", "syn", packets=(2, 0), time=(138000000, 150000000),
                   ends=late.end)]


# Several between the same ends


@scene
def port_reuse():
    """Three after each other: the second ends without FIN, the third is refused."""
    a, b, c = (Tcp(isn=isn, ident=i) for i, isn in
               enumerate(((1000, 500000), (7000000, 9000000), (90000000, 0)), 100))
    f = File().all(map(ether, exchange(a)))
    f.all(map(ether, b.handshake() + [b.say(0, b"more")]))
    f.all(map(ether, [c.syn(), c.segment(1, RST | ACK, seq=0)]))
    return f, [exchanged(),
               row("syn", "established", "syn synack", (4, 0), packets=(3, 1),
                   rtt=(1000, 1000), time=(10000, 13000)),
               row("syn", "refused", "syn rst_s", packets=(1, 1), time=(14000, 15000))]


@scene
def two_tenants():
    """The same addresses and ports in two VLANs at once: numbers tell them apart."""
    a = [tag(10, ether(p)) for p in exchange(Tcp())]
    b = [tag(20, ether(p)) for p in exchange(Tcp(isn=(3000000000, 4000000000)), b"x" * 10)]
    return (File().all(p for pair in zip(a, b) for p in pair),
            [exchanged(time=(0, 18000), rtt=(2000, 2000)),
             exchanged(time=(1000, 19000), rtt=(2000, 2000), data=(10, len(PAGE)), host="-")])


@scene
def two_vlans_one_connection():
    """Each direction has another tag."""
    return (File().all(tag(10 if p[12:16] == address(CLIENT[0]) else 20, ether(p))
                       for p in exchange(Tcp())), [exchanged()])


# Copies of the mirror


def doubled(copy):
    """Each packet, and COPY of it ten microseconds later."""
    f = File()
    for i, packet in enumerate(exchange(Tcp())):
        f.add(ether(packet), 1000 * i)
        f.add(copy(packet), 1000 * i + 10)
    return f, [exchanged(time=(0, 9010))]


@scene
def copied():
    return doubled(ether)


@scene
def copied_routed():
    return doubled(lambda p: ether(routed(p), src=b"\2\0\0\0\0\3", dst=b"\2\0\0\0\0\4"))


@scene
def copied_tagged():
    return doubled(lambda p: tag(30, ether(p)))


# Tunnels and links


def around(wrap_it, **more):
    """A scene whose packets are all in something."""
    def made():
        return File(**more).all(wrap_it(p) for p in exchange(Tcp())), [exchanged()]
    return made


WRAPS = {
    "in-vlan": lambda p: tag(10, ether(p)),
    "in-qinq": lambda p: tag(100, tag(10, ether(p)), 0x88a8),
    "in-mpls": mpls,
    "in-pppoe": pppoe,
    "in-vxlan": vxlan,
    "in-geneve": geneve,
    "in-gre": gre,
    "in-erspan1": erspan1,
    "in-erspan2": erspan2,
    "in-erspan3": erspan3,
    "in-ip": lambda p: ether(ip(OUTER[0][0], OUTER[1][0], 4, p)),
    "in-ip6": lambda p: ether(ip("2001:db8:2::1", "2001:db8:2::2", 4, p)),
    "in-all": lambda p: tag(7, vxlan(gre(p)[14:])),
}
LINKS = {
    "link-raw": (RAW, lambda p: p),
    "link-loop": (LOOP, lambda p: struct.pack("<I", 2) + p),
    "link-ppp": (PPP, lambda p: b"\xff\x03\x00\x21" + p),
    "link-sll": (SLL, lambda p: struct.pack(">HHH8sH", 0, 1, 6, b"\2", 0x0800) + p),
    "link-sll2": (SLL2, lambda p: struct.pack(">HHIHBB8s", 0x0800, 0, 1, 1, 0, 6, b"\2") + p),
    "link-nflog": (NFLOG, lambda p: struct.pack("<BBHHHHHI", 2, 0, 0, 8, 1, 0x800, 0, 0)[:12]
                   + struct.pack("<HH", len(p) + 4, 9) + p),
}
SCENES.update({name: around(wrap_it) for name, wrap_it in WRAPS.items()})
SCENES.update({name: around(wrap_it, link=link) for name, (link, wrap_it) in LINKS.items()})


# Fragments


def fragmented(tcp, cut):
    """The client's request in three pieces, the last first."""
    f = File()
    frames = exchange(tcp, GET + b"x" * 100)
    for i, packet in enumerate(frames):
        parts = list(cut(packet))[::-1] if i == 3 else [packet]
        for k, part in enumerate(parts):
            f.add(ether(part), 1000 * i + k)
    return f, [exchanged(data=(len(GET) + 100, len(PAGE)), ends=tcp.end)]


@scene
def fragments_ipv4():
    return fragmented(Tcp(), lambda p: pieces4(p, 64))


@scene
def fragments_ipv6():
    return fragmented(Tcp(CLIENT6, SERVER6), lambda p: pieces6(p, 64, 99))


# Files of other forms


@scene
def file_big_nano():
    """The other byte order, nanoseconds."""
    return File(nano=True, order=">").all(map(ether, exchange(Tcp()))), [exchanged()]


def mixed(order):
    """Three interfaces of other link types, resolutions and snap lengths; a block of names."""
    f = Next(order)
    f.interface(ETHERNET, 65535, 9)
    f.interface(RAW, 200)
    f.interface(SLL, 0, 0x80 | 20)
    f.block(4, b"\0" * 4)
    for i, packet in enumerate(exchange(Tcp())):
        us = BEGIN * 1000000 + i * 1000
        if i % 3 == 0:
            f.packet(0, us * 1000, ether(packet))
        elif i % 3 == 1:
            f.packet(1, us, packet)
        else:
            f.packet(2, -(-(us << 20) // 1000000), LINKS["link-sll"][1](packet))
    return f


@scene
def file_mixed_ng():
    return mixed("<"), [exchanged()]


@scene
def file_sections_ng():
    """Two sections, each with a byte order and interfaces of its own."""
    f, t = Next("<"), exchange(Tcp())
    f.interface(RAW)
    for i, packet in enumerate(t[:5]):
        f.packet(0, BEGIN * 1000000 + i * 1000, packet)
    g = Next(">")
    g.interface(ETHERNET, 0, 3)
    for i, packet in enumerate(t[5:], 5):
        g.packet(0, BEGIN * 1000 + i, ether(packet))
    f.data += g.data
    return f, [exchanged()]


@scene
def file_old_blocks_ng():
    """Simple packets, which have no time and so that of the one before, and obsolete ones."""
    f, t = Next("<"), exchange(Tcp())
    f.interface(RAW)
    f.packet(0, BEGIN * 1000000, t[0])
    for i, packet in enumerate(t[1:], 1):
        us = BEGIN * 1000000 + 1000 * i
        if i % 2:
            f.block(2, struct.pack("<HHIIII", 0, 0, us >> 32, us & 0xffffffff, len(packet),
                                   len(packet)) + packet)
        else:
            f.block(3, struct.pack("<I", len(packet)) + packet)
    return f, [exchanged(rtt=(1000, 0))]


# Names


@scene
def tls_split():
    """A ClientHello in two segments, as they come, and the second one first."""
    whole, frames, rows = hello(b"Shop.Example.com"), [], []
    for i, turned in enumerate((False, True)):
        t = Tcp(("192.0.2.10", 40000 + i), ("198.51.100.80", 443))
        start = t.handshake()
        parts = [t.say(0, whole[:1200]), t.say(0, whole[1200:])]
        frames += start + (parts[::-1] if turned else parts) + [t.ack(1)]
        rows.append(row("syn", "established", "syn synack", (len(whole), 0), packets=(4, 2),
                        rtt=(1000, 1000), time=(6000 * i, 6000 * i + 5000), ends=t.end,
                        sni="shop.example.com"))
    return File().all(map(ether, frames)), rows


@scene
def names():
    """The same server by DNS, by TLS, and by HTTP; another by DNS alone, over IPv6."""
    resolver = ("192.0.2.53", 53)
    answer = dns_answer(b"WWW.Example.com",
                        [(1, address(SERVER[0])), (28, address(SERVER6[0]))])
    tls, http = Tcp(("192.0.2.10", 40000), (SERVER[0], 443)), Tcp(("192.0.2.10", 40001))
    whole = hello(b"shop.example.com")
    return (File().all(map(ether, [udp(resolver, ("192.0.2.10", 5000), answer)] +
                           tls.handshake() + [tls.say(0, whole)] + http.handshake() +
                           [http.say(0, GET)])),
            [row("syn", "established", "syn synack", (len(whole), 0), packets=(3, 1),
                 rtt=(1000, 1000), time=(1000, 4000), ends=tls.end, sni="shop.example.com"),
             row("syn", "established", "syn synack", (len(GET), 0), packets=(3, 1),
                 rtt=(1000, 1000), time=(5000, 8000), ends=http.end, host="shop.example.com")])


def main(folder):
    """Writes all of them."""
    for name, made in SCENES.items():
        captured, rows = made()
        end = ".pcapng" if isinstance(captured, Next) else ".pcap"
        name = name.removesuffix("-ng")
        with open(os.path.join(folder, name + end), "wb") as out:
            out.write(captured.data)
        with open(os.path.join(folder, name + ".tsv"), "w", encoding="ascii",
                  newline="\n") as out:
            for line in [HEADER] + rows:
                out.write("\t".join(map(str, line)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__)))
