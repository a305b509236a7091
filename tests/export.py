#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""skein export, read back by readers that are not ours: SKEIN=build/skein tests/export.py"""

import csv
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as ET
from pathlib import Path

from schema import Schema

SKEIN = os.path.abspath(os.environ.get("SKEIN", "build/skein"))
ROOT = Path(__file__).resolve().parent.parent
FORMATS = ("json", "graphml", "gexf", "drawio", "cypher", "mermaid")
TABLES = ("machines", "groups", "shared", "waves", "cuts", "edges")
T0 = 1767225600
DAY = 86400
HOSTILE = ["=cmd|' /C calc'!A0", "<b>&amp;\"'</b>", "'}] AS x DETACH DELETE x; //",
           "back\\u0027slash\\", "bell\u0007\u202egnp.exe", "日本語 x\U0001f4a9", "]]><!--",
           "<html><img src=http://192.0.2.1/x>"]
GRAPHML = "{http://graphml.graphdrawing.org/xmlns}"
YED = "{http://www.yworks.com/xml/graphml}"
GEXF = "{http://gexf.net/1.3}"


def machine(ident, name, ip, **more):
    return {"type": "machine", "id": ident, "name": name, "ips": [ip], "os": "Debian 12",
            "sensor": True, **more}


def flow(client, server, port, process, opens, **more):
    return {"type": "flow", "client": client and client["id"],
            "client_ip": client["ips"][0] if client else "203.0.113.9",
            "client_process": "caller", "server": server["id"],
            "server_ip": server["ips"][0], "server_port": port, "server_process": process,
            "protocol": "tcp", "opens": opens, "failed": 0, "bytes_to_server": opens * 300,
            "bytes_to_client": opens * 900, "first": T0, "last": T0 + 9 * DAY, **more}


def estate():
    """Twelve applications of four machines, DNS for all, names that want out."""
    dns = machine("dns", "dns01", "10.0.0.53", cores=4, memory_bytes=4 << 30)
    rows, flows, every = [dns], [], []
    for a in range(12):
        tier = [machine(f"m{a}{k}", f"app{a}-{kind}{k}", f"10.{a + 1}.0.{k + 1}", cores=4,
                        memory_bytes=8 << 30, site="ams", app=f"app{a}", used_gb=10 * k,
                        disks=[{"gb": 40}])
                for k, kind in enumerate(("web", "web", "app", "db"))]
        if a == 11:
            for k, m in enumerate(tier):
                m["name"] = HOSTILE[k]
                m["id"] = HOSTILE[k + 4]
        flows += [flow(tier[0], tier[2], 8080, "java", 9000),
                  flow(tier[1], tier[2], 8080, "java", 8000),
                  flow(tier[2], tier[3], 5432, "postgres", 70000),
                  flow(None, tier[0], 443, "nginx", 50)]
        every += tier
    flows += [flow(m, dns, 53, "named", 4000, protocol="udp") for m in every]
    flows += [flow(every[2], every[7], 5432, "postgres", 12),
              flow(every[6], every[11], 0, "rpc.statd", 30, bytes_to_server=None,
                   bytes_to_client=None)]
    return rows + every + flows


def text_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def literals(text):
    """The string literals of Cypher; raises where one has no end, or odd words stand outside."""
    found, outside, i = [], [], 0
    while i < len(text):
        if text[i] != "'":
            outside.append(text[i])
            i += 1
            continue
        end, value = i + 1, ""
        while text[end] != "'":
            if text[end] == "\\":
                c = text[end + 1]
                if c == "u":
                    value += chr(int(text[end + 2:end + 6], 16))
                    end += 4
                else:
                    value += {"n": "\n", "r": "\r", "t": "\t"}.get(c, c)
                end += 2
            else:
                value += text[end]
                end += 1
        if "".join(outside[-3:]) == " + ":
            found[-1] += value
        else:
            found.append(value)
        i = end + 1
    if not re.fullmatch(r"[A-Za-z0-9_ \n{}\[\]():.,;=+>-]*", "".join(outside)):
        raise ValueError("strangers' words outside of a literal")
    return found, "".join(outside)


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix="skein-export-")
        cls.dir = Path(cls.tmp.name)
        cls.db = str(cls.dir / "skein.db")
        cls.bare = str(cls.dir / "bare.db")
        cls.rows = estate()
        for db in (cls.db, cls.bare):
            cls.skein("import", "--db", db, "-", stdin=text_of(cls.rows))
        cls.plan = json.loads(cls.skein("groups", "--db", cls.db, "--json"))
        cls.doc = json.loads(cls.export("json", "--edges"))
        cls.machines = [r for r in cls.rows if r["type"] == "machine"]
        cls.flows = [r for r in cls.rows if r["type"] == "flow"]

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    @classmethod
    def run_skein(cls, *args, stdin="", **more):
        return subprocess.run([SKEIN, *map(str, args)], input=stdin.encode(), timeout=120,
                              capture_output=True, **more)

    @classmethod
    def skein(cls, *args, status=0, stdin=""):
        done = cls.run_skein(*args, stdin=stdin)
        if done.returncode != status:
            raise AssertionError(f"{args}: {done.returncode}: {done.stderr.decode()}")
        return done.stdout.decode("utf-8", "strict")

    @classmethod
    def export(cls, name, *args, db=None, status=0):
        return cls.skein("export", "--db", db or cls.db, "--format", name, *args, status=status)

    def table(self, name, db=None):
        text = self.export("csv", "--table", name, db=db)
        return list(csv.DictReader(text.splitlines(keepends=True), strict=True))

    def entries(self, kind):
        return [e for e in self.plan if e["kind"] == kind]

    # The hand-over document

    def schema(self):
        return json.loads((ROOT / "docs/handover.schema.json").read_text())

    def check_schema(self, doc):
        self.assertEqual(list(Schema(self.schema()).errors(doc))[:5], [])
        try:
            import jsonschema
        except ImportError:
            return
        wrong = jsonschema.Draft202012Validator(self.schema()).iter_errors(doc)
        self.assertEqual([e.message for e in wrong][:5], [])

    def test_document_is_as_the_schema_says(self):
        self.check_schema(self.doc)
        self.check_schema(json.loads(self.export("json")))
        self.check_schema(json.loads(self.export("json", "--edges", db=self.bare)))

    def test_schema_sees_what_is_wrong(self):
        def spoil(change):
            doc = json.loads(json.dumps(self.doc))
            change(doc)
            self.assertTrue(list(Schema(self.schema()).errors(doc)))

        spoil(lambda d: d.pop("plan"))
        spoil(lambda d: d.update(version=2))
        spoil(lambda d: d.update(surprise=1))
        spoil(lambda d: d["groups"][0].update(confidence=1.5))
        spoil(lambda d: d["groups"][0].update(surprise=1))
        spoil(lambda d: d["groups"][0].update(kind="shared"))
        spoil(lambda d: d["machines"][0].update(cores="4"))
        spoil(lambda d: d["machines"][0].update(group=""))
        spoil(lambda d: d["edges"][0].update(server_port=65536))
        spoil(lambda d: d["estate"]["records"].pop("lost"))
        spoil(lambda d: d["cuts"].append({"client": None}))

    def test_document_is_described_key_by_key(self):
        """docs/handover.md names every key that the schema has."""
        words = set(re.findall(r"`([^`]+)`", (ROOT / "docs/handover.md").read_text()))
        words = {w for word in words for w in re.split(r"[. ,:]+", word)}
        keys = set()

        def collect(at):
            for key, part in at.items():
                if key == "properties":
                    keys.update(part)
                for sub in part if isinstance(part, list) else [part]:
                    if isinstance(sub, dict):
                        collect(sub)

        collect(self.schema())
        flow_keys = set(json.loads((ROOT / "docs/exchange.schema.json").read_text())
                        ["$defs"]["flow"]["properties"])
        missing = keys - words - flow_keys
        self.assertEqual(missing, set())

    def test_document_holds_the_plan(self):
        doc = self.doc
        self.assertEqual(len(doc["machines"]), len(self.machines))
        self.assertEqual(len(doc["edges"]), len(self.flows))
        self.assertEqual(sum(e["opens"] for e in doc["edges"]),
                         sum(f["opens"] for f in self.flows))
        for kind, key in (("group", "groups"), ("shared", "shared")):
            want = {e["group"]: sorted(e["machines"]) for e in self.entries(kind)}
            self.assertEqual({g["name"]: sorted(g["machines"]) for g in doc[key]}, want)
            self.assertEqual(doc["estate"][key], len(want))
        where = {m: g["name"] for g in doc["groups"] + doc["shared"] for m in g["machines"]}
        self.assertEqual({m["id"]: m["group"] for m in doc["machines"]}, where)
        self.assertTrue(doc["plan"]["id"] and doc["plan"]["made"])

    def test_document_refers_to_what_it_holds(self):
        doc = self.doc
        ids = {m["id"] for m in doc["machines"]}
        names = {g["name"] for g in doc["groups"] + doc["shared"]}
        shared = {g["name"] for g in doc["shared"]}
        self.assertEqual(len(names), len(doc["groups"]) + len(doc["shared"]))
        for g in doc["groups"]:
            self.assertLessEqual(set(g["uses"]), shared)
            self.assertLessEqual({e["client"] for e in g["evidence"]}, set(g["machines"]))
            self.assertEqual(g["cores"], 4 * (len(g["machines"]) - g["cores_unknown"]))
            if len(g["machines"]) > 1:
                self.assertTrue(g["evidence"], g["name"])
        self.assertIn("dns", [g["service"] for g in doc["shared"]])
        for g in doc["shared"]:
            self.assertTrue(g["users"] and g["evidence"], g["name"])
            self.assertLessEqual(set(g["users"]), names - shared)
            for user in g["users"]:
                uses = next(o for o in doc["groups"] if o["name"] == user)["uses"]
                self.assertIn(g["name"], uses)
        for w in doc["waves"]:
            self.assertLessEqual(set(w["groups"]), names)
        for c in doc["cuts"]:
            self.assertLessEqual({c["client"], c["server"]} - {None}, names)
        for e in doc["edges"]:
            self.assertLessEqual({e["client"], e["server"]} - {None}, ids)
        self.assertEqual(sum(len(w["groups"]) for w in doc["waves"]),
                         sum(1 for g in doc["groups"] + doc["shared"] if g["wave"]))

    def test_document_keeps_what_came_with_machines(self):
        got = {m["id"]: m for m in self.doc["machines"]}
        for m in self.machines:
            self.assertEqual(got[m["id"]]["ips"], m["ips"])
            self.assertEqual(got[m["id"]]["extra"].get("disks"), m.get("disks"))
            self.assertEqual(got[m["id"]]["extra"].get("app"), m.get("app"))
            self.assertEqual(got[m["id"]]["memory_bytes"], m["memory_bytes"])
            want = m["used_gb"] * 10 ** 9 if "used_gb" in m else None
            self.assertEqual(got[m["id"]]["disk_used_bytes"], want)

    def test_names_come_back_to_the_letter(self):
        names = {m["id"]: m["name"] for m in self.doc["machines"]}
        self.assertEqual(names, {m["id"]: m["name"] for m in self.machines})

    def test_groups_are_as_their_schema_says(self):
        schema = Schema(json.loads((ROOT / "docs/groups.schema.json").read_text()))
        self.assertEqual(list(schema.errors(self.plan))[:5], [])
        machines = sorted(m for e in self.plan for m in e["machines"])
        self.assertEqual(machines, sorted(m["id"] for m in self.machines))
        self.assertTrue(list(schema.errors([{**self.plan[0], "machines": []}])))

    # Tables

    def test_tables_count_as_the_plan(self):
        want = {"machines": len(self.machines), "edges": len(self.flows),
                "groups": len(self.entries("group")), "shared": len(self.entries("shared")),
                "waves": len(self.doc["waves"]), "cuts": len(self.doc["cuts"])}
        for name in TABLES:
            self.assertEqual(len(self.table(name)), want[name], name)
        self.assertGreater(want["cuts"], 0)

    def test_tables_say_what_the_document_says(self):
        rows = {r["group"].lstrip("'"): r for r in self.table("groups")}
        for g in self.doc["groups"]:
            row = rows.get(g["name"])
            if row is None:
                continue  # a hostile name is shown escaped
            self.assertEqual(int(row["machines"]), len(g["machines"]))
            self.assertEqual(row["wave"], str(g["wave"] or ""))
            self.assertEqual(float(row["confidence"]), g["confidence"])
        for row, cut in zip(self.table("cuts"), self.doc["cuts"]):
            self.assertEqual(float(row["bytes_per_day"]), cut["bytes_per_day"])
            self.assertEqual(row["hard"], "yes" if cut["hard"] else "no")
        self.assertEqual(sum(int(r["opens"]) for r in self.table("edges")),
                         sum(f["opens"] for f in self.flows))
        ports = {r["port"] for r in self.table("edges")}
        self.assertEqual(ports, {"8080", "5432", "443", "53", "dynamic"})

    def test_no_cell_is_a_formula(self):
        for name in TABLES:
            for row in self.table(name):
                for cell in row.values():
                    self.assertFalse(cell[:1] in tuple("=+-@\t\r"), cell)
        names = {r["name"] for r in self.table("machines")}
        self.assertIn("'" + HOSTILE[0], names)

    def test_directory_of_tables(self):
        self.export("csv", "-o", self.dir / "tables" / "new")
        files = sorted(p.name for p in (self.dir / "tables" / "new").iterdir())
        self.assertEqual(files, sorted(f"{t}.csv" for t in TABLES))
        for name in TABLES:
            text = (self.dir / "tables" / "new" / f"{name}.csv").read_bytes().decode()
            self.assertEqual(text, self.skein("export", "--db", self.db, "--format", "csv",
                                              "--table", name))

    # XML

    def test_graphml(self):
        root = ET.fromstring(self.export("graphml"))
        keys = {k.get("id"): k for k in root.findall(f"{GRAPHML}key")}
        groups, machines = {}, {}
        for node in root.iter(f"{GRAPHML}node"):
            data = {d.get("key"): d.text for d in node.findall(f"{GRAPHML}data")}
            self.assertLessEqual(set(data), set(keys))
            inner = node.find(f"{GRAPHML}graph")
            if inner is not None:
                groups[data["n_label"]] = len(inner.findall(f"{GRAPHML}node"))
                self.assertIsNotNone(node.find(f".//{YED}GroupNode"))
            else:
                machines[node.get("id")] = data
                self.assertIsNotNone(node.find(f".//{YED}ShapeNode"))
        self.assertEqual(sorted(groups.values()),
                         sorted(len(e["machines"]) for e in self.plan))
        known = [d for d in machines.values() if d["n_kind"] == "machine"]
        self.assertEqual(len(known), len(self.machines))
        allowed = {m["name"].replace("\u0007", "\ufffd") for m in self.machines}
        self.assertEqual({d["n_label"] for d in known}, allowed)
        labels = {label.text for label in root.iter(f"{YED}NodeLabel")}
        self.assertFalse([t for t in labels if t.lower().startswith("<html")])
        edges = root.findall(f"{GRAPHML}graph/{GRAPHML}edge")
        for edge in edges:
            self.assertIn(edge.get("source"), machines)
            self.assertIn(edge.get("target"), machines)
        opens = [int(d.text) for d in root.iter(f"{GRAPHML}data") if d.get("key") == "e_opens"]
        self.assertEqual(sum(opens), sum(f["opens"] for f in self.flows))
        for d in root.iter(f"{GRAPHML}data"):
            kind = keys[d.get("key")].get("attr.type")
            if kind in ("int", "long"):
                int(d.text)
            elif kind == "double":
                float(d.text)

    def test_gexf(self):
        root = ET.fromstring(self.export("gexf"))
        titles = {a.get("title"): a.get("id")
                  for a in root.find(f"{GEXF}graph/{GEXF}attributes[@class='node']")}
        groups = {}
        nodes = root.findall(f".//{GEXF}node")
        for node in nodes:
            values = {v.get("for"): v.get("value") for v in node.iter(f"{GEXF}attvalue")}
            if titles["group"] in values:
                groups.setdefault(values[titles["group"]], []).append(node.get("label"))
        self.assertEqual(sorted(map(len, groups.values())),
                         sorted(len(e["machines"]) for e in self.plan))
        ids = {n.get("id") for n in nodes}
        edges = root.findall(f".//{GEXF}edge")
        self.assertTrue(edges)
        for edge in edges:
            self.assertLessEqual({edge.get("source"), edge.get("target")}, ids)
            self.assertGreater(int(edge.get("weight")), 0)

    def boxes(self, cells):
        for cell in cells.values():
            at = cell.find("mxGeometry")
            if cell.get("parent") == "groups":
                yield [int(at.get(k)) for k in ("x", "y", "width", "height")]

    def test_drawio(self):
        root = ET.fromstring(self.export("drawio"))
        cells = {c.get("id"): c for c in root.iter("mxCell")}
        self.assertEqual(len(cells), len(list(root.iter("mxCell"))))
        boxes = list(self.boxes(cells))
        self.assertEqual(len(boxes), len(self.plan))
        for i, (x, y, w, h) in enumerate(boxes):
            for a, b, c, d in boxes[:i]:
                self.assertTrue(x >= a + c or a >= x + w or y >= b + d or b >= y + h)
        inside = [c for c in cells.values() if c.get("vertex") and c.get("parent")[0] == "g"
                  and c.get("parent") != "groups"]
        self.assertEqual(len(inside), len(self.machines))
        arrows = [c for c in cells.values() if c.get("edge")]
        self.assertTrue(arrows)
        for c in arrows:
            self.assertIn(c.get("source"), cells)
            self.assertIn(c.get("target"), cells)
            self.assertIn(c.get("parent"), ("arrows", "shared"))
        self.assertEqual(cells["shared"].get("visible"), "0")
        for c in cells.values():
            self.assertNotIn("html=1", c.get("style") or "")
        single = ET.fromstring(self.export("drawio", "--edges"))
        ends = [c.get("source")[0] for c in single.iter("mxCell") if c.get("edge")]
        self.assertEqual(set(ends), {"n"})

    # Text

    def test_cypher(self):
        found, outside = literals(self.export("cypher"))
        for m in self.machines:
            self.assertIn(m["name"], found)
            self.assertIn("id:" + m["id"], found)
        self.assertEqual(outside.count("MERGE (m:SkeinMachine"), 1)
        self.assertEqual(outside.count("{key: "), 2 * len(self.machines) + 1 +
                         outside.count("SkeinMachine {key: "))
        self.assertEqual(outside.count("client_process: "), len(self.flows))
        self.assertEqual(len(re.findall(r"\{name: [ +]*, kind: ", outside)), len(self.plan))
        self.assertTrue(outside.endswith(";\n"))
        self.assertEqual(outside.count("DELETE"), 0)

    def test_mermaid(self):
        lines = self.export("mermaid").splitlines()
        self.assertEqual(lines[0], "flowchart LR")
        nodes = [x for x in lines if re.fullmatch(r'  g\d+(\[|\(\[)"[^"<>]*"(\]|\]\))', x)]
        arrows = [x for x in lines if re.fullmatch(r'  g\d+ -->\|"[\w/, ]+"\| g\d+', x)]
        notes = [x for x in lines if x.startswith("  %% ")]
        self.assertEqual(len(nodes), len(self.plan))
        self.assertEqual(1 + len(nodes) + len(arrows) + len(notes), len(lines))

    # The command

    def test_same_bytes_again(self):
        shuffled = str(self.dir / "shuffled.db")
        self.skein("import", "--db", shuffled, "-", stdin=text_of(self.rows[::-1]))
        for name in FORMATS:
            self.assertEqual(self.export(name), self.export(name), name)
            self.assertEqual(self.export(name, db=self.bare),
                             self.export(name, db=shuffled), name)

    def test_file_is_written_whole(self):
        out = self.dir / "plan.json"
        out.write_text("old")
        self.skein("export", "--db", self.db, "-o", out)
        self.assertEqual(out.read_text(), self.export("json"))
        mask = os.umask(0)
        os.umask(mask)
        self.assertEqual(stat.S_IMODE(out.stat().st_mode), 0o666 & ~mask)
        self.assertEqual([p for p in self.dir.iterdir() if p.name.startswith("plan.json.")], [])
        done = self.run_skein("export", "--db", self.db, "-o", self.dir / "none" / "x.json")
        self.assertEqual(done.returncode, 3)
        self.assertRegex(done.stderr.decode(), r"\Askein: cannot write [^\n]*x\.json: [^\n]*\n\Z")

    def test_full_disk_is_said(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SKEIN, "export", "--db", self.db, "--format", "json"],
                                  stdout=full, stderr=subprocess.PIPE, timeout=60, check=False)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"No space left", done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 1)

    def test_format_is_taken_from_the_file(self):
        for ending, begins in ((".graphml", "<?xml"), (".mmd", "flowchart"), (".JSON", "{")):
            out = self.dir / ("x" + ending)
            self.skein("export", "--db", self.db, "-o", out)
            self.assertTrue(out.read_text().startswith(begins))

    def test_wrong_usage(self):
        cases = ((), ("-o", "x.doc"), ("--format", "grapml"), ("--format", "csv"),
                 ("--format", "csv", "--table", "x"), ("--format", "json", "-t", "edges"),
                 ("--format", "json", "stray"))
        for args in cases:
            done = self.run_skein("export", "--db", self.db, *args, cwd=self.dir)
            self.assertEqual(done.returncode, 2, args)
            self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        err = self.run_skein("export", "--db", self.db, "--format", "grapml").stderr
        self.assertIn(b"did you mean graphml?", err)
        self.assertEqual(self.run_skein("export", "--db", "/no/such.db", "-f", "json")
                         .returncode, 3)

    def test_without_a_plan(self):
        done = self.run_skein("export", "--db", self.bare, "--format", "graphml")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"no plan in", done.stderr)
        nodes = list(ET.fromstring(done.stdout.decode()).iter(f"{GRAPHML}node"))
        self.assertEqual(len(nodes), len(self.machines) + 1)
        done = self.run_skein("export", "--db", self.bare, "-f", "csv", "-t", "groups")
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn(b"no plan in", done.stderr)
        self.assertEqual(len(self.table("machines", db=self.bare)), len(self.machines))
        done = self.run_skein("export", "--db", self.db, "-f", "json", "--plan", "999")
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"no plan 999", done.stderr)

    def test_empty_database(self):
        empty = str(self.dir / "empty.db")
        self.run_skein("import", "--db", empty, "-")
        for name in FORMATS:
            done = self.run_skein("export", "--db", empty, "--format", name)
            self.assertEqual(done.returncode, 1, name)
            self.assertIn(b"no machines in", done.stderr)
            if name in ("graphml", "gexf", "drawio"):
                ET.fromstring(done.stdout.decode())
            if name == "json":
                self.check_schema(json.loads(done.stdout))


if __name__ == "__main__":
    if not os.access(SKEIN, os.X_OK):
        sys.exit(f"export.py: no program at {SKEIN}; set SKEIN")
    result = unittest.main(exit=False).result
    lost = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - lost} passed, {lost} failed")
    sys.exit(lost != 0)
