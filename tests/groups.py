#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of `skein groups`: SKEIN=build/skein tests/groups.py [-v] [TEST...]"""

import csv
import io
import json
import os
import sys
import unittest

from cli import SKEIN, Case, text_of

HEADER = ("machine,name,group,kind,service,env,wave,confidence,state,owner,notes,reason"
          .split(","))
DAY = 86400
START = 1767225600


def machine(ident, name, site="ams"):
    return {"type": "machine", "id": ident, "name": name, "ips": [f"10.0.{ident[1:]}.1"],
            "os": "linux", "site": site}


def flow(client, server, port, process, opens=2000, size=1000):
    return {"type": "flow", "client": client, "server": server, "server_port": port,
            "client_process": "app", "server_process": process, "protocol": "tcp",
            "opens": opens, "failed": 0, "bytes_to_server": opens * size,
            "bytes_to_client": opens * size, "first": START, "last": START + 10 * DAY}


APPS = ("shop", "billing", "intranet", "fleet", "claims", "archive")


def estate():
    """Six applications of five machines that use one resolver, and one machine alone."""
    rows, n = [machine("m1", "ns01"), machine("m2", "lonely")], 10
    for app in APPS:
        ids = [f"m{n + i}" for i in range(5)]
        roles = ("web01", "web02", "app01", "app02", "db01")
        rows += [machine(i, f"{app}-{role}") for i, role in zip(ids, roles)]
        web1, web2, app1, app2, db = ids
        rows += [flow(w, a, 8080, "java") for w in (web1, web2) for a in (app1, app2)]
        rows += [flow(a, db, 5432, "postgres") for a in (app1, app2)]
        rows += [flow(i, "m1", 53, "named", 300, 60) for i in ids]
        n += 10
    rows.append(flow("m12", "m22", 8080, "java", 30))  # shop-app01 calls billing-app01
    return rows


class Groups(Case):
    def setUp(self):
        super().setUp()
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(estate()))

    def groups(self, *words, status=0, **more):
        return self.run_skein("groups", "--db", self.db, *words, status=status, **more)

    def plan(self, *words):
        return json.loads(self.groups(*words, "--json").out)

    def of(self, ident, plan=None):
        return next(g for g in plan or self.plan("show") if ident in g["machines"])

    def sheet(self):
        return list(csv.reader(io.StringIO(self.groups("export", "--csv").out)))

    def take(self, rows, status=0, newline="\r\n", **more):
        out = io.StringIO()
        csv.writer(out, lineterminator=newline, **more).writerows(rows)
        return self.groups("import", "--csv", self.file("sheet.csv", out.getvalue()),
                           status=status)

    def edits(self):
        """The edits that hold; without one the status is 1."""
        done = self.groups("edits", "--json", status=None)
        return json.loads(done.out)


class Propose(Groups):
    def test_every_machine_in_one_entry_and_the_keys_of_the_design(self):
        plan = self.plan()
        ids = sorted(i for g in plan for i in g["machines"])
        self.assertEqual(ids, sorted(r["id"] for r in estate() if r["type"] == "machine"))
        for g in plan:
            self.assertEqual(list(g)[:3], ["group", "kind", "machines"])
            self.assertIn(g["kind"], ("group", "shared"))
            self.assertGreater(g.get("wave", 1), 0)
            self.assertTrue(0 <= g["confidence"] <= 1)
        self.assertEqual(len({g["group"] for g in plan}), len(plan))
        shop = self.of("m10", plan)["machines"]
        self.assertEqual(sorted(shop), ["m10", "m11", "m12", "m13", "m14"])

    def test_same_bytes_and_show_is_what_was_kept(self):
        first = self.groups("--json").out
        self.assertEqual(self.groups("--json").out, first)
        self.assertEqual(self.groups("show", "--json").out, first)
        self.assertEqual(self.groups("--csv").out, self.groups("show", "--csv").out)

    def test_dry_run_keeps_nothing(self):
        self.groups("--dry-run")
        self.assertIn("no plan", self.groups("show", status=1).err)
        self.groups()
        before = self.groups("show", "--json").out
        done = self.groups("move", "shop-db01", "billing", "-n")
        self.assertIn("dry run", done.err)
        self.assertEqual(self.groups("show", "--json").out, before)
        self.assertEqual(self.edits(), [])

    def test_summary_and_quiet(self):
        self.assertRegex(self.groups().err, r"\d+ groups?, \d+ shared services?, \d+ single")
        self.assertIn("nobody was seen talking", self.groups().err)
        self.assertEqual(self.groups("-q").err, "")

    def test_size_is_kept_for_later_runs(self):
        plan = self.plan("--size", "3")
        self.assertLessEqual(max(len(g["machines"]) for g in plan if g["kind"] == "group"), 3)
        self.groups("env", "m2", "prod")
        plan = self.plan("show")
        self.assertLessEqual(max(len(g["machines"]) for g in plan if g["kind"] == "group"), 3)
        self.assertEqual(len(self.of("m10", self.plan())["machines"]), 5)

    def test_nothing_to_group(self):
        empty = str(self.dir / "empty.db")
        self.run_skein("import", "--db", empty, "-", stdin=text_of(
            [{"type": "flow", "client_ip": "192.0.2.1", "server_ip": "192.0.2.2",
              "server_port": 1, "opens": 1, "first": START, "last": START}]))
        done = self.run_skein("groups", "--db", empty, "--json", status=1)
        self.assertEqual(done.out, "[]\n")
        none = str(self.dir / "none.db")
        self.assertEqual(self.run_skein("groups", "--db", none, status=3).err.count("\n"), 1)
        self.assertFalse(os.path.exists(none))

    def test_a_terminal_folds_machines_that_stand_alone(self):
        args = ("groups", "--db", self.db)
        out, status = self.on_terminal(*args, columns=120)
        self.assertEqual(status, 0)
        self.assertRegex(out, r"and \d+ machines? alone: .*lonely.* \(--all lists ")
        self.assertNotRegex(out, r"(?m)^lonely ")
        self.assertRegex(self.on_terminal(*args, "--all", columns=120)[0], r"(?m)^lonely ")

    def test_show_one(self):
        self.groups()
        name = self.of("m10")["group"]
        one = json.loads(self.groups("show", name, "--json").out)
        self.assertEqual([m["machine"] for m in one[0]["members"]], one[0]["machines"])
        self.assertEqual(self.groups("show", "shop-db01").out, self.groups("show", name).out)
        self.assertIn("did you mean", self.groups("show", name + "x", status=1).err)

    def test_plans_and_label(self):
        self.groups()
        self.groups("label", "before", "cleanup")
        self.groups("move", "shop-db01", "other")
        plans = json.loads(self.groups("plans", "--json").out)
        self.assertEqual([p["label"] for p in plans], ["", "before cleanup"])
        old = self.plan("show", "--plan", plans[1]["plan"])
        self.assertNotEqual(old, self.plan("show"))
        self.groups("show", "--plan", 99, status=1)

    def test_words(self):
        self.assertIn("did you mean show?", self.groups("shwo", status=2).err)
        for words in (("move", "m1"), ("apart", "m1"), ("undo", "x"), ("limit", "0"),
                      ("export", "--json"), ("edits", "x")):
            self.assertEqual(self.groups(*words, status=2).err.count("\n"), 1, words)


class Edits(Groups):
    def test_move_says_what_it_costs_and_stays(self):
        billing = self.of("m20", self.plan())["group"]
        done = self.groups("move", "shop-db01", billing)
        self.assertRegex(done.out, r"moved shop-db01 to \S+: .* ties? \(.* now go to other "
                         r"groups; before: \d\n")
        self.assertIn("between all groups: ", done.out)
        self.assertNotIn("changed group with it", done.out)
        want = ["m14", "m20", "m21", "m22", "m23", "m24"]
        self.assertEqual(sorted(self.of("m14")["machines"]), want)
        self.assertEqual(sorted(self.of("m10")["machines"]), ["m10", "m11", "m12", "m13"])
        for _ in range(2):  # nobody is drawn along, and the name does not wander
            self.groups()
            self.assertEqual(self.of("m14")["group"], billing)
            self.assertEqual(sorted(self.of("m14")["machines"]), want)
            self.assertEqual(sorted(self.of("m10")["machines"]), ["m10", "m11", "m12", "m13"])

    def test_move_as_json(self):
        self.groups()
        out = json.loads(self.groups("move", "m14", "alone", "--json").out)
        self.assertEqual(out["edits"][0]["kind"], "pin")
        self.assertGreater(out["after"]["cut"]["ties"] + out["after"]["kept"]["ties"], 0)
        self.assertEqual(self.of("m14")["group"], "alone")

    def test_machines_by_id_name_address_and_mistyped(self):
        for word in ("m14", "shop-db01", "10.0.14.1"):
            self.groups("pin", word, "x" + word)
            self.assertEqual(self.of("m14")["group"], "x" + word)
        self.assertEqual(len(self.edits()), 1)
        self.assertIn("did you mean shop-db01?", self.groups("pin", "shop-bd01", "x",
                                                             status=1).err)

    def test_together_and_apart_take_each_others_place(self):
        self.groups("together", "shop-web01", "claims-web01", "fleet-web01")
        plan = self.plan("show")
        self.assertTrue({"m10", "m50", "m40"} <= set(self.of("m10", plan)["machines"]))
        self.groups("apart", "m10", "m50")
        self.assertEqual([e["kind"] for e in self.edits()], ["together", "apart"])
        self.assertNotIn("m50", self.of("m10")["machines"])
        self.groups("apart", "m10", "m10", status=1)

    def test_contradictions_are_refused_and_not_kept(self):
        self.groups("pin", "m10", "one")
        self.groups("pin", "m20", "two")
        before, edits = self.groups("show", "--json").out, self.edits()
        done = self.groups("together", "m10", "m20", status=1)
        self.assertTrue(done.err.strip())
        self.assertEqual(done.out, "")
        self.assertEqual(self.edits(), edits)
        self.assertEqual(self.groups("show", "--json").out, before)

    def test_shared_and_not_shared(self):
        self.groups("shared", "shop-app01", "bus")
        entry = self.of("m12")
        self.assertEqual((entry["kind"], entry["service"]), ("shared", "bus"))
        self.assertIn("advice", entry)
        self.groups("not-shared", "shop-app01")
        self.assertEqual(self.of("m12")["kind"], "group")
        self.assertEqual([e["kind"] for e in self.edits()], ["not-shared"])
        self.assertIn("did you mean dns?", self.groups("shared", "m1", "dsn", status=1).err)

    def test_env_and_site(self):
        self.groups("env", "m10", "test")
        self.groups("env", "m12", "prod")
        self.assertNotIn("m12", self.of("m10")["machines"])
        self.groups("site", "m10", "fra")
        self.assertEqual([(e["kind"], e["name"]) for e in self.edits()],
                         [("env", "test"), ("env", "prod"), ("site", "fra")])

    def test_limit(self):
        done = self.groups("limit", 3)
        self.assertRegex(done.out, r"no group has more than 3 machines; \d+ groups? ")
        plan = self.plan()
        self.assertLessEqual(max(len(g["machines"]) for g in plan if g["kind"] == "group"), 3)

    def test_undo(self):
        plan = self.plan()
        self.groups("pin", "m14", "other")
        self.groups("env", "m2", "test")
        done = self.groups("undo", 1)
        self.assertIn("took back edit 1: pin shop-db01 other", done.out)
        self.assertIn("m14", self.of("m10")["machines"])
        self.groups("undo")
        self.assertEqual(self.edits(), [])
        self.assertEqual([sorted(g["machines"]) for g in self.plan()],
                         [sorted(g["machines"]) for g in plan])
        self.groups("undo", status=1)
        self.groups("undo", 1, status=1)

    def test_edits_bear_their_costs(self):
        self.groups("pin", "m14", "other")
        edit = self.edits()[0]
        self.assertEqual((edit["kind"], edit["machine"], edit["name"], edit["holds"]),
                         ("pin", "m14", "other", True))
        self.assertEqual(edit["ties"]["kept"]["ties"] + edit["ties"]["cut"]["ties"], 3)
        self.assertEqual(self.groups("edits", "--csv").out.count("\n"), 2)


class Labels(Groups):
    def test_state_owner_note_survive(self):
        name = self.of("m10", self.plan())["group"]
        self.groups("state", name, "approved")
        self.groups("owner", name, "Ann", "Lee")
        self.groups("note", name, '=1+1, "x"\x1b[2J')
        self.groups()
        g = self.of("m10")
        self.assertEqual((g["state"], g["owner"], g["notes"]),
                         ("approved", "Ann Lee", '=1+1, "x"\x1b[2J'))
        self.groups("note", name, "")
        self.assertEqual(self.of("m10")["notes"], "")
        self.assertNotIn("\x1b", self.groups("show").out)
        self.assertIn("did you mean approved?", self.groups("state", name, "aproved",
                                                            status=2).err)

    def test_rename_stays(self):
        plan = self.plan()
        name, other = self.of("m10", plan)["group"], self.of("m20", plan)["group"]
        self.groups("rename", name, "Web shop")
        self.groups()
        self.assertEqual(self.of("m10")["group"], "Web shop")
        self.assertTrue(self.of("m10")["named"])
        self.groups("rename", "Web shop", other, status=1)
        self.groups("rename", "nobody", "x", status=1)
        for bad in ("", " x", "a\nb", "x" * 256):
            self.groups("rename", "Web shop", bad, status=1)

    def test_accept_lock_unlock_all_or_none(self):
        plan = self.plan()
        a, b = self.of("m10", plan)["group"], self.of("m20", plan)["group"]
        self.groups("lock", a, "nobody", status=1)
        self.assertFalse(self.of("m10")["locked"])
        self.groups("accept", a, b)
        self.assertTrue(self.of("m10")["accepted"] and self.of("m20")["accepted"])
        self.groups("lock", a)
        self.groups()
        self.assertTrue(self.of("m10")["locked"])
        self.groups("unlock", a)
        self.assertFalse(self.of("m10")["locked"] or self.of("m10")["accepted"])


class Sheets(Groups):
    def setUp(self):
        super().setUp()
        self.groups()
        self.name = self.of("m10")["group"]

    def change(self, rows, ident, column, value):
        for row in rows:
            if row[0] == ident:
                row[HEADER.index(column)] = value

    def test_round_trip_changes_nothing(self):
        self.groups("note", "--", self.name, "-x\ty \"z\", 'q")
        self.groups("owner", self.name, "@home")
        rows = self.sheet()
        self.assertEqual(rows[0], HEADER)
        self.assertEqual(len(rows), 33)
        plans = self.groups("plans").out
        for more in ({}, {"delimiter": ";"}, {"newline": "\n"}, {"quoting": csv.QUOTE_ALL}):
            self.assertIn("nothing to change", self.take(rows, **more).err)
        self.assertEqual((self.edits(), self.groups("plans").out), ([], plans))

    def test_export_into_a_file(self):
        path = str(self.dir / "out.csv")
        self.groups("export", "--csv", "-o", path)
        with open(path, newline="", encoding="utf-8") as f:
            self.assertEqual(list(csv.reader(f)), self.sheet())

    def test_moves_rename_labels_and_kinds(self):
        rows = self.sheet()
        for ident in self.of("m20")["machines"]:
            self.change(rows, ident, "group", "ledger")
        for ident in self.of("m30")["machines"]:
            self.change(rows, ident, "state", "planned")
            self.change(rows, ident, "notes", "'=1+1")
        self.change(rows, "m14", "group", "stores")
        self.change(rows, "m42", "kind", "shared")
        self.change(rows, "m42", "service", "bus")
        done = self.take(rows)
        self.assertIn("renamed ", done.out)
        self.assertIn("moved shop-db01 from ", done.out)
        plan = self.plan("show")
        self.assertEqual(self.of("m24", plan)["group"], "ledger")
        self.assertEqual(self.of("m14", plan)["group"], "stores")
        self.assertEqual(self.of("m42", plan)["service"], "bus")
        self.assertEqual((self.of("m30", plan)["state"], self.of("m30", plan)["notes"]),
                         ("planned", "=1+1"))
        self.assertEqual(sorted(e["kind"] for e in self.edits()), ["pin", "shared"])
        self.assertIn("nothing to change", self.take(self.sheet()).err)

    def test_a_part_of_the_sheet_speaks_of_that_part(self):
        rows = self.sheet()
        self.change(rows, "m14", "group", "stores")
        kept = [[r[0], r[2]] for r in rows if r[0] in ("machine", "m14")]
        self.take(kept)
        self.assertEqual(self.of("m14")["group"], "stores")
        self.assertEqual(len(self.edits()), 1)

    def bad(self, column, value, words, ident="m14"):
        rows = self.sheet()
        line = next(i for i, r in enumerate(rows, 1) if r[0] == ident)
        self.change(rows, ident, column, value)
        err = self.take(rows, status=1).err
        self.assertIn(words, err)
        if column != "owner":
            self.assertIn(f"sheet.csv:{line}: ", err)
        self.assertIn("nothing of ", err)

    def test_bad_lines_are_named_and_nothing_is_taken(self):
        shown, plans = self.groups("show", "--json").out, self.groups("plans").out
        self.bad("machine", "m999", "no machine \"m999\"")
        self.bad("machine", "", "no machine is named")
        self.bad("group", "", "empty group")
        self.bad("kind", "thing", "neither group nor shared")
        self.bad("state", "done", "none of proposed")
        self.bad("service", "bus", "only what has kind shared")
        self.bad("owner", "Ann", f"{self.name} has the owner ")
        rows = self.sheet()
        self.change(rows, "m14", "state", "moved")
        self.assertIn("state", self.take(rows, status=1).err)
        self.assertIn("earlier line", self.take(self.sheet() + [self.sheet()[3]], status=1).err)
        self.assertIn("two columns", self.take([["machine", "group", "Group"]], status=1).err)
        self.assertIn("must name the columns", self.take([["id", "team"]], status=1).err)
        self.assertIn("no machine in it", self.take([["machine", "group"]], status=1).err)
        self.assertIn("3 cells", self.take([["machine", "group"], ["m1", "x", "y"]],
                                           status=1).err)
        for text in (b"", b"machine,group\nm1,\"x", b"machine,group\nm1,\xff\n"):
            self.groups("import", "--csv", self.file("bad", text), status=1)
        self.groups("import", "--csv", self.dir / "none", status=3)
        self.assertEqual(self.groups("show", "--json").out, shown)
        self.assertEqual((self.edits(), self.groups("plans").out), ([], plans))

    def test_many_complaints_are_counted(self):
        rows = [["machine", "group"]] + [[f"x{i}", "g"] for i in range(30)]
        err = self.take(rows, status=1).err
        self.assertEqual(err.count("no machine"), 10)
        self.assertIn("20 more lines like these", err)

    def test_a_contradiction_takes_nothing(self):
        self.groups("together", "m10", "m14")
        edits, rows = self.edits(), self.sheet()
        self.change(rows, "m10", "group", "one")
        self.change(rows, "m14", "group", "two")
        self.take(rows, status=1)
        self.assertEqual(self.edits(), edits)


if __name__ == "__main__":
    if not os.access(SKEIN, os.X_OK):
        sys.exit(f"groups.py: no program at {SKEIN}; set SKEIN")
    result = unittest.main(exit=False).result
    lost = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - lost} passed, {lost} failed")
    sys.exit(lost != 0)
