# SPDX-License-Identifier: Apache-2.0
"""A sensor that was let in and lies: a table of forged records, and what must become of each.

A record about what is another's is quarantined, one that makes no sense is rejected, both
counted against its sensor; what a sensor may say of its own machine is kept, whatever is in its
names, and escaped wherever it is shown.  Beside it an honest sensor tells, and its sums are
exact at the end.
"""

import json
import os
import pty
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

import forgedkit
import harness
import scene
import wirepeer as wire
from flowscene import netflow5
from test_api import api_token, ask, collector, metrics

HONEST, SILENT, REVOKED, FORGER = "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.66"
OPENS, ROUNDS = 1000, 3
NOW = int(time.time() * 1000)
MINUTE = NOW // 60000

# What stands in names.  Each is told as every kind of name there is.
NAMES = [
    b"\x1b[95mpink\x1b[0m", b"\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\",
    b"\x1b]52;c;cm0gLXJmIH4=\x07", b"\x1b]0;title\x07", b"\x1b[2J\x1b[H\x1b[?1049h",
    b"\x1bP+q544e\x1b\\", b"\xc2\x9b31mC1\xc2\x9d8;;x\xc2\x9c", b"\x9b31m", b"\x90q\x9c",
    "\u202eexe.cod\u202c\u2066hidden\u2069\u200f\u061c".encode(), "\u2028para\u2029".encode(),
    b"\xff\xfe\xc0\xaf\xed\xa0\x80\xf4\x90\x80\x80", b"\xe2\x82", b"a\nb\r\nc\td\x08e\x0b\x7f",
    b"<script>alert(1)</script>", b"\" onload=\"alert(1)", b"'><img src=x onerror=alert(1)>",
    b"</title></text></svg><svg onload=alert(1)>", b"<![CDATA[", b"]]>", b"-->", b"<!--",
    b"&lt;b&gt; &amp;#60; &#x3c;script&#x3e; &bad;", b"<!ENTITY x SYSTEM \"file:///etc/passwd\">",
    b"<?xml-stylesheet href=\"http://evil.example/\"?>", b"javascript:alert(1)",
    b"<TABLE><TR><TD HREF=\"javascript:alert(1)\">x</TD></TR></TABLE>",
    b"=cmd|' /C calc'!A0", b"+1+cmd|'/C calc'!A0", b"-2+3+cmd|'/C calc'!A0", b"@SUM(1)",
    b"\t=1+1", b"\r=1+1", b" =1+1", b"=HYPERLINK(\"http://evil.example\")", b",\"=1\",", b";=1",
    b"x\"];evil[label=\"", b"x\\", b"\\\"", b"\\N\\G\\E\\n", b"} graph { a -> b", b"//", b"/*",
    b"{\"a\":1}", b"\"}],\"admin\":true,\"x\":[{\"", b"\\u0000\\ud800", b"null", b"true", b"{}",
    b"x\"} 1\nskein_forged_total 666\n#", b"sensor=\"x\",evil=\"", b"\\\n",
    b"'; DROP TABLE edge;--", b"' OR '1'='1", b"\"; DELETE FROM sensor", b"%s%n%1000000$x",
    b"`id` $(id) ;id|id&", b"../../../../etc/passwd", b"..", b"CON", b"click A \"javascript:x\"",
    b"`}) DETACH DELETE n //", b"' }) DETACH DELETE n //", b"x\" --> evil[\"y",
    b"%%{init: {\"securityLevel\": \"loose\"}}%%", b"end", b"#quot;<b>", b"<br>x", b" ", b"  x  ",
    "\ufeffbom\ufffe\uffff\U000e0041\U0010ffff".encode(), "e\u0301".encode() * 60,
    "\u200b\u200c\u200d\u2060".encode(), "\U0001f600".encode() * 40, b"other", b"unknown", b"-",
    b"x" * 255, "\u00e9".encode() * 127, b"\xe2\x82\xac" * 85,
]

CERT = 7
HOSTS = [name for name in NAMES if len(name) < 60][::3]


def is_text(name):
    """Whether that is UTF-8."""
    try:
        return bool(name.decode())
    except UnicodeDecodeError:
        return False


class Row:
    """Records, who says them, and how many of them are what.  The others count."""

    def __init__(self, name, *records, by="host", quarantined=0, rejected=0, lost=0, **more):
        self.name, self.records, self.by = name, records, by
        self.want = {"quarantined": quarantined, "rejected": rejected, "lost": lost}
        self.minute = more.get("base", NOW)
        self.declared = more.get("declared", len(records))


def told_of_others():
    """By a host, about addresses that its machine does not have."""
    rows = []
    others = [HONEST, SILENT, REVOKED, "10.1.0.200", "8.8.8.8", "224.0.0.251", "255.255.255.255",
              "10.1.0.255", "2001:db8::1", "ff02::fb", "::2",
              b"\x10" + bytes(10) + b"\xff\xff" + socket.inet_aton(HONEST),
              b"\x10" + bytes(12) + socket.inet_aton(FORGER)]
    for other in others:
        rows += [Row(f"client {other}", wire.flow_of(other, FORGER, 80), quarantined=1),
                 Row(f"server {other}", wire.flow_of(FORGER, other, 80, witness=2),
                     quarantined=1),
                 Row(f"both {other}", wire.flow_of(other, other, 80), quarantined=1)]
    for nobody in ("0.0.0.0", "::", b"\x10" + bytes(10) + b"\xff\xff" + bytes(4)):
        rows += [Row(f"client {nobody}", wire.flow_of(nobody, FORGER, 80), rejected=1),
                 Row(f"server {nobody}", wire.flow_of(FORGER, nobody, 80, witness=2),
                     rejected=1)]
    rows += [Row(f"witness {kind}", wire.flow_of(FORGER, HONEST, 81, witness=kind),
                 quarantined=1) for kind in (3, 4)]
    rows += [Row(f"witness {kind}", wire.flow_of(FORGER, HONEST, 81, witness=kind),
                 **({"rejected": 1} if kind in (0, 6, 255) else {"quarantined": 1}))
             for kind in (0, 5, 6, 255)]
    rows += [
        Row("a translation of others'", wire.translation(
            HONEST, SILENT, ("10.1.0.200", 80), (REVOKED, 80)), quarantined=1),
        # How its own service was addressed is its to say: it is shown, and joins nothing.
        Row("a translation of the honest one's service", wire.translation(
            "10.1.0.9", "10.1.0.9", (HONEST, 443), (FORGER, 443))),
        Row("another machine's name and id", wire.machine_of("honest-id", "honest", [HONEST]),
            quarantined=1),
        Row("a machine of a silent sensor", wire.machine_of("silent-id", "silent", [SILENT]),
            quarantined=1),
    ]
    return rows


def told_of_itself():
    """Its machine lists what it has not: it gets none of that; a service there stays its own."""
    claims = [HONEST, "224.0.0.251", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "239.1.2.3",
              b"\x10" + bytes(10) + b"\xff\xff" + socket.inet_aton(HONEST)]
    rows = [Row("a machine with others' addresses",
                wire.machine_of("forger-id", "forger", [FORGER, *claims]))]
    rows += [Row(f"claimed, then spoken for: {a}",
                 wire.flow_of(a, "10.1.0.99", 82), quarantined=1) for a in (
                     HONEST, "224.0.0.251", "255.255.255.255", "ff02::1", "239.1.2.3")]
    rows += [Row("too many addresses", wire.machine_of("forger-id", "forger", [FORGER] * 513),
                 rejected=1),
             Row("a machine without id", wire.machine_of("", "forger", [FORGER]), rejected=1),
             Row("an inventory that is none", wire.machine_of(
                 "forger-id", "forger", [FORGER], "{\"a\":")),
             Row("an inventory that says who watches", wire.machine_of(
                 "forger-id", "forger", [FORGER], json.dumps({
                     "id": "honest-id", "name": "honest", "ips": [HONEST], "sensor": True,
                     "version": 2, "type": "flow", "lost": 0, "<script>": "<script>"}))),
             Row("deep JSON", wire.machine_of("forger-id", "forger", [FORGER],
                                              "[" * 9000 + "]" * 9000)),
             Row("itself again", wire.machine_of("forger-id", "forger", [FORGER]))]
    return rows


def told_badly():
    """Numbers, times and bytes that make no sense."""
    own = (FORGER, "10.9.0.1")
    big = [Row(f"{n} of counter {i}", wire.flow_of(*own, 90, amounts={i: n}), rejected=1)
           for i in (0, 1, 7, 8, 9, 11) for n in (1 << 53 | 1, (1 << 63) - 1, 1 << 63,
                                                  (1 << 64) - 1)]
    most = {0: 1 << 53, 7: 1 << 53, 8: 1 << 53, 10: 1 << 53}
    big += [Row(f"a sum beyond all, {port}", *[wire.flow_of(
        *own, port, amounts=most, live=(1 << 32) - 1)] * 1100) for port in (83, 84, 85)]
    day = 86400000
    times = [Row(f"a minute {name}", wire.flow_of(*own, 91, minute=minute, opens=7))
             for name, minute in (("of 1970", 0), ("far ahead", MINUTE + 600000),
                                  ("of last year", MINUTE - 525600), ("to come", MINUTE + 3))]
    times += [Row(f"minute {minute}", wire.flow_of(*own, 91, minute=minute), rejected=1)
              for minute in ((1 << 63) - 1, (1 << 64) - 1)]
    times += [Row("ends before it begins", wire.flow_of(*own, 92, first=50000, last=-50000)),
              Row("begins before time", wire.flow_of(*own, 92, first=-(1 << 62))),
              Row("ends after it", wire.flow_of(*own, 92, last=1 << 62)),
              Row("a cover backwards", wire.cover(1000, -1000), rejected=1),
              Row("a cover of years", wire.cover(-400 * day, 0), rejected=1),
              Row("a cover of the past", wire.cover(-40 * day, -40 * day + 1000)),
              Row("a cover that lost all", wire.cover(0, 1000, 1 << 63), rejected=1),
              Row("a loss of too much", wire.lost(0, 1000, 1 << 60), rejected=1),
              Row("a loss", wire.lost(0, 1000, 5), lost=5),
              Row("a loss backwards", wire.lost(1000, -1000, 0)),
              Row("a capture of long ago", wire.capture(-40 * day, -40 * day, 0, 1, 1, 1, 1),
                  rejected=1),
              Row("a capture of too much", wire.capture(0, 1000, 0, 1 << 63, 1 << 63, 0, 0),
                  rejected=1),
              Row("captures that do not add up", *[wire.capture(
                  0, 1000, netns, (1 << 33) - 1, (1 << 33) - 1, 0, 1 << 32) for netns in range(1500)]),
              Row("captures beyond all", wire.capture(0, 1000, 9, 1 << 42, 1 << 42, 0, 0),
                  rejected=1),
              Row("losses that do not add up", *[wire.lost(0, 1000, 1 << 52)] * 3,
                  lost=(1 << 53) - 5),
              Row("a use beyond all", wire.usage(1, "cpu", 0, 1000, 1, 1 << 60, 1 << 61),
                  rejected=1),
              Row("a use of long ago", wire.usage(1, "cpu", -40 * day, -40 * day, 1, 1, 1),
                  rejected=1)]
    texts = [Row("a name of 64 KiB", wire.process_of(b"x" * 60000), rejected=1),
             Row("a name of 256 bytes", wire.process_of(b"x" * 256), rejected=1),
             Row("a length of 4 GiB", wire.record(1, wire.varint(1 << 32) + b"x\0"), rejected=1),
             Row("a length beyond all", wire.record(1, b"\xff" * 10 + b"\x01"), rejected=1),
             Row("a NUL inside", wire.record(1, wire.zstr(b"a\0b") + bytes(14)), rejected=1),
             Row("no NUL at the end", wire.record(1, b"\x01aa"), rejected=1),
             Row("a process that is not there", wire.flow_of(*own, 93, client_process=1),
                 rejected=1),
             Row("one far from there", wire.flow_of(*own, 93, client_process=1 << 62),
                 rejected=1),
             Row("one twice", wire.process_of("twin"), wire.process_of("twin"),
                 wire.flow_of(*own, 93, client_process=1), wire.flow_of(
                     *own, 93, client_process=2)),
             Row("nothing in it", wire.record(2, b""), rejected=1),
             Row("half of it", wire.flow_of(*own, 93)[:12], rejected=1),
             Row("an address of 5 bytes", wire.flow_of(b"\x05aaaaa", "10.9.0.1", 93), rejected=1),
             Row("a protocol that is none", wire.flow_of(*own, 93, protocol=0), rejected=1),
             Row("too many samples", wire.flow_of(*own, 93, samples=5), rejected=1),
             Row("a listener without address", wire.record(3, b"\6\0\x50\0\0\0"), rejected=1),
             Row("what comes after it is not read", wire.record(1, b"\xff"),
                 wire.flow_of(*own, 93), rejected=2),
             Row("an unknown kind", wire.record(250, b"news"), wire.record(0, b""),
                 wire.record(255, bytes(60000)), rejected=3),
             Row("more than there is", wire.flow_of(*own, 94), declared=1000, rejected=999),
             Row("bytes behind the fields", wire.record(1, wire.process_of("long")[3:] + bytes(
                 9000)))]
    return big + times + texts


def told_in_names():
    """All of these are its own to say: a name, a user, a device, a tag of its machine."""
    rows = []
    for number, name in enumerate(NAMES):
        exe, port = b"/home/" + name[:200] + b"/" + name[:200], 1000 + number
        rows.append(Row(
            f"named {name!r}"[:60],
            wire.process_of(name, name, name, exe, name, exe, name),
            wire.flow_of(FORGER, "10.9.1.1", port, client_process=1, opens=2),
            wire.flow_of("10.9.1.2", FORGER, port, witness=2, server_process=1, opens=3),
            wire.listener(FORGER, port, 1),
            wire.usage(3, name[:255], 0, 1000, 1, 1, 1)))
        inventory = json.dumps({key: name.decode("latin-1") for key in (
            "model", "tags", "role", "site", name.decode("latin-1"))})
        rows.append(Row(
            f"a machine {name!r}"[:60],
            wire.machine_of(b"made-" + name[:250], name, ["10.2.%d.%d" % divmod(number, 250)],
                            inventory[:20000], (name, name, name)), by="mirror"))
        rows.append(Row(
            f"on a mirror {name!r}"[:60], wire.process_of(name, name, name, exe, name, exe),
            wire.flow_of("10.2.%d.%d" % divmod(number, 250), "10.3.0.1", port, witness=3,
                         client_process=1, server_process=1, opens=4), by="mirror"))
    return rows


def told_by_a_mirror():
    """It sees what is on its wire, and speaks for no machine."""
    return [
        Row("a mirror as a client", wire.flow_of(HONEST, "10.1.0.9", 95), by="mirror",
            quarantined=1),
        Row("a mirror as a server", wire.flow_of(HONEST, "10.1.0.9", 95, witness=2),
            by="mirror", quarantined=1),
        Row("a mirror's listener", wire.listener(HONEST, 95), by="mirror", quarantined=1),
        Row("a mirror that names the honest machine", wire.machine_of(
            "honest-id", "owned", ["10.1.0.98"]), by="mirror", quarantined=1),
        Row("a mirror that gives others' addresses away", wire.machine_of(
            "thief-id", "thief", [HONEST, SILENT, FORGER, "224.0.0.1"]), by="mirror"),
        Row("a mirror's translation", wire.translation(
            HONEST, HONEST, ("10.1.0.9", 95), (FORGER, 95)), by="mirror", quarantined=1),
        Row("a mirror's use", wire.usage(1, "cpu", 0, 1000, 1, 1, 1), by="mirror", rejected=1),
        Row("a mirror of nobody", wire.flow_of("0.0.0.0", "10.1.0.9", 95, witness=3),
            by="mirror", rejected=1),
    ]


class Teller:
    """A sensor that is let in, and says what it is told to."""

    def __init__(self, where, folder, epoch=77):
        self.sequence, self.epoch = 0, epoch
        self.talk = wire.as_sensor(where, folder)
        with open(os.path.join(folder, "identity"), encoding="ascii") as file:
            self.ident = file.read().strip()
        self.talk.say(wire.hello(epoch, minor=1))
        kind, _, body = self.talk.hear()
        assert kind == wire.WELCOME, (kind, body)

    def tell(self, records, declared=None, base=NOW):
        """One batch, until it is committed."""
        self.sequence += 1
        frame = bytearray(wire.batch(self.epoch, self.sequence, records, base))
        if declared is not None:
            frame[22:26] = declared.to_bytes(4, "big")
        self.talk.say(bytes(frame))
        while True:
            kind, _, body = self.talk.hear()
            assert kind == wire.ACK, (kind, body)
            if int.from_bytes(body[8:16], "big") >= self.sequence:
                return


@harness.needs_root
class Forged(unittest.TestCase):
    """One collector; the corpus is told once, and everything looks at what it left."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix=f"skeinforged{os.getpid()}-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        cls.data = os.path.join(cls.folder, "data")
        cls.database = os.path.join(cls.data, "skein.db")
        cls.flows = f"127.0.0.1:{harness.free_port()}"
        cls.daemon, cls.http = collector(cls.data, "--http", "127.0.0.1:0", "--flows", cls.flows,
                                         "--flow-exporters", "127.0.0.1")
        cls.addClassCleanup(cls.daemon.close)
        with open(os.path.join(cls.data, "collector.addr"), encoding="ascii") as file:
            cls.address = file.read().strip()
        cls.admin = api_token(cls.data, "--role", "admin")
        cls.tell_all()

    @classmethod
    def enrol(cls, name, role="host"):
        """A sensor's folder."""
        made = harness.run("skein-collector", "token", "create", "--data", cls.data, "--role",
                           role)
        folder = os.path.join(cls.folder, name)
        done = harness.run("skein-sensor", "enroll", "--collector", cls.address, "--token",
                           made.stdout.strip(), "--data", folder)
        assert not made.status and not done.status, f"{made}\n{done}"
        return Teller(cls.address, folder)

    @classmethod
    def enrol_by_hand(cls):
        """Whoever has a token says what its host is called, and what its request is for."""
        made = harness.run("skein-collector", "token", "create", "--data", cls.data, "--uses",
                           len(HOSTS))
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        tls.set_alpn_protocols(["skein/1"])
        for host in HOSTS:
            request = scene.call(
                "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", os.path.join(
                    cls.folder, "key"), "-subj", "/CN=<script>=cmd|x\u202e", "-utf8")
            sock = socket.create_connection(cls.address.split(":"), 15)
            talk = wire.Conversation(tls.wrap_socket(sock, server_hostname="x"))
            talk.say(wire.frame(wire.ENROLL, b"".join(map(wire.zstr, (
                made.stdout.strip(), request, host)))))
            kind, _, body = talk.hear()
            assert kind == (CERT if is_text(host) else wire.ERROR), (host, kind, body)
            talk.close()

    @classmethod
    def sensors(cls):
        """{identity: counters}, as a person sees them."""
        done = harness.run("skein-collector", "sensor", "list", "--data", cls.data, "--json")
        return {row["id"]: row for row in json.loads(done.stdout)}

    @classmethod
    def tell_all(cls):
        """The honest one before, between and after."""
        cls.honest = cls.enrol("honest")
        cls.honest.tell([wire.machine_of("honest-id", "honest", [HONEST]),
                         wire.cover(-60000, 0)])
        for name, address in (("silent", SILENT), ("revoked", REVOKED)):
            teller = cls.enrol(name)
            teller.tell([wire.machine_of(name + "-id", name, [address])])
            teller.talk.close()
        harness.run("skein-collector", "sensor", "revoke", teller.ident, "--data", cls.data)
        cls.tellers = {"host": cls.enrol("forger"), "mirror": cls.enrol("mirror", "mirror")}
        cls.tellers["host"].tell([wire.machine_of("forger-id", "forger", [FORGER])])
        cls.enrol_by_hand()
        rows = told_of_others() + told_of_itself() + told_badly() + told_by_a_mirror() + \
            told_in_names()
        cls.wrong, cls.told = [], 0
        cls.seen = cls.sensors()
        for number, row in enumerate(rows):
            if number % (len(rows) // ROUNDS) == 0:
                cls.tell_the_truth()
            cls.tell_one(row)
        cls.rows = len(rows)
        for words in ("groups", "waves"):
            harness.run("skein", words, "--db", cls.database)
        cls.tell_the_truth()
        cls.export_flows()

    @classmethod
    def tell_the_truth(cls):
        """What the honest one says each time."""
        cls.told += OPENS
        cls.honest.tell([wire.process_of("shop"), wire.cover(-60000, 0),
                         wire.flow_of(HONEST, SILENT, 443, client_process=1, opens=OPENS)])

    @classmethod
    def tell_one(cls, row):
        """A row, and how its sensor's counters changed."""
        teller = cls.tellers[row.by]
        before = cls.seen[teller.ident]
        teller.tell(row.records, row.declared, row.minute)
        cls.seen = cls.sensors()
        after = cls.seen[teller.ident]
        got = {key: after[key] - before[key] for key in row.want}
        counted = row.declared - row.want["quarantined"] - row.want["rejected"]
        if got != row.want or after["records"] - before["records"] != counted:
            cls.wrong.append(f"{row.by}, {row.name}: {got}, {row.want} was to come; counted "
                             f"{after['records'] - before['records']} of {counted}")

    @classmethod
    def export_flows(cls):
        """By UDP, from an exporter that is named: of everybody, of nobody, of all bytes."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        host, port = cls.flows.split(":")
        for number, (src, dst) in enumerate([
                ("0.0.0.0", "10.4.0.1"), ("10.4.0.2", "255.255.255.255"),
                ("127.0.0.1", "10.4.0.1"), ("224.0.0.1", "10.4.0.1"), (HONEST, SILENT)]):
            sock.sendto(netflow5(number, [(src, dst, 40000, 443, 0x1b, 4, 1 << 31, 6)]),
                        (host, int(port)))
        sock.sendto(b"\0\5" + b"\xff" * 300, (host, int(port)))
        sock.close()
        cls.exported = 5

    def counters(self):
        """/metrics, read by the rules of the format."""
        status, _, body = ask(self.http, "/metrics", token=self.admin)
        self.assertEqual(status, 200)
        return metrics(body.decode())

    def test_each_record_is_what_the_table_says(self):
        self.assertGreater(self.rows, 300)
        self.assertEqual(self.wrong, [], "\n".join(self.wrong))

    def test_the_honest_one_is_exact(self):
        flows = [f for f in harness.edges(self.database) if f["client_ip"] == HONEST and
                 f["server_ip"] == SILENT]
        self.assertEqual([(f["opens"], f["client_process"], f["client"]) for f in flows
                          if f["opens"]], [(self.told, "shop", "honest-id")], flows)
        mine = self.sensors()[self.honest.ident]
        self.assertEqual((mine["quarantined"], mine["rejected"], mine["lost"]), (0, 0, 0))

    def test_nobody_has_what_is_anothers(self):
        machines = {m["id"]: m for m in harness.run_json("machines", "--db", self.database,
                                                         "--json")}
        self.assertEqual(machines["honest-id"]["ips"], [HONEST])
        self.assertEqual(machines["honest-id"]["name"], "honest")
        self.assertEqual(machines["silent-id"]["ips"], [SILENT])
        self.assertEqual(machines["forger-id"]["ips"], [FORGER])
        for flow in harness.edges(self.database):
            for end in ("client", "server"):
                if flow.get(end + "_ip") in (HONEST, SILENT, "224.0.0.251", "239.1.2.3"):
                    self.assertNotIn(flow.get(end), ("forger-id", "thief-id"), flow)

    def test_sums_stay_numbers(self):
        """Beyond what fits they stop; they do not wrap, and nothing is negative."""
        flows = [f for f in harness.edges(self.database) if f["client_ip"] == FORGER and
                 f["server_port"] in (83, 84, 85)]
        self.assertEqual(len(flows), 3)
        for flow in flows:
            for name in ("opens", "bytes_to_server", "bytes_to_client"):
                self.assertEqual(flow[name], (1 << 63) - 1)
        for path in ("machine/forger-id", "status", "groups", "waves", "handover"):
            body = ask(self.http, "/api/v1/" + path, token=self.admin)[2]
            self.assertNotRegex(body, rb"[:\[,] *-[1-9]", path)

    def test_exporters(self):
        """Whom they speak of is nobody's to check: all they tell is marked as theirs."""
        scene.wait_for(lambda: self.counters()["skein_flow_malformed_total"], 10, "the last one")
        seen = self.counters()
        self.assertEqual(seen["skein_flow_no_address_total"], 1)
        self.assertEqual(seen["skein_flow_records_total"], self.exported - 1)
        self.assertEqual(seen["skein_flow_malformed_total"], 1)

    # Outputs

    def on_a_terminal(self, *argv):
        """What a program writes to a terminal, both outputs."""
        lead, follow = pty.openpty()
        with subprocess.Popen([harness.program(argv[0]), *argv[1:]], stdin=subprocess.DEVNULL,
                              stdout=follow, stderr=follow,
                              env={**os.environ, "TERM": "xterm", "COLUMNS": "120"}) as process:
            os.close(follow)
            out = b""
            try:
                while True:
                    part = os.read(lead, 65536)
                    if not part:
                        break
                    out += part
            except OSError:
                pass  # the other end is closed
            os.close(lead)
            self.assertIn(process.wait(60), (0, 1, 4), (argv, out[-500:]))
        return out.replace(b"\r\n", b"\n")

    def written(self, *argv):
        """What a command of skein writes to its standard output."""
        done = subprocess.run([harness.program("skein"), *argv, "--db", self.database],
                              stdin=subprocess.DEVNULL, capture_output=True, check=False,
                              timeout=60)
        self.assertIn(done.returncode, (0, 1), (argv, done))
        self.assertEqual(forgedkit.as_text(done.stderr), "", argv)
        return done.stdout

    def look(self, what, check, data, least=1000):
        """Nothing is wrong with it; there is something in it."""
        with self.subTest(what):
            self.assertGreater(len(data), least, what)
            self.assertEqual(check(data), "")

    def test_terminal(self):
        listings = [("edges", "--all"), ("machines", "--all"), ("services", "--all"),
                    ("doctor", "--all"), ("machines", "forger"), ("explain", "forger"),
                    ("explain", "--watch"), ("groups", "--all"), ("edges", "-m", "forger")]
        for words in listings:
            self.look(words, forgedkit.as_text, self.on_a_terminal(
                "skein", *words, "--db", self.database), 200)
            self.look(("not a terminal", *words), forgedkit.as_columns, self.written(*words),
                      200)

    def test_json(self):
        for words in (("edges", "--json"), ("machines", "--json"), ("services", "--json"),
                      ("doctor", "--json"), ("edges", "--json=lines"), ("groups", "--json"),
                      ("machines", "forger", "--json"), ("explain", "forger", "--json"),
                      ("explain", "--watch", "--json"), ("export", "-f", "json", "--edges"),
                      ("waves", "--json")):
            self.look(words, forgedkit.as_json, self.written(*words), 100)

    def test_tables(self):
        for words in (("edges", "--csv"), ("machines", "--csv"), ("services", "--csv"),
                      ("groups", "export"), *[("export", "-f", "csv", "-t", table) for table in (
                          "machines", "groups", "edges", "cuts", "waves", "shared")]):
            self.look(words, forgedkit.as_csv, self.written(*words), 20)

    def test_pictures(self):
        for words in (("--machines",), ("-m", "forger"), (), ("-p", "1014")):
            for form, check in (("svg", forgedkit.as_svg), ("dot", forgedkit.as_dot)):
                self.look((form, *words), check, self.written("diagram", *words, "-f", form,
                                                              "-o", "-"))

    def test_other_programs(self):
        for form, check in (("graphml", forgedkit.as_xml), ("gexf", forgedkit.as_xml),
                            ("drawio", forgedkit.as_xml), ("cypher", forgedkit.as_cypher),
                            ("mermaid", forgedkit.as_mermaid)):
            self.look(form, check, self.written("export", "-f", form, "-o", "-"))

    def test_http(self):
        status, _, body = ask(self.http, "/api/v1/", token=self.admin)
        self.assertEqual(status, 200)
        paths = [route["path"] for route in json.loads(body)["paths"] if
                 route["method"] == "GET" and "*" not in route["path"]]
        self.assertGreater(len(paths), 10)
        for path in ["/api/v1/machine/forger-id", "/api/v1/machine/" + "%1b%5b2J", *paths]:
            path = path if path.startswith("/") else "/api/v1/" + path
            if "snapshot" in path:
                continue
            status, headers, body = ask(self.http, path, token=self.admin)
            with self.subTest(path):
                self.assertIn(status, (200, 400), body[:300])
                self.assertEqual(headers["Content-Type"].split(";")[0], "application/json")
                self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
                self.assertTrue(headers["Content-Security-Policy"].startswith(
                    "default-src 'none'"), headers)
                self.assertEqual(forgedkit.as_json(body), "")

    def test_what_the_collector_says(self):
        self.daemon.signal(signal.SIGUSR1)
        scene.wait_for(lambda: "state: listen=" in self.daemon.errors(), 10, "its state")
        self.daemon.stderr.seek(0)
        with open(self.daemon.stderr.fileno(), "rb", closefd=False) as file:
            self.look("log", forgedkit.as_text, file.read(), 100)
        sub = [("sensor", "list"), *[("sensor", "show", t.ident) for t in
                                     (self.tellers["host"], self.tellers["mirror"])],
               ("token", "list"), ("api-token", "list")]
        for words in sub:
            self.look(words, forgedkit.as_columns, self.on_a_terminal(
                "skein-collector", *words, "--data", self.data), 50)
        listed = harness.run("skein-collector", "sensor", "list", "--data", self.data, "--json")
        self.look("sensor list", forgedkit.as_json, listed.stdout.encode())

    def test_metrics(self):
        seen = self.counters()
        mine = self.sensors()[self.tellers["host"].ident]
        for name in ("records", "quarantined", "rejected", "lost", "folded"):
            key = f"skein_sensor_{name}{{sensor=\"{self.tellers['host'].ident}\"}}"
            self.assertEqual(seen[key], mine[name])
        self.assertGreater(mine["quarantined"], 30)
        self.assertGreater(mine["rejected"], 30)
        self.assertFalse([key for key in seen if "forged" in key])

    def test_doctor_says_it(self):
        said = self.written("doctor", "--all").decode()
        self.assertIn("about addresses of others", said)
        self.assertIn("made no sense", said)
