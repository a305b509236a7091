#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The grouper against its bars, on estates of fixed seeds: SKEIN=build/skein tests/groups_quality.py

Each number is the mean over the seeds; tests/bench/groups.py prints the whole table.
"""

import os
import shutil
import sys
import tempfile
import unittest
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "estate"))
import judge  # noqa: E402  (it stands in a folder beside)

SEEDS = (101, 102, 103)
HALF = 0.93  # ARI of half the window against the whole
SHUFFLED = 101  # the seed whose lines are shuffled too

# Name: level, knobs of the generator, and the least that ari, exact, shared_p, shared_r may be.
BARS = {
    "easy": ("easy", (), (.94, .80, .97, .84)),
    "medium": ("medium", (), (.90, .67, .95, .87)),
    "hard": ("hard", (), (.79, .40, .90, .86)),
    "integrated": ("medium", ("--ownport=1", "--integ=3"), (.88, .58, .93, .85)),
    "nameless": ("medium", ("--hint=0",), (.88, .64, .94, .85)),
    "made up": ("medium", (judge.MADE_UP,), (.90, .67, .95, .85)),
}
NUMBERS = ("ari", "exact", "shared_p", "shared_r")


def astray(estate, proposal):
    """What is wrong with the entries as a partition of the machines: words, or none."""
    known = sorted(estate.truth()["machines"])
    listed = sorted(m for entry in proposal.entries for m in entry["machines"])
    names = [entry["group"] for entry in proposal.entries]
    if listed != known:
        return f"{len(listed)} machines in entries, {len(known)} in the estate"
    if len(set(names)) != len(names) or not all(e["machines"] for e in proposal.entries):
        return "two entries of one name, or an empty one"
    return ""


def measure(name, seed):
    """The numbers of one estate."""
    level, knobs, _ = BARS[name]
    estate = judge.Estate(level, seed, 1000, knobs)
    with tempfile.TemporaryDirectory() as scratch:
        db = judge.fill(f"{scratch}/whole.db", estate)
        half = judge.Proposal(shutil.copy(db, f"{scratch}/half.db"),
                              "--until", str(estate.middle))
        whole = judge.Proposal(db)
        out = whole.score(estate, flows=False)
        out.update(name=name, astray=astray(estate, whole), half=judge.likeness(half, whole))
        if seed == SHUFFLED:
            mixed = judge.Proposal(judge.fill(f"{scratch}/mixed.db", estate, shuffle=True))
            out["same"] = mixed.text == whole.text
    return out


def measure_all():
    """By name, the numbers of every seed."""
    jobs = [(name, seed) for seed in SEEDS for name in BARS]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        numbers = list(pool.map(measure, *zip(*jobs)))
    return {name: [n for n in numbers if n["name"] == name] for name in BARS}


class Quality(unittest.TestCase):
    """Every bar by itself, so that what fails is named with how far it is off."""

    @classmethod
    def setUpClass(cls):
        cls.numbers = measure_all()

    def mean(self, name, key):
        """Over the seeds."""
        return sum(n[key] for n in self.numbers[name]) / len(self.numbers[name])

    def test_scores(self):
        for name, (_, _, bars) in BARS.items():
            for key, bar in zip(NUMBERS, bars):
                with self.subTest(estate=name, number=key):
                    self.assertGreaterEqual(self.mean(name, key), bar)

    def test_half_of_the_window_gives_nearly_the_same(self):
        for name in ("easy", "medium", "hard"):
            with self.subTest(estate=name):
                self.assertGreaterEqual(self.mean(name, "half"), HALF)

    def test_the_order_of_lines_does_not_matter(self):
        for name, numbers in self.numbers.items():
            with self.subTest(estate=name):
                self.assertEqual([n["same"] for n in numbers if "same" in n], [True])

    def test_every_machine_stands_in_one_entry(self):
        for name, numbers in self.numbers.items():
            with self.subTest(estate=name):
                self.assertEqual([n["astray"] for n in numbers], [""] * len(SEEDS))


def main():
    """Runs the tests and says how many there were."""
    program = unittest.main(exit=False, warnings="ignore")
    result = program.result
    failed = len({str(test).split(" ")[0] for test, _ in result.failures + result.errors})
    print(f"{max(result.testsRun - failed, 0)} passed, {failed} failed", flush=True)
    sys.exit(0 if result.wasSuccessful() else 1)


if __name__ == "__main__":
    main()
