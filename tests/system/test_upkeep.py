# SPDX-License-Identifier: Apache-2.0
"""What a collector does to what it keeps, seen from outside: minutes that go, quotas, clients
kept as networks, and what is erased."""

import json
import os
import shutil
import socket
import sqlite3
import time

import harness
import scene
import wirepeer as wire
from test_api import Case as Collector
from test_api import metrics, ask
from test_forged import Teller

MINUTE, HOUR = 60, 3600
HTTP = ("--http", "127.0.0.1:0")
QUOTA_EDGES, QUOTA_NAMES = 10000, 1000  # docs/store.md, Quotas
EDGES, NAMES = 20000, 3000


def blob(text):
    """An address as the database has it."""
    if ":" in text:
        return socket.inet_pton(socket.AF_INET6, text)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(text)


class Upkeep(Collector):
    """With sensors that say what they are told to."""

    def enrol(self, name, role="host"):
        """A sensor of the collector that runs; its folder."""
        folder = os.path.join(self.folder, name)
        made = harness.run("skein-collector", "token", "create", "--data", self.data, "--role",
                           role)
        done = harness.run("skein-sensor", "enroll", "--collector", self.wire(), "--token",
                           made.stdout.strip(), "--data", folder)
        self.assertEqual((made.status, done.status), (0, 0), f"{made}\n{done}")
        return folder

    def wire(self):
        """Where sensors dial."""
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            return file.read().strip()

    def teller(self, folder, epoch=77):
        """The sensor of FOLDER, connected."""
        teller = Teller(self.wire(), folder, epoch)
        self.addCleanup(teller.talk.close)
        return teller

    def stop(self):
        """The collector, in good order."""
        self.assertEqual(self.daemon.end(), 0, self.daemon.errors()[-2000:])

    def sensor(self, teller):
        """What `sensor list` says of it."""
        done = harness.run("skein-collector", "sensor", "list", "--data", self.data, "--json")
        return next(row for row in json.loads(done.stdout) if row["id"] == teller.ident)

    def counters(self):
        """/metrics."""
        return metrics(ask(self.address, "/metrics")[2].decode())

    def number(self, sql):
        """One number out of the database."""
        with sqlite3.connect(f"file:{self.database}?mode=ro", uri=True) as database:
            return database.execute(sql).fetchone()[0]

    def opens(self, *options):
        """Of all edges, by their port."""
        sums = {}
        for flow in harness.edges(self.database, *options):
            sums[flow["server_port"]] = sums.get(flow["server_port"], 0) + flow["opens"]
        return {port: n for port, n in sums.items() if n}

    def doctor(self):
        """Its words."""
        return harness.run("skein", "doctor", "--all", "--db", self.database).stdout

    def files_with(self, *needles):
        """Files of the data directory in which one of these bytes stands."""
        found = set()
        for where, _, names in os.walk(self.data):
            for name in names:
                path = os.path.join(where, name)
                if os.path.isfile(path):
                    with open(path, "rb") as file:
                        data = file.read()
                    found.update(name for needle in needles if needle in data)
        return found


class Retention(Upkeep):
    """Minutes of six days, brought by a replay, and a collector that keeps two hours of them."""

    DAYS = 6

    def bring(self):
        """{port: opens}, an edge an hour; what was told is in the collector."""
        path = os.path.join(self.folder, "lines.jsonl")
        told, newest = {}, int(time.time())
        with open(path, "w", encoding="utf-8") as file:
            for hour in range(self.DAYS * 24):
                told[1000 + hour] = 10 + hour
                file.write(json.dumps({
                    "type": "flow", "version": 1, "client": "a", "client_ip": "10.7.0.1",
                    "server": "b", "server_ip": "10.7.0.2", "server_port": 1000 + hour,
                    "protocol": "tcp", "opens": 10 + hour, "failed": 0,
                    "bytes_to_server": 100, "bytes_to_client": 10,
                    "first": newest - hour * HOUR, "last": newest - hour * HOUR}) + "\n")
        done = harness.run("skein-sensor", "--replay", path, "--collector", self.wire(),
                           "--data", self.enrol("replay", "mirror"), timeout=60)
        self.assertEqual(done.status, 0, done)
        return told

    def oldest(self):
        """Minutes ago."""
        oldest = self.number("SELECT min(minute) FROM fact_minute")
        return int(time.time()) // 60 - oldest

    def test_minutes_go_and_totals_stay(self):
        self.start()
        late = self.enrol("late")
        told = self.bring()
        self.assertEqual(self.opens(), told)
        self.assertGreater(self.oldest(), (self.DAYS - 1) * 1440)
        self.stop()
        self.start(*HTTP, "--keep-minutes", "2h")
        scene.wait_for(lambda: self.oldest() <= 125, 20, "minutes to go")
        self.assertEqual(self.opens(), told)
        day_ago = int(time.time()) // HOUR * HOUR - 24 * HOUR
        seen = self.opens("--since", str(day_ago), "--until", str(day_ago + HOUR))
        self.assertEqual(len(seen), 1, seen)  # the hour is there, without its minutes
        self.assertNotIn("too late", self.doctor())
        self.come_late(late, told)

    def come_late(self, folder, told):
        """Of now, of an hour ago, and of minutes that are gone: from either end."""
        teller, now = self.teller(folder), int(time.time()) // 60
        teller.tell([wire.machine_of("late-id", "late", ["10.7.0.2"])])
        for ago, port in ((0, 1), (60, 2), (300, 3), (301, 3), (24 * 60, 1024)):
            teller.tell([wire.flow_of("10.7.0.1", "10.7.0.2", port, witness=2, opens=9,
                                      minute=now - ago)])
        mine = self.sensor(teller)
        self.assertEqual((mine["records"], mine["lost"]), (3, 3))
        self.assertEqual(self.counters()["skein_records_late"], 3)
        self.assertEqual(self.opens(), {**told, 1: 9, 2: 9})
        words = self.doctor()
        self.assertIn("3 records came too late to be counted", words)
        self.assertIn("3 records lost in 2 gaps", words)
        shown = harness.run("skein-collector", "sensor", "show", teller.ident, "--data",
                            self.data)
        self.assertRegex(shown.stdout, r"lost +3\b")

    def test_less_than_two_hours_is_refused(self):
        done = harness.run("skein-collector", "--data", self.data, "--keep-minutes", "119m")
        self.assertEqual(done.status, 2, done)
        self.assertIn("2h or more", done.stderr)


class Quota(Upkeep):
    """A sensor that makes up edges and names, beside one that does not."""

    def test_what_is_too_much_is_put_together_and_said(self):
        if time.time() % HOUR > HOUR - 60:  # an hour has its own
            time.sleep(61)
        self.start()
        honest, bomb = self.teller(self.enrol("honest")), self.teller(self.enrol("bomb"))
        honest.tell([wire.machine_of("honest-id", "honest", ["10.1.0.1"])])
        bomb.tell([wire.machine_of("bomb-id", "bomb", ["10.1.0.66"])])
        honest_told = self.tell_both(honest, bomb)
        mine, other = self.sensor(bomb), self.sensor(honest)
        # The machine's name is the first of them; each name and edge beyond is one of "other".
        folded = NAMES - (QUOTA_NAMES - 1) + EDGES - QUOTA_EDGES
        self.assertEqual((mine["folded"], other["folded"]), (folded, 0))
        self.assertEqual((mine["quarantined"], mine["rejected"], mine["lost"]), (0, 0, 0))
        flows = harness.edges(self.database)
        by_client = {"10.1.0.1": 0, "10.1.0.66": 0}
        for flow in flows:
            by_client[flow["client_ip"]] += flow["opens"]
        self.assertEqual(by_client, {"10.1.0.1": honest_told, "10.1.0.66": EDGES})
        theirs = [f for f in flows if f["client_ip"] == "10.1.0.66"]
        self.assertLessEqual(len(theirs), QUOTA_EDGES + 2)
        self.assertEqual(sum(f["opens"] for f in theirs if not f.get("server_ip")),
                         EDGES - QUOTA_EDGES)
        self.assertEqual(len({f["client_process"] for f in theirs} - {None, "other"}),
                         QUOTA_NAMES - 1)
        self.assertEqual(len([f for f in flows if f["client_ip"] == "10.1.0.1"]), 40)
        self.assertIn(f"{folded:,} records put together as \"other\"", self.doctor())
        seen = self.counters()
        self.assertEqual(seen[f"skein_sensor_folded{{sensor=\"{bomb.ident}\"}}"], folded)
        self.assertEqual(seen[f"skein_sensor_folded{{sensor=\"{honest.ident}\"}}"], 0)

    @staticmethod
    def tell_both(honest, bomb):
        """In turns; what the honest one told of opens."""
        names, step, told = 0, 500, 0
        for first in range(0, EDGES, step):
            records, processes = [], 0
            for number in range(first, first + step):
                process = 0
                if names < NAMES:
                    records.append(wire.process_of(f"made-up-{names}"))
                    names, processes = names + 1, processes + 1
                    process = processes
                records.append(wire.flow_of(
                    "10.1.0.66", f"10.8.{number >> 8}.{number & 255}", 80,
                    client_process=process))
            bomb.tell(records)
            honest.tell([wire.process_of(f"app{first // step}"), wire.flow_of(
                "10.1.0.1", "10.9.0.1", 1 + first // step, client_process=1, opens=5)])
            told += 5
        return told


class Folding(Upkeep):
    """Clients outside the estate."""

    OUTSIDE = ("198.51.100.17", "203.0.113.99", "2001:db8:1:2:3:4:5:6")
    NETWORKS = ("198.51.100.0", "203.0.113.0", "2001:db8:1::")
    FOLD = (*HTTP, "--fold-clients", "24,48", "--estate", "10.0.0.0/8")

    def tell(self, host, mirror, opens):
        """From the server's side, and from a mirror's; also of one of ours."""
        for number, client in enumerate((*self.OUTSIDE, "10.2.0.5")):
            host.tell([wire.flow_of(client, "2001:db8:ffff::1" if ":" in client else "10.1.0.1",
                                    443, witness=2, opens=opens)])
            mirror.tell([wire.flow_of(client, "10.3.0.1", 8000 + number, witness=3,
                                      opens=opens)])

    def clients(self):
        """{client: opens} of what the host told, and of what the mirror told."""
        sums = {}, {}
        for flow in harness.edges(self.database):
            into = sums[flow["server_port"] != 443]
            into[flow["client_ip"]] = into.get(flow["client_ip"], 0) + flow["opens"]
        return sums

    def sensors(self):
        """A host and a mirror, enrolled."""
        return self.enrol("host"), self.enrol("mirror", "mirror")

    def begin(self, folders, epoch):
        """Both, connected."""
        host, mirror = [self.teller(folder, epoch) for folder in folders]
        host.tell([wire.machine_of("web-id", "web", ["10.1.0.1", "2001:db8:ffff::1"])])
        return host, mirror

    def test_they_are_nowhere(self):
        self.start(*self.FOLD)
        self.tell(*self.begin(self.sensors(), 1), 5)
        want = {**{network: 5 for network in self.NETWORKS}, "10.2.0.5": 5}
        self.assertEqual(self.clients(), (want, want))
        needles = [text.encode() for text in self.OUTSIDE] + [blob(t) for t in self.OUTSIDE]
        self.assertEqual(self.files_with(*needles), set())
        self.assertEqual(self.files_with(blob("10.2.0.5")) - {"skein.db", "skein.db-wal"}, set())
        self.assertTrue(self.files_with(blob("10.2.0.5")))
        for words in (("edges", "--json"), ("edges", "--csv"), ("machines",), ("doctor", "--all"),
                      ("export", "-f", "json", "--edges"), ("diagram", "-f", "dot", "-o", "-")):
            said = harness.run("skein", *words, "--db", self.database)
            self.assertEqual([a for a in self.OUTSIDE if a in said.stdout + said.stderr], [])
        for path in ("edges", "snapshot", "coverage", "status", "sensors", "doctor"):
            body = ask(self.address, "/api/v1/" + path)[2]
            self.assertEqual([n for n in needles if n in body], [], path)
        self.assertEqual([a for a in self.OUTSIDE if a in self.daemon.errors()], [])
        self.stop()
        self.assertEqual(self.files_with(*needles), set())

    def test_turned_on_later_what_was_counted_stays(self):
        self.start()
        folders = self.sensors()
        self.tell(*self.begin(folders, 1), 5)
        before = {**{client: 5 for client in self.OUTSIDE}, "10.2.0.5": 5}
        self.assertEqual(self.clients(), (before, before))
        self.stop()
        self.start(*self.FOLD)
        self.tell(*self.begin(folders, 2), 7)
        after = {**before, **{network: 7 for network in self.NETWORKS}, "10.2.0.5": 12}
        self.assertEqual(self.clients(), (after, after))


class Erase(Upkeep):
    """In the file, its log, and copies beside it."""

    GONE, STAYS, NAME = "198.51.100.17", "198.51.100.18", "jdoe-the-third"

    def fill(self):
        """Two clients of a service that a person runs."""
        self.start()
        host = self.teller(self.enrol("host"))
        host.tell([wire.machine_of("web-id", "web", ["10.1.0.1"]), wire.process_of(
            "app", "app.service", "", f"/home/{self.NAME}/bin/app", self.NAME,
            f"/home/{self.NAME}/app.jar"), wire.listener("10.1.0.1", 443, 1)])
        for client in (self.GONE, self.STAYS):
            host.tell([wire.process_of("app", "app.service", "", f"/home/{self.NAME}/bin/app",
                                       self.NAME), wire.flow_of(
                client, "10.1.0.1", 443, witness=2, server_process=1, opens=3)])
        host.talk.close()

    def copy(self, *names):
        """A backup under each of these names, in the data directory."""
        for name in names:
            done = harness.run("skein-collector", "backup", os.path.join(self.data, name),
                               "--data", self.data)
            self.assertEqual(done.status, 0, done)

    def damage(self, name):
        """A copy whose first tables cannot be read."""
        path = os.path.join(self.data, name)
        shutil.copy(os.path.join(self.data, "mine.backup"), path)
        with open(path, "r+b") as file:
            file.seek(100)
            file.write(b"\xff" * 3000)

    def erase(self, word):
        """By the command."""
        return harness.run("skein-collector", "erase", word, "--data", self.data)

    def test_it_is_nowhere(self):
        self.fill()
        self.copy("mine.backup", "skein.db.old", "skein.db.v3", "skein.db.people")
        with sqlite3.connect(os.path.join(self.data, "skein.db.v3")) as old:
            old.execute("PRAGMA user_version = 3")
        old.close()
        needles = (blob(self.GONE), self.GONE.encode(), self.NAME.encode())
        self.assertGreaterEqual(self.files_with(*needles), {
            "mine.backup", "skein.db.old", "skein.db.v3", "skein.db.people"})
        for word in (self.GONE, self.NAME):
            done = self.erase(word)
            self.assertEqual(done.status, 0, done)
            for name in ("mine.backup", "skein.db.old", "skein.db.v3"):
                self.assertIn(name + ": ", done.stderr)
        self.assertEqual(self.files_with(*needles), set())
        self.assertTrue(self.files_with(blob(self.STAYS)))
        flows = harness.edges(self.database)
        self.assertEqual([(f["client_ip"], f["opens"]) for f in flows], [(self.STAYS, 3)])
        self.assertEqual([(f["client_ip"], f["opens"]) for f in harness.edges(
            os.path.join(self.data, "mine.backup"))], [(self.STAYS, 3)])
        self.assertEqual(self.erase(self.GONE).status, 1)
        self.stop()
        self.assertEqual(self.files_with(*needles), set())

    def test_what_cannot_be_cleaned_is_named(self):
        self.fill()
        self.copy("mine.backup")
        damaged = "skein.db.damaged-20260101T000000Z"
        self.damage(damaged)
        with open(os.path.join(self.data, "skein.db.text"), "w", encoding="ascii") as file:
            file.write(self.GONE)
        done = self.erase(self.GONE)
        self.assertEqual(done.status, 4, done)
        for name in (damaged, "skein.db.text"):
            self.assertIn(name + " may hold it still; remove it", done.stderr)
        self.assertEqual(self.files_with(blob(self.GONE), self.GONE.encode()),
                         {damaged, "skein.db.text"})
        for name in (damaged, "skein.db.text"):
            os.unlink(os.path.join(self.data, name))
        self.assertEqual(self.erase(self.STAYS).status, 0)
