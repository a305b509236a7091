# SPDX-License-Identifier: Apache-2.0
"""The collector over HTTP: the API, who may what, hostile requests, health and metrics."""

import concurrent.futures
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import struct
import subprocess
import tempfile
import time
import unittest

import harness
import scene

HOSTILE = [
    "<script>alert(1)</script>", "\x1b[31mred\x1b[0m", "a\"b'c\\d", "line\nfeed\r\ttab",
    "=cmd|' /C calc'!A0", "\u202eright to left", "x" * 200, "../../etc/passwd", "%00%2e%2e",
    "\x7f\x80\x9f", "{\"a\":1}", "</pre>&amp;",
]


def collector(data, *options, plain=True):
    """A collector that is ready, and its address of HTTP."""
    daemon = harness.Daemon("skein-collector", "--data", data, "--listen", "127.0.0.1:0",
                            *options)
    path = os.path.join(data, "collector.addr")
    for _ in range(200):
        if os.path.exists(path) or daemon.process.poll() is not None:
            break
        time.sleep(0.05)
    with open(os.path.join(data, "collector.http"), encoding="ascii") as file:
        address = file.read().strip()
    for _ in range(100):  # the store is opened last
        if not plain:
            time.sleep(0.01)
        elif ask(address, "/readyz")[0] == 200:
            break
        else:
            time.sleep(0.05)
    return daemon, address


def ask(address, path, method="GET", token=None, body=None, headers=None, context=None):
    """(status, headers, body) of one request."""
    kind = http.client.HTTPSConnection if context else http.client.HTTPConnection
    more = {"context": context} if context else {}
    link = kind(address, timeout=30, **more)
    try:
        sent = dict(headers or {})
        if token:
            sent["Authorization"] = "Bearer " + token
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        try:
            link.request(method, path, body=body, headers=sent)
        except (BrokenPipeError, ConnectionResetError):
            pass
        answer = link.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        link.close()


def raw(address, data, seconds=15):
    """What comes back for these bytes, until the peer hangs up."""
    host, port = address.rsplit(":", 1)
    got = b""
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        try:
            sock.sendall(data)
            while True:
                part = sock.recv(65536)
                if not part:
                    break
                got += part
        except (ConnectionResetError, BrokenPipeError):
            pass
    return got


def api_token(data, *options):
    """A new token of the API, by the command."""
    made = harness.run("skein-collector", "api-token", "create", "--data", data, *options)
    if made.status:
        raise AssertionError(str(made))
    return made.stdout.strip()


def metrics(text):
    """{name or name{labels}: value}, by the rules of the text format 0.0.4; else an error."""
    values, types, done, last = {}, {}, set(), None
    for line in text.split("\n")[:-1]:
        help_line = re.fullmatch(r"# HELP (skein_[a-z0-9_]+) ([^\n]+)", line)
        type_line = re.fullmatch(r"# TYPE (skein_[a-z0-9_]+) (counter|gauge)", line)
        row = re.fullmatch(r'(skein_[a-z0-9_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"\})? '
                           r"(\d+)", line)
        if help_line:
            last = help_line[1]
            if last in done:
                raise AssertionError(f"{last} stands twice")
            done.add(last)
        elif type_line and type_line[1] == last:
            types[last] = type_line[2]
        elif row and row[1] == last and last in types:
            if (types[last] == "counter") != last.endswith("_total"):
                raise AssertionError(f"{last} is a {types[last]}")
            key = row[1] + (row[2] or "")
            if key in values:
                raise AssertionError(f"{key} stands twice")
            values[key] = int(row[3])
        else:
            raise AssertionError(f"not of the format: {line!r}")
    if not text.endswith("\n"):
        raise AssertionError("no newline at the end")
    return values


class Case(unittest.TestCase):
    """A folder, and a collector that is closed at the end."""

    options = ("--http", "127.0.0.1:0")

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix=f"skeintest{os.getpid()}-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.data = os.path.join(self.folder, "data")
        self.database = os.path.join(self.data, "skein.db")

    def start(self, *options, plain=True):
        """Starts the collector; self.address is where it answers."""
        self.daemon, self.address = collector(self.data, *(options or self.options),
                                              plain=plain)
        self.addCleanup(self.daemon.close)

    def fill(self):
        """Machines and flows with names that want to be more than names."""
        lines = []
        for i, name in enumerate(HOSTILE):
            lines.append({"type": "machine", "id": f"m{i}", "name": name,
                          "ips": [f"10.3.0.{i + 1}"], "os": name})
            lines.append({"type": "flow", "client": f"m{i}", "client_ip": f"10.3.0.{i + 1}",
                          "client_process": name, "server": "m0", "server_ip": "10.3.0.1",
                          "server_port": 1000 + i, "server_process": name,
                          "protocol": "tcp", "opens": i + 1, "first": 1767242561,
                          "last": 1767246161, "ticket": name})
        text = "".join(json.dumps(line) + "\n" for line in lines)
        done = harness.run("skein", "import", "--db", self.database, "-", input=text)
        self.assertEqual(done.status, 0, done)

    def ask(self, path, *arguments, **options):
        """As ask(), of this collector."""
        return ask(self.address, path, *arguments, **options)

    def front(self):
        """The process that faces the network: it is not as nice as those that answer."""
        keeper = [p for p in harness.children(self.daemon.process.pid)
                  if harness.children(p)]
        found = [p for p in harness.children(keeper[0])
                 if os.getpriority(os.PRIO_PROCESS, p) < 10]
        self.assertEqual(len(found), 1)
        return found[0]

    def get(self, path, **options):
        """The parsed answer of one that must be 200."""
        status, _, body = self.ask(path, **options)
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def counter(self, name):
        """One figure of /metrics."""
        return metrics(self.ask("/metrics")[2].decode())["skein_" + name]


class Reading(Case):
    """What may be looked at."""

    def test_answers_are_those_of_the_commands(self):
        self.start()
        self.fill()
        for word in ("machines", "edges", "services"):
            same = harness.run("skein", word, "--db", self.database, "--json")
            self.assertEqual(self.get(f"/api/v1/{word}"), json.loads(same.stdout), word)
        one = harness.run_json("machines", "--db", self.database, "m3", "--json")
        self.assertEqual([self.get("/api/v1/machine/m3")], one)
        some = harness.run_json("edges", "--db", self.database, "--port", "1004", "--json")
        self.assertEqual(self.get("/api/v1/edges?port=1004"), some)
        self.assertEqual(len(some), 1)
        every = self.get("/api/v1/edges")
        pages = [self.get(f"/api/v1/edges?limit=5&offset={at}") for at in (0, 5, 10, 15)]
        self.assertEqual(sum(pages, []), every)
        self.assertEqual(self.get("/api/v1/edges?since=1767300000"), [])
        run = harness.run("skein", "groups", "--db", self.database, "--json")
        self.assertEqual(self.get("/api/v1/groups"), json.loads(run.stdout))
        doctor = harness.run("skein", "doctor", "--db", self.database, "--json")
        self.assertEqual([c["name"] for c in self.get("/api/v1/doctor")],
                         [c["name"] for c in json.loads(doctor.stdout)])
        self.assertEqual(self.get("/api/v1/status")["version"], 1)
        self.assertEqual(self.get("/api/v1/handover")["version"], 1)
        self.assertIn("waves", self.get("/api/v1/waves"))
        self.assertEqual(self.get("/api/v1/openapi.json")["openapi"], "3.0.3")

    def test_hostile_names_are_escaped(self):
        self.start()
        self.fill()
        for path in ("machines", "edges", "groups", "handover", "machine/m1"):
            _, headers, body = self.ask(f"/api/v1/{path}")
            bad = [c for c in body.decode("utf-8") if c != "\n" and
                   (ord(c) < 32 or 0x7f <= ord(c) < 0xa0 or c == "\u202e")]
            self.assertEqual(bad, [], path)
            json.loads(body)
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["Cache-Control"], "no-store")
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertIsNone(headers["Access-Control-Allow-Origin"])

    def test_etag_saves_an_answer(self):
        self.start()
        self.fill()
        _, headers, _ = self.ask("/api/v1/edges")
        seen = {"If-None-Match": headers["ETag"]}
        status, _, body = self.ask("/api/v1/edges", headers=seen)
        self.assertEqual((status, body), (304, b""))
        more = '{"type":"machine","id":"new","ips":["10.9.9.9"]}\n'
        harness.run("skein", "import", "--db", self.database, "-", input=more)
        self.assertEqual(self.ask("/api/v1/edges", headers=seen)[0], 200)
        self.assertEqual(self.ask("/api/v1/edges", "HEAD")[2], b"")

    def test_snapshot_is_whole_and_has_no_secrets(self):
        self.start()
        self.fill()
        token = api_token(self.data, "--role", "admin")
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            harness.enroll(file.read().strip(), self.data, os.path.join(self.folder, "sensor"))
        with sqlite3.connect(self.database) as live:
            secret = [row[0] for row in live.execute(
                "SELECT fingerprint FROM sensor UNION ALL SELECT hash FROM api_token "
                "UNION ALL SELECT hash FROM token")]
        path = os.path.join(self.folder, "copy.db")
        whole = self.ask("/api/v1/snapshot")[2]
        self.assertGreaterEqual(len(secret), 3)
        self.assertEqual([s for s in secret if s in whole], [])  # nor where rows were
        with open(path, "wb") as file:
            file.write(whole)
        self.assertEqual(harness.edges(path), harness.edges(self.database))
        with sqlite3.connect(path) as copy:
            for table in ("token", "api_token", "audit"):
                self.assertEqual(copy.execute(f"SELECT count(*) FROM {table}").fetchone()[0],
                                 0, table)
        self.assertTrue(token)
        left = lambda: [n for n in os.listdir(self.data) if "snapshot" in n]
        end = time.monotonic() + 15  # it is handed out again for a while
        while left() and time.monotonic() < end:
            time.sleep(0.2)
        self.assertEqual(left(), [])

    def test_answers_of_any_size(self):
        self.start()
        for edges in (1000, 50000):  # in memory that has a descriptor, and in a file
            lines = [{"type": "machine", "id": "m0", "name": "m0", "ips": ["10.3.0.1"]}]
            lines += [{"type": "flow", "client": "m0", "client_ip": "10.3.0.1",
                       "client_process": "x" * 100, "server_port": 1 + i % 60000,
                       "server_ip": f"10.{4 + edges // 50000}.{i // 250}.{i % 250}",
                       "protocol": "tcp", "opens": 1, "first": 1767242561,
                       "last": 1767246161} for i in range(edges)]
            text = "".join(json.dumps(line) + "\n" for line in lines)
            done = harness.run("skein", "import", "--db", self.database, "-", input=text,
                               timeout=120)
            self.assertEqual(done.status, 0, done)
            same = harness.run("skein", "edges", "--db", self.database, "--json", timeout=60)
            _, headers, body = self.ask("/api/v1/edges")
            self.assertEqual(int(headers["Content-Length"]), len(body))
            self.assertEqual(body.decode(), same.stdout)
            self.assertGreater(len(body), 300 * edges)
            self.assertEqual(self.ask("/api/v1/edges", "HEAD")[2], b"")
        host, port = self.address.rsplit(":", 1)
        front = self.front()
        before = harness.resident(front)
        with socket.create_connection((host, int(port)), timeout=30) as sock:  # cut in it
            sock.sendall(b"GET /api/v1/edges HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 200 OK"))
            time.sleep(0.2)
            self.assertLess(harness.resident(front) - before, len(body) // 2)
        self.assertEqual(self.get("/api/v1/status")["counters"]["http_restarts"], 0)

    def test_metrics(self):
        self.start()
        self.fill()
        text = self.ask("/metrics")[2].decode()
        values = metrics(text)
        self.assertEqual(values["skein_machines"], len(HOSTILE))
        self.assertEqual(values["skein_ready"], 1)
        self.assertEqual(values["skein_edges"], len(HOSTILE))
        self.assertGreater(values["skein_database_bytes"], 4096)
        before = values["skein_http_answers_404_total"]
        self.ask("/api/v1/none")
        self.assertEqual(self.counter("http_answers_404_total"), before + 1)
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True,
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr + done.stdout)


class Rights(Case):
    """Who may what."""

    def test_roles(self):
        self.start()
        self.fill()
        tokens = {None: None, "wrong": "skeinapi1." + "A" * 43 + "." + "A" * 43,
                  "junk": "x y"}
        for role in ("read", "edit", "admin"):
            tokens[role] = api_token(self.data, "--role", role, "--name", role)
        edit = {"changes": [{"what": "edit", "kind": "pin", "machine": "m1", "name": "g"}],
                "dry_run": True}
        paths = {
            ("GET", "/api/v1/machines", None): {None: 200, "read": 200, "edit": 200,
                                                "admin": 200},
            ("POST", "/api/v1/groups", "{}"): {None: 401, "read": 403, "edit": 200,
                                               "admin": 200},
            ("POST", "/api/v1/edits", json.dumps(edit)): {None: 401, "read": 403,
                                                          "edit": 200, "admin": 200},
            ("GET", "/api/v1/tokens", None): {None: 401, "read": 403, "edit": 403,
                                              "admin": 200},
            ("GET", "/api/v1/audit", None): {None: 401, "read": 403, "edit": 403,
                                             "admin": 200},
            ("POST", "/api/v1/tokens", "{}"): {None: 401, "read": 403, "edit": 403,
                                               "admin": 201},
            ("POST", "/api/v1/enrolments", "{}"): {None: 401, "read": 403, "edit": 403,
                                                   "admin": 201},
            ("DELETE", "/api/v1/token/none", None): {None: 401, "read": 403, "edit": 403,
                                                     "admin": 404},
            ("DELETE", "/api/v1/sensor/none", None): {None: 401, "read": 403, "edit": 403,
                                                      "admin": 404},
        }
        for (method, path, body), want in paths.items():
            for who, token in tokens.items():
                status = self.ask(path, method, token=token, body=body)[0]
                self.assertEqual(status, want.get(who, 401), (method, path, who))

    def test_changes_are_kept_and_written_down(self):
        self.start()
        self.fill()
        token = api_token(self.data, "--role", "admin", "--name", "anna")
        self.assertEqual(self.ask("/api/v1/groups", "POST", token=token)[0], 200)
        plan = self.get("/api/v1/edits")["plan"]
        change = {"plan": plan, "changes": [{"what": "edit", "kind": "pin", "machine": "m1",
                                             "name": "billing"}]}
        status, _, body = self.ask("/api/v1/edits", "POST", token=token, body=change)
        self.assertEqual(status, 200, body)
        made = json.loads(body)
        self.assertTrue(made["kept"])
        status, _, body = self.ask("/api/v1/edits", "POST", token=token, body=change)
        self.assertEqual(status, 409, body)  # the plan is another one by now
        group = [g for g in self.get("/api/v1/groups") if "m1" in g["machines"]]
        self.assertEqual(group[0]["group"], "billing")
        edits = harness.run_json("groups", "edits", "--db", self.database, "--json")
        self.assertEqual(edits[0]["machine"], "m1")
        label = {"changes": [{"what": "label", "group": "billing", "state": "approved",
                              "owner": "<b>"}]}
        self.assertEqual(self.ask("/api/v1/edits", "POST", token=token, body=label)[0], 200)
        undo = {"changes": [{"what": "undo", "id": made["edits"][0]["id"]}]}
        self.assertEqual(self.ask("/api/v1/edits", "POST", token=token, body=undo)[0], 200)
        rows = self.get("/api/v1/audit", token=token)["audit"]
        words = [(r["who"], r["what"], r["detail"]) for r in rows]
        self.assertIn(("anna from 127.0.0.1", "plan changed", "edit pin m1  billing"), words)
        self.assertIn(("anna from 127.0.0.1", "plan changed", "label billing approved <b>"),
                      words)
        self.assertEqual(words[0][1:], ("plan changed", f"undo {made['edits'][0]['id']}"))
        for body in ("[]", "{", "{\"changes\":[1]}", "{\"changes\":[{\"what\":\"x\"}]}",
                     json.dumps({"changes": [{"what": "edit", "kind": "pin",
                                              "machine": "nobody", "name": "x"}]})):
            status = self.ask("/api/v1/edits", "POST", token=token, body=body)[0]
            self.assertIn(status, (400, 404), body)

    def test_tokens_end(self):
        self.start()
        admin = api_token(self.data, "--role", "admin", "--name", "admin")
        status, _, body = self.ask("/api/v1/tokens", "POST", token=admin,
                                   body={"role": "admin", "name": "b", "ttl_seconds": 2})
        self.assertEqual(status, 201, body)
        short = json.loads(body)["token"]
        self.assertEqual(self.ask("/api/v1/tokens", token=short)[0], 200)
        time.sleep(2.1)
        self.assertEqual(self.ask("/api/v1/tokens", token=short)[0], 401)
        listed = self.get("/api/v1/tokens", token=admin)["tokens"]
        self.assertEqual([t["name"] for t in listed], ["admin", "b"])
        self.assertGreater(listed[0]["used"], 0)
        self.assertEqual(self.ask("/api/v1/token/admin", "DELETE", token=admin)[0], 200)
        self.assertEqual(self.ask("/api/v1/tokens", token=admin)[0], 401)
        with open(self.database, "rb") as file:
            everything = file.read()
        with open(self.database + "-wal", "rb") as file:
            everything += file.read()
        for token in (admin, short):
            self.assertNotIn(token.split(".")[1].encode(), everything)

    def test_command(self):
        self.start()
        api_token(self.data, "--name", "one")
        twice = harness.run("skein-collector", "api-token", "create", "--data", self.data,
                            "--name", "one")
        self.assertEqual(twice.status, 1, twice)
        listed = harness.run("skein-collector", "api-token", "list", "--data", self.data)
        self.assertIn("\tone\tread\t", listed.stdout)
        gone = harness.run("skein-collector", "api-token", "revoke", "--data", self.data,
                           "one")
        self.assertEqual(gone.status, 0, gone)
        again = harness.run("skein-collector", "api-token", "revoke", "--data", self.data,
                            "one")
        self.assertEqual(again.status, 1, again)
        bad = harness.run("skein-collector", "api-token", "create", "--data", self.data,
                          "--name", "a b")
        self.assertEqual(bad.status, 2, bad)

    def test_sites_of_others(self):
        self.start()
        status = lambda **h: self.ask("/api/v1/machines", headers=h)[0]
        port = self.address.rsplit(":", 1)[1]
        self.assertEqual(status(Host="localhost"), 200)
        self.assertEqual(status(Host=f"127.0.0.1:{port}"), 200)
        for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1",
                     "a@localhost", "localhost:x", "10.0.0.1"):
            self.assertEqual(status(Host=host), 421, host)
        self.assertEqual(status(Host="localhost", Origin="http://localhost"), 200)
        for origin in ("http://evil.example", "null", "https://localhost",
                       "http://localhost:1", "http://localhost.evil"):
            self.assertEqual(status(Host="localhost", Origin=origin), 403, origin)
        self.assertEqual(status(**{"Sec-Fetch-Site": "cross-site"}), 403)
        self.assertEqual(status(**{"Sec-Fetch-Site": "same-origin"}), 200)
        # through a proxy loopback is nobody's word any more
        self.assertEqual(status(**{"X-Forwarded-For": "192.0.2.1"}), 401)
        self.assertEqual(status(Via="1.1 proxy"), 401)


class Hostile(Case):
    """Requests that are none."""

    GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"

    def test_bad_requests(self):
        self.start()
        self.fill()
        host = b"Host: localhost\r\n"
        post = b"POST /api/v1/edits HTTP/1.1\r\n" + host
        rows = [
            (b"GET /healthz HTTP/1.1\r\n\r\n", 400),  # no Host
            (b"GET /healthz HTTP/1.1\r\n" + host + host + b"\r\n", 400),
            (b"GET  /healthz HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET http://localhost/ HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET * HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /healthz HTTP/1.1\n" + host + b"\r\n", 400),
            (b"GET /healthz HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
            (b"GET /healthz HTTP/1.1\r\n" + host + b" folded: x\r\n\r\n", 400),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"A: b\0c\r\n\r\n", 400),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"A: b\x01c\r\n\r\n", 400),
            (b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + host + b"\r\n", 414),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"A: b\r\n" * 100 + b"\r\n", 431),
            (post + b"Content-Length: +2\r\n\r\n{}", 400),
            (post + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            (b"HEAD /healthz HTTP/1.1\r\n" + host + b"Content-Length: 2\r\n\r\n{}", 400),
            (b"GET /api/v1/../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/machine/%2e%2e HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/machine/%00 HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/machine/%zz HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/machine/%ff HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/machine/..%2f..%2fetc HTTP/1.1\r\n" + host + b"\r\n", 404),
            (b"GET //api/v1/machines HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/edges?port=99999 HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/edges?none=1 HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"GET /api/v1/edges?machine=%f0%28 HTTP/1.1\r\n" + host + b"\r\n", 400),
            (b"PUT /api/v1/edges HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"DELETE /api/v1/edges HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"BREW /api/v1/edges HTTP/1.1\r\n" + host + b"\r\n", 405),
            (b"CONNECT localhost:22 HTTP/1.1\r\n" + host + b"\r\n", 400),
        ]
        for data, status in rows:
            got = raw(self.address, data.replace(host, host + b"Connection: close\r\n", 1))
            self.assertTrue(got.startswith(b"HTTP/1.1 %d " % status), (data[:90], got[:200]))
            self.assertEqual(got.count(b"HTTP/1.1 "), 1, data[:90])
            head, _, body = got.partition(b"\r\n\r\n")
            self.assertIn(b"nosniff", head)
            if not data.startswith(b"HEAD"):
                self.assertEqual(json.loads(body)["error"]["status"], status)
        for data, status in rows[:15] + rows[-2:]:  # nothing is read behind these
            got = raw(self.address, data + self.GET)
            self.assertEqual(re.findall(b"HTTP/1.1 ([0-9]+) ", got), [b"%d" % status], data)
        before = self.counter("http_answers_4xx_total")
        rows = [  # what the library itself says no to, on a page of its own
            (b"GET /healthz HTTP/2.0\r\n" + host + b"\r\n", b"400"),
            (b"GET /healthz\r\n" + host + b"\r\n", b"400"),
            (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\r\n\r\n", b"400"),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"A: b\rc\r\n\r\n", b"400"),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"no colon\r\n\r\n", b"400"),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"A: " + b"b" * 20000 + b"\r\n\r\n",
             b"400"),
            (post + b"Content-Length: -1\r\n\r\n", b"400"),
            (post + b"Content-Length: 9999999\r\n\r\n", b"413"),
            # or we, with a library that lets these pass
            (post + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", b"400"),
            (post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
             b"400|501"),
        ]
        for data, status in rows:
            got = raw(self.address, data + self.GET)
            self.assertRegex(got, b"^HTTP/1.1 (" + status + b") ", data[:90])
            self.assertEqual(got.count(b"HTTP/1.1 "), 1, data[:90])
            self.assertIn(b"\r\nConnection: close\r\n", got)
        self.assertEqual(self.counter("http_answers_4xx_total"), before + len(rows))
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertEqual(self.counter("http_restarts_total"), 0)

    def test_a_head_without_end_costs_nothing(self):
        self.start()
        before = self.counter("http_refused_total")
        endless = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b":\r\n" * 4000
        self.assertEqual(raw(self.address, endless), b"")
        self.assertEqual(raw(self.address, self.GET + endless).count(b"HTTP/1.1 "), 1)
        self.assertEqual(self.counter("http_refused_total"), before + 2)

    def test_a_body_that_waits(self):
        self.start()
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(b"POST /api/v1/edits HTTP/1.1\r\nHost: localhost\r\n"
                         b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            self.assertEqual(sock.recv(1000), b"HTTP/1.1 100 Continue\r\n\r\n")
            sock.sendall(b"{}" + self.GET)
            got = b""
            while b'"ok"' not in got:
                got += sock.recv(1000)
        self.assertEqual(re.findall(b"HTTP/1.1 ([0-9]+) ", got), [b"401", b"200"])

    def test_a_question_that_nobody_waits_for(self):
        self.start()
        keeper = [p for p in harness.children(self.daemon.process.pid)
                  if harness.children(p)]
        workers = [p for p in harness.children(keeper[0])
                   if os.getpriority(os.PRIO_PROCESS, p) >= 10]
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as sock:
            sock.sendall(self.GET.replace(b"/healthz", b"/api/v1/machines"))
            time.sleep(0.3)
        time.sleep(4)
        for pid in workers:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:
                pass
        self.assertEqual(self.counter("http_killed_total"), 1)
        self.assertEqual(self.ask("/api/v1/machines")[0], 200)

    def test_every_path_knows_its_parameters(self):
        self.start()
        paths = self.get("/api/v1/")["paths"]
        self.assertEqual({p["path"]: p["parameters"] for p in paths}["/api/v1/coverage"],
                         "since until limit offset")
        wanted = {p["path"] for p in paths if p["method"] == "GET" and p["role"] == "read"}
        for path in wanted | {"/metrics"}:
            self.assertEqual(self.ask(path + "?none=1")[0], 400, path)
        token = api_token(self.data, "--role", "edit")
        self.assertEqual(self.ask("/api/v1/groups?dry_run=1", "POST", token=token)[0], 400)

    def test_who_hangs_up_costs_no_process(self):
        self.start()
        self.fill()
        host, port = self.address.rsplit(":", 1)
        for path in (b"edges", b"tokens", b"machines") * 10:
            with socket.create_connection((host, int(port)), timeout=30) as sock:
                sock.sendall(b"GET /api/v1/" + path + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
        front = self.front()
        os.kill(front, signal.SIGSTOP)
        for _ in range(50):  # and are away before they are looked at
            with socket.create_connection((host, int(port)), timeout=30) as sock:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.sendall(self.GET.replace(b"localhost", b"somebody"))
        os.kill(front, signal.SIGCONT)
        time.sleep(3)
        self.assertEqual(self.ask("/api/v1/edges")[0], 200)
        self.assertEqual(self.counter("http_restarts_total"), 0)
        self.assertEqual(self.counter("http_killed_total"), 0)

    def test_two_requests_in_one_packet(self):
        self.start()
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /api/v1/machines HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        got = raw(self.address, one * 20 + last)
        self.assertEqual(got.count(b"HTTP/1.1 200 OK"), 21)
        # a body is the request's own, and not the next one
        body = b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 45\r\n\r\n"
        got = raw(self.address, body + one + last.replace(b"machines", b"edges"))
        self.assertEqual(got.count(b"HTTP/1.1 "), 2, got)

    def test_many_refusals_wait(self):
        self.start()
        for _ in range(60):
            self.assertEqual(self.ask("/api/v1/tokens")[0], 401)
        status, headers, _ = self.ask("/api/v1/machines")
        self.assertEqual((status, headers["Retry-After"]), (429, "60"))

    def test_slow_ones_are_let_go(self):
        self.start()
        began = time.monotonic()
        host, port = self.address.rsplit(":", 1)
        slow = socket.create_connection((host, int(port)), timeout=30)
        body = socket.create_connection((host, int(port)), timeout=30)
        silent = socket.create_connection((host, int(port)), timeout=30)
        self.addCleanup(slow.close)
        self.addCleanup(body.close)
        self.addCleanup(silent.close)
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        body.sendall(b"POST /api/v1/edits HTTP/1.1\r\nHost: localhost\r\n"
                     b"Content-Length: 1000\r\n\r\n")
        ended = {}
        while len(ended) < 3 and time.monotonic() - began < 30:
            for name, sock in (("slow", slow), ("body", body), ("silent", silent)):
                if name in ended:
                    continue
                try:
                    if name != "silent":
                        sock.sendall(b"A")  # a byte at a time
                    sock.settimeout(0.2)
                    if sock.recv(100) == b"" or name != "silent":
                        ended[name] = time.monotonic() - began
                except socket.timeout:
                    pass
                except OSError:
                    ended[name] = time.monotonic() - began
        self.assertEqual(set(ended), {"slow", "body", "silent"})
        self.assertLess(ended["slow"], 14)
        self.assertLess(ended["silent"], 14)
        self.assertLess(ended["body"], 24)

    def test_idle_connections(self):
        self.start()
        self.fill()
        host, port = self.address.rsplit(":", 1)
        idle = []
        for i in range(1000):  # from many addresses of loopback
            sock = socket.socket()
            sock.bind((f"127.0.{i // 40 + 1}.1", 0))
            sock.connect((host, int(port)))
            idle.append(sock)
        self.addCleanup(lambda: [s.close() for s in idle])
        began = time.monotonic()
        self.assertEqual(self.ask("/api/v1/machines")[0], 200)
        self.assertLess(time.monotonic() - began, 2)
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            found = list(pool.map(lambda _: self.ask("/healthz")[0], range(50)))
        self.assertEqual(set(found), {200})
        self.assertLessEqual(self.counter("http_connections"), 512)
        same = [socket.create_connection((host, int(port))) for _ in range(200)]
        self.addCleanup(lambda: [s.close() for s in same])
        time.sleep(1)
        self.assertGreaterEqual(self.ask_from("127.0.99.1", "/healthz"), 200)

    def ask_from(self, source, path):
        """The status of a request from another address."""
        host, port = self.address.rsplit(":", 1)
        link = http.client.HTTPConnection(host, int(port), timeout=10,
                                          source_address=(source, 0))
        link.request("GET", path)
        status = link.getresponse().status
        link.close()
        return status


class Lives(Case):
    """Processes that die, are told to end, or have no room."""

    def children(self):
        """{pid: parent} of all that the collector started."""
        found, queue = {}, [harness.children(self.daemon.process.pid)]
        while queue:
            for pid in queue.pop():
                found[pid] = True
                queue.append(harness.children(pid))
        return list(found)

    def test_what_dies_is_started_again(self):
        self.start()
        self.fill()
        keeper = [p for p in harness.children(self.daemon.process.pid)
                  if harness.children(p)]
        self.assertEqual(len(keeper), 1)
        for _ in range(4):
            for pid in harness.children(keeper[0]):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass  # it went with another
            end = time.monotonic() + 5
            status = None
            while status != 200 and time.monotonic() < end:
                try:
                    status = self.ask("/api/v1/machines")[0]
                except OSError:
                    time.sleep(0.05)
            self.assertEqual(status, 200)
        self.assertGreater(self.counter("http_restarts_total"), 3)
        self.assertIsNone(self.daemon.process.poll())
        pids = self.children()
        self.assertEqual(self.daemon.end(), 0)
        self.assertEqual([p for p in pids if os.path.exists(f"/proc/{p}")], [])

    def test_a_keeper_that_dies_is_said(self):
        self.start()
        keeper = [p for p in harness.children(self.daemon.process.pid)
                  if harness.children(p)]
        os.kill(keeper[0], signal.SIGKILL)
        end = time.monotonic() + 5
        while "its keeper has ended" not in self.daemon.errors() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn("its keeper has ended", self.daemon.errors())
        last = None
        while not isinstance(last, ConnectionRefusedError) and time.monotonic() < end:
            try:
                last = self.ask("/healthz")
            except OSError as e:
                last = e
        self.assertIsInstance(last, ConnectionRefusedError)
        self.daemon.signal(signal.SIGUSR1)
        while "http_down=1" not in self.daemon.errors() and time.monotonic() < end:
            time.sleep(0.05)
        self.assertIn("http_down=1", self.daemon.errors())
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            harness.enroll(file.read().strip(), self.data, os.path.join(self.folder, "sensor"))
        self.daemon.signal(signal.SIGHUP)  # and nothing to be told
        self.assertEqual(self.daemon.end(), 0)

    def test_nobody_waits_for_ever(self):
        self.start()
        keeper = [p for p in harness.children(self.daemon.process.pid)
                  if harness.children(p)]
        workers = [p for p in harness.children(keeper[0])
                   if os.getpriority(os.PRIO_PROCESS, p) >= 10]
        self.assertEqual(len(workers), 3)
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            found = [pool.submit(self.ask, "/api/v1/machines") for _ in range(3)]
            first = next(concurrent.futures.as_completed(found)).result()
            self.assertEqual(first[0], 503, first)
            self.assertGreater(time.monotonic() - began, 15)
            self.assertLess(time.monotonic() - began, 25)
            for pid in workers:
                os.kill(pid, signal.SIGCONT)
            self.assertEqual(sorted(f.result()[0] for f in found), [200, 200, 503])
        self.assertEqual(self.counter("http_busy_total"), 1)

    def test_nothing_is_left_after_a_kill(self):
        self.start()
        pids = self.children()
        self.assertGreaterEqual(len(pids), 5)
        self.daemon.signal(signal.SIGKILL)
        self.daemon.wait(5)
        end = time.monotonic() + 3
        while time.monotonic() < end and any(os.path.exists(f"/proc/{p}") for p in pids):
            time.sleep(0.05)
        self.assertEqual([p for p in pids if os.path.exists(f"/proc/{p}")], [])

    def test_systemd_is_told(self):
        place = os.path.join(self.folder, "notify")
        heard = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        heard.bind(place)
        heard.settimeout(10)
        self.addCleanup(heard.close)
        os.environ.update(NOTIFY_SOCKET=place, WATCHDOG_USEC="4000000")
        try:
            self.start()
        finally:
            del os.environ["NOTIFY_SOCKET"], os.environ["WATCHDOG_USEC"]
        self.assertIn(b"READY=1", heard.recv(1000))

        def wait_for(word, most=12):
            for _ in range(most):
                said = heard.recv(1000)
                if word in said:
                    return said
            raise AssertionError(f"no {word}")

        wait_for(b"WATCHDOG=1")
        wait_for(b"WATCHDOG=1")
        self.daemon.signal(signal.SIGHUP)
        self.assertIn(b"MONOTONIC_USEC=", wait_for(b"RELOADING=1"))
        wait_for(b"READY=1")
        self.daemon.signal(signal.SIGSTOP)  # a loop that does not turn gives no sign of life
        time.sleep(0.5)
        while True:
            heard.settimeout(0.1)
            try:
                heard.recv(1000)
            except socket.timeout:
                break
        heard.settimeout(5)
        with self.assertRaises(socket.timeout):
            heard.recv(1000)
        self.daemon.signal(signal.SIGCONT)
        wait_for(b"WATCHDOG=1")
        self.daemon.signal(signal.SIGTERM)
        wait_for(b"STOPPING=1")
        self.assertEqual(self.daemon.wait(10), 0)

    def test_configuration_is_read_again(self):
        config = os.path.join(self.folder, "collector.conf")
        with open(config, "w", encoding="ascii") as file:
            file.write("http = 127.0.0.1:0\n")
        self.start("--config", config)
        named = {"Host": "map.example"}
        self.assertEqual(self.ask("/api/v1/status", headers=named)[0], 421)
        with open(config, "w", encoding="ascii") as file:
            file.write("http = 127.0.0.1:0\nhttp_names = map.example\nlog_level = debug\n")
        self.daemon.signal(signal.SIGHUP)
        end = time.monotonic() + 5
        status = 421
        while status == 421 and time.monotonic() < end:
            status = self.ask("/api/v1/status", headers=named)[0]
        self.assertEqual(status, 401)  # by that name it is not loopback
        self.assertNotIn("the rest does at the next start", self.daemon.errors())
        for line in ("keep_days = 401d", "memory = 600", "estate = 10.0.0.0/8",
                     "flow_exporters = 10.0.0.1", "relays = 10.0.0.1"):
            with open(config, "w", encoding="ascii") as file:
                file.write(f"http = 127.0.0.1:0\n{line}\n")
            before = self.daemon.errors().count("the rest does at the next start")
            self.daemon.signal(signal.SIGHUP)
            scene.wait_for(lambda n=before: self.daemon.errors().count(
                "the rest does at the next start") > n, 5, line)
        with open(config, "w", encoding="ascii") as file:
            file.write("no_such_key = 1\n")
        self.daemon.signal(signal.SIGHUP)
        time.sleep(0.5)
        self.assertEqual(self.ask("/api/v1/status")[0], 200)
        self.assertIn("unknown key no_such_key", self.daemon.errors())

    def test_who_has_not_asked_yet_may_when_another_front_takes_over(self):
        self.start()
        host, port = self.address.rsplit(":", 1)
        get = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        used, fresh = (socket.create_connection((host, int(port)), timeout=5) for _ in "ab")
        self.addCleanup(used.close)
        self.addCleanup(fresh.close)
        used.sendall(get)
        self.assertNotIn(b"Connection: close", used.recv(4096))
        self.daemon.signal(signal.SIGHUP)
        self.assertEqual(used.recv(4096), b"")
        fresh.sendall(get)
        answer = b"".join(iter(lambda: fresh.recv(4096), b""))
        self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), answer)
        self.assertIn(b"\r\nConnection: close\r\n", answer)
        self.assertEqual(self.ask("/healthz")[0], 200)

    def test_not_ready_when_nothing_can_be_kept(self):
        os.mkdir(self.data)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", self.data],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.data], check=False)
        self.start()
        with open(os.path.join(self.data, "collector.addr"), encoding="ascii") as file:
            address = file.read().strip()
        sensor = os.path.join(self.folder, "sensor")
        harness.enroll(address, self.data, sensor)
        ballast = os.open(os.path.join(self.data, "ballast"), os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(ballast, b"x" * 4096)
        except OSError:
            os.close(ballast)
        sends = harness.Daemon("tests/simsensor", "--collector", address, "--data", sensor,
                               "--batches", "200", "--records", "200", "--limit", "60")
        self.addCleanup(sends.close)
        end = time.monotonic() + 20
        status = 200
        while status == 200 and time.monotonic() < end:
            status, _, body = self.ask("/readyz")
            time.sleep(0.1)
        self.assertEqual(status, 503, sends.errors() + self.daemon.errors())
        self.assertIn("the disk is full", json.loads(body)["error"]["message"])
        self.assertEqual(self.ask("/healthz")[0], 200)
        self.assertEqual(self.ask("/api/v1/machines")[0], 200)  # reading goes on
        self.assertEqual(self.counter("ready"), 0)
        os.unlink(os.path.join(self.data, "ballast"))
        subprocess.run(["mount", "-o", "remount,size=64m", self.data], check=True)
        self.assertEqual(sends.wait(40), 0, sends.errors())
        self.assertEqual(self.ask("/readyz")[0], 200)


class Client(Case):
    """skein --server: the same answers, and changes that the collector makes."""

    def setUp(self):
        super().setUp()
        os.environ["XDG_CACHE_HOME"] = os.path.join(self.folder, "cache")
        self.addCleanup(os.environ.pop, "XDG_CACHE_HOME")

    def skein(self, *arguments, token=None, url=None):
        """skein's command on the collector."""
        more = ["--token-file", token] if token else []
        return harness.run("skein", *arguments, "--server", url or f"http://{self.address}",
                           *more)

    def token_file(self, *options):
        """A file with a new token."""
        path = os.path.join(self.folder, "token" + "".join(options))
        with open(path, "w", encoding="ascii") as file:
            file.write(api_token(self.data, *options) + "\n")
        return path

    def test_same_answers(self):
        self.start()
        self.fill()
        for words in (["machines"], ["edges"], ["machines", "m1"], ["edges", ":1003"],
                      ["services"], ["edges", "--since", "2026-01-02"]):
            here = harness.run("skein", *words, "--db", self.database, "--json")
            there = self.skein(*words, "--json")
            self.assertEqual((there.status, there.stdout), (here.status, here.stdout), there)
        cache = os.path.join(self.folder, "cache", "skein")
        self.assertEqual(len(os.listdir(cache)), 1)
        self.assertEqual(os.stat(os.path.join(cache, os.listdir(cache)[0])).st_mode & 0o777,
                         0o600)
        before = self.counter("http_answers_304_total")
        self.skein("edges")
        self.assertEqual(self.counter("http_answers_304_total"), before + 1)
        picture = os.path.join(self.folder, "map.svg")
        self.assertEqual(self.skein("diagram", "-o", picture).status, 0)
        self.assertGreater(os.path.getsize(picture), 1000)

    def test_changes(self):
        self.start()
        self.fill()
        reader, editor = self.token_file(), self.token_file("--role", "edit")
        self.assertEqual(self.skein("groups", token=reader).status, 3)
        self.assertEqual(self.skein("groups", token=editor).status, 0)
        done = self.skein("groups", "move", "m1", "billing", token=editor)
        self.assertEqual(done.status, 0, done)
        edits = harness.run_json("groups", "edits", "--db", self.database, "--json")
        self.assertEqual([(e["kind"], e["machine"], e["name"]) for e in edits],
                         [("pin", "m1", "billing")])
        dry = self.skein("groups", "move", "m2", "other", "--dry-run", token=editor)
        self.assertEqual(dry.status, 0, dry)
        state = self.skein("groups", "state", "billing", "approved", token=editor)
        self.assertEqual(state.status, 0, state)
        plan = {g["group"]: g for g in self.get("/api/v1/groups")}
        self.assertEqual(plan["billing"]["state"], "approved")
        self.assertNotIn("other", plan)
        self.assertEqual(self.skein("groups", "undo", token=editor).status, 0)
        self.assertEqual(self.get("/api/v1/edits")["edits"], [])
        self.assertEqual(self.skein("groups", "move", "nobody", "x", token=editor).status, 1)
        waves = self.skein("waves", "--capacity", "3", token=editor)
        self.assertIn("beside the database", waves.stderr)

    def test_errors(self):
        self.start()
        bad = os.path.join(self.folder, "bad")
        with open(bad, "w", encoding="ascii") as file:
            file.write("nothing\n")
        rows = [
            (self.skein("edges", url="http://127.0.0.1:1"), 3, "cannot be reached"),
            (self.skein("edges", url="http://192.0.2.1:80"), 2, "use https://"),
            (self.skein("edges", url="ftp://localhost"), 2, "is no http://"),
            (self.skein("edges", token=bad), 2, "no token of the API"),
            (self.skein("edges", token=bad + "x"), 3, "No such file"),
            (self.skein("edges", "--db", "x"), 2, "takes the place"),
            (self.skein("import", "x"), 2, "unknown option --server"),
            (harness.run("skein", "edges", "--ca", "x"), 2, "go with --server"),
        ]
        for outcome, status, words in rows:
            self.assertEqual(outcome.status, status, outcome)
            self.assertIn(words, outcome.stderr)
            self.assertEqual(outcome.stderr.count("\n"), 1, outcome)

    def test_whom_to_trust(self):
        self.start("--http", "127.0.0.1:0")
        self.daemon.end()
        cert, key = (os.path.join(self.data, "collector." + e) for e in ("crt", "key"))
        self.start("--http", "127.0.0.1:0", "--http-cert", cert, "--http-key", key,
                   plain=False)
        url = "https://" + self.address
        good = self.token_file()
        self.assertEqual(self.skein("machines", token=good, url=url).status, 1)  # none yet
        with open(good, encoding="ascii") as file:
            text = file.read().strip()
        other = os.path.join(self.folder, "other")
        with open(other, "w", encoding="ascii") as file:
            file.write(text[:-43] + "A" * 43)
        outcome = self.skein("machines", token=other, url=url)
        self.assertEqual(outcome.status, 3, outcome)
        self.assertIn("another collector", outcome.stderr)
        for ca in ("system", os.path.join(self.data, "ca.crt")):  # its name is another
            outcome = self.skein("machines", "--ca", ca, token=good, url=url)
            self.assertEqual(outcome.status, 3, outcome)
            self.assertIn("--ca FILE", outcome.stderr)


class Secure(Case):
    """Not on loopback alone: TLS, and a token for everything."""

    def test_tls_and_token(self):
        self.start("--http", "0.0.0.0:0", plain=False)
        port = self.address.rsplit(":", 1)[1]
        token = api_token(self.data)
        context = ssl.create_default_context(cafile=os.path.join(self.data, "ca.crt"))
        curl = ["curl", "-sS", "--cacert", os.path.join(self.data, "ca.crt"),
                "--connect-to", f"skein-collector:{port}:127.0.0.1:{port}"]
        url = f"https://skein-collector:{port}/api/v1/status"
        code = ["-o", os.devnull, "-w", "%{http_code}"]
        call = lambda *more: subprocess.run([*curl, *code, *more, url], text=True,
                                            capture_output=True, check=False)
        self.assertEqual(call().stdout, "401")
        self.assertEqual(call("-H", "Authorization: Bearer " + token).stdout, "200")
        self.assertEqual(call("-H", "Host: localhost").stdout, "401")
        self.assertNotEqual(call("--tls-max", "1.1").returncode, 0)
        self.assertEqual(call("--tls-max", "1.2", "-H", "Authorization: Bearer " +
                              token).stdout, "200")
        self.assertEqual(raw(f"127.0.0.1:{port}", b"GET / HTTP/1.1\r\n\r\n"), b"")
        context.check_hostname = False
        found = [ask(f"127.0.0.1:{port}", path, token=token, context=context,
                     headers={"Host": "skein-collector"})
                 for path in ("/api/v1/snapshot", "/metrics")]
        self.assertEqual([status for status, _, _ in found], [200, 200])
        self.assertEqual(found[0][2][:15], b"SQLite format 3")
        self.assertEqual(int(found[0][1]["Content-Length"]), len(found[0][2]))
        # the old version, and no TLS at all
        self.assertEqual(metrics(found[1][2].decode())["skein_http_tls_failed_total"], 2)


if __name__ == "__main__":
    unittest.main()
