#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Black-box tests of skein's commands: SKEIN=build/skein tests/cli.py [-v] [TEST...]"""

import csv
import fcntl
import io
import json
import os
import pty
import re
import sqlite3
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import unicodedata
import unittest
from pathlib import Path

SKEIN = os.path.abspath(os.environ.get("SKEIN", "build/skein"))
ROOT = Path(__file__).resolve().parent.parent
LISTS = ("machines", "edges", "services")

MACHINES = [
    {"type": "machine", "id": "m17", "name": "app02", "ips": ["10.14.0.25"], "os": "linux",
     "site": "ams", "sensor": True, "cores": 8, "memory_bytes": 17179869184, "rack": "A1"},
    {"type": "machine", "id": "m9", "name": "db01", "ips": ["10.14.0.7", "fd00::7"],
     "os": "Debian GNU/Linux 12 (bookworm)", "kernel": "6.1.0-18", "arch": "x86_64",
     "sensor": False},
]
FLOWS = [
    {"type": "flow", "client": "m17", "client_ip": "10.14.0.25", "client_process": "java",
     "server": "m9", "server_ip": "10.14.0.7", "server_port": 5432,
     "server_process": "postgres", "protocol": "tcp", "opens": 121, "failed": 3, "refused": 3,
     "bytes_to_server": 127811, "bytes_to_client": 350726, "first": 1767242561,
     "last": 1768429060, "client_exe": "/usr/bin/java", "client_app": "shop.jar",
     "rtt_us": 431, "retransmits": 7, "live": 2, "pending": 1,
     "ticket": {"b": [1.50, None], "a": "\u20ac"}},
    {"type": "flow", "client": None, "client_ip": "192.0.2.1", "client_process": "",
     "server": "m17", "server_ip": "10.14.0.25", "server_port": 443,
     "server_process": "nginx", "protocol": "tcp", "opens": 5, "failed": 0,
     "first": 1767242561, "last": 1767242999},
    {"type": "flow", "client": "m9", "client_ip": "10.14.0.7", "server": None,
     "server_ip": "198.51.100.53", "server_port": 53, "protocol": "udp", "opens": 9,
     "first": 1767300000, "last": 1767300001},
]
FLOW_ORDER = """type version client client_name client_ip client_process server server_name
    server_ip server_port server_process protocol opens failed refused timed_out unreachable
    reset abandoned bytes_to_server bytes_to_client first last live pending witnesses guess
    unauthenticated sampled rtt_us retransmits client_exe client_unit client_user client_container client_app
    server_exe server_unit server_user server_container server_app server_seen""".split()
MACHINE_ORDER = """type version id name ips os kernel arch cores memory_bytes site sensor first
    last""".split()


def text_of(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def width(line):
    return sum(0 if unicodedata.combining(c) else
               2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def matches(value, schema):
    """As much of JSON Schema as docs/exchange.schema.json uses, without formats."""
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool,
             "array": list, "object": dict, "null": type(None)}
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(isinstance(value, kinds[t]) and
                         (t == "boolean" or not isinstance(value, bool)) for t in types):
        return False
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            return False
    if isinstance(value, str):
        if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
            return False
    if isinstance(value, list) and not all(matches(v, schema.get("items", {})) for v in value):
        return False
    if isinstance(value, dict):
        if any(key not in value for key in schema.get("required", [])):
            return False
        for key, sub in schema.get("properties", {}).items():
            if key in value and not matches(value[key], sub):
                return False
    if "anyOf" in schema and not any(matches(value, s) for s in schema["anyOf"]):
        return False
    return all(matches(value, s) for s in schema.get("allOf", []))


class Case(unittest.TestCase):
    def setUp(self):
        tmp = tempfile.TemporaryDirectory(prefix="skein-cli-")
        self.addCleanup(tmp.cleanup)
        self.dir = Path(tmp.name)
        self.db = str(self.dir / "skein.db")

    def run_skein(self, *args, status=0, stdin=b"", env=None, **more):
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("SKEIN_DB", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
        if isinstance(stdin, str):
            stdin = stdin.encode()
        if "stdin_file" in more:
            more["stdin"] = more.pop("stdin_file")
        else:
            more["input"] = stdin
        done = subprocess.run([SKEIN, *map(str, args)], capture_output=True, timeout=120,
                              env={**clean, **(env or {})}, **more)
        err = done.stderr.decode()
        if status is not None:
            self.assertEqual(done.returncode, status, f"{args}: {err}")
        for line in err.splitlines():
            self.assertTrue(line.startswith("skein: "), line)
        done.out = done.stdout.decode("utf-8", "strict")
        done.err = err
        return done

    def file(self, name, content):
        path = self.dir / name
        if isinstance(content, list):
            content = text_of(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def filled(self):
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(MACHINES + FLOWS))

    def lines(self, command, *args, db=None, status=0):
        done = self.run_skein(command, "--db", db or self.db, "--json=lines", *args,
                              status=status)
        return [json.loads(line) for line in done.out.splitlines()]

    def on_terminal(self, *args, columns=80, env=None):
        """Output of both streams on a terminal of that width, and the exit status."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        clean = {k: v for k, v in os.environ.items()
                 if k not in ("SKEIN_DB", "NO_COLOR", "CLICOLOR_FORCE", "COLUMNS")}
        p = subprocess.Popen([SKEIN, *map(str, args)], stdin=child, stdout=child, stderr=child,
                             env={**clean, "TERM": "xterm", **(env or {})})
        os.close(child)
        data = b""
        while True:
            try:
                part = os.read(parent, 65536)
            except OSError:
                break
            if not part:
                break
            data += part
        os.close(parent)
        return data.decode().replace("\r\n", "\n"), p.wait(60)


class Usage(Case):
    def test_usage_says_what_to_try_first(self):
        for args in ((), ("--help",), ("-h",), ("help",)):
            out = self.run_skein(*args).out
            self.assertIn("Usage: skein COMMAND", out)
            self.assertIn("First things to try", out)
            self.assertNotIn("render", out)

    def test_version(self):
        want = re.search(r'SKEIN_VERSION "(.*)"', (ROOT / "common/version.h").read_text())[1]
        for args in (("--version",), ("version",)):
            self.assertEqual(self.run_skein(*args).out, f"skein {want}\n")

    def test_unknown_command(self):
        self.assertIn('did you mean "edges"?', self.run_skein("edgse", status=2).err)
        self.assertIn("unknown command", self.run_skein("zzz", status=2).err)
        self.assertIn("options come after", self.run_skein("--db", "x", status=2).err)

    def test_every_list_explains_itself(self):
        for command in LISTS + ("import", "groups", "doctor"):
            out = self.run_skein(command, "--help").out
            self.assertTrue(out.startswith(f"Usage: skein {command}"))
            self.assertIn("Examples:\n  skein " + command, out.replace("zcat", "skein"))
            self.assertEqual(self.run_skein("help", command).out, out)
            for line in out.splitlines():
                self.assertLessEqual(width(line), 95, line)

    def test_unknown_option_is_one_line(self):
        err = self.run_skein("edges", "--jsno", status=2).err
        self.assertEqual(err.count("\n"), 1)
        self.assertIn("did you mean --json?", err)
        self.run_skein("machines", ":80", status=2)
        self.run_skein("import", status=2)

    def test_option_tables_are_in_manual_and_completions(self):
        """And the completions have no option that no program knows."""
        places = {name: (ROOT / name).read_text().replace("\\-", "-") for name in
                  ("docs/man/skein.1", "completion/skein.bash", "completion/_skein",
                   "completion/skein.fish")}
        known = set()
        for command in LISTS + ("import", "groups", "explain", "diff", "diagram", "waves", "export",
                                "doctor", "up", "down"):
            out = self.run_skein(command, "--help").out
            for name in re.findall(r"^ {2}(?:-., | {4})--([a-z-]+)", out, re.M):
                known.add(name)
                for place, content in places.items():
                    want = f"-l {name}" if place.endswith("fish") else f"--{name}"
                    self.assertIn(want, content, f"{place}: {name}")
        for daemon in ("skein-sensor", "skein-collector"):
            path = os.path.join(os.path.dirname(SKEIN), daemon)
            if not os.access(path, os.X_OK):
                return
            words = ([], ["token"], ["sensor"]) if daemon == "skein-collector" else ([],)
            out = b"".join(subprocess.run([path, *w, "--help"], capture_output=True,
                                          timeout=60).stdout for w in words)
            rows = re.findall(r"^  (--.*?)(?:  |$)", out.decode(), re.M)
            names = set(re.findall(r"--([a-z][a-z-]*)", " ".join(rows))) - {"ready-fd"}
            known |= names
            fish = (ROOT / f"completion/{daemon}.fish").read_text()
            for name in names:
                self.assertIn(f"-l {name}", fish)
                for place in ("completion/skein.bash", "completion/_skein"):
                    self.assertIn(f"--{name}", places[place], f"{place}: {name}")
        for place in ("completion/skein.bash", "completion/_skein"):
            self.assertEqual(set(re.findall(r"--([a-z][a-z-]+)", places[place])) - known,
                             {"version"} - known, place)


class Import(Case):
    def test_summary_and_status(self):
        m, f = self.file("machines.jsonl", MACHINES), self.file("flows.jsonl", FLOWS)
        done = self.run_skein("import", "--db", self.db, m, f)
        self.assertEqual(done.out, "")
        self.assertIn("machines.jsonl: 2 machines, 0 flows", done.err)
        self.assertIn("flows.jsonl: 0 machines, 3 flows", done.err)
        self.assertEqual(os.stat(self.db).st_mode & 0o777, 0o600)

    def test_quiet_says_nothing(self):
        done = self.run_skein("import", "-q", "--db", self.db, "-", stdin=text_of(FLOWS))
        self.assertEqual(done.err, "")

    def test_same_bytes_count_once(self):
        f = self.file("flows.jsonl", FLOWS)
        self.run_skein("import", "--db", self.db, f)
        before = self.lines("edges")
        self.assertIn("imported before", self.run_skein("import", "--db", self.db, f).err)
        done = self.run_skein("import", "--db", self.db, "-", stdin=text_of(FLOWS))
        self.assertIn("imported before", done.err)
        self.assertEqual(self.lines("edges"), before)

    def test_two_files_add_up(self):
        a = self.file("a", FLOWS[:1])
        b = self.file("b", FLOWS[:1] + [{"type": "note"}])
        self.run_skein("import", "--db", self.db, a, b)
        flow = [r for r in self.lines("edges") if r["type"] == "flow"]
        self.assertEqual(len(flow), 1)
        self.assertEqual((flow[0]["opens"], flow[0]["failed"]), (242, 6))
        self.assertEqual(flow[0]["rtt_us"], 431)

    def test_bad_lines_are_named_and_left_out(self):
        bad = ["not json", "[]", '{"type":"flow"', '{"type":"flow","server_port":1}',
               '{"type":"machine","id":7}', '{"type":"machine"}', '{"a":NaN}', "17"]
        text = text_of(FLOWS[:1]) + "\n".join(bad) + "\n" + text_of(FLOWS[1:])
        path = self.file("flows.jsonl", text)
        done = self.run_skein("import", "--db", self.db, path, status=4)
        named = re.findall(r"flows\.jsonl:(\d+): ", done.err)
        self.assertEqual(named, ["2", "3", "4", "5", "6"])
        self.assertIn("flows.jsonl:2: not JSON", done.err)
        self.assertIn("3 more lines", done.err)
        self.assertIn("3 flows, 8 skipped", done.err)
        self.assertEqual(len([r for r in self.lines("edges") if r["type"] == "flow"]), 3)

    def test_wrong_values_are_named(self):
        for key, value in (("server_port", "80"), ("server_port", 65536), ("opens", -1),
                           ("opens", 1.5), ("opens", "x"), ("client_ip", "10.0.0"),
                           ("protocol", "sctp"), ("last", 5), ("client", 7),
                           ("witnesses", "client"), ("version", 2), ("first", 1e15),
                           ("failed", 1000)):
            done = self.run_skein("import", "--db", self.db, "-", status=4,
                                  stdin=text_of([FLOWS[1], {**FLOWS[0], key: value}]))
            self.assertRegex(done.err, rf"stdin:2: ({key}|last|version)\b", key)

    def test_whole_floats_are_integers(self):
        line = json.dumps(FLOWS[1]).replace('"opens": 5', '"opens": 1e3') \
            .replace("1767242999", "1767242999.75")
        self.run_skein("import", "--db", self.db, "-", stdin=line)
        flow = [r for r in self.lines("edges") if r["type"] == "flow"][0]
        self.assertEqual((flow["opens"], flow["last"]), (1000, 1767242999))

    def test_nothing_good(self):
        for text in ("nonsense\n", "", "\n\n", '{"type":"note"}\n'):
            done = self.run_skein("import", "--db", self.db, "-", stdin=text, status=1)
            self.assertIn("nothing to import", done.err)

    def test_other_types_are_counted(self):
        done = self.run_skein("import", "--db", self.db, "-",
                              stdin=text_of(FLOWS) + '{"type":"note"}\n' * 7)
        self.assertIn("7 lines of a type this program does not know", done.err)

    def test_bom_crlf_blank_lines_and_no_last_newline(self):
        text = "\ufeff" + text_of(MACHINES).replace("\n", "\r\n\r\n") + "  \n" + \
            json.dumps(FLOWS[0])
        done = self.run_skein("import", "--db", self.db, "-", stdin=text)
        self.assertIn("2 machines, 1 flow", done.err)

    def test_line_of_a_mebibyte(self):
        fits = json.dumps({**FLOWS[0], "x": ""})
        fits = fits[:-2] + "y" * ((1 << 20) - len(fits)) + fits[-2:]
        over = fits[:-2] + "y" + fits[-2:]
        path = self.file("f", fits + "\n" + over + "\n" + "z" * (3 << 20) + "\n" +
                         json.dumps(FLOWS[1]) + "\n" + over)
        done = self.run_skein("import", "--db", self.db, path, status=4)
        self.assertEqual(re.findall(r"f:(\d+): longer than 1 MiB", done.err), ["2", "3", "5"])
        self.assertIn("2 flows", done.err)

    def test_deep_nesting_is_refused(self):
        text = '{"type":"machine","id":"a","x":' + "[" * 100000 + "]" * 100000 + "}\n"
        done = self.run_skein("import", "--db", self.db, "-", stdin=text, status=1)
        self.assertIn("nested too deeply", done.err)

    def test_flows_before_machines(self):
        path = self.file("f", FLOWS + MACHINES)
        other = self.file("m", MACHINES), self.file("g", FLOWS)
        self.run_skein("import", "--db", self.db, path)
        self.run_skein("import", "--db", self.db + "2", *other)
        one = self.run_skein("edges", "--db", self.db, "--json=lines").out
        two = self.run_skein("edges", "--db", self.db + "2", "--json=lines").out
        self.assertEqual(one, two)

    def test_ids_are_kept_to_the_letter(self):
        ids = ["m1", "M1", " m1", "m1 ", "m-\u00e9\u6f22", "10.0.0.1", "a\tb", "null", "0",
               "x" * 255, "'\"\\"]
        rows = [{"type": "machine", "id": i, "name": "n", "ips": []} for i in ids]
        rows += [{"type": "flow", "client": i, "server": "m1", "server_port": 1, "opens": 1,
                  "first": 1767242561, "last": 1767242561} for i in ids[1:]]
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(rows))
        self.assertEqual(sorted(r["id"] for r in self.lines("machines")), sorted(ids))
        clients = [r["client"] for r in self.lines("edges") if r["type"] == "flow"]
        self.assertEqual(sorted(clients), sorted(ids[1:]))

    def test_missing_file_does_not_lose_the_others(self):
        a, b = self.file("a", MACHINES), self.file("b", FLOWS)
        done = self.run_skein("import", "--db", self.db, a, self.dir / "none", b, status=3)
        self.assertIn("No such file", done.err)
        self.assertIn("a: 2 machines", done.err)
        self.assertIn("b: 0 machines, 3 flows", done.err)
        self.assertEqual(len(self.lines("machines")), 2)

    def test_unreadable_input_makes_no_database(self):
        self.run_skein("import", "--db", self.db, self.dir / "none", status=3)
        self.run_skein("import", "--db", self.db, self.dir, status=3)
        self.assertFalse(os.path.exists(self.db))

    def test_not_a_database(self):
        other = str(self.dir / "other.db")
        sqlite3.connect(other).executescript("create table t(x); insert into t values(1)")
        for path in (self.file("text", "hello, this is a text\n" * 100), other):
            before = Path(path).read_bytes()
            for args in (("import", "--db", path, "-"), ("edges", "--db", path)):
                done = self.run_skein(*args, stdin=text_of(FLOWS), status=3)
                self.assertEqual(done.err.count("\n"), 1, done.err)
            self.assertEqual(Path(path).read_bytes(), before)
            self.assertEqual([p for p in os.listdir(self.dir) if "-wal" in p or "-shm" in p], [])

    def test_pipe(self):
        fifo = str(self.dir / "fifo")
        os.mkfifo(fifo)
        writer = threading.Thread(target=lambda: Path(fifo).write_text(text_of(FLOWS)))
        writer.start()
        self.assertIn("3 flows", self.run_skein("import", "--db", self.db, fifo).err)
        writer.join()

    def test_standard_input_from_a_file(self):
        path = self.file("f", FLOWS)
        with open(path, "rb") as f:
            done = self.run_skein("import", "--db", self.db, "-", stdin_file=f)
        self.assertIn("3 flows", done.err)


class Sheet(Case):
    """A list of machines as CSV."""

    def sheet(self, content, *options, name="cmdb.csv", status=0):
        path = self.file(name, content)
        return self.run_skein("import", "--db", self.db, path, *options, status=status).err

    def machine(self, ident):
        return next(m for m in self.lines("machines") if m["id"] == ident)

    def setUp(self):
        super().setUp()
        self.filled()

    def test_rows_find_machines_by_id_name_and_address(self):
        self.sheet("Hostname,IP Address,CI ID,Business Application,Env,Used GB\r\n"
                   "APP02.corp.example.com,,CI0815,shop,Production,120.5\r\n"
                   "nobody-knows-me,fd00::7,,crm,,\r\n")
        shop, crm = self.machine("m17"), self.machine("m9")
        self.assertEqual((shop["application"], shop["environment"], shop["used_gb"]),
                         ("shop", "Production", 120.5))
        self.assertEqual(shop["CI ID"], "CI0815")
        self.assertEqual((shop["name"], shop["rack"]), ("app02", "A1"))  # as they were
        self.assertEqual((crm["application"], crm["name"]), ("crm", "db01"))
        self.assertNotIn("environment", crm)
        self.sheet("id;application\nm17;billing\n", name="again.csv")
        again = self.machine("m17")
        self.assertEqual((again["application"], again["environment"], again["rack"]),
                         ("billing", "Production", "A1"))

    def test_a_row_of_nobody_is_a_new_machine(self):
        self.sheet("name\tip\tos\tsite\tvCPUs\tRAM (GB)\n"
                   "web09\t10.1.1.1, 10.1.1.2/24\tlinux\tlon\t4\t16\n")
        new = self.machine("web09")
        self.assertEqual((new["ips"], new["os"], new["site"]),
                         (["10.1.1.1", "10.1.1.2"], "linux", "lon"))
        self.assertEqual((new["cores"], new["memory_bytes"], new["sensor"]),
                         (4, 16 << 30, False))

    def test_cells_with_quotes_lines_and_nothing(self):
        self.sheet('\ufeff"name","Comment","owner","type","ip"\n'
                   '"app02","two\nlines, ""quoted""","n/a","VM","DHCP"\n,,,,\n')
        found = self.machine("m17")
        self.assertEqual(found["Comment"], 'two\nlines, "quoted"')
        self.assertEqual((found["column_type"], found["ip"]), ("VM", "DHCP"))
        self.assertEqual((found["type"], found["ips"]), ("machine", ["10.14.0.25"]))
        self.assertNotIn("owner", found)

    def test_bad_rows_are_named(self):
        err = self.sheet("name,owner\napp02,ann\n,bob\napp02,cy,more\n", status=4)
        self.assertIn("cmdb.csv:3: the row says neither id nor name nor address", err)
        self.assertIn("cmdb.csv:4: more cells than the first line has names", err)
        self.assertEqual(self.machine("m17")["owner"], "ann")

    def test_a_name_of_two_is_not_guessed(self):
        twins = self.file("twins.jsonl", [{"type": "machine", "id": i, "name": "twin",
                                           "ips": [ip]} for i, ip in
                                          (("t1", "10.5.0.1"), ("t2", "10.5.0.2"))])
        self.run_skein("import", "--db", self.db, twins)
        err = self.sheet("name,ip,owner\ntwin,,ann\ntwin,10.5.0.2,bob\n", status=4)
        self.assertIn("several machines are called twin", err)
        self.assertNotIn("owner", self.machine("t1"))
        self.assertEqual(self.machine("t2")["owner"], "bob")

    def test_what_is_no_list_is_refused_whole(self):
        err = self.sheet("colour,shape\nred,round\n", status=3)
        self.assertIn("no column says which machine a row is of", err)
        err = self.sheet('name\napp09\n"open', name="open.csv", status=3)
        self.assertIn("never closed", err)
        self.assertNotIn("app09", self.run_skein("machines", "--db", self.db).out)

    def test_standard_input_is_csv_when_told(self):
        self.run_skein("import", "--db", self.db, "--csv", "-", stdin="name,team\napp02,x\n")
        self.assertEqual(self.machine("m17")["owner"], "x")


class Lists(Case):
    def test_missing_database(self):
        for command in LISTS:
            done = self.run_skein(command, "--db", self.db, status=3)
            self.assertEqual(done.err.count("\n"), 1)
        self.assertFalse(os.path.exists(self.db))

    def test_nothing_found(self):
        self.filled()
        for command in ("machines", "edges"):
            args = (command, "--db", self.db, "no-such-machine")
            self.assertEqual(self.run_skein(*args, "--json", status=1).out, "[]\n")
            self.assertEqual(self.run_skein(*args, "--json=lines", status=1).out, "")
            self.assertEqual(self.run_skein(*args, "--csv", status=1).out.count("\n"), 1)
            self.assertIn(f"no {command}", self.run_skein(*args, status=1).err)
        done = self.run_skein("services", "--db", self.db, "--json", status=1)
        self.assertEqual(done.out, "[]\n")

    def test_json_is_the_exchange_format(self):
        self.filled()
        schema = json.loads((ROOT / "docs/exchange.schema.json").read_text())["$defs"]
        rows = json.loads(self.run_skein("edges", "--db", self.db, "--json").out)
        self.assertEqual([r["type"] for r in rows], ["flow"] * 3)
        for row in rows:
            keys = [k for k in row if k in FLOW_ORDER]
            self.assertEqual(keys, [k for k in FLOW_ORDER if k in keys])
            self.assertTrue(matches(row, schema["flow"]), row)
        machines = json.loads(self.run_skein("machines", "--db", self.db, "--json").out)
        for row in machines:
            keys = [k for k in row if k in MACHINE_ORDER]
            self.assertEqual(keys, [k for k in MACHINE_ORDER if k in keys])
            self.assertTrue(matches(row, schema["machine"]), row)
        self.assertEqual(sorted(schema["flow"]["properties"]), sorted(FLOW_ORDER))
        self.assertEqual(sorted(schema["machine"]["properties"]), sorted(MACHINE_ORDER))

    def test_facts_survive(self):
        self.filled()
        flow = [r for r in self.lines("edges") if r.get("server_port") == 5432][0]
        for key, value in FLOWS[0].items():
            self.assertEqual(flow[key], value, key)
        self.assertEqual((flow["client_name"], flow["server_name"]), ("app02", "db01"))
        self.assertEqual(flow["witnesses"], ["import"])
        web = [r for r in self.lines("edges") if r.get("server_port") == 443][0]
        self.assertIsNone(web["client"])
        self.assertIsNone(web["client_process"])
        self.assertNotIn("bytes_to_server", web)
        dns = [r for r in self.lines("edges") if r.get("server_port") == 53][0]
        self.assertEqual(dns["protocol"], "udp")
        machine = [r for r in self.lines("machines") if r["id"] == "m17"][0]
        for key, value in MACHINES[0].items():
            self.assertEqual(machine[key], value, key)

    def test_round_trip(self):
        self.filled()
        first = self.run_skein("edges", "--db", self.db, "--json=lines").out
        self.assertEqual([json.loads(x)["type"] for x in first.splitlines()],
                         ["machine"] * 2 + ["flow"] * 3)
        copy = self.db + "2"
        self.run_skein("import", "--db", copy, "-", stdin=first)
        self.assertEqual(self.run_skein("edges", "--db", copy, "--json=lines").out, first)

    def test_filters(self):
        self.filled()

        def ports(*args, status=0):
            return [r["server_port"] for r in self.lines("edges", *args, status=status)
                    if r["type"] == "flow"]
        everything = ports()
        self.assertEqual(sorted(everything), [53, 443, 5432])
        for word in ("db01", "m9", "10.14.0.7"):
            self.assertEqual(sorted(ports("--machine", word)), [53, 5432], word)
            self.assertEqual(sorted(ports(word)), [53, 5432], word)
        self.assertEqual(ports("--port", "443"), [443])
        self.assertEqual(ports(":443"), [443])
        self.assertEqual(ports("db01:5432"), [5432])
        self.assertEqual(ports("--process", "java"), [5432])
        self.assertEqual(ports("db01:443", status=1), [])
        self.assertEqual(sorted(ports("--since", "2026-01-10")), [5432])
        self.assertEqual(sorted(ports("--until", "2026-01-01T12:00Z")), [443, 5432])
        self.assertEqual(ports("--since", "2027-01-01", status=1), [])
        self.assertEqual([r["id"] for r in self.lines("machines", "db01")], ["m9"])

    def test_filtered_lines_bring_only_their_machines(self):
        self.filled()
        rows = self.lines("edges", ":443")
        self.assertEqual([r.get("id") for r in rows], ["m17", None])
        rows = self.lines("edges", "--limit", "1")
        self.assertEqual(len([r for r in rows if r["type"] == "flow"]), 1)

    def test_tabs_and_csv(self):
        self.filled()
        for command in ("machines", "edges"):
            tabs = self.run_skein(command, "--db", self.db).out
            table = [line.split("\t") for line in tabs.splitlines()]
            self.assertEqual(len({len(r) for r in table}), 1)
            text = self.run_skein(command, "--db", self.db, "--csv").out
            self.assertEqual(text.count("\r\n"), len(table))
            rows = list(csv.reader(io.StringIO(text, newline="")))
            self.assertEqual(rows[0], table[0])
            self.assertEqual([[c or "-" for c in r] for r in rows[1:]], table[1:])
            short = self.run_skein(command, "--db", self.db, "--no-header").out
            self.assertEqual(short, "".join(tabs.splitlines(True)[1:]))
        rows = {r["server_port"]: r for r in csv.DictReader(io.StringIO(text, newline=""))}
        self.assertEqual(rows["5432"]["bytes_to_client"], "350726")
        self.assertEqual(rows["443"]["bytes_to_client"], "")
        self.assertEqual(rows["5432"]["first"], "2026-01-01 04:42:41")

    def test_zone(self):
        self.filled()
        out = self.run_skein("edges", ":443", "--db", self.db, "--tz", "+02:00").out
        self.assertIn("2026-01-01 06:42:41", out)

    def test_environment_names_the_database(self):
        self.filled()
        self.run_skein("edges", env={"SKEIN_DB": self.db})
        self.run_skein("edges", "--data", self.dir)

    def test_names_of_strangers(self):
        evil = ["\x1b[2J\x1b]0;owned\x07", "a\tb\nc\rd", "\u009b31m", "=cmd|' /C calc'!A0",
                "+1", "-1", "@x", 'q"u,o;t', "\u202egpj.exe", "\x7f", "\ud800".encode(
                    "utf-8", "surrogatepass").decode("latin-1"), "$(reboot)`x`"]
        rows = [{"type": "machine", "id": f"m{i}", "name": n, "os": n,
                 "ips": [f"10.0.0.{i + 1}"], n: n} for i, n in enumerate(evil)]
        rows += [{"type": "flow", "client": f"m{i}", "client_ip": f"10.0.0.{i + 1}",
                  "client_process": n, "server_ip": "10.9.9.9", "server_port": 80, "opens": 1,
                  "client_exe": n, "first": 1767242561, "last": 1767242561}
                 for i, n in enumerate(evil)]
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(rows))
        moves = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2028\u2029]")
        for command in ("machines", "edges"):
            for form in ((), ("--csv",), ("--json",), ("--json=lines",)):
                out = self.run_skein(command, "--db", self.db, *form).out
                self.assertIsNone(moves.search(out), (command, form))
            out, _ = self.on_terminal(command, "--db", self.db, "--color=never", columns=300)
            self.assertIsNone(moves.search(out), command)
        names = {r["id"]: r["name"] for r in self.lines("machines")}
        for i, name in enumerate(evil):
            self.assertEqual(names[f"m{i}"], name)
        text = self.run_skein("machines", "--db", self.db, "--csv").out
        for row in csv.reader(io.StringIO(text, newline="")):
            for cell in row:
                self.assertNotRegex(cell, r"^[=+\-@\t\r]")

    def test_invalid_utf8_is_replaced(self):
        line = b'{"type":"machine","id":"a\xff\xfe","name":"b\xc3"}\n'
        self.run_skein("import", "--db", self.db, "-", stdin=line)
        row = self.lines("machines")[0]
        self.assertEqual((row["id"], row["name"]), ("a\ufffd\ufffd", "b\ufffd"))

    def test_closed_pipe_is_quiet(self):
        self.filled()
        rows = [{**FLOWS[0], "client_process": f"p{i}"} for i in range(5000)]
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(rows))
        p = subprocess.Popen([SKEIN, "edges", "--db", self.db, "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        p.stdout.read(10)
        p.stdout.close()
        self.assertEqual(p.stderr.read(), b"")
        p.stderr.close()
        p.wait(60)

    def test_full_disk_is_noticed(self):
        self.filled()
        for form in ((), ("--json",), ("--csv",)):
            with open("/dev/full", "wb") as full:
                done = subprocess.run([SKEIN, "edges", "--db", self.db, *form], stdout=full,
                                      stderr=subprocess.PIPE, timeout=60)
            self.assertEqual(done.returncode, 3)
            self.assertIn(b"standard output: No space left", done.stderr)


class Diagram(Case):
    """The plan is written into the database as rows: what makes one is not tested here."""

    def setUp(self):
        super().setUp()
        self.filled()

    def plan(self, groups):
        db = sqlite3.connect(self.db)
        db.execute("INSERT INTO plan(id, made_ms, since, until) VALUES(7, 1, 0, 0)")
        for number, (name, machines) in enumerate(groups.items()):
            db.execute("INSERT INTO plan_group VALUES(7, ?, ?, 'group', '', 'prod', '', '', .9, 2)",
                       (number, name))
            for machine in machines:
                db.execute("INSERT INTO plan_machine VALUES(7, ?, ?, .9, 0, '')",
                           (machine, number))
        db.commit()
        db.close()

    def draw(self, *args, status=0):
        return self.run_skein("diagram", "--db", self.db, "-f", "dot", "-o", "-", *args,
                              status=status)

    def test_without_a_plan_machines_are_drawn(self):
        done = self.draw()
        self.assertIn("Dependency map", done.out)
        self.assertIn("skein groups proposes groups", done.err)
        self.assertEqual(self.draw("--quiet").err, "")
        self.assertEqual(self.draw("--machines").err, "")
        self.assertEqual(self.draw("--machines").out, done.out)

    def test_without_a_plan_there_is_no_group(self):
        done = self.draw("--group", "shop", status=1)
        self.assertIn("there is no plan yet", done.err)
        self.assertEqual(done.out, "")

    def test_a_plan_is_drawn_as_groups(self):
        machines = self.draw().out
        self.plan({"shop": ["m17"], "data": ["m9"]})
        done = self.draw()
        self.assertEqual(done.err, "")
        self.assertIn("2 groups of 2 machines", done.out)
        self.assertIn("plan 7", done.out)
        self.assertIn("wave 2", done.out)
        self.assertIn("id=\"e-shop--data\"", done.out)
        self.assertEqual(self.draw("--overview").out, done.out)
        for option in ("--machines", "--no-groups"):
            self.assertEqual(self.draw(option).out, machines)
        self.assertIn("Dependency map · port 443", self.draw("--port", 443).out)
        self.assertIn("db01 · processes", self.draw("--machine", "db01").out)

    def test_one_group(self):
        self.plan({"shop": ["m17"], "data": ["m9"]})
        out = self.draw("--group", "shop").out
        self.assertIn("shop · one group and its neighbours", out)
        self.assertIn("id=\"g-to-data\"", out)
        self.assertIn("did you mean data?", self.draw("-g", "date", status=1).err)
        self.assertIn("skein groups lists them", self.draw("-g", "zzzzzz", status=1).err)

    def test_one_group_and_nothing_else(self):
        for args in (("--machine", "db01"), ("--port", 443), ("--process", "java"),
                     ("--overview",), ("--machines",)):
            self.assertIn("--group", self.draw("--group", "shop", *args, status=2).err)


class Terminal(Case):
    def test_fits_every_width(self):
        self.filled()
        long = [{"type": "machine", "id": "x", "name": "a-very-long-name." * 10, "ips": []},
                {"type": "machine", "id": "y", "name": "\u6f22" * 80, "ips": []},
                {"type": "flow", "client": "x", "server": "y", "server_port": 1, "opens": 1,
                 "first": 1767242561, "last": 1767242561, "client_process": "p" * 200}]
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(long))
        for command in ("machines", "edges"):
            for columns in (10, 20, 40, 80, 100, 132, 200):
                out, status = self.on_terminal(command, "--db", self.db, "--color=never",
                                               columns=columns)
                self.assertEqual(status, 0)
                for line in out.splitlines()[:-1]:
                    self.assertLessEqual(width(line), columns, line)
            out, _ = self.on_terminal(command, "--db", self.db, env={"COLUMNS": "60"})
            self.assertIn("\u2026", out)

    def test_footer_and_limit(self):
        self.filled()
        out, _ = self.on_terminal("edges", "--db", self.db)
        self.assertTrue(out.endswith("3 edges\n"), out)
        out, _ = self.on_terminal("edges", "--db", self.db, ":443")
        self.assertTrue(out.endswith("1 edge\n"), out)
        out, _ = self.on_terminal("edges", "--db", self.db, "--limit", "2")
        self.assertTrue(out.endswith("2 of 3 edges; --all shows all\n"), out)
        out, _ = self.on_terminal("edges", "--db", self.db, "-q")
        self.assertNotIn("3 edges", out)

    def test_numbers_are_for_the_eye(self):
        self.filled()
        out, _ = self.on_terminal("edges", "--db", self.db, columns=160)
        self.assertIn("128 kB", out)
        self.assertIn("53/udp", out)
        out, _ = self.on_terminal("machines", "--db", self.db, columns=160)
        self.assertIn("16 GiB", out)

    def test_colour(self):
        self.filled()
        args = ("edges", "--db", self.db)
        self.assertIn("\x1b[1m", self.on_terminal(*args)[0])
        for env in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
            self.assertNotIn("\x1b", self.on_terminal(*args, env=env)[0])
        self.assertIn("\x1b", self.on_terminal(*args, "--color=always", env={"NO_COLOR": "1"})[0])
        self.assertNotIn("\x1b", self.on_terminal(*args, "--color=never")[0])
        self.assertNotIn("\x1b", self.run_skein(*args, env={"CLICOLOR_FORCE": "1"}).out)


class Estate(Case):
    """Against an estate of a few hundred machines, made here."""

    def test_estate_comes_back(self):
        rows = [{"type": "machine", "id": f"m{i:06d}", "name": f"host{i:03d}",
                 "ips": [f"10.{i // 250}.0.{i % 250 + 1}"], "os": "linux", "site": "ams",
                 "sensor": i % 3 != 0} for i in range(300)]
        rows += [{"type": "flow", "client": f"m{(i * 7) % 300:06d}",
                  "client_ip": rows[(i * 7) % 300]["ips"][0],
                  "client_process": f"p{i % 11}", "server": f"m{(i * 13 + 1) % 300:06d}",
                  "server_ip": rows[(i * 13 + 1) % 300]["ips"][0],
                  "server_port": 1000 + i % 40, "server_process": f"s{i % 5}",
                  "protocol": "tcp", "opens": i + 1, "failed": 0, "bytes_to_server": i * 100,
                  "bytes_to_client": i * 1000, "first": 1767242561 + i,
                  "last": 1768429060 + i} for i in range(3000)]
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(rows))
        out = self.lines("edges")
        flows = [r for r in out if r["type"] == "flow"]
        self.assertEqual(sum(r["opens"] for r in flows), sum(range(1, 3001)))
        self.assertEqual(len([r for r in out if r["type"] == "machine"]), 300)
        first = self.run_skein("edges", "--db", self.db, "--json=lines").out
        self.run_skein("import", "--db", self.db + "2", "-", stdin=first)
        again = self.run_skein("edges", "--db", self.db + "2", "--json=lines").out
        self.assertEqual(again, first)


class Doctor(Case):
    """What keeps the map from being whole; sensors are in tests/test_doctor.c."""

    def checks(self, status=0, db=None):
        done = self.run_skein("doctor", "--db", db or self.db, "--json", status=status)
        found = json.loads(done.out)
        for check in found:
            self.assertEqual(list(check), ["type", "version", "name", "status", "found", "mend"])
            self.assertEqual((check["type"], check["version"]), ("check", 1))
            self.assertEqual(check["status"] == "ok", check["mend"] == "", check)
        return {check["name"]: check for check in found}

    def test_an_import(self):
        self.filled()
        checks = self.checks()
        self.assertEqual(list(checks), ["database", "size", "records", "coverage",
                                        "quarantine"])
        self.assertEqual({n for n in checks if checks[n]["status"] != "ok"}, {"coverage"})
        self.assertIn("1 of 2 machines watched", checks["coverage"]["found"])
        self.assertRegex(checks["coverage"]["found"], r"by edges: db01 \(2\)$")
        self.assertIn("connections from 2026-01-01 04:42:41", checks["records"]["found"])

    def test_lines(self):
        self.filled()
        out = self.run_skein("doctor", "--db", self.db).out
        for line in out.splitlines():
            self.assertRegex(line, r"^(ok  |warn|FAIL)  [a-z]+ +\S|^      \S")
        self.assertRegex(out, r"(?m)^warn  coverage .*\n      a sensor on these first")

    def test_color(self):
        self.filled()
        for env, args, want in (({}, [], True), ({"NO_COLOR": "1"}, [], False),
                                ({"NO_COLOR": "1"}, ["--color=always"], True),
                                ({}, ["--color=never"], False), ({}, ["--json"], False)):
            out, status = self.on_terminal("doctor", "--db", self.db, *args, env=env)
            self.assertEqual(("\033[32m" in out, status), (want, 0), (env, args))

    def test_an_empty_database(self):
        self.filled()
        with sqlite3.connect(self.db) as db:
            for table in ("edge", "fact_total", "machine", "span", "claim"):
                db.execute(f"DELETE FROM {table}")
        db.close()
        self.assertIn("nothing is in it yet", self.checks()["records"]["found"])

    def test_names_of_strangers_are_escaped(self):
        evil = "x\u202e\n\033[31m"
        self.run_skein("import", "--db", self.db, "-", stdin=text_of(
            [{**MACHINES[1], "name": evil}] + FLOWS))
        out = self.run_skein("doctor", "--db", self.db).out
        self.assertNotIn("\033", out)
        self.assertNotIn("\u202e", out)
        self.assertIn("x\\u202e\\n\\x1b[31m", out)
        self.assertIn(evil, self.checks()["coverage"]["found"])

    def test_files_that_cannot_be_read(self):
        text = self.file("text", "no database\n" * 1000)
        found = self.checks(status=1, db=text)["database"]
        self.assertEqual(found["status"], "fail")
        self.assertIn("not a Skein database", found["found"])
        self.filled()
        with sqlite3.connect(self.db) as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        self.assertIn("made by a newer Skein", self.checks(status=1)["database"]["found"])
        done = self.run_skein("doctor", "--db", self.db + "x", status=3)
        self.assertEqual(done.out, "")
        self.assertIn("No such file", done.err)
        self.run_skein("doctor", "what", status=2)

    def test_damage(self):
        self.filled()
        with open(self.db, "r+b") as f:
            size = f.seek(0, 2)
            for at in range(8192, size, 4096):
                f.seek(at)
                f.write(b"\xff" * 64)
        found = self.checks(status=1)["database"]
        self.assertEqual(found["status"], "fail")
        self.assertIn("damaged", found["found"])


if __name__ == "__main__":
    if not os.access(SKEIN, os.X_OK):
        sys.exit(f"cli.py: no program at {SKEIN}; set SKEIN")
    result = unittest.main(exit=False).result
    lost = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - lost} passed, {lost} failed")
    sys.exit(lost != 0)
