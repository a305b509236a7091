#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How good the grouper is and what it takes, on estates of fixed seeds: make bench-groups.

A row is the mean over its seeds.  "peer" is a simple method over the same estate in the same
run (no hubs, then label propagation), which tells how hard the estate is.
"""

import argparse
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "estate"))
import judge  # noqa: E402  (it stands in a folder beside)

LARGE = 20000

# Name, level, knobs of the generator, with tags.
ROWS = (("easy", "easy", (), False),
        ("medium", "medium", (), False),
        ("hard", "hard", (), False),
        ("medium, integrated on own ports", "medium", ("--ownport=1", "--integ=3"), False),
        ("medium, names say nothing", "medium", ("--hint=0",), False),
        ("medium, applications of no product", "medium", (judge.MADE_UP,), False),
        ("medium, 30 % have tags", "medium", (), True),
        ("hard, 30 % have tags", "hard", (), True))

# Heading, key, decimals.
COLUMNS = (("ARI", "ari", 3), ("exact", "exact", 3), ("ceiling", "ceiling_exact", 3),
           ("shared P", "shared_p", 3), ("shared R", "shared_r", 3),
           ("env mixed", "env_mixed_groups", 3), ("waves split", "wave_split_conns", 2),
           ("s", "wall", 2), ("CPU s", "cpu", 2), ("MiB", "mib", 0), ("half ARI", "half", 3),
           ("peer ARI", "peer_ari", 3), ("peer exact", "peer_exact", 3))


def measure(level, knobs, tags, seed, machines):
    """The numbers of one estate."""
    estate = judge.Estate(level, seed, machines, knobs)
    lines = judge.tagged(estate) if tags else None
    with tempfile.TemporaryDirectory() as scratch:
        db = judge.fill(f"{scratch}/whole.db", estate, lines)
        half = judge.Proposal(shutil.copy(db, f"{scratch}/half.db"),
                              "--until", str(estate.middle))
        whole = judge.Proposal(db)
        mixed = judge.Proposal(judge.fill(f"{scratch}/mixed.db", estate, lines, shuffle=True))
        out = whole.score(estate)
        other = judge.peer(estate)
        out.update(wall=whole.wall, cpu=whole.cpu, mib=whole.mib,
                   half=judge.likeness(half, whole), same=whole.text == mixed.text,
                   peer_ari=other["ari"], peer_exact=other["exact"])
    return out


def mean(numbers, key):
    """The mean of what there is of a key; None for nothing."""
    known = [n[key] for n in numbers if key in n]
    return sum(known) / len(known) if known else None


def cells(name, numbers):
    """A row as text."""
    out = [name]
    for _, key, decimals in COLUMNS:
        value = mean(numbers, key)
        out.append("-" if value is None else f"{value:.{decimals}f}")
    out.append("yes" if all(n["same"] for n in numbers) else "NO")
    return out


def show(table, markdown):
    """Prints the table, in columns or as Markdown."""
    width = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    for n, row in enumerate(table):
        padded = [cell.rjust(w) if i else cell.ljust(w)
                  for i, (cell, w) in enumerate(zip(row, width))]
        print("| " + " | ".join(padded) + " |" if markdown else "  ".join(padded).rstrip())
        if markdown and n == 0:
            print("|" + "|".join(("-" * (w + 1) + ":") if i else "-" * (w + 2)
                                 for i, w in enumerate(width)) + "|")


def arguments():
    """The command line."""
    ap = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    ap.add_argument("--seeds", default="11,12,13", help="of each row (%(default)s)")
    ap.add_argument("--machines", type=int, default=1000, help="of each row (%(default)s)")
    ap.add_argument("--large", type=int, default=LARGE,
                    help="machines of the last row, which has one seed; 0: no such row")
    ap.add_argument("--quick", action="store_true", help="one seed, and no large row")
    ap.add_argument("--markdown", action="store_true", help="as it stands in the README")
    ap.add_argument("--jobs", type=int, default=1,
                    help="estates at once; more than one makes the times worse")
    return ap.parse_args()


def main():
    """Prints the table; 1 if an order of lines changed a byte."""
    opt = arguments()
    seeds = opt.seeds.split(",")[:1 if opt.quick else None]
    rows = [(name, [(level, knobs, tags, seed, opt.machines) for seed in seeds])
            for name, level, knobs, tags in ROWS]
    if opt.large and not opt.quick:
        rows.append((f"medium, {opt.large:,} machines",
                     [("medium", (), False, seeds[0], opt.large)]))
    table = [["estate", *(c[0] for c in COLUMNS), "same bytes"]]
    with ProcessPoolExecutor(opt.jobs) as pool:
        for name, estates in rows:
            numbers = list(pool.map(measure, *zip(*estates)))
            table.append(cells(name, numbers))
            if sys.stderr.isatty():
                print(f"  {name}", file=sys.stderr)
    show(table, opt.markdown)
    return 0 if all(row[-1] == "yes" for row in table[1:]) else 1


if __name__ == "__main__":
    sys.exit(main())
