# SPDX-License-Identifier: Apache-2.0
"""Writes the recordings tests/fuzz/seeds/foreign/NAME and, for each, tests/flows/NAME.txt: what
it must decode to.  The lines are written from what was meant, by nothing of the decoder.

    python3 tests/flows/make.py

The softflowd-* beside them were recorded: softflowd 1.1.0 reading plain-http, plain-ipv6, names,
refused and port-reuse of tests/captures in one (v5, v9 with -s 2, IPFIX, IPFIX with -b, PSAMP,
IPFIX with -T ether).  Their lines were compared with the packets: the same, but that softflowd
counts the padding of short Ethernet frames too.  The pmacct-* are of pmacctd 1.7.7 reading the
same: sfprobe with one packet in two, and nfprobe, which counts as the packets say.
"""

import pathlib
import struct

import writer as w

HERE = pathlib.Path(__file__).resolve().parent
SEEDS = HERE.parent / "fuzz" / "seeds" / "foreign"
MS = w.START * 1000

V4 = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (6, 1), (1, 4), (2, 4)]
TIMES9 = [(22, 4), (21, 4)]
TIMES10 = [(152, 8), (153, 8)]


def end(host, port):
    """As the tests print it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def flow(kind, src, dst, proto=6, event="traffic", domain=0, flags=None, octets=0, packets=0,
         reverse=None, words="", times=None, skew=None, sampling=0, ifs=None, nat=None):
    """One line of what is expected; SRC and DST are (address, port), TIMES in ms since MS."""
    out = f"{kind} {domain} {event} {proto} {end(*src)} > {end(*dst)}"
    if flags is not None:
        out += f" flags={flags:02x}"
    out += f" bytes={octets} packets={packets}"
    if reverse:
        out += f" reverse={reverse[0]}/{reverse[1]}"
    out += f" {words}" if words else ""
    if times:
        out += f" first={MS + times[0]} last={MS + times[1]}"
    if skew is not None:
        out += f" skew={skew}"
    if sampling:
        out += f" sampling={sampling}"
    if ifs:
        out += f" if={ifs[0]}>{ifs[1]}"
    if nat:
        out += f" nat={end(*nat[0])}>{end(*nat[1])}"
    return out


def stats(**counters):
    """The last line."""
    order = ("datagrams flows malformed unknown no_template templates refused missed late "
             "no_address waiting exporters").split()
    assert set(counters) <= set(order)
    return "=" + "".join(f" {n}={counters[n]}" for n in order if counters.get(n))


def netflow5():
    """Both ways of a connection; sampling; a gap; a datagram that is cut; a count that lies."""
    first = w.netflow5([
        w.record5("10.0.0.1", "10.0.0.2", 40000, 80, 6, 5, 230, 0x1b, 996000, 999000, 3, 4),
        w.record5("10.0.0.2", "10.0.0.1", 80, 40000, 6, 4, 9000, 0x1a, 996100, 998900, 4, 3),
        w.record5("10.0.0.1", "10.0.0.9", 0, 0x0303, 1, 1, 84, 0, 998000, 998000),
    ], 1000, engine=0x0102, sampling=0x4000 | 100, nanoseconds=250000000)
    after_gap = w.netflow5([
        w.record5("10.0.0.5", "10.0.0.6", 5353, 53, 17, 2, 120, 0xff, 1003000, 1002000),
    ], 1008, engine=0x0102, uptime=1004000, at=4)
    # The uptime's 32 bits were over between the flow and its export.
    wrapped = w.netflow5([
        w.record5("10.0.0.5", "10.0.0.6", 1024, 443, 6, 1, 40, 2, 2**32 - 1000, 500),
    ], 1, uptime=1000, at=5)
    cut = w.netflow5([
        w.record5("10.0.0.7", "10.0.0.8", 1025, 22, 6, 1, 40, 2, 1000000, 1000000),
        w.record5("10.0.0.7", "10.0.0.8", 1026, 22, 6, 1, 40, 2, 1000000, 1000000),
    ], 1)[:24 + 48 + 47]
    lies = w.netflow5([w.record5("10.0.0.7", "10.0.0.8", 1025, 22, 6, 1, 40, 2)], 1, count=31)
    nobody = w.netflow5([w.record5("0.0.0.0", "10.0.0.8", 68, 67, 17, 1, 300)], 1)
    data = w.recording((1, 0, first), (1, 4, after_gap), (2, 1, wrapped), (3, 0, cut),
                       (4, 0, lies), (5, 0, nobody))
    one = {"kind": "netflow5", "domain": 0x0102, "sampling": 100, "skew": 250}
    return data, [
        flow(src=("10.0.0.1", 40000), dst=("10.0.0.2", 80), flags=0x1b, octets=230, packets=5,
             times=(-3750, -750), ifs=(3, 4), **one),
        flow(src=("10.0.0.2", 80), dst=("10.0.0.1", 40000), flags=0x1a, octets=9000, packets=4,
             times=(-3650, -850), ifs=(4, 3), **one),
        flow(src=("10.0.0.1", 0), dst=("10.0.0.9", 0), proto=1, octets=84, packets=1,
             times=(-1750, -1750), **one),
        flow("netflow5", ("10.0.0.5", 5353), ("10.0.0.6", 53), 17, domain=0x0102, octets=120,
             packets=2, times=(2000, 2000), skew=0),
        flow("netflow5", ("10.0.0.5", 1024), ("10.0.0.6", 443), flags=2, octets=40, packets=1,
             times=(3000, 4500), skew=0),
        flow("netflow5", ("10.0.0.7", 1025), ("10.0.0.8", 22), flags=2, octets=40, packets=1,
             times=(0, 0), skew=-5000),
        "bad", "bad",
        stats(datagrams=6, flows=6, malformed=2, missed=5, no_address=1, exporters=4),
    ]


def netflow9():
    """Templates, options with a sampler, data before its template, IPv6, padding."""
    t4 = V4 + TIMES9 + [(48, 1), (61, 1), (10, 2), (14, 2)]
    t6 = [(27, 16), (28, 16), (7, 2), (11, 2), (4, 1), (6, 1), (1, 8), (2, 8)] + TIMES9
    sampler = [(48, 1), (49, 1), (50, 4)]
    head = w.netflow9([
        w.a_set(0, w.template(256, *t4) + w.template(257, *t6)),
        w.a_set(1, w.options9(300, [(1, 4)], sampler)),
        w.a_set(300, b"\0\0\0\1" + w.record(sampler, 7, 2, 1000)),
        w.a_set(256, w.record(t4, "10.1.0.1", "10.1.0.2", 33000, 443, 6, 0x1b, 1500, 10,
                              999000, 999500, 7, 0, 11, 12) +
                w.record(t4, "10.1.0.2", "10.1.0.1", 443, 33000, 6, 0x1a, 150000, 100,
                         999100, 999400, 9, 1, 12, 11)),
    ], 10, domain=99)
    six = w.netflow9([
        w.a_set(257, w.record(t6, "2001:db8::1", "2001:db8::2", 50000, 5432, 6, 0x18,
                              2**40, 2**33, 1000500, 1001000)),
    ], 11, domain=99, uptime=1001000, at=1)
    # Another exporter's 256, of which the data comes first.
    early = [w.netflow9([w.a_set(256, w.record(V4, "10.2.0.1", "10.2.0.2", 1000 + i, 53, 17, 0,
                                               60, 1))], 20 + i) for i in range(2)]
    late = w.netflow9([w.a_set(0, w.template(256, *V4))], 22, at=3, uptime=1003000)
    data = w.recording((1, 0, head), (1, 1, six), (2, 0, early[0]), (2, 1, early[1]),
                       (2, 1, late))
    one = {"kind": "netflow9", "domain": 99, "skew": 500}
    two = {"kind": "netflow9", "proto": 17, "octets": 60, "packets": 1, "skew": 500}
    return data, [
        flow(src=("10.1.0.1", 33000), dst=("10.1.0.2", 443), flags=0x1b, octets=1500,
             packets=10, words="ingress", times=(-1000, -500), sampling=1000, ifs=(11, 12),
             **one),
        # A sampler that was not told of.
        flow(src=("10.1.0.2", 443), dst=("10.1.0.1", 33000), flags=0x1a, octets=150000,
             packets=100, words="egress", times=(-900, -600), ifs=(12, 11), **one),
        flow(src=("2001:db8::1", 50000), dst=("2001:db8::2", 5432), flags=0x18, octets=2**40,
             packets=2**33, times=(500, 1000), sampling=1000, **one),
        flow(src=("10.2.0.1", 1000), dst=("10.2.0.2", 53), **two),
        flow(src=("10.2.0.1", 1001), dst=("10.2.0.2", 53), **two),
        stats(datagrams=5, flows=5, templates=4, exporters=2),
    ]


def netflow9_asa():
    """A Cisco ASA tells one connection four times: its bytes count once; a denied one; NAT."""
    made = [(148, 4), (8, 4), (7, 2), (10, 2), (12, 4), (11, 2), (14, 2), (4, 1), (176, 1),
            (177, 1), (225, 4), (226, 4), (227, 2), (228, 2), (233, 1), (33002, 2), (323, 8)]
    over = made + [(152, 8), (231, 4), (232, 4), (40000, 20)]
    old = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (40001, 4), (40002, 4), (40003, 2),
           (40004, 2), (40005, 1), (85, 4), (323, 8), (152, 8)]
    ends = ("10.3.0.1", 40001, 3, "203.0.113.7", 443, 4, 6, 0, 0, "198.51.100.1", "203.0.113.7",
            1025, 443)
    user = b"someone\0\0\0\0\0\0\0\0\0\0\0\0\0"
    data = w.recording((1, 0, w.netflow9([
        w.a_set(0, w.template(263, *made) + w.template(264, *over) + w.template(265, *old)),
        w.a_set(263, w.record(made, 5, *ends, 1, 0, MS - 60000)),
        w.a_set(264, w.record(over, 5, *ends, 5, 0, MS - 30000, MS - 60000, 400, 3000, user) +
                w.record(over, 5, *ends, 5, 2032, MS - 100, MS - 60000, 100, 1000, user) +
                w.record(over, 5, *ends, 2, 2032, MS - 100, MS - 60000, 500, 4000, user)),
        w.a_set(263, w.record(made, 0, "10.3.0.9", 40002, 3, "10.3.0.2", 23, 4, 6, 0, 0,
                              "0.0.0.0", "0.0.0.0", 0, 0, 3, 1001, MS - 50)),
        w.a_set(265, w.record(old, "10.3.0.1", "203.0.113.8", 40003, 53, 17, "198.51.100.1",
                              "203.0.113.8", 40003, 53, 2, 777, MS - 10, MS - 90)),
    ], 1)))
    nat = (("198.51.100.1", 1025), ("203.0.113.7", 443))
    one = {"kind": "netflow9", "src": ("10.3.0.1", 40001), "dst": ("203.0.113.7", 443),
           "skew": 500, "ifs": (3, 4), "nat": nat}
    return data, [
        flow(event="created", words="began=src", times=(-60000, -60000), **one),
        flow(event="updated", words="began=src", times=(-60000, -30000), **one),
        flow(event="updated", words="began=src", times=(-60000, -100), **one),
        flow(event="ended", octets=500, reverse=(4000, 0), words="payload began=src",
             times=(-60000, -100), **one),
        flow("netflow9", ("10.3.0.9", 40002), ("10.3.0.2", 23), event="denied",
             words="began=src", times=(-50, -50), skew=500, ifs=(3, 4)),
        flow("netflow9", ("10.3.0.1", 40003), ("203.0.113.8", 53), 17, event="ended",
             octets=777, words="began=src", times=(-90, -10), skew=500,
             nat=(("198.51.100.1", 40003), ("203.0.113.8", 53))),
        stats(datagrams=1, flows=6, templates=3, exporters=1),
    ]


def netflow9_shapes():
    """Reduced sizes, the egress elements, no length, layer 2 only, zeroes at the end, Cisco's
    client and server, both families in one record."""
    small = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 3), (2, 1)]
    out = [(8, 4), (12, 4), (4, 1), (82, 0), (23, 4), (24, 4)]
    both = [(8, 4), (12, 4), (7, 2), (11, 2), (4, 1), (1, 4), (2, 4), (23, 4), (24, 4)]
    mac = [(56, 6), (57, 6), (1, 4), (2, 4)]
    asked = [(45004, 4), (45005, 4), (45009, 2), (4, 1), (231, 8), (232, 8), (298, 4), (299, 4)]
    dual = [(8, 4), (12, 4), (27, 16), (28, 16), (4, 1), (352, 4), (2, 4), (89, 1)]
    odd = [(8, 4), (12, 4), (4, 1), (1, 9), (2, 4), (7, 0), (8, 16)]
    data = w.recording((1, 0, w.netflow9([
        w.a_set(0, w.template(256, *small) + w.template(257, *out) + w.template(258, *both) +
                w.template(259, *mac) + w.template(260, *asked) + w.template(261, *dual) +
                w.template(262, *odd)),
        w.a_set(256, w.record(small, "10.4.0.1", "10.4.0.2", 1, 2, 17, 70000, 200)),
        w.a_set(257, w.record(out, "10.4.0.1", "10.4.0.2", 47, b"", 800, 8)),
        w.a_set(258, w.record(both, "10.4.0.1", "10.4.0.2", 3, 4, 6, 748, 6, 748, 6) +
                w.record(both, "10.4.0.1", "10.4.0.2", 3, 4, 6, 748, 6, 9000, 9)),
        w.a_set(259, 3 * w.record(mac, b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", 5, 5)),
        w.a_set(260, w.record(asked, "10.4.0.3", "10.4.0.4", 8443, 6, 100, 2000, 3, 4)),
        w.a_set(261, w.record(dual, "0.0.0.0", "0.0.0.0", "2001:db8::3", "2001:db8::4", 6,
                              1014, 1, 0x80) +
                w.record(dual, "10.4.0.5", "10.4.0.6", "::", "::", 6, 5, 1, 0x40)),
        w.a_set(262, w.record(odd, "10.4.0.7", "10.4.0.8", 1, 5, 6, b"", "2001:db8::5")),
        bytes(200),
    ], 1)))
    one = {"kind": "netflow9", "src": ("10.4.0.1", 0), "dst": ("10.4.0.2", 0), "skew": 500}
    both_ends = {"src": ("10.4.0.1", 3), "dst": ("10.4.0.2", 4)}
    return data, [
        flow(proto=17, octets=70000, packets=200,
             **{**one, "src": ("10.4.0.1", 1), "dst": ("10.4.0.2", 2)}),
        flow(proto=47, octets=800, packets=8, **one),
        flow(octets=748, packets=6, **{**one, **both_ends}),
        flow(octets=748, packets=6, reverse=(9000, 9), **{**one, **both_ends}),
        flow(octets=100, packets=3, reverse=(2000, 4), words="payload began=src",
             **{**one, "src": ("10.4.0.3", 0), "dst": ("10.4.0.4", 8443)}),
        flow(event="denied", octets=1000, packets=1,
             **{**one, "src": ("2001:db8::3", 0), "dst": ("2001:db8::4", 0)}),
        flow(octets=5, packets=1, **{**one, "src": ("10.4.0.5", 0), "dst": ("10.4.0.6", 0)}),
        flow(proto=1, packets=6, **{**one, "src": ("10.4.0.7", 0), "dst": ("10.4.0.8", 0)}),
        stats(datagrams=1, flows=8, templates=7, no_address=3, exporters=1),
    ]


def netflow9_sequence():
    """A gap, one that comes late, a restart; a template that changes."""
    def data(number, port, **more):
        return w.netflow9([w.a_set(256, w.record(V4, "10.5.0.1", "10.5.0.2", port, 80, 6, 2, 40,
                                                 1))], number, **more)

    def told(number, *fields, **more):
        return w.netflow9([w.a_set(0, w.template(256, *fields))], number, **more)

    other = [(12, 4), (8, 4)] + V4[2:]
    steps = [told(100, *V4), data(101, 1), data(105, 2), data(103, 3), data(106, 4),
             told(107, *other), data(108, 5),
             data(0, 6, uptime=1000), told(1, *V4, uptime=2000),
             data(2**31, 7, uptime=3000)]
    one = {"kind": "netflow9", "flags": 2, "octets": 40, "packets": 1, "skew": 500}
    a, b = "10.5.0.1", "10.5.0.2"
    return w.recording(*((1, 0, s) for s in steps)), [
        *(flow(src=(a, p), dst=(b, 80), **one) for p in (1, 2, 3, 4)),
        flow(src=(b, 5), dst=(a, 80), **one),
        *(flow(src=(a, p), dst=(b, 80), **one) for p in (6, 7)),
        stats(datagrams=10, flows=7, templates=3, missed=3, late=1, exporters=1),
    ]


def ipfix():
    """Biflows, variable lengths, elements of enterprises, selectors, sequence of records."""
    bi = V4 + [((29305, 1), 4), ((29305, 2), 4), (239, 1), ((6871, 40), w.VARIABLE),
               (96, w.VARIABLE), (136, 1)] + TIMES10
    plain = [(8, 4), (12, 4), (182, 2), (183, 2), (4, 1), (6, 2), (1, 8), (2, 8), (302, 8),
             (10, 4)]
    selector, interface = [(302, 8)], [(10, 4)]
    one_in = [(304, 2), (305, 4), (306, 4)]

    def biflow(sport, direction, name, reason):
        return w.record(bi, "10.6.0.1", "10.6.0.2", sport, 443, 6, 0x1b, 600, 6, 7000, 8,
                        direction, name, b"x" * 300, reason, MS - 9000, MS - 1000)

    def uni(sport, choice, ingress):
        return w.record(plain, "10.6.0.3", "10.6.0.4", sport, 22, 6, 0x01ff, 1, 1, choice,
                        ingress)

    first = w.ipfix([
        w.a_set(2, w.template(256, *bi) + w.template(257, *plain)),
        w.a_set(3, w.options10(300, selector, one_in) +
                w.options10(301, interface, [(34, 4)])),
        w.a_set(300, w.record(selector + one_in, 5, 1, 1, 511)),
        w.a_set(301, w.record(interface + [(34, 4)], 12, 64)),
        w.a_set(256, biflow(1, 1, b"", 3) + biflow(2, 2, b"short", 2) +
                biflow(3, 0, b"y" * 254, 1), pad=False),
        w.a_set(257, uni(4, 5, 0) + uni(5, 6, 12) + uni(6, 6, 13)),
    ], 0, domain=7)
    gap = w.ipfix([w.a_set(257, uni(7, 5, 0))], 10, domain=7)
    data = w.recording((1, 0, first), (1, 0, gap))
    one = {"kind": "ipfix", "domain": 7, "skew": 500}
    two = {**one, "src": ("10.6.0.1", 0), "flags": 0x1b, "octets": 600, "packets": 6,
           "reverse": (7000, 8), "times": (-9000, -1000),
           "sampling": 512}  # of the one selector there is, as they name none

    def both(sport, words):
        return flow(**{**two, "src": ("10.6.0.1", sport)}, dst=("10.6.0.2", 443), words=words)

    def single(sport, **more):
        return flow(src=("10.6.0.3", sport), dst=("10.6.0.4", 22), flags=0x1ff, octets=1,
                    packets=1, **one, **more)

    return data, [
        both(1, "began=src"), both(2, "began=dst goes-on"), both(3, ""),
        single(4, sampling=512), single(5, sampling=64, ifs=(12, 0)), single(6, ifs=(13, 0)),
        single(7, sampling=512),
        stats(datagrams=2, flows=7, templates=4, missed=2, exporters=1),
    ]


def ipfix_times():
    """Every way to tell when."""
    base = [(8, 4), (12, 4)]
    ntp = w.START + 2208988800
    half = 2**31
    ways = [
        ([(150, 4), (151, 4)], (w.START - 9, w.START - 2), (-9000, -2000)),
        ([(152, 8), (153, 8)], (MS - 9001, MS - 2002), (-9001, -2002)),
        ([(154, 8), (155, 8)], (((ntp - 9) << 32) | half, (ntp - 2) << 32), (-8500, -2000)),
        ([(156, 8), (157, 8)], ((ntp - 9) << 32, ((ntp - 2) << 32) | half), (-9000, -1500)),
        ([(158, 4), (159, 4)], (9000000, 2500999), (-9000, -2500)),
        ([(22, 4), (21, 4)], (5000, 7000), (-95000, -93000)),
        ([(22, 4), (21, 4), (160, 8)], (5000, 7000, MS - 2**32 - 8000), (-3000, -1000)),
        ([(152, 8), (161, 4)], (MS - 5000, 1500), (-5000, -3500)),
        ([(153, 8), (162, 4)], (MS - 5000, 1500000), (-6500, -5000)),
        ([(323, 8)], (MS - 70,), (-70, -70)),
        ([(322, 4)], (w.START - 1,), (-1000, -1000)),
        ([(324, 8)], ((ntp - 1) << 32,), (-1000, -1000)),
        ([(152, 8), (153, 8)], (MS + 10, MS - 10), (-10, -10)),
        ([(1, 8)], (0,), None),
    ]
    options = [(143, 4)], [(160, 8)]
    sets = [w.a_set(3, w.options10(999, *options)),
            w.a_set(999, w.record(options[0] + options[1], 1, MS - 100000))]
    lines = []
    for i, (fields, values, times) in enumerate(ways):
        sets.append(w.a_set(2, w.template(256 + i, *base, *fields)))
        sets.append(w.a_set(256 + i, w.record(base + fields, "10.7.0.1", f"10.7.1.{i}",
                                              *values)))
        lines.append(flow("ipfix", ("10.7.0.1", 0), (f"10.7.1.{i}", 0), 0, times=times,
                          skew=500))
    data = w.recording((1, 0, w.ipfix(sets, 0)))
    return data, lines + [stats(datagrams=1, flows=len(ways), templates=len(ways) + 1,
                                exporters=1)]


def ipfix_nat():
    """Translations logged as events (RFC 8158), NAT44 and NAT64."""
    four = [(323, 8), (230, 1), (8, 4), (225, 4), (4, 1), (7, 2), (227, 2), (12, 4), (226, 4),
            (11, 2), (228, 2), (283, 4)]
    six = [(323, 8), (230, 1), (27, 16), (225, 4), (4, 1), (7, 2), (227, 2), (28, 16), (226, 4),
           (11, 2), (228, 2)]
    pool = [(323, 8), (230, 1), (283, 4)]
    data = w.recording((1, 0, w.ipfix([
        w.a_set(2, w.template(256, *four) + w.template(257, *six) + w.template(258, *pool)),
        w.a_set(256, b"".join(w.record(four, MS + at, e, "10.8.0.1", "198.51.100.2", 6, 40000,
                                       62000, "203.0.113.1", "203.0.113.1", 443, 443, 1)
                              for at, e in ((0, 4), (500, 5)))),
        w.a_set(257, w.record(six, MS, 6, "2001:db8::7", "198.51.100.2", 17, 5000, 62001,
                              "64:ff9b::cb00:7101", "203.0.113.1", 53, 53)),
        w.a_set(258, w.record(pool, MS, 3, 1)),
    ], 0)))
    four_ends = {"kind": "ipfix", "src": ("10.8.0.1", 40000), "dst": ("203.0.113.1", 443),
                 "skew": 500, "nat": (("198.51.100.2", 62000), ("203.0.113.1", 443))}
    return data, [
        flow(event="created", times=(0, 0), **four_ends),
        flow(event="ended", times=(500, 500), **four_ends),
        flow("ipfix", ("2001:db8::7", 5000), ("64:ff9b::cb00:7101", 53), 17, event="created",
             times=(0, 0), skew=500, nat=(("198.51.100.2", 62001), ("203.0.113.1", 53))),
        stats(datagrams=1, flows=3, templates=3, no_address=1, exporters=1),
    ]


def ipfix_frames():
    """The beginnings of packets in place of what they were (RFC 5477)."""
    frame = [(302, 4), (312, 2), (315, w.VARIABLE)]
    header = [(302, 4), (313, 40)]
    size = [(309, 4), (310, 4)]
    chance = struct.pack(">d", 0.01)
    tagged = w.ethernet(0x0800, w.ipv4("10.9.0.1", "10.9.0.2", 6, w.tcp(1, 80, 0x12, bytes(40))),
                        (0x8100, 5))
    arp = w.ethernet(0x0806, bytes(28))
    six = w.ipv6("2001:db8::a", "2001:db8::b", 17, w.udp(2, 53))[:40]
    data = w.recording((1, 0, w.ipfix([
        w.a_set(3, w.options10(300, [(302, 4)], size) + w.options10(301, [(302, 4)], [(311, 8)])),
        w.a_set(300, w.record([(302, 4)] + size, 1, 10, 4000)),
        w.a_set(301, w.record([(302, 4), (311, 8)], 2, chance)),
        w.a_set(2, w.template(256, *frame) + w.template(257, *header)),
        w.a_set(256, w.record(frame, 1, len(tagged), tagged[:64]) +
                w.record(frame, 1, len(arp), arp) + w.record(frame, 1, 0, b""), pad=False),
        w.a_set(257, w.record(header, 2, six)),
    ], 0)))
    return data, [
        flow("ipfix", ("10.9.0.1", 1), ("10.9.0.2", 80), flags=0x12, octets=80, packets=1,
             skew=500, sampling=400),
        flow("ipfix", ("2001:db8::a", 0), ("2001:db8::b", 0), 17, octets=48, packets=1,
             skew=500, sampling=100),
        stats(datagrams=1, flows=2, templates=4, no_address=2, exporters=1),
    ]


def ipfix_withdrawn():
    """Templates withdrawn, one and all; data afterwards waits."""
    def data(ident, number, port):
        return w.ipfix([w.a_set(ident, w.record(V4, "10.10.0.1", "10.10.0.2", port, 80, 6, 2, 40,
                                                1))], number)

    both = w.ipfix([w.a_set(2, w.template(256, *V4) + w.template(257, *V4))], 0)
    gone = w.ipfix([w.a_set(2, w.template(256), pad=False)], 1)
    all_gone = w.ipfix([w.a_set(2, w.template(2), pad=False)], 2)
    data = w.recording((1, 0, both), (1, 0, data(256, 0, 1)), (1, 0, gone),
                       (1, 0, data(257, 1, 2)), (1, 0, all_gone), (1, 0, data(257, 2, 3)),
                       (1, 0, data(256, 3, 4)), (1, 0, w.ipfix([
                           w.a_set(2, w.template(256, *V4))], 4)))
    return data, [
        *(flow("ipfix", ("10.10.0.1", p), ("10.10.0.2", 80), flags=2, octets=40, packets=1,
               skew=500) for p in (1, 2, 4)),
        stats(datagrams=8, flows=3, templates=3, waiting=1, exporters=1),
    ]


def sflow():
    """Samples of packets, both kinds; counters; drops; translations; addresses in two ways."""
    web = w.ethernet(0x0800, w.ipv4("10.11.0.1", "10.11.0.2", 6, w.tcp(1000, 80, 0x18,
                                                                       bytes(500))))
    dns = w.ethernet(0x86dd, w.ipv6("2001:db8::1", "2001:db8::2", 17, w.udp(2000, 53, bytes(9))),
                     (0x8100, 3))
    mpls = w.ethernet(0x8847, bytes.fromhex("000100400002014a") +
                      w.ipv4("10.11.0.3", "10.11.0.4", 17, w.udp(5, 6)))
    arp = w.ethernet(0x0806, bytes(28))
    nat = w.tagged(1007, w.typed("198.51.100.5") + w.typed("10.11.0.2"))
    ports = w.tagged(1020, struct.pack(">II", 61000, 80))
    switch = w.tagged(1001, bytes(16))
    vendor = w.tagged(4413 << 12 | 1, b"abcd")
    counters = w.tagged(2, bytes(40))
    first = w.sflow([
        w.flow_sample([switch, w.raw_header(web, kept=128), nat, ports], 512, 3, 4),
        w.expanded_sample([vendor, w.raw_header(dns)], 1024),
        counters,
        w.flow_sample([w.raw_header(mpls)], 1, 1, 0x80000002),
        w.flow_sample([w.raw_header(web, kept=128)], 512, 3, 0x40000102),
        w.flow_sample([w.raw_header(arp)], 512),
    ], 1)
    second = w.sflow([
        w.flow_sample([w.sampled_ip("10.11.0.5", "10.11.0.6", 7, 8, 6, 60, 2)], 100),
        w.flow_sample([w.sampled_ip("2001:db8::5", "2001:db8::6", 9, 10, 17, 70),
                       w.tagged(2, bytes(20))], 100),
        w.discarded([w.raw_header(web)], 258, 6),
        w.flow_sample([w.raw_header(w.ipv4("10.11.0.7", "10.11.0.8", 6, w.tcp(11, 12, 2)), 11)],
                      100, 0x3fffffff, 0x3fffffff),
        w.expanded_sample([w.raw_header(w.ipv6("2001:db8::7", "2001:db8::8", 6,
                                               w.tcp(13, 14, 2)), 12)], 100, (0, 0x3fffffff),
                          (1, 256)),
    ], 4, agent="2001:db8::99", domain=5)
    third = w.sflow([], 6, agent="2001:db8::99", domain=5)
    tcp = {"kind": "sflow", "packets": 1}
    return w.recording((1, 0, first), (1, 0, second), (1, 0, third)), [
        flow(src=("10.11.0.1", 1000), dst=("10.11.0.2", 80), flags=0x18, octets=540,
             sampling=512, ifs=(3, 4), nat=(("198.51.100.5", 61000), ("10.11.0.2", 80)), **tcp),
        flow(src=("2001:db8::1", 2000), dst=("2001:db8::2", 53), proto=17, octets=57,
             sampling=1024, ifs=(1, 2), **tcp),
        flow(src=("10.11.0.3", 5), dst=("10.11.0.4", 6), proto=17, octets=28, sampling=1,
             ifs=(1, 0), **tcp),
        flow(src=("10.11.0.1", 1000), dst=("10.11.0.2", 80), event="denied", flags=0x18,
             octets=540, sampling=512, ifs=(3, 0), **tcp),
        flow(src=("10.11.0.5", 7), dst=("10.11.0.6", 8), flags=2, octets=60, sampling=100,
             ifs=(1, 2), domain=5, **tcp),
        flow(src=("2001:db8::5", 9), dst=("2001:db8::6", 10), proto=17, octets=70, sampling=100,
             ifs=(1, 2), domain=5, **tcp),
        flow(src=("10.11.0.1", 1000), dst=("10.11.0.2", 80), event="denied", flags=0x18,
             octets=540, sampling=1, ifs=(6, 0), domain=5, **tcp),
        flow(src=("10.11.0.7", 11), dst=("10.11.0.8", 12), flags=2, octets=40, sampling=100,
             domain=5, **tcp),
        flow(src=("2001:db8::7", 13), dst=("2001:db8::8", 14), event="denied", flags=2,
             octets=60, sampling=100, domain=5, **tcp),
        stats(datagrams=3, flows=9, missed=1, no_address=1, exporters=2),
    ]


def sflow_frames():
    """Headers that are cut, in fragments, behind options, extensions, two tags, PPPoE."""
    def four(port, **more):
        return w.ethernet(0x0800, w.ipv4("10.12.0.1", "10.12.0.2", 6,
                                         w.tcp(port, 80, 0x10, bytes(20)), **more))

    def six(following, extension, payload):
        return w.ethernet(0x86dd, w.ipv6("2001:db8::c", "2001:db8::d", following,
                                         extension + payload))

    segment = w.tcp(9, 80, 0x10)
    frames = [
        (four(1), None, 1, True, 60),              # whole
        (four(2), 14 + 20 + 13, 2, False, 60),     # the flags are cut off
        (four(3), 14 + 20 + 3, 0, False, 60),      # the ports are
        (four(4), 14 + 19, None, None, None),      # the addresses are
        (four(5, fragment=0x2000), None, 5, True, 60),
        (four(6, fragment=0x00b9), None, 0, False, 60),
        (four(7, options=bytes(8)), None, 7, True, 68),
        (four(8, total=0), None, 8, True, 64),     # as offload leaves it: what was on the wire
    ]
    deep = [
        (six(0, bytes([6, 0]) + bytes(6), segment), 9, True, 68),
        (six(44, bytes([6, 0, 0, 1]) + bytes(4), segment), 9, True, 68),
        (six(44, bytes([6, 0, 0, 9]) + bytes(4), segment), 0, False, 68),
        (six(60, bytes([43, 0]) + bytes(6) + bytes([51, 1]) + bytes(14) + bytes([6, 1]) +
             bytes(10), segment), 9, True, 96),
    ]
    qinq = w.ethernet(0x0800, w.ipv4("10.12.0.3", "10.12.0.4", 17, w.udp(1, 2)), (0x88a8, 7),
                      (0x8100, 8))
    pppoe = w.ethernet(0x8864, bytes.fromhex("110000010000") + b"\x00\x21" +
                       w.ipv4("10.12.0.5", "10.12.0.6", 17, w.udp(3, 4)))
    wire = w.ethernet(0x8847, bytes.fromhex("0001014000000000") +
                      w.ethernet(0x0800, w.ipv4("10.12.0.7", "10.12.0.8", 17, w.udp(5, 6)),
                                 (0x8100, 9)))
    samples = [w.flow_sample([w.raw_header(f, kept=kept)], 10, 0, 0)
               for f, kept, *_ in frames]
    samples += [w.flow_sample([w.raw_header(f)], 10, 0, 0) for f, *_ in deep]
    samples += [w.flow_sample([w.raw_header(f)], 10, 0, 0) for f in (qinq, pppoe, wire)]
    bare = w.ipv4("10.12.0.9", "10.12.0.10", 17, w.udp(7, 8))
    samples += [w.flow_sample([w.raw_header(bare, protocol=p)], 10, 0, 0)
                for p in (11, 9)]  # IPv4; 802.11, of which nothing is known
    one = {"kind": "sflow", "packets": 1, "sampling": 10}
    lines = [flow(src=("10.12.0.1", port), dst=("10.12.0.2", 80 if port else 0),
                  flags=0x10 if flags else None, octets=octets, **one)
             for _, _, port, flags, octets in frames if octets]
    lines += [flow(src=("2001:db8::c", port), dst=("2001:db8::d", 80 if port else 0),
                   proto=6, flags=0x10 if flags else None, octets=octets, **one)
              for _, port, flags, octets in deep]
    lines += [flow(src=("10.12.0.3", 1), dst=("10.12.0.4", 2), proto=17, octets=28, **one),
              flow(src=("10.12.0.5", 3), dst=("10.12.0.6", 4), proto=17, octets=28, **one),
              flow(src=("10.12.0.7", 5), dst=("10.12.0.8", 6), proto=17, octets=28, **one),
              flow(src=("10.12.0.9", 7), dst=("10.12.0.10", 8), proto=17, octets=28, **one)]
    return w.recording((1, 0, w.sflow(samples, 1))), lines + [
        stats(datagrams=1, flows=15, no_address=2, exporters=1)]


def damaged():
    """Lengths and counts that lie, heads that are cut, versions that are none."""
    good = w.a_set(2, w.template(256, *V4))
    row = w.record(V4, "10.13.0.1", "10.13.0.2", 1, 2, 6, 2, 40, 1)
    line = flow("ipfix", ("10.13.0.1", 1), ("10.13.0.2", 2), flags=2, octets=40, packets=1,
                skew=500)
    nine = line.replace("ipfix", "netflow9")
    cases = [
        (b"", []), (b"\0", []), (b"\0\x07" + bytes(50), []), (b"\0\0\0\x04" + bytes(50), []),
        (w.netflow5([], 1), []), (w.netflow9([], 1)[:19], []), (w.ipfix([], 1)[:15], []),
        (w.sflow([], 1)[:27], []),
        (w.ipfix([good, w.a_set(256, row)], 0, length=2000), [line]),
        (w.ipfix([good, w.a_set(256, row), struct.pack(">HH", 256, 3)], 0), [line]),
        (w.ipfix([good, w.a_set(256, row), struct.pack(">HH", 256, 9)], 0), [line]),
        (w.ipfix([w.a_set(2, struct.pack(">HH", 257, 99) + bytes(8)), good,
                  w.a_set(256, row)], 0), [line]),
        (w.ipfix([w.a_set(5, bytes(4)), good, w.a_set(256, row)], 0), [line]),
        (w.ipfix([w.a_set(3, struct.pack(">HHH", 258, 1, 2) + bytes(8))], 0), []),
        (w.ipfix([w.a_set(2, w.template(258, (96, w.VARIABLE), (8, 4))),
                  w.a_set(258, b"\xff\xff\xff\0\0")], 0), []),
        (w.netflow9([w.a_set(0, w.template(256, *V4)), w.a_set(256, row),
                     struct.pack(">HH", 256, 1)], 0), [nine]),
        (w.netflow9([w.a_set(1, struct.pack(">HHH", 257, 3, 4) + bytes(8))], 0), []),
        (w.netflow9([w.a_set(0, w.template(255, *V4))], 0), []),
        (w.sflow([w.tagged(1, bytes(8))], 1), []),
        (w.sflow([b""], 1), []),
        (w.sflow([], 1, count=2**32 - 1), []),
        (number_of_address(3), []),
    ]
    lines = []
    for _, told in cases:
        lines += told + ["bad"]
    data = w.recording(*((i, 0, raw) for i, (raw, _) in enumerate(cases)))
    return data, lines + [stats(datagrams=len(cases), flows=6, malformed=len(cases) - 4,
                                unknown=4, templates=7, exporters=13)]


def number_of_address(kind):
    """sFlow of an agent whose address is of no known kind."""
    return w.number(5, 4) + w.number(kind, 4) + bytes(40)


SCENES = [netflow5, netflow9, netflow9_asa, netflow9_shapes, netflow9_sequence, ipfix,
          ipfix_times, ipfix_nat, ipfix_frames, ipfix_withdrawn, sflow, sflow_frames, damaged]


def main():
    """Writes them all."""
    SEEDS.mkdir(parents=True, exist_ok=True)
    for scene in SCENES:
        name = scene.__name__.replace("_", "-")
        data, lines = scene()
        (SEEDS / name).write_bytes(data)
        (HERE / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
