# SPDX-License-Identifier: Apache-2.0
"""Estates made once and kept under build/, brought into databases, grouped and scored.

What tests/groups_quality.py and tests/bench/groups.py have in common.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BUILD = Path(os.environ.get("SKEIN_BUILD", ROOT / "build"))
SKEIN = os.path.abspath(os.environ.get("SKEIN", BUILD / "skein"))
MAKERS = sorted([HERE / "estate_gen.py", HERE / "made_up.py", *HERE.glob("topologies/*.json")])
MADE = hashlib.sha256(b"".join(path.read_bytes() for path in MAKERS)).hexdigest()[:8]
KEPT = BUILD / "estates" / MADE  # of one generator: another one makes its own
PLAIN = "/usr/bin/python3"
T0 = 1767225600  # when the window of every estate begins
DAYS = {"easy": 30, "medium": 14, "hard": 3}

sys.path.insert(0, str(HERE))
import made_up  # noqa: E402  (it stands beside this file)
import score_groups  # noqa: E402

MADE_UP = "--made-up"  # a knob of ours: topologies of no product

# Runs the command behind it and says what that took: a small process, since the peak of what
# it starts counts from its own size.
LAUNCH = """
import json, os, sys, time
out, began = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), time.monotonic()
pid = os.fork()
if pid == 0:
    os.dup2(out, 1)
    os.execv(sys.argv[2], sys.argv[2:])
_, status, use = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began,
                  use.ru_utime + use.ru_stime, use.ru_maxrss / 1024]))
"""


class Estate:
    """One estate on disk: its lines and its truth."""

    def __init__(self, level, seed, machines=1000, knobs=()):
        self.level, self.seed, self.machines, self.knobs = level, seed, machines, tuple(knobs)
        name = "-".join([level, str(machines), str(seed), *(k.lstrip("-") for k in knobs)])
        self.dir = KEPT / name
        self.truth_path = KEPT / f"{name}.truth.json"
        self.middle = T0 + DAYS[level] * 86400 // 2
        if not self.truth_path.exists():
            self.make()

    def make(self):
        """Generates it beside its place, so that half an estate is never taken for one."""
        KEPT.mkdir(parents=True, exist_ok=True)
        new = KEPT / f"{self.dir.name}.{os.getpid()}.new"
        with tempfile.TemporaryDirectory() as scratch:
            knobs = [f"--topologies={scratch}" if k == MADE_UP else k for k in self.knobs]
            made_up.main(scratch)
            subprocess.run([PLAIN, HERE / "estate_gen.py", "--machines", str(self.machines),
                            "--level", self.level, "--seed", str(self.seed), "--out", new,
                            "--truth", f"{new}.truth", *knobs],
                           check=True, stdout=subprocess.DEVNULL)
        self.dir.mkdir(exist_ok=True)
        for name in ("machines.jsonl", "flows.jsonl"):
            os.replace(new / name, self.dir / name)
        new.rmdir()
        os.replace(f"{new}.truth", self.truth_path)

    def truth(self):
        """Which application each machine belongs to."""
        return json.loads(self.truth_path.read_text())

    def lines(self, name):
        """The lines of machines or flows."""
        return (self.dir / f"{name}.jsonl").read_text().splitlines(keepends=True)


def tagged(estate, share=0.3, wrong=0.05):
    """Machine lines of which SHARE bear tags as a CMDB has them, some of those WRONG."""
    truth, chance = estate.truth()["machines"], random.Random(f"tags {estate.seed}")
    apps = sorted({m["group"] for m in truth.values() if not m["shared"]})
    owner = {app.rpartition("-")[0]: f"team {chance.randrange(1, 2 + len(apps) // 8)}"
             for app in apps}
    out = []
    for line in estate.lines("machines"):
        row = json.loads(line)
        app = truth[row["id"]]["group"]
        if not truth[row["id"]]["shared"] and chance.random() < share:
            if chance.random() < wrong:
                app = chance.choice(apps)
            code, _, env = app.rpartition("-")
            row.update(application=code, environment=env, owner=owner[code])
        out.append(json.dumps(row) + "\n")
    return out


def shuffled(lines, seed=7):
    """The same lines in another order."""
    lines = list(lines)
    random.Random(seed).shuffle(lines)
    return lines


def fill(db, estate, machines=None, shuffle=False):
    """A new database with the estate, or with other MACHINES lines, or all SHUFFLED."""
    files = []
    for name in ("machines", "flows"):
        lines = machines if name == "machines" and machines else None
        if shuffle:
            lines = shuffled(lines or estate.lines(name))
        path = estate.dir / f"{name}.jsonl"
        if lines:
            path = Path(f"{db}.{name}.jsonl")
            path.write_text("".join(lines))
        files.append(path)
    subprocess.run([SKEIN, "import", "--quiet", "--db", db, *files], check=True)
    return db


class Proposal:
    """What `skein groups --json` says of a database, and what it took."""

    def __init__(self, db, *options):
        path = f"{db}.groups.json"
        done = subprocess.run([PLAIN, "-I", "-S", "-c", LAUNCH, path, SKEIN, "groups",
                               "--db", str(db), "--json", "--quiet", *options],
                              check=True, stdout=subprocess.PIPE, text=True)
        status, self.wall, self.cpu, self.mib = json.loads(done.stdout)
        if status:
            raise RuntimeError(f"skein groups ended with {status}")
        self.path, self.text = path, Path(path).read_bytes()
        self.entries = json.loads(self.text)

    def places(self):
        """Group by machine."""
        return {m: entry["group"] for entry in self.entries for m in entry["machines"]}

    def score(self, estate, flows=True):
        """The scorer's numbers."""
        groups, shared, waves = score_groups.load_groups(self.path)
        return score_groups.score(estate.truth(), groups, shared,
                                  estate.dir / "flows.jsonl" if flows else None, waves)


def likeness(a, b):
    """ARI between two proposals, over the machines that both have."""
    a, b = a.places(), b.places()
    both = sorted(a.keys() & b.keys())
    return score_groups.partition_scores({m: a[m] for m in both},
                                         {m: b[m] for m in both})["ari"]


def neighbours(estate):
    """Who ever spoke with whom among the known machines, failures left out."""
    peers = defaultdict(set)
    for line in estate.lines("flows"):
        row = json.loads(line)
        if row["client"] and row["opens"] > row["failed"]:
            peers[row["client"]].add(row["server"])
            peers[row["server"]].add(row["client"])
    return peers


def peer(estate, rounds=30):
    """
    What a simple method gets: whoever has very many peers is shared, and the others take the
    label that most of their neighbours have, until nothing changes.
    """
    truth, near = estate.truth(), neighbours(estate)
    most = max(25, len(truth["machines"]) // 20)
    shared = {m for m in near if len(near[m]) > most}
    label = {m: m for m in truth["machines"] if m not in shared}
    order = shuffled(sorted(label))
    for _ in range(rounds):
        moved = 0
        for m in order:
            votes = Counter(label[n] for n in near[m] if n in label)
            best = min(votes, key=lambda k: (-votes[k], k)) if votes else label[m]
            if votes[best] > votes[label[m]]:
                label[m], moved = best, moved + 1
        if not moved:
            break
    return score_groups.score(truth, label, shared)
