# SPDX-License-Identifier: Apache-2.0
"""Recorded lines replayed into a real collector, killed again and again: what comes out is what
an import of the same file gives, and what a plain sum over its lines says.
"""

import collections
import json
import os
import random
import signal
import subprocess
import tempfile
import time
import unittest

import harness
import scene

SEED = int(os.environ.get("SKEIN_SEED", "7"))
MACHINES, FLOWS = 40, 80000
KILLS = 30
PORTS = (80, 443, 5432, 8080)
PROCESSES = ("nginx", "java", "postgres", "cron")
KINDS = ("refused", "timed_out", "unreachable", "reset")
AMOUNTS = ("opens", "failed", "bytes_to_server", "bytes_to_client", "retransmits", *KINDS)


def address(number):
    """Of the machine with that number."""
    return f"10.60.{number // 200}.{1 + number % 200}"


def machine(number):
    """Its line."""
    return {"type": "machine", "version": 1, "id": f"m{number}", "name": f"host{number}",
            "ips": [address(number)], "os": "Debian", "sensor": number == 0}


def flow(rng, client, server):
    """A line of one edge; times lie in the two hours before the newest."""
    opens = rng.randrange(1, 50)
    kinds = {kind: rng.randrange(0, 2) for kind in KINDS if opens > 8}
    line = {"type": "flow", "version": 1, "client": f"m{client}", "client_ip": address(client),
            "client_process": rng.choice(PROCESSES), "server": f"m{server}",
            "server_ip": address(server), "server_port": rng.choice(PORTS),
            "server_process": rng.choice(PROCESSES), "protocol": rng.choice(("tcp", "udp")),
            "opens": opens, "failed": sum(kinds.values()) + (opens > 8), **kinds,
            "bytes_to_server": rng.randrange(1 << 30), "bytes_to_client": rng.randrange(1 << 20),
            "first": 1767000000, "last": 1767000000 + rng.randrange(7200),
            "retransmits": rng.randrange(4), "witnesses": ["client", "server"]}
    if rng.random() < 0.2:
        del line["client_ip"]  # its machine is known by name alone
    return line


def estate(rng, flows):
    """Lines of an estate; machine lines come in between."""
    lines = [flow(rng, rng.randrange(MACHINES), rng.randrange(MACHINES)) for _ in range(flows)]
    for number in range(MACHINES):
        lines.insert(rng.randrange(len(lines)), machine(number))
    return lines


def write(path, lines):
    """As JSON lines; what is a string already stays."""
    with open(path, "w", encoding="utf-8") as file:
        for line in lines:
            file.write((line if isinstance(line, str) else json.dumps(line)) + "\n")


def key(line):
    """What an edge is."""
    return (line.get("client"), line.get("client_process"), line.get("server"),
            line.get("server_process"), line["server_port"], line.get("protocol", "tcp"))


def sums(lines):
    """{edge: amounts} of flow lines."""
    total = collections.defaultdict(collections.Counter)
    for line in lines:
        if line["type"] == "flow":
            total[key(line)].update({name: line.get(name, 0) for name in AMOUNTS})
    return {edge: {name: n for name, n in amounts.items() if n}
            for edge, amounts in total.items()}


def edges(database):
    """The same, of a database."""
    outcome = harness.run("skein", "edges", "--db", database, "--json=lines", timeout=60)
    if outcome.status:
        raise AssertionError(str(outcome))
    return sums([json.loads(line) for line in outcome.stdout.splitlines()])


class Replay(unittest.TestCase):
    """A collector for each test."""

    maxDiff = None

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="skeinreplay")
        self.addCleanup(self.folder.cleanup)
        self.random = random.Random(SEED)
        self.data = os.path.join(self.folder.name, "collector")
        self.sensor = os.path.join(self.folder.name, "sensor")
        self.database = os.path.join(self.data, "skein.db")
        self.address = f"127.0.0.1:{harness.free_port()}"
        self.file = os.path.join(self.folder.name, "lines.jsonl")
        self.collector = None
        self.start_collector()
        self.addCleanup(lambda: self.collector.close())

    def start_collector(self):
        """Returns once it listens."""
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        self.address)
        scene.wait_for(lambda: harness.listening(int(self.address.split(":")[1])), 15,
                       "the collector's start")

    def enroll(self, role):
        """This sensor, in that role."""
        token = harness.run("skein-collector", "token", "create", "--data", self.data, "--role",
                            role)
        done = harness.run("skein-sensor", "enroll", "--collector", self.address, "--token",
                           token.stdout.strip(), "--data", self.sensor)
        self.assertEqual((token.status, done.status), (0, 0), f"{token}\n{done}")

    def arguments(self, *more):
        """Of a replay."""
        return ("--replay", self.file, "--collector", self.address, "--data", self.sensor, *more)

    def replay(self, *more, **options):
        """To its end."""
        return harness.run("skein-sensor", *self.arguments(*more), timeout=120, **options)

    def begin(self):
        """In a group of its own, to be killed as a whole."""
        return subprocess.Popen(
            [harness.program("skein-sensor"), *self.arguments()], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def imported(self):
        """Edges of an import of the same file."""
        database = os.path.join(self.folder.name, "import.db")
        outcome = harness.run("skein", "import", "--db", database, self.file, timeout=60)
        self.assertIn(outcome.status, (0, 4), outcome)
        return edges(database)

    def test_killed_at_random_it_is_what_an_import_is(self):
        """Both processes, with the collector there, and away, and killed as well."""
        lines = estate(self.random, FLOWS)
        write(self.file, lines)
        self.enroll("mirror")
        ended = 0
        for kill in range(KILLS):
            if kill == 10:  # for a while nobody is there
                self.collector.signal(signal.SIGKILL)
                self.collector.close()
            elif kill == 15:
                self.start_collector()
            process = self.begin()
            time.sleep(self.random.uniform(0.01, 0.15))
            ended += process.poll() is not None
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        outcome = self.replay()
        print(f"#   seed {SEED}: {KILLS} kills, {ended} had ended", flush=True)
        self.assertEqual(outcome.status, 0, outcome)
        self.assertLess(ended, KILLS // 2, "the test proves nothing")
        self.collector.end()
        self.assertEqual(edges(self.database), sums(lines))
        self.assertEqual(edges(self.database), self.imported())

    def test_to_the_end_it_is_told_once(self):
        """Again it says so, with --again it tells it once more."""
        lines = estate(self.random, 300)
        write(self.file, lines)
        self.enroll("mirror")
        self.assertEqual(self.replay().status, 0)
        again = self.replay()
        self.assertEqual(again.status, 0, again)
        self.assertIn("told before", again.stderr)
        self.assertEqual(edges(self.database), sums(lines))
        self.assertEqual(self.replay("--again").status, 0)
        self.assertEqual(edges(self.database), sums(lines + lines))

    def test_newest_is_now(self):
        """Times keep their distances."""
        lines = estate(self.random, 300)
        write(self.file, lines)
        self.enroll("mirror")
        before = time.time()
        self.assertEqual(self.replay().status, 0)
        lasts = [f["last"] for f in harness.edges(self.database)]
        self.assertAlmostEqual(max(lasts), before, delta=10)
        wanted = {key(line): 0 for line in lines if line["type"] == "flow"}
        for line in lines:
            if line["type"] == "flow":
                wanted[key(line)] = max(wanted[key(line)], line["last"])
        newest = max(wanted.values())
        for found in harness.edges(self.database):
            self.assertAlmostEqual(max(lasts) - found["last"], newest - wanted[key(found)],
                                   delta=2)

    def test_damaged_lines_are_named_and_left_out(self):
        """And the status says so, then and when it is asked again."""
        lines = estate(self.random, 100)
        write(self.file, [*lines[:50], "{\"type\":\"flow\"", *lines[50:], "nonsense",
                          {"type": "flow", "client": "nobody-knows-it", "server_ip": "10.0.0.1",
                           "server_port": 1}])
        self.enroll("mirror")
        outcome = self.replay()
        self.assertEqual(outcome.status, 4, outcome)
        self.assertRegex(outcome.stderr, r"lines\.jsonl:51: ")
        self.assertRegex(outcome.stderr, r"lines\.jsonl:142: ")
        self.assertRegex(outcome.stderr, r"lines\.jsonl:143: no address is known of the client")
        self.assertEqual(edges(self.database), sums(lines))
        self.assertEqual(self.replay().status, 4)

    def test_standard_input_and_several_files(self):
        """Each is read, in its order."""
        lines = estate(self.random, 200)
        write(self.file, lines[:120])
        self.enroll("mirror")
        rest = "".join(json.dumps(line) + "\n" for line in lines[120:])
        outcome = harness.run("skein-sensor", "--replay", self.file, "-", "--collector",
                              self.address, "--data", self.sensor, input=rest)
        self.assertEqual(outcome.status, 0, outcome)
        self.assertEqual(edges(self.database), sums(lines))

    def test_a_host_tells_of_itself_alone(self):
        """The machine that had a sensor; the rest is said to be left out."""
        lines = [machine(0), machine(1), flow(self.random, 0, 1), flow(self.random, 1, 0),
                 flow(self.random, 1, 2)]
        for line in lines[2:]:
            line.update(client_ip=address(int(line["client"][1:])))
        write(self.file, lines)
        self.enroll("host")
        outcome = self.replay()
        self.assertEqual(outcome.status, 4, outcome)
        self.assertIn("2 lines are of other machines", outcome.stderr)
        self.assertEqual(self.replay().status, 4)
        found = harness.edges(self.database)
        self.assertEqual(sorted((f["client_ip"], f["server_ip"], f["opens"]) for f in found),
                         sorted((f["client_ip"], f["server_ip"], f["opens"])
                                for f in lines[2:4]))
        self.assertEqual({f["client_ip"]: f["client"] for f in found}[address(0)], "m0")

    def test_what_cannot_be_written_is_said(self):
        """A spool that another sensor has, a file that is not there, no place to keep."""
        write(self.file, estate(self.random, 10))
        outcome = self.replay()
        self.assertEqual(outcome.status, 3, outcome)
        self.assertIn("not enrolled", outcome.stderr)
        self.enroll("mirror")
        os.rename(self.file, self.file + ".away")
        outcome = self.replay()
        self.assertEqual(outcome.status, 3, outcome)
        self.assertRegex(outcome.stderr, r"lines\.jsonl: No such file")
        os.rename(self.file + ".away", self.file)
        outcome = self.replay("--spool-size", "0")
        self.assertEqual(outcome.status, 2, outcome)
        self.assertEqual(self.replay().status, 0)
        place = os.path.join(self.sensor, "spool", "place")
        with open(place, "r+b") as file:
            file.write(b"\xff")
        outcome = self.replay()
        self.assertEqual(outcome.status, 3, outcome)
        self.assertRegex(outcome.stderr, r"spool/place is damaged.*--again")


if __name__ == "__main__":
    unittest.main()
