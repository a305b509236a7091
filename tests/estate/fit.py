# SPDX-License-Identifier: Apache-2.0
"""Fits the grouper's models again: generates the estates and prints graph/fit.c.

    make fit            writes graph/fit.c

Seeds begin with "fit-", so that no estate that judges the grouper is among them.
"""

import os
import subprocess
import sys

from pathlib import Path

import judge

# Name of the level, knobs of the generator, machines, seeds.
ESTATES = [("easy", (), 1000, 5),
           ("medium", (), 1000, 5),
           ("hard", (), 1000, 5),
           ("medium", ("--ownport", "1", "--integ", "3"), 1000, 5),
           ("medium", ("--hint", "0"), 1000, 5),
           ("medium", (), 300, 5),
           ("hard", (), 300, 5),
           ("hard", ("--ownport", "1"), 1000, 5),
           ("medium", ("--shareddb", ".4", "--days", "7"), 1000, 5),
           ("medium", (), 4000, 2),
           ("hard", (), 4000, 2)]


def main(build):
    """Makes databases and truths under BUILD, and hands them to the fitting program."""
    work = Path(build, "fit").resolve()
    work.mkdir(parents=True, exist_ok=True)
    pairs = []
    for number, (level, knobs, machines, seeds) in enumerate(ESTATES):
        for seed in range(1, seeds + 1):
            name = work / f"{number:02}-{seed}"
            database, truth = f"{name}.db", f"{name}.truth.json"
            if not os.path.exists(database):
                subprocess.run([sys.executable, str(judge.HERE / "estate_gen.py"),
                                "--machines", str(machines), "--level", level, "--seed",
                                f"fit-{seed}", *knobs, "--out", str(name), "--truth", truth],
                               check=True, stdout=subprocess.DEVNULL)
                subprocess.run([str(Path(build, "skein").resolve()), "import",
                                "-q", "--db", database, f"{name}/machines.jsonl",
                                f"{name}/flows.jsonl"], check=True)
            pairs += [database, truth]
    subprocess.run([str(Path(build, "tests", "fit").resolve()), *pairs],
                   check=True)


if __name__ == "__main__":
    main(sys.argv[1])
