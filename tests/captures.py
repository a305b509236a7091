#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Captures in, connections out: SKEIN_BUILD=build tests/captures.py [-v] [TEST...]

The captures of tests/captures hold to the byte what their tables say.  Others, larger and of
other people, are looked for beside the checkout (shared/captures, or where SKEIN_CAPTURES
says), each with a table NAME.tcp.tsv that another program made; without them those tests are
left out.  What damage does to every byte of a file is in tests/test_damage.c.
"""

import gzip
import json
import os
import subprocess
import sys
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SENSOR = Path(os.environ.get("SKEIN_BUILD", ROOT / "build")).absolute() / "skein-sensor"
OURS = ROOT / "tests" / "captures"
OTHERS = Path(os.environ.get("SKEIN_CAPTURES", ROOT.parent / "shared" / "captures"))
SMALL = 100 << 10  # bytes of a capture that is read more than once

sys.dont_write_bytecode = True
sys.path.insert(0, str(OURS))
import craft  # noqa: E402
import make  # noqa: E402

COLUMN = {name: i for i, name in enumerate(make.HEADER)}
TEXTS = {"client_ip", "server_ip", "dir", "state", "sni", "host"}


def ours():
    """The captures of the tree."""
    return sorted(p for p in OURS.iterdir() if p.suffix in (".pcap", ".pcapng"))


def others():
    """Captures beside the checkout, with the tables that somebody else made of them."""
    return [(Path(str(p)[:-len(".tcp.tsv")]), p) for p in sorted(OTHERS.glob("*.tcp.tsv"))]


def small():
    """All that is quickly read."""
    return ours() + [p for p, _ in others() if p.stat().st_size < SMALL]


def rows_of(text):
    """The lines below the header."""
    lines = text.splitlines()
    assert lines[0].split("\t") == make.HEADER, lines[0]
    return [line.split("\t") for line in lines[1:]]


def turned(row):
    """ROW as it is when client and server change places."""
    row = row[2:4] + row[:2] + row[4:]
    for name in ("fin", "rst", "bytes", "dup_bytes", "pkts"):
        c, s = COLUMN[name + "_c"], COLUMN[name + "_s"]
        row[c], row[s] = row[s], row[c]
    return row


def by_ends(rows):
    """Rows by the two ends, whichever is the client; those of one pair by time."""
    out = defaultdict(list)
    for row in rows:
        out[tuple(sorted((tuple(row[:2]), tuple(row[2:4]))))].append(row)
    for same in out.values():
        same.sort(key=lambda row: float(row[COLUMN["first"]]))
    return out


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        tmp = tempfile.TemporaryDirectory(prefix="skein-captures-")
        self.addCleanup(tmp.cleanup)
        self.dir = Path(tmp.name)

    def read(self, *files, form="tsv", what="--connections", status=0, stdin=b"", more=()):
        """Standard output and error of one run."""
        done = subprocess.run([SENSOR, "--read", *files, what, form, *more], input=stdin,
                              capture_output=True, timeout=120)
        err = done.stderr.decode()
        self.assertEqual(done.returncode, status, f"{files}: {err}")
        if status == 0:
            self.assertEqual(err, "", files)
        return done.stdout.decode("ascii"), err

    def file(self, name, data):
        path = self.dir / name
        path.write_bytes(data)
        return path


class Ours(Case):
    def test_each_is_what_its_table_says(self):
        self.assertGreater(len(ours()), 50)
        for path in ours():
            with self.subTest(path.name):
                self.assertEqual(self.read(path)[0], path.with_suffix(".tsv").read_text())

    def test_the_folder_is_what_its_script_makes(self):
        make.main(self.dir)
        made = {p.name: p.read_bytes() for p in self.dir.iterdir()}
        kept = {p.name: p.read_bytes() for p in OURS.iterdir()
                if p.suffix in (".pcap", ".pcapng", ".tsv")}
        self.assertEqual(sorted(made), sorted(kept))
        for name, data in made.items():
            self.assertEqual(data, kept[name], name)

    def test_they_are_small(self):
        self.assertLess(max(p.stat().st_size for p in ours()), 8192)


class Others(Case):
    """Against tables of another program, in what both count alike: it guesses otherwise, and
    counts copies of the mirror as repetitions."""

    SAME = "state syn synack fin_c fin_s rst_c rst_s bytes_c bytes_s".split()

    def setUp(self):
        super().setUp()
        if not others():
            self.skipTest(f"no captures in {OTHERS}")

    def differences(self, got, want):
        """What is not the same, as text."""
        how = want[COLUMN["dir"]]
        told = how in ("syn", "synack", "simul")
        out = []
        if got[:4] != want[:4]:
            if told:
                return [f"client is {want[0]}:{want[1]}, not {got[0]}:{got[1]}"]
            want = turned(want)
        if told and got[COLUMN["dir"]] != how.replace("simul", "syn"):
            out.append(f"dir is {how}, not {got[COLUMN['dir']]}")
        for name in self.SAME:
            i = COLUMN[name]
            if got[i] != want[i]:
                out.append(f"{name} is {want[i]}, not {got[i]}")
        return out

    def compare(self, got, want):
        """All differences of one capture."""
        got, want, out = by_ends(got), by_ends(want), []
        for ends in sorted({*got, *want}):
            if len(got[ends]) != len(want[ends]):
                out.append(f"{ends}: {len(want[ends])} connections, not {len(got[ends])}")
                continue
            for a, b in zip(got[ends], want[ends]):
                out += [f"{ends} {b[COLUMN['first']]}: {d}" for d in self.differences(a, b)]
        return out

    def test_each_has_the_connections_of_its_table(self):
        seen = 0
        for path, table in others():
            with self.subTest(path.name):
                done = subprocess.run([SENSOR, "--read", path, "--connections", "tsv"],
                                      capture_output=True, text=True, timeout=120)
                self.assertIn(done.returncode, (0, 1))
                self.assertEqual(done.stderr.count("\n"), done.returncode)
                want = rows_of(table.read_text())
                got = rows_of(done.stdout) if done.stdout else []
                seen += len(got)
                self.assertEqual(self.compare(got, want), [])
        self.assertGreater(seen, 0)

    def test_a_comparison_sees_differences(self):
        """A test that cannot fail is a defect."""
        rows = max((rows_of(t.read_text()) for p, t in others() if p.stat().st_size < SMALL),
                   key=len)
        told = next(r for r in rows if r[COLUMN["dir"]] == "syn")
        self.assertEqual(self.compare([told], [told]), [])
        self.assertEqual(len(self.compare([turned(told)], [told])), 1)
        self.assertEqual(len(self.compare([], [told])), 1)
        self.assertEqual(len(self.compare([told, told], [told])), 1)
        for name in self.SAME:
            other = list(told)
            other[COLUMN[name]] += "1"
            self.assertEqual(len(self.compare([other], [told])), 1, name)


class Output(Case):
    def test_json_is_the_table(self):
        for path in small():
            with self.subTest(path.name):
                done = [subprocess.run([SENSOR, "--read", path, "--connections", form],
                                       capture_output=True, text=True, timeout=120)
                        for form in ("tsv", "json")]
                status = {d.returncode for d in done}
                self.assertIn(status, ({0}, {1}))
                rows = rows_of(done[0].stdout) if done[0].stdout else []
                lines = done[1].stdout.splitlines()
                self.assertEqual(len(rows), len(lines))
                for row, line in zip(rows, lines):
                    found = json.loads(line, parse_float=str, parse_int=str)
                    self.assertEqual(list(found), make.HEADER)
                    self.assertEqual([found[k] or "-" for k in found], row)
                    for key, value in json.loads(line).items():
                        if value is not None:
                            self.assertEqual(isinstance(value, str), key in TEXTS, key)

    def test_same_bytes_twice(self):
        files = ours() + [p for p, _ in others() if p.stat().st_size > SMALL]
        for form in ("tsv", "json"):
            self.assertEqual(self.read(*files, form=form)[0], self.read(*files, form=form)[0])
        self.assertEqual(self.read(*files, what="--names")[0],
                         self.read(*files, what="--names")[0])

    def test_names(self):
        rows = [("ip", "name", "how", "first", "last", "times"),
                ("198.51.100.80", "www.example.com", "dns", "0", "0", "1"),
                ("198.51.100.80", "shop.example.com", "sni", "4", "4", "1"),
                ("198.51.100.80", "shop.example.com", "host", "8", "8", "1"),
                ("2001:db8:1::80", "www.example.com", "dns", "0", "0", "1")]
        rows = rows[:1] + [(*r[:3], *(f"{craft.BEGIN}.{int(t):03d}000" for t in r[3:5]), r[5])
                           for r in rows[1:]]
        path = OURS / "names.pcap"
        out, _ = self.read(path, what="--names")
        self.assertEqual(out, "".join("\t".join(r) + "\n" for r in rows))
        lines = [json.loads(line, parse_float=str, parse_int=str)
                 for line in self.read(path, what="--names", form="json")[0].splitlines()]
        self.assertEqual(lines, [dict(zip(rows[0], r)) for r in rows[1:]])

    def test_disk_is_full(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([SENSOR, "--read", OURS / "reset.pcap", "--connections",
                                   "tsv"], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.decode().count("\n"), 1)


class Files(Case):
    def halves(self):
        """One connection in two files."""
        frames = [craft.ether(p) for p in craft.exchange(craft.Tcp())]
        first = craft.File().all(frames[:5])
        second = craft.File()
        second.at = first.at
        second.all(frames[5:])
        return self.file("1", first.data), self.file("2", second.data)

    def test_several_share_a_table(self):
        whole = (OURS / "plain-http.tsv").read_text()
        one, two = self.halves()
        self.assertEqual(self.read(one, two)[0], whole)
        self.assertEqual(self.read(one, "--read", two)[0], whole)
        self.assertEqual(len(rows_of(self.read(one)[0] + self.read(two)[0].split("\n")[1])), 2)

    def test_standard_input(self):
        for path in ours():
            with self.subTest(path.name):
                self.assertEqual(self.read("-", stdin=path.read_bytes())[0],
                                 path.with_suffix(".tsv").read_text())
        one, two = self.halves()
        self.assertEqual(self.read(one, "-", stdin=two.read_bytes())[0],
                         (OURS / "plain-http.tsv").read_text())

    def test_nothing_can_be_opened(self):
        for path, words in ((self.dir / "none", "No such file"), (self.dir, "directory")):
            out, err = self.read(path, status=3)
            self.assertEqual(out, "")
            self.assertEqual(err.count("\n"), 1)
            self.assertIn(str(path), err)
            self.assertIn(words, err)

    def test_some_cannot_be_opened(self):
        good = OURS / "reset.pcap"
        for files in ((good, self.dir / "none"), (self.dir / "none", good)):
            out, err = self.read(*files, status=4)
            self.assertEqual(out, good.with_suffix(".tsv").read_text())
            self.assertEqual(err.count("\n"), 1)

    def test_what_is_no_capture(self):
        data = (OURS / "reset.pcap").read_bytes()
        for name, content, words in (("gz", gzip.compress(data), "zcat"),
                                     ("text", b"client,server\n" * 9, "not a capture"),
                                     ("empty", b"", "empty")):
            path = self.file(name, content)
            out, err = self.read(path, status=1)
            self.assertEqual(rows_of(out), [])
            self.assertEqual(err.count("\n"), 1)
            self.assertIn(str(path), err)
            self.assertIn(words, err)
            out, _ = self.read(path, OURS / "reset.pcap", status=1)
            self.assertEqual(out, (OURS / "reset.pcap").with_suffix(".tsv").read_text())

    def test_what_gzip_is_told_to_do_works(self):
        path = self.file("c.gz", gzip.compress((OURS / "reset.pcap").read_bytes()))
        _, err = self.read(path, status=1)
        command = err.split(";")[-1].replace("try:", "").strip()
        self.assertRegex(command, r"^zcat \S+ \| skein-sensor --read -$")
        command = command.replace("skein-sensor", str(SENSOR)) + " --connections tsv"
        done = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout),
                         (0, (OURS / "reset.pcap").with_suffix(".tsv").read_text()))

    def test_a_name_with_control_characters(self):
        path = self.dir / "\033[2Jx\ny"
        _, err = self.read(path, status=3)
        self.assertNotIn("\033", err)
        self.assertEqual(err.count("\n"), 1)

    def test_the_command_line(self):
        good = OURS / "reset.pcap"
        for args in (["--read"], ["--read", good], ["--connections", "tsv"],
                     ["--read", good, "--connections", "xml"],
                     ["--read", good, "--connections", "tsv", "--max-connections", "3"]):
            done = subprocess.run([SENSOR, *args], capture_output=True, text=True, timeout=60)
            self.assertEqual((done.returncode, done.stdout, done.stderr.count("\n")),
                             (2, "", 1), (args, done.stderr))

    def test_a_table_that_is_too_small(self):
        """Two thousand that all live: each has its line, some in two."""
        f = craft.File()
        for i in range(2000):
            f.all(map(craft.ether, craft.Tcp(("192.0.2.10", 1024 + i)).handshake()))
        path = self.file("many", f.data)
        out, err = self.read(path, status=4, more=("--max-connections", "1024"))
        self.assertIn("--max-connections", err)
        self.assertEqual(err.count("\n"), 1)
        self.assertEqual(len({tuple(r[:4]) for r in rows_of(out)}), 2000)
        self.assertEqual(len(rows_of(self.read(path)[0])), 2000)


class Damage(Case):
    """The words and the status of a file that ends in its middle; and of larger ones, cut in
    a few places."""

    def test_a_file_for_import(self):
        """It has what was good, the status says that something was not, and nothing is made of
        nothing."""
        whole = (OURS / "plain-http.pcap").read_bytes()
        for data, status, lines in ((whole, 0, 1), (whole[:-3], 1, 1), (None, 3, 0)):
            path = self.file("cut", data) if data else "no-such-file"
            out = self.file("out", b"")
            os.unlink(out)
            done = subprocess.run([SENSOR, "--read", path, "--out", out], capture_output=True,
                                  text=True, timeout=60)
            self.assertEqual(done.returncode, status, done.stderr)
            got = Path(out).read_text() if os.path.exists(out) else ""
            self.assertEqual(got.count('"type":"flow"'), lines)

    def cut(self, path, n):
        """Rows of the first N bytes of PATH."""
        done = subprocess.run([SENSOR, "--read", self.file("cut", path.read_bytes()[:n]),
                               "--connections", "tsv"], capture_output=True, text=True,
                              timeout=60)
        self.assertIn(done.returncode, (0, 1), n)
        self.assertEqual(done.stderr.count("\n"), done.returncode, n)
        return rows_of(done.stdout), done.stderr

    def test_cut_by_the_byte(self):
        path = OURS / "plain-http.pcap"
        size, packets, complaints = path.stat().st_size, [], 0
        for n in range(0, size + 1, 7):
            rows, err = self.cut(path, n)
            complaints += bool(err)
            packets.append(sum(int(r[COLUMN[k]]) for r in rows for k in ("pkts_c", "pkts_s")))
        self.assertEqual(packets, sorted(packets))
        self.assertEqual(set(packets), set(range(10)) | set(packets[-1:]))
        self.assertGreater(complaints, 50)
        self.assertEqual(self.cut(path, size)[1], "")

    def test_others_cut(self):
        for path, _ in others():
            size = path.stat().st_size
            if size >= SMALL:
                continue
            with self.subTest(path.name):
                rows = [len(self.cut(path, size * i // 8)[0]) for i in range(9)]
                self.assertEqual(rows, sorted(rows))

    def test_every_bit_of_a_header(self):
        data = (OURS / "reset.pcap").read_bytes()
        for at in range(40):
            for bit in range(8):
                wrong = bytearray(data)
                wrong[at] ^= 1 << bit
                self.cut(self.file("bit", bytes(wrong)), len(data))


if __name__ == "__main__":
    if not os.access(SENSOR, os.X_OK):
        sys.exit(f"captures.py: no program at {SENSOR}; set SKEIN_BUILD")
    result = unittest.main(exit=False).result
    lost = len({getattr(t, "test_case", t).id() for t, _ in result.failures + result.errors})
    skipped = len(result.skipped)
    print(f"{result.testsRun - lost - skipped} passed, {lost} failed, {skipped} skipped")
    sys.exit(lost != 0)
