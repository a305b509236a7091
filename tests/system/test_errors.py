# SPDX-License-Identifier: Apache-2.0
"""Bad input to every command: one clear line, the right exit status, nothing changed.

Each check runs a program on something that is wrong and looks at four things: the exit status
is that of docs/design.md, standard output is empty, standard error is exactly one line that
names what the person must know, and the files are as they were, with nothing new beside them.
"""

import hashlib
import os
import random
import shutil
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest

import harness

NONE, USAGE, UNREACHED, PARTIAL = 1, 2, 3, 4  # common/exits.h

GOOD = """\
{"type":"machine","id":"m1","name":"web01","ips":["10.1.0.1"],"os":"linux"}
{"type":"machine","id":"m2","name":"db01","ips":["10.1.0.2"],"os":"linux"}
{"type":"flow","client":"m1","client_ip":"10.1.0.1","client_process":"nginx","server":"m2",\
"server_ip":"10.1.0.2","server_port":5432,"server_process":"postgres","protocol":"tcp",\
"opens":12,"failed":1,"bytes_to_server":100,"bytes_to_client":2000,"first":1767242561,\
"last":1767246161}
"""
READERS = (("edges",), ("machines",), ("services",), ("diagram", "-o", "out.svg"))


def snapshot(folder):
    """{path: (mode, hash)} of everything below a folder."""
    result = {}
    for place, folders, files in os.walk(folder):
        for name in folders:
            path = os.path.join(place, name)
            result[path] = (os.stat(path).st_mode, "")
        for name in files:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                digest = hashlib.sha256(file.read()).hexdigest()
            result[path] = (os.stat(path).st_mode, digest)
    return result


class ErrorCase(unittest.TestCase):
    """A scratch folder for each test, and the check that all of them make."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix=f"skeintest{os.getpid()}-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        os.chmod(self.folder, 0o755)

    def path(self, *names):
        """A path in the scratch folder."""
        return os.path.join(self.folder, *names)

    def write(self, name, content):
        """A file in the scratch folder; returns its path."""
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def good_database(self, name="good.db"):
        """A small database, made by import."""
        path = self.path(name)
        outcome = harness.run("skein", "import", "--db", path, "-", input=GOOD)
        self.assertEqual(outcome.status, 0, outcome)
        return path

    def check(self, outcome, statuses, *words):
        """One line with these words on stderr, nothing on stdout, one of these statuses."""
        statuses = statuses if isinstance(statuses, tuple) else (statuses,)
        self.assertIn(outcome.status, statuses, outcome)
        self.assertEqual(outcome.stdout, "", outcome)
        lines = outcome.stderr.splitlines()
        self.assertEqual(len(lines), 1, f"not one line on stderr: {outcome}")
        self.assertTrue(outcome.stderr.endswith("\n"), outcome)
        for word in words:
            self.assertIn(word.lower(), lines[0].lower(), outcome)

    def refused(self, statuses, words, name, *arguments, **options):
        """Runs, checks, and compares the scratch folder before and after."""
        before = snapshot(self.folder)
        outcome = harness.run(name, *arguments, cwd=self.folder, **options)
        self.check(outcome, statuses, *words)
        self.assertEqual(snapshot(self.folder), before, f"files changed: {outcome}")

    def start_collector(self, data="data"):
        """A collector that works; `daemon.port` is its port."""
        port = harness.free_port()
        daemon = harness.Daemon("skein-collector", "--data", self.path(data),
                                "--listen", f"127.0.0.1:{port}")
        daemon.port = port
        self.addCleanup(daemon.close)
        end = time.monotonic() + 15
        while not harness.listening(port):
            self.assertIsNone(daemon.process.poll(), daemon.errors())
            self.assertLess(time.monotonic(), end, "the collector does not listen")
            time.sleep(0.05)
        return daemon

    def run_collector(self, listen="127.0.0.1:0"):
        """A collector that is expected to refuse."""
        return harness.run("skein-collector", "--data", self.path("data"),
                           "--listen", listen, timeout=20)

    def token(self, *options):
        """A new token of the collector in "data"."""
        outcome = harness.run("skein-collector", "token", "create",
                              "--data", self.path("data"), *options)
        self.assertEqual(outcome.status, 0, outcome)
        return outcome.stdout.strip()

    def enroll(self, port, token, data="sensor", **options):
        """Tries to enrol a sensor."""
        return harness.run("skein-sensor", "enroll", "--collector", f"127.0.0.1:{port}",
                           "--token", token, "--data", self.path(data), **options)

    def run_sensor(self, port, data="sensor", **options):
        """A sensor that is expected to refuse."""
        return harness.run("skein-sensor", "--ebpf", "--collector", f"127.0.0.1:{port}",
                           "--data", self.path(data), timeout=20, **options)


class CommandLine(ErrorCase):
    """What nobody can mean."""

    def test_unknown_option(self):
        for name, *command in (
                ("skein",), ("skein", "edges"), ("skein", "machines"), ("skein", "services"),
                ("skein", "import"), ("skein", "diagram"), ("skein", "up"),
                ("skein-collector",), ("skein-collector", "token", "create"),
                ("skein-sensor",), ("skein-sensor", "enroll")):
            with self.subTest(" ".join([name, *command])):
                self.refused(USAGE, ["--frobnicate"], name, *command, "--frobnicate")

    def test_unknown_command(self):
        self.refused(USAGE, ["edgse"], "skein", "edgse")
        self.refused(USAGE, ["tokken"], "skein-collector", "tokken", "create")
        self.refused(USAGE, ["enrol1"], "skein-sensor", "enrol1")

    def test_values_that_are_none(self):
        database = self.good_database()
        for command in (
                ("skein", "edges", "--db", database, "--port", "http"),
                ("skein", "edges", "--db", database, "--port", "70000"),
                ("skein", "edges", "--db", database, "--since", "yesteryear"),
                ("skein", "edges", "--db", database, "--json=yaml"),
                ("skein", "diagram", "--db", database, "-o", "map.gif"),
                ("skein", "up", "--data", "d", "--for", "soon"),
                ("skein-collector", "--data", "d", "--listen", "everywhere"),
                ("skein-collector", "--data", "d", "--listen", "127.0.0.1:99999"),
                ("skein-collector", "token", "create", "--data", "d", "--ttl", "long"),
                ("skein-collector", "token", "create", "--data", "d", "--role", "king"),
                ("skein-sensor", "--ebpf", "--data", "d", "--collector", "nowhere"),
                ("skein-sensor", "--ebpf", "--collector", "127.0.0.1:1", "--data", "d",
                 "--interval", "often")):
            with self.subTest(" ".join(command).replace(self.folder + "/", "")):
                self.refused(USAGE, [command[-1].split("=")[-1]], *command)

    def test_values_that_are_missing(self):
        for command in (("skein", "edges", "--db"), ("skein", "diagram", "-o"),
                        ("skein-collector", "--data"), ("skein-collector", "token"),
                        ("skein-sensor", "enroll"),
                        ("skein-sensor", "enroll", "--collector", "127.0.0.1:1")):
            with self.subTest(" ".join(command)):
                self.refused(USAGE, [], *command)

    def test_help_and_version_are_no_errors(self):
        for name in ("skein", "skein-collector", "skein-sensor"):
            for option in ("--help", "--version"):
                with self.subTest(f"{name} {option}"):
                    outcome = harness.run(name, option)
                    self.assertEqual((outcome.status, outcome.stderr), (0, ""), outcome)
                    self.assertIn(name, outcome.stdout)


class Databases(ErrorCase):
    """Files that are not the database that was meant."""

    def check_readers(self, path, words, also=()):
        """Every reading command refuses that file and leaves everything as it was."""
        for command in (*READERS, *also):
            with self.subTest(command[0]):
                self.refused(UNREACHED, [os.path.basename(path), *words],
                             "skein", command[0], "--db", path, *command[1:])

    def test_no_such_file(self):
        self.check_readers(self.path("nothing.db"), [])
        self.check_readers(self.path("no", "such", "folder", "skein.db"), [])

    def test_not_a_database(self):
        lines = self.write("lines.jsonl", GOOD)
        also = [("import", lines)]
        self.check_readers(self.write("text.db", "this is a shopping list\n" * 100), [], also)
        noise = random.Random(1).randbytes(20000)
        self.check_readers(self.write("noise.db", noise), [], also)

    def test_empty_file_is_read_by_nobody(self):
        self.check_readers(self.write("empty.db", ""), [])

    def test_folder(self):
        os.mkdir(self.path("folder.db"))
        self.check_readers(self.path("folder.db"), [])

    def test_database_of_something_else(self):
        path = self.path("other.db")
        with sqlite3.connect(path) as other:
            other.execute("create table edge (a, b)")
            other.execute("insert into edge values (1, 2)")
        other.close()
        self.check_readers(path, [], [("import", self.write("lines.jsonl", GOOD))])

    def test_newer_database(self):
        path = self.good_database()
        with sqlite3.connect(path) as database:
            database.execute("pragma journal_mode=delete")
            version = database.execute("pragma user_version").fetchone()[0]
            self.assertGreater(version, 0, "the schema's version is not in user_version")
            database.execute(f"pragma user_version={version + 1000}")
        database.close()
        self.check_readers(path, ["newer"], [("import", self.write("lines.jsonl", GOOD))])

    def test_database_cut_short(self):
        path = self.good_database()
        with sqlite3.connect(path) as database:
            database.execute("pragma journal_mode=delete")
        database.close()
        os.truncate(path, os.path.getsize(path) // 3)
        self.check_readers(path, [])

    def test_reading_changes_nothing(self):
        path = self.good_database()
        before = snapshot(self.folder)
        for command in READERS[:-1]:
            self.assertIn(harness.run("skein", *command, "--db", path).status, (0, NONE))
        self.assertEqual(snapshot(self.folder), before)

    def test_nothing_found(self):
        path = self.good_database()
        for options in (["--port", "1"], ["--process", "nobody"], ["--machine", "m99"]):
            with self.subTest(options[0]):
                outcome = harness.run("skein", "edges", "--db", path, "--json", *options)
                self.assertEqual(outcome.status, NONE, outcome)
                self.assertIn(outcome.stdout.strip(), ("", "[]"), outcome)
                self.assertEqual(len(outcome.stderr.splitlines()), 1, outcome)

    def test_output_that_cannot_be_written(self):
        path = self.good_database()
        for command in (["edges"], ["edges", "--json"], ["machines", "--csv"]):
            with self.subTest(" ".join(command)):
                with open("/dev/full", "wb") as full:
                    process = subprocess.run(
                        [harness.program("skein"), *command, "--db", path], stdout=full,
                        stderr=subprocess.PIPE, text=True, check=False, timeout=20)
                self.assertNotEqual(process.returncode, 0)
                self.assertEqual(len(process.stderr.splitlines()), 1, process.stderr)


class Import(ErrorCase):
    """Lines that are none."""

    def test_no_such_source(self):
        self.refused(UNREACHED, ["nothing.jsonl"], "skein", "import", "--db", "new.db",
                     "nothing.jsonl")
        database = self.good_database()
        self.refused(UNREACHED, ["nothing.jsonl"], "skein", "import", "--db", database,
                     "nothing.jsonl")
        self.refused(UNREACHED, ["sub"], "skein", "import", "--db", "sub/new.db",
                     self.write("lines.jsonl", GOOD))

    def test_source_is_a_folder(self):
        os.mkdir(self.path("folder"))
        self.refused(UNREACHED, ["folder"], "skein", "import", "--db", "new.db", "folder")

    def test_one_garbage_line_among_good_ones(self):
        lines = GOOD.splitlines(keepends=True)
        bad = (b"this is no JSON\n", b'{"type":"flow",\n', b"\x00\xff\xfe\n", b"[1, 2\n",
               b'{"type":"flow","client_ip":"999.1.1.1","server_ip":"10.1.0.2",'
               b'"server_port":80,"opens":1,"failed":0,"first":1,"last":2}\n',
               b'{"type":"flow","client_ip":"10.1.0.1","server_ip":"10.1.0.2",'
               b'"server_port":99999,"opens":1,"failed":0,"first":1,"last":2}\n')
        for number, garbage in enumerate(bad):
            with self.subTest(str(garbage[:40])):
                source = self.write(
                    "lines.jsonl",
                    "".join(lines[:2]).encode() + garbage + lines[2].encode())
                database = self.path(f"{number}.db")
                outcome = harness.run("skein", "import", "--db", database, source)
                self.assertEqual(outcome.status, PARTIAL, outcome)
                named = [line for line in outcome.stderr.splitlines() if "lines.jsonl:3:" in line]
                self.assertEqual(len(named), 1, f"line 3 is not named once: {outcome}")
                self.assertIn("lines.jsonl", outcome.stderr)
                self.assertEqual(len(harness.edges(database)), 1)

    def test_nothing_but_garbage(self):
        noise = random.Random(2).randbytes(50000)
        source = self.write("noise.jsonl", noise)
        outcome = harness.run("skein", "import", "--db", self.path("new.db"), source)
        self.assertIn(outcome.status, (NONE, PARTIAL), outcome)
        self.assertLessEqual(len(outcome.stderr.splitlines()), 12, outcome)
        self.assertIn("noise.jsonl", outcome.stderr)
        self.assertTrue(outcome.stderr.isprintable() or
                        all(c.isprintable() or c == "\n" for c in outcome.stderr), outcome)

    def test_same_source_twice_is_counted_once(self):
        database = self.good_database()
        before = harness.edges(database)
        outcome = harness.run("skein", "import", "--db", database, "-", input=GOOD)
        self.assertNotIn(outcome.status, (USAGE, UNREACHED), outcome)
        self.assertEqual(harness.edges(database), before)


class Diagram(ErrorCase):
    """Pictures that cannot be drawn or written."""

    def test_no_such_folder(self):
        self.refused(UNREACHED, ["nowhere"], "skein", "diagram", "--db", self.good_database(),
                     "-o", "nowhere/map.svg")

    def test_output_is_a_folder(self):
        os.mkdir(self.path("map.svg"))
        self.refused(UNREACHED, ["map.svg"], "skein", "diagram", "--db",
                     self.good_database(), "-o", "map.svg")

    def test_no_such_machine_leaves_the_old_picture(self):
        self.write("map.svg", "an older picture")
        self.refused(NONE, ["m99"], "skein", "diagram", "--db", self.good_database(),
                     "--machine", "m99", "-o", "map.svg")


class Collector(ErrorCase):
    """Data directories, ports and tokens that will not do."""

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as sock:
            port = sock.getsockname()[1]
            self.check(self.run_collector(f"127.0.0.1:{port}"), UNREACHED, str(port), "in use")
        collector = self.start_collector()
        self.assertEqual(collector.end(), 0, collector.errors())

    def test_address_of_another_machine(self):
        self.check(self.run_collector("192.0.2.1:4433"), UNREACHED, "192.0.2.1")

    def test_two_collectors_of_one_directory(self):
        first = self.start_collector()
        self.check(self.run_collector(), (NONE, UNREACHED), "data")
        self.assertEqual(first.end(), 0, first.errors())

    def test_data_is_a_file(self):
        self.write("data", "no directory")
        self.refused(UNREACHED, ["data"], "skein-collector", "--data", "data",
                     "--listen", "127.0.0.1:0")
        self.refused(UNREACHED, ["data"], "skein-collector", "token", "create",
                     "--data", "data")

    def test_database_is_not_one(self):
        self.start_collector().end()
        for name in os.listdir(self.path("data")):
            if name.startswith("skein.db"):
                os.remove(self.path("data", name))
        path = self.write("data/skein.db", "this is a shopping list\n" * 100)
        with open(path, "rb") as file:
            before = file.read()
        collector = self.start_collector()
        collector.end()
        aside = [name for name in os.listdir(self.path("data")) if "damaged-" in name]
        self.assertEqual(len(aside), 1, aside)
        self.assertIn(aside[0], collector.errors())
        with open(self.path("data", aside[0]), "rb") as file:
            self.assertEqual(file.read(), before)

    def test_token_where_no_collector_ever_was(self):
        self.refused(UNREACHED, ["nowhere"], "skein-collector", "token", "create",
                     "--data", "nowhere/at/all")

    def test_enrolment_without_a_good_token(self):
        collector = self.start_collector()
        self.check(self.enroll(collector.port, "hello"), (NONE, USAGE), "token")
        token = self.token()
        place = token.index(".") + 1  # the secret's first letter; the last has spare bits
        letter = "b" if token[place] == "a" else "a"
        self.check(self.enroll(collector.port, token[:place] + letter + token[place + 1:]),
                   NONE, "token")
        token = self.token("--uses", "1")
        self.assertEqual(self.enroll(collector.port, token).status, 0)
        self.check(self.enroll(collector.port, token, "second"), NONE, "token")
        self.assertEqual(collector.end(), 0, collector.errors())

    def test_enrolment_without_a_collector(self):
        collector = self.start_collector()
        token = self.token()
        collector.end()
        self.check(self.enroll(collector.port, token), UNREACHED, str(collector.port))

    def test_enrolment_at_another_collector(self):
        """A token carries its collector's fingerprint: another one is found out."""
        self.start_collector().end()
        impostor = self.start_collector("impostor")
        self.check(self.enroll(impostor.port, self.token()), (NONE, UNREACHED))

    def test_sensor_that_is_not_enrolled(self):
        self.check(self.run_sensor(1), (NONE, UNREACHED), "enroll")


class Up(ErrorCase):
    """`skein up` where it cannot be."""

    def test_data_is_a_file(self):
        self.write("data", "no directory")
        self.refused(UNREACHED, ["data"], "skein", "up", "--data", "data", "--for", "1s")

    @harness.needs_root
    def test_twice_in_one_directory(self):
        first = harness.Daemon("skein", "up", "--data", self.path("data"), "--for", "8s")
        self.addCleanup(first.close)
        self.assertTrue(first.first_words(10, quiet=1), first.errors())
        outcome = harness.run("skein", "up", "--data", self.path("data"), "--for", "1s")
        self.check(outcome, (NONE, UNREACHED), "data")
        self.assertEqual(first.wait(40), 0, first.errors())


@harness.needs_root
class Rights(ErrorCase):
    """As the user nobody, with copies of the programs that nobody may run."""

    def setUp(self):
        super().setUp()
        self.programs = harness.BUILD
        copies = self.path("programs")
        os.mkdir(copies)
        for name in ("skein", "skein-collector", "skein-sensor"):
            shutil.copy(harness.program(name), copies)
        harness.BUILD = copies
        self.addCleanup(setattr, harness, "BUILD", self.programs)

    def nobodys_folder(self, name):
        """A folder where nobody may write."""
        os.mkdir(self.path(name))
        os.chown(self.path(name), harness.NOBODY, harness.NOBODY)
        return self.path(name)

    def test_database_of_root(self):
        database = self.good_database()
        os.chmod(database, 0o600)
        lines = self.write("lines.jsonl", GOOD)
        for command in (("edges",), ("machines",), ("diagram", "-o", "/dev/null.svg"),
                        ("import", lines)):
            with self.subTest(command[0]):
                self.refused(UNREACHED, ["good.db"], "skein", command[0], "--db", database,
                             *command[1:], as_nobody=True)

    def test_picture_where_nobody_may_write(self):
        database = self.good_database()
        os.chmod(database, 0o644)
        self.refused(UNREACHED, ["map.svg"], "skein", "diagram", "--db", database,
                     "-o", self.path("map.svg"), as_nobody=True)

    def test_data_of_root(self):
        os.mkdir(self.path("data"), 0o700)
        for command in (("skein-collector", "--data", self.path("data"),
                         "--listen", "127.0.0.1:0"),
                        ("skein-collector", "token", "create", "--data", self.path("data"))):
            with self.subTest(" ".join(command[:2])):
                self.refused(UNREACHED, ["data"], *command, as_nobody=True)

    def test_up_without_rights(self):
        folder = self.nobodys_folder("nobody")
        outcome = harness.run("skein", "up", "--data", os.path.join(folder, "data"),
                              "--for", "1s", as_nobody=True)
        self.check(outcome, (NONE, UNREACHED), "root")

    def test_sensor_without_rights(self):
        collector = self.start_collector()
        self.nobodys_folder("nobody")
        enrolled = self.enroll(collector.port, self.token(), "nobody/sensor", as_nobody=True)
        self.assertEqual(enrolled.status, 0, enrolled)
        self.check(self.run_sensor(collector.port, "nobody/sensor", as_nobody=True),
                   (NONE, UNREACHED), "root")


@harness.needs_root
class NoBtf(ErrorCase):
    """A kernel without type information: the file is hidden, for the program alone."""

    HIDE = ["unshare", "--mount", "sh", "-c",
            'mount --bind /dev/null /sys/kernel/btf/vmlinux && exec "$@"', "sh"]

    def test_up(self):
        outcome = harness.run("skein", "up", "--data", self.path("data"), "--for", "1s",
                              before=self.HIDE)
        self.check(outcome, (NONE, UNREACHED), "btf")

    def test_sensor(self):
        collector = self.start_collector()
        enrolled = self.enroll(collector.port, self.token())
        self.assertEqual(enrolled.status, 0, enrolled)
        self.check(self.run_sensor(collector.port, before=self.HIDE), (NONE, UNREACHED), "btf")
        self.assertEqual(collector.end(), 0, collector.errors())


if __name__ == "__main__":
    unittest.main()
