#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every decoder under sanitizers: run.py BUILD SECONDS

First each beginning of each seed and each seed with one byte wrong (walk.c), then the fuzzer from
there for so many seconds.  A finding, a leak, more than 10 s for one input or 2 GB fails.
"""

import glob
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
WALK_S = 300


def run(words, limit, env=None):
    """What went wrong, or "" and what was printed."""
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit, check=False,
                              env=dict(os.environ, **(env or {})))
    except subprocess.TimeoutExpired:
        return f"not done within {limit} s", ""
    text = done.stdout.decode(errors="replace")
    return (f"status {done.returncode}\n{text}" if done.returncode else ""), text


def main(build, seconds):
    """A line each, and how many went well."""
    passed = failed = 0
    keep = os.path.join(build, "fuzz", "corpus")
    if os.stat(build).st_uid != os.geteuid():  # nothing of root's in a tree of somebody else's
        keep = tempfile.mkdtemp(prefix="skein-fuzz-")
    for program in sorted(glob.glob(os.path.join(build, "fuzz", "tests", "fuzz_*"))):
        name = os.path.basename(program)
        if "." in name or not os.access(program, os.X_OK):
            continue
        seeds = os.path.join(HERE, "seeds", name[len("fuzz_"):])
        corpus = os.path.join(keep, name)
        os.makedirs(corpus, exist_ok=True)
        wrong, words = run([program], WALK_S, {"SKEIN_WALK": seeds})
        if not wrong:
            wrong, _ = run([program, f"-max_total_time={seconds}", "-timeout=10",
                            "-rss_limit_mb=2048", "-print_final_stats=0", "-verbosity=0",
                            f"-artifact_prefix={keep}/", corpus, seeds], seconds + 60)
        passed, failed = passed + (not wrong), failed + bool(wrong)
        print(f"{'FAIL' if wrong else 'ok':4} {name}: {words.strip()}, and {seconds} s of fuzzing"
              f"{': ' + wrong if wrong else ''}", flush=True)
    if not passed + failed:
        failed = 1
        print(f"there is no fuzzer in {build}/fuzz/tests")
    if not failed and not keep.startswith(build):
        shutil.rmtree(keep)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
