#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of skein waves: SKEIN=build/skein tests/waves.py [-v] [TEST...]"""

import csv
import io
import json
import os
import subprocess
import sys
import unittest

from cli import Case, SKEIN, text_of

DAY = 86400
SEEN = 1767225600   # 2026-01-01
START = 3786912000  # 2090-01-01, never in the past of a test
APPS = ("shop-dev", "shop-prod", "erp-prod", "crm-prod", "hr-prod", "wms-test", "bi-prod",
        "cms-prod", "pim-prod", "tms-prod", "mdm-prod", "dms-prod", "plm-prod", "lims-test")
TIERS = ("web", "app", "db")


def machine(name, number, **more):
    return {"type": "machine", "id": f"id-{name}", "name": name, "os": "linux",
            "ips": [f"10.{number // 200}.7.{number % 200 + 1}", f"fd00::{number + 1:x}"],
            "site": "ams", "sensor": True, **more}


def flow(client, server, port, opens, failed=0, **more):
    return {"type": "flow", "client": f"id-{client}", "client_process": "client",
            "server": f"id-{server}", "server_port": port, "server_process": f"srv{port}",
            "protocol": "tcp", "opens": opens, "failed": failed,
            "bytes_to_server": opens * 900, "bytes_to_client": opens * 9000,
            "first": SEEN, "last": SEEN + 14 * DAY, **more}


def estate():
    """Applications of five machines that lean on each other a little, and a name server."""
    machines, flows = [machine("=ns1", 0)], []
    for a, app in enumerate(APPS):
        names = [f"{app}-{t}{n}" for t in TIERS for n in (1, 2)][:5]
        for n, name in enumerate(names):
            more = {"used_gb": 100} if n else {}
            machines.append(machine(name, 1 + a * 5 + n, **more))
            flows.append(flow(name, "=ns1", 53, 20, server_process="named", protocol="udp"))
        for web in names[:2]:
            flows += [flow(web, app, 8080, 20000) for app in names[2:4]]
        flows += [flow(app, names[4], 5432, 60000) for app in names[2:4]]
    flows += [flow("crm-prod-app1", "erp-prod-db1", 5432, 9000),
              flow("bi-prod-app1", "crm-prod-db1", 5432, 300),
              flow("shop-prod-app1", "erp-prod-app1", 8080, 40),
              flow("hr-prod-app1", "wms-test-app1", 8080, 30, failed=30)]
    return machines + flows


class Waves(Case):
    def setUp(self):
        super().setUp()
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(estate()))

    def propose(self):
        """Groups of the estate, by name."""
        out = self.run_skein("groups", "--db", self.db, "--json").out
        return {g["group"]: g for g in json.loads(out)}

    def waves(self, *args, status=0):
        out = self.run_skein("waves", "--db", self.db, "--json", *args, status=status).out
        return json.loads(out)

    def test_nothing_proposed_yet(self):
        done = self.run_skein("waves", "--db", self.db, status=1)
        self.assertEqual(done.out, "")
        self.assertIn("skein groups", done.err)
        self.run_skein("waves", "--db", self.db + ".none", status=3)

    def test_every_group_once_and_kept(self):
        self.propose()
        waves = self.waves("--capacity", 10)
        where = {}
        for w in waves:
            moving = [g for g in w["groups"] if g.get("treatment") != "replicate"]
            self.assertEqual(w["machines"], sum(g["machines"] for g in moving))
            for g in w["groups"]:
                self.assertNotIn(g["group"], where)
                self.assertTrue(g["reason"])
                where[g["group"]] = w["wave"]
            if len(moving) > 1:
                self.assertLessEqual(w["machines"], 10)
        again = self.propose()
        self.assertEqual({n: g["wave"] for n, g in again.items()}, where)

    def test_environments_and_order(self):
        groups = self.propose()
        wave = {}
        for w in self.waves("--capacity", 10):
            for g in w["groups"]:
                for m in groups[g["group"]]["machines"]:
                    wave[m] = w["wave"]
        self.assertLess(wave["id-shop-dev-app1"], wave["id-shop-prod-app1"])
        self.assertEqual(wave["id-crm-prod-app1"], wave["id-erp-prod-db1"])
        self.assertLessEqual(wave["id-crm-prod-db1"], wave["id-bi-prod-app1"])

    def test_rules_are_kept_until_reset(self):
        self.propose()
        plain = self.waves()
        tried = self.waves("--capacity", 5, "--dry-run")
        self.assertNotEqual([w["machines"] for w in tried], [w["machines"] for w in plain])
        self.assertEqual(self.waves(), plain)
        kept = self.waves("--capacity", 5)
        self.assertEqual(kept, tried)
        self.assertEqual(self.waves(), kept)
        self.assertEqual(self.waves("--rtt", 5)[0]["machines"], kept[0]["machines"])
        self.assertEqual(self.waves("--reset"), plain)
        self.assertEqual(self.waves(), plain)

    def test_calendar_and_hours(self):
        self.propose()
        waves = self.waves("--capacity", 10, "--start", "2090-01-01", "--every", "7d",
                           "--freeze", "2090-01-05..2090-01-08", "--link", "1gbit",
                           "--assume-gb", 50)
        self.assertEqual([w["cutover"] for w in waves],
                         [START + 7 * DAY * (n + (n > 0)) for n in range(len(waves))])
        for w in waves:
            self.assertAlmostEqual(w["hours"], w["bytes"] * 8 / 1e9 / 3600, delta=0.01)
        self.assertEqual(sum(w["machines_without_bytes"] for w in waves), len(APPS))
        self.assertEqual(sum(w["bytes"] for w in waves),
                         len(APPS) * (4 * 100 + 50) * 10 ** 9)

    def test_deadline(self):
        self.propose()
        args = ("--start", "2090-01-01", "--every", "7d", "--deadline", "2090-01-16")
        self.assertLessEqual(len(self.waves(*args, "-n")), 3)
        done = self.run_skein("waves", "--db", self.db, "--capacity", 5, *args, status=1)
        self.assertIn("does not fit", done.err)
        self.assertIn("machines a wave would do", done.err)
        self.assertTrue(done.out)

    def test_shared(self):
        groups = self.propose()
        (shared,) = [n for n, g in groups.items() if g["kind"] == "shared"]
        self.assertEqual(groups[shared]["machines"], ["id-=ns1"])
        plain = self.waves("--capacity", 10)
        self.assertIn(shared, [g["group"] for g in plain[0]["groups"]])
        last = self.waves("--shared", "dns=last")
        self.assertIn(shared, [g["group"] for g in last[-1]["groups"]])
        self.assertGreater(last[0]["cut"]["edges"], plain[0]["cut"]["edges"])
        first = self.waves("--shared", f"{shared}=first")
        self.assertIn(shared, [g["group"] for g in first[0]["groups"]])
        self.assertEqual(first[0]["machines"] + sum(w["machines"] for w in first[1:]), 71)

    def test_one_wave(self):
        self.propose()
        waves = self.waves("--capacity", 10)
        one = self.waves("show", 1)
        self.assertEqual(one["groups"], waves[0]["groups"])
        self.assertEqual(one["cut"], waves[0]["cut"])
        self.assertEqual(sum(c["edges"] for c in one["cuts"]), one["cut"]["edges"])
        text = self.run_skein("waves", "--db", self.db, "show", 1).out
        self.assertTrue(text.startswith("Wave 1"))
        self.assertEqual(self.run_skein("waves", "--db", self.db, "--wave", 1).out, text)
        self.assertIn("there are 1 to", self.run_skein("waves", "--db", self.db, "show", 999,
                                                       status=1).err)

    def test_table(self):
        self.propose()
        waves = self.waves("--capacity", 10)
        rows = list(csv.DictReader(io.StringIO(
            self.run_skein("waves", "--db", self.db, "--csv").out)))
        self.assertEqual([int(r["wave"]) for r in rows], [w["wave"] for w in waves])
        self.assertEqual([int(r["edges_cut"]) for r in rows],
                         [w["cut"]["edges"] for w in waves])
        self.assertEqual(int(rows[-1]["edges_cut"]), 0)
        self.assertEqual(self.waves("--limit", 2), waves[:2])
        shown, status = self.on_terminal("waves", "--db", self.db, columns=120)
        self.assertEqual(status, 0)
        for title in ("WAVE", "START", "GROUPS", "MACHINES", "GB", "HOURS", "EDGES CUT",
                      "CONN/DAY", "BYTES/DAY", "CHATTY"):
            self.assertIn(title, shown.splitlines()[0])

    def test_firewall(self):
        self.propose()
        self.waves("--capacity", 10, "--shared", "all=last")
        rows = list(csv.DictReader(io.StringIO(
            self.run_skein("waves", "--db", self.db, "--firewall", "csv").out)))
        self.assertTrue(rows)
        self.assertNotIn("hr-prod-app1", [r["client"] for r in rows if r["port"] == "8080"])
        for r in rows:
            self.assertFalse(r["server"].startswith("="), r)
            self.assertLess(int(r["from_wave"]), int(r["until_wave"]))
            self.assertEqual(":" in r["source"], ":" in r["destination"])
        nft = self.run_skein("waves", "--db", self.db, "--firewall", "nft", "-w", 1).out
        path = self.file("rules.nft", nft)
        env = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        for before in ([], ["unshare", "-rn"]):
            done = subprocess.run([*before, "nft", "-c", "-f", path], env=env, timeout=60,
                                  capture_output=True, check=False)
            if done.returncode == 0:
                break
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_same_bytes(self):
        self.propose()
        args = ("waves", "--db", self.db, "--capacity", 7, "--json")
        self.assertEqual(self.run_skein(*args).out, self.run_skein(*args).out)

    def test_usage(self):
        for args in (("--capacity", "0"), ("--pilot", "x"), ("--freeze", "2090-01-01"),
                     ("--freeze", "2090-02-01..2090-01-01"), ("--link", "5parsec"),
                     ("--shared", "dns=away"), ("--rtt", "nan"), ("--firewall", "iptables"),
                     ("show",), ("show", "x"), ("list",), ("--start", "someday"),
                     ("--start", "2090-02-01", "--deadline", "2090-01-01")):
            done = self.run_skein("waves", "--db", self.db, *args, status=2)
            self.assertEqual(done.out, "")
        out = self.run_skein("waves", "--help").out
        self.assertIn("Examples:\n  skein waves", out)


if __name__ == "__main__":
    if not os.access(SKEIN, os.X_OK):
        sys.exit(f"waves.py: no program at {SKEIN}; set SKEIN")
    result = unittest.main(exit=False).result
    lost = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - lost} passed, {lost} failed")
    sys.exit(lost != 0)
