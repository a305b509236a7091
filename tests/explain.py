#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of skein explain and skein diff: SKEIN=build/skein tests/explain.py [TEST...]"""

import csv
import io
import json
import os
import sqlite3
import sys
import unittest

from cli import SKEIN, Case, text_of, width

DAY = 86400
T0 = 1767225600  # 2026-01-01


def machine(name, site="ams"):
    return {"type": "machine", "id": f"id-{name}", "name": name, "sensor": True,
            "ips": [f"10.0.0.{sum(map(ord, name)) % 200 + 1}"], "site": site}


def flow(client, server, port, opens=100, first=T0, last=T0 + 7 * DAY, **more):
    return {"type": "flow", "client": client and f"id-{client}", "client_process": "java",
            "server": server and f"id-{server}", "server_port": port,
            "server_process": f"srv{port}", "protocol": "tcp", "opens": opens, "failed": 0,
            "first": first, "last": last, **more}


def shop(**more):
    """Two applications of three machines, tied by one edge."""
    return [flow("shop-web", "shop-app", 8080, 900, **more),
            flow("shop-app", "shop-db", 5432, 700, **more),
            flow("shop-web", "shop-db", 5432, 30, **more),
            flow("crm-web", "crm-app", 8080, 500, **more),
            flow("crm-app", "crm-db", 5432, 400, **more),
            flow("crm-web", "crm-db", 5432, 40, **more),
            flow("shop-app", "crm-app", 8443, 20, failed=7, **more)]


NAMES = ["shop-web", "shop-app", "shop-db", "crm-web", "crm-app", "crm-db"]
MACHINES = [machine(n) for n in NAMES]


class Explained(Case):
    def fill(self, rows, db=None):
        self.run_skein("import", "-q", "--db", db or self.db, "-", stdin=text_of(rows))

    def explain(self, *args, status=0):
        done = self.run_skein("explain", "-q", "--db", self.db, *args, status=status)
        for line in done.out.splitlines():
            self.assertLessEqual(width(line), 80, line)
        return done

    def object(self, *args):
        done = self.run_skein("explain", "-q", "--db", self.db, "--json", *args)
        self.assertEqual(done.out.count("\n"), 1)
        return json.loads(done.out)


class Explain(Explained):
    def setUp(self):
        super().setUp()
        self.fill(MACHINES + shop())

    def test_a_machine_has_evidence(self):
        text = " ".join(self.explain("shop-app").out.split())
        self.assertIn("shop-app (id-shop-app) stands in group", text)
        self.assertIn("shop-web java -> shop-app srv8080 :8080, 900 connections", text)
        self.assertIn("told by import", text)
        found = self.object("shop-app")
        self.assertEqual((found["version"], found["kind"], found["machine"]),
                         (1, "machine", "id-shop-app"))
        ties = found["inside"] + found["outside"]
        self.assertEqual({t["to_name"] for t in ties}, {"shop-web", "shop-db", "crm-app"})
        self.assertAlmostEqual(sum(t["share"] for t in ties), 1, 5)
        edge = [e for t in ties if t["to_name"] == "crm-app" for e in t["edges"]][0]
        self.assertEqual((edge["client"], edge["server"], edge["server_port"], edge["opens"],
                          edge["failed"], edge["days"], edge["witnesses"]),
                         ("id-shop-app", "id-crm-app", 8443, 20, 7, None, ["import"]))

    def test_two_machines(self):
        text = self.explain("shop-web", "shop-db").out
        self.assertIn("Edges between the two: 1", text)
        found = self.object("shop-web", "crm-db")
        self.assertEqual(found["kind"], "pair")
        self.assertEqual((found["path"][0], found["path"][-1]), ("id-shop-web", "id-crm-db"))
        self.assertEqual(found["edges"], [])
        self.assertIn("are one machine",
                      self.run_skein("explain", "--db", self.db, "shop-web", "id-shop-web").err)

    def test_a_group(self):
        name = self.object("shop-app")["group"]
        found = self.object("--group", name)
        self.assertEqual(found["kind"], "group")
        self.assertIn("id-shop-app", found["machines"])
        text = self.explain("--group", name).out
        self.assertIn("What holds it together", text)

    def test_words_that_are_nothing(self):
        err = self.explain("shop-ap", status=1).err
        self.assertIn('no machine and no group "shop-ap", did you mean shop-app?', err)
        err = self.explain("shop-app", "crm-appp", status=1).err
        self.assertIn('no machine "crm-appp", did you mean crm-app?', err)
        self.assertIn("no group", self.explain("--group", "zzz", status=1).err)
        self.assertIn("no plan 99", self.explain("shop-app", "--plan", "99", status=1).err)

    def test_usage(self):
        for args in ((), ("a", "b", "c"), ("--group", "g", "m"), ("--watch", "a", "b"),
                     ("--plan", "x", "m"), ("--jsno",)):
            self.run_skein("explain", "--db", self.db, *args, status=2)
        self.run_skein("explain", "--db", self.db + "-none", "m", status=3)

    def test_no_plan_is_said(self):
        err = self.run_skein("explain", "--db", self.db, "shop-app").err
        self.assertIn("no plan in", err)

    def test_same_input_same_bytes(self):
        other = self.db + "2"
        self.fill((MACHINES + shop())[::-1], other)
        for args in (("shop-app",), ("shop-web", "crm-db"), ("--watch",)):
            for how in ((), ("--json",)):
                one = self.run_skein("explain", "-q", "--db", self.db, *args, *how).out
                two = self.run_skein("explain", "-q", "--db", other, *args, *how).out
                self.assertEqual(one, two)


class Hostile(Explained):
    def test_names_are_escaped_and_lines_hold(self):
        evil = "a\x1b[31m\n\u202e" + "x" * 200
        rows = [{**machine("m1"), "name": evil}, {**machine("m2"), "name": "=cmd()"},
                flow("m1", "m2", 80, client_process="p\x07q"), flow("m2", "m1", 81)]
        self.fill(rows)
        for args in (("id-m1",), ("id-m1", "id-m2"), ("--watch",)):
            out = self.explain(*args).out
            self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f\u202e]")
        self.assertEqual(self.object("id-m1")["name"], evil)
        out = self.run_skein("diff", "--db", self.db, "..2026-01-05", "2027-01-01..",
                             "--csv").out
        self.assertNotRegex(out, "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]")
        self.assertIn("'=cmd()", out)


class Watch(Explained):
    def test_discovery_and_what_is_unseen(self):
        rows = [flow("shop-web", "shop-db", 1000 + i, opens=i % 3 + 1, first=T0 + i * 3600,
                     last=T0 + 20 * DAY) for i in range(48)]
        self.fill(MACHINES + rows + [flow("crm-web", "crm-db", 9, 5, failed=5)])
        found = self.object("--watch")
        self.assertEqual((found["edges"], found["edges_never_through"]), (48, 1))
        self.assertEqual([d["new"] for d in found["discovery"][:3]], [24, 24, 0])
        self.assertEqual(found["discovery"][-1]["known"], 48)
        self.assertTrue(found["long_enough_for_weekly"])
        self.assertFalse(found["long_enough_for_monthly"])
        # 16 edges with one connection, 16 with two: 16 * 15 / (2 * 17)
        self.assertEqual((found["unseen"]["method"], found["unseen"]["once"]),
                         ("connections", 16))
        self.assertAlmostEqual(found["unseen"]["edges"], 16 * 15 / 34, 5)
        text = " ".join(self.explain("--watch").out.split())
        self.assertIn("too short for monthly ones", text)
        self.assertIn("6 of 6 machines have a sensor", text)
        self.assertIn("48 of 48 edges come from imports alone", text)

    def test_one_group(self):
        self.fill(MACHINES + [machine("hr-web"), machine("hr-db")] + shop() +
                  [flow("hr-web", "hr-db", 5432)])
        group = self.object("hr-web")["group"]
        found = self.object("--watch", "--group", group)
        self.assertEqual(found["group"], group)
        self.assertEqual((found["machines"], found["edges"]), (2, 1))
        self.assertEqual(self.object("--watch", group), found)

    def test_nothing_was_watched(self):
        self.fill(MACHINES)
        self.assertIn("Nothing was watched", self.explain("--watch", status=1).out)


class Diff(Explained):
    def diff(self, *args, status=0):
        return self.run_skein("diff", "--db", self.db, *args, status=status)

    def test_windows(self):
        week = {"first": T0 + 8 * DAY, "last": T0 + 13 * DAY}
        self.fill(MACHINES + shop())
        self.fill(shop(**week)[1:] + [flow("crm-web", "shop-db", 1433, **week)])
        windows = ("2026-01-01..2026-01-08", "2026-01-08T12:00..2026-01-15")
        found = json.loads(self.diff(*windows, "--json").out)
        self.assertEqual((found["kind"], found["edges_new"], found["edges_gone"],
                          found["edges_changed"]), ("graphs", 1, 1, 0))
        new, gone = found["edges"]
        self.assertEqual((new["change"], new["client"], new["server_port"]),
                         ("new", "id-crm-web", 1433))
        self.assertEqual((gone["change"], gone["server_name"], gone["server_port"]),
                         ("gone", "shop-app", 8080))
        rows = list(csv.DictReader(io.StringIO(self.diff(*windows, "--csv").out)))
        self.assertEqual([r["change"] for r in rows], ["new", "gone"])
        self.assertEqual(len(self.diff(*windows, "--limit", "1").out.splitlines()), 2)
        self.assertIn("count whole in every window", self.diff(*windows).err)

    def test_no_difference_is_status_one(self):
        self.fill(MACHINES + shop())
        done = self.diff("..", "..", status=1)
        self.assertIn("no difference", done.err)
        self.assertEqual(json.loads(self.diff("..", "..", "--json", status=1).out)["edges"],
                         [])

    def test_databases(self):
        other = self.db + "2"
        self.fill(MACHINES + shop())
        more = shop()
        more[0] = flow("shop-web", "shop-app", 8080, 9000)
        more[1] = flow("shop-app", "shop-db", 5432, 700, failed=400)
        self.fill(MACHINES + [machine("new-box")] + more, other)
        found = json.loads(self.diff("--with-db", other, "--json").out)
        self.assertEqual([m["name"] for m in found["machines"]], ["new-box"])
        self.assertEqual(found["edges_changed"], 2)
        by_port = {e["server_port"]: e for e in found["edges"]}
        self.assertAlmostEqual(by_port[8080]["factor"], 10, 5)
        self.assertTrue(by_port[5432]["fails"])
        found = json.loads(self.diff("--with-db", other, "--json", "--factor", "11").out)
        self.assertEqual(found["edges_changed"], 1)
        self.diff("--with-db", self.db, status=1)
        self.diff("--with-db", self.db + "-none", status=3)

    def test_usage(self):
        self.fill(MACHINES + shop())
        for args in (("7d",), ("a..b", "1..2"), ("2..1", "1..2"), ("1..2", "2..3", "3..4"),
                     ("7d", "8d"), ("--plans", "x"), ("--plans", "0"), ("--plans", "-1"),
                     ("--since", "7d"), ("--with-db", "x", "1..2", "2..3"),
                     ("--factor", "0", "..", "..")):
            self.diff(*args, status=2)

    def test_plans_are_missing(self):
        self.fill(MACHINES + shop())
        for args in ((), ("--plans",), ("--plans", "1", "2"), ("--plans", "7")):
            err = self.diff(*args, status=1).err
            self.assertIn("plan", err)


class Plans(Explained):
    """Plans as the store keeps them, written here."""

    def setUp(self):
        super().setUp()
        self.fill(MACHINES + [machine("dns")] + shop() +
                  [flow(n, "dns", 53, 1000) for n in NAMES])
        self.keep(1, {"shop": NAMES[:3], "crm": NAMES[3:], "dns": ["dns"]})
        self.keep(2, {"store": NAMES[:3], "crm": ["crm-web", "crm-db"], "x": ["crm-app"],
                      "dns": ["dns"]})

    def keep(self, plan, groups):
        db = sqlite3.connect(self.db)
        db.execute("INSERT INTO plan(id, made_ms, since, until) VALUES(?, 1, 0, 0)", (plan,))
        for number, (name, machines) in enumerate(groups.items()):
            shared = name == "dns"
            db.execute("INSERT INTO plan_group VALUES(?,?,?,?,?,'','',?,0.75,0)",
                       (plan, number, name, "shared" if shared else "group",
                        "dns" if shared else "", f"because of {name}"))
            for m in machines:
                db.execute("INSERT INTO plan_machine VALUES(?,?,?,0.5,0,?)",
                           (plan, f"id-{m}", number, f"reason of {m}"))
        db.commit()
        db.close()

    def test_the_newest_plan_or_the_one_asked_for(self):
        self.assertEqual(self.object("shop-app")["group"], "store")
        found = self.object("shop-app", "--plan", "1")
        self.assertEqual((found["group"], found["confidence"], found["reason"],
                          found["group_reason"]),
                         ("shop", 0.5, "reason of shop-app", "because of shop"))
        self.assertEqual(self.run_skein("explain", "--db", self.db, "shop-app").err, "")

    def test_words_are_machines_then_groups(self):
        self.assertEqual(self.object("crm")["kind"], "group")
        self.assertEqual(self.object("dns")["kind"], "machine")
        self.assertEqual(self.object("--group", "dns")["kind"], "group")
        self.assertIn('no group "crn", did you mean crm?',
                      self.explain("--group", "crn", status=1).err)

    def test_a_shared_service(self):
        found = self.object("dns", "--plan", "1")
        self.assertEqual((found["service"], found["advice"], found["would_join_groups"],
                          found["would_join_machines"]), ("dns", "replicate", 2, 6))
        self.assertEqual({u["group"]: u["opens"] for u in found["users"]},
                         {"crm": 3000, "shop": 3000})
        text = " ".join(self.explain("dns", "--plan", "1").out.split())
        self.assertIn("dns (id-dns) is a shared service: DNS", text)
        self.assertIn("What to do: replicate. Stand a resolver", text)
        self.assertIn("would draw 2 groups of 6 machines into one", text)
        uses = self.object("shop-app")["shared_services"]
        self.assertEqual([(u["group"], u["opens"]) for u in uses], [("dns", 1000)])

    def test_why_two_are_not_together(self):
        text = " ".join(self.explain("shop-app", "crm-app", "--plan", "1").out.split())
        self.assertIn("are not together", text)
        self.assertIn("own group shop", text)
        text = " ".join(self.explain("shop-app", "shop-db", "--plan", "1").out.split())
        self.assertIn("are together in shop", text)
        self.assertTrue(self.object("shop-app", "shop-db", "--plan", "1")["cut"]["ties"])

    def test_two_plans(self):
        for words in ((), ("--plans",), ("--plans", "1"), ("--plans", "1", "2")):
            done = self.run_skein("diff", "--db", self.db, "--json", *words)
            found = json.loads(done.out)
            self.assertEqual((found["before"], found["after"]), ("plan 1", "plan 2"))
            self.assertEqual({(g["change"], g["before"], g["after"], *g["parts"])
                              for g in found["groups"]},
                             {("renamed", "shop", "store"), ("split", "crm", "crm", "x")})
            self.assertEqual([(m["name"], m["before"], m["after"]) for m in found["moves"]],
                             [("crm-app", "crm", "x")])
            self.assertEqual((found["machines"], found["groups_same"]), (7, 1))
            # 4 pairs in both, 6 and 4 in one, of 21: (4 - 24/21) / (5 - 24/21)
            self.assertAlmostEqual(found["rand_index"], (4 - 24 / 21) / (5 - 24 / 21), 6)
        self.run_skein("diff", "--db", self.db, "--plans", "2", "2", status=1)
        self.run_skein("diff", "--db", self.db, "--plans", "1", "9", status=1)
        rows = list(csv.DictReader(io.StringIO(
            self.run_skein("diff", "--db", self.db, "--csv").out)))
        self.assertEqual([r["what"] for r in rows], ["group", "group", "machine"])

    def test_a_machine_that_is_gone_is_counted(self):
        db = sqlite3.connect(self.db)
        db.execute("INSERT INTO plan_machine VALUES(2,'id-gone',0,0.5,0,'')")
        db.commit()
        db.close()
        err = self.run_skein("explain", "--db", self.db, "shop-app").err
        self.assertIn("1 machine of plan 2 is no longer known", err)


if __name__ == "__main__":
    if not os.access(SKEIN, os.X_OK):
        sys.exit(f"explain.py: no program at {SKEIN}; set SKEIN")
    result = unittest.main(exit=False).result
    lost = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - lost} passed, {lost} failed")
    sys.exit(lost != 0)
