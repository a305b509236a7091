#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Collector and sensors that are killed again and again while recorded lines are replayed: exact totals.

    SKEIN_BUILD=build tests/kills.py [KILLS]

Needs no rights and no eBPF. Two sensors replay files of lines, one after the other, each told once
whatever happens. Now the collector dies by SIGKILL, now a sensor with both its processes, at moments
that are the same in every run (SKEIN_SEED chooses others), and comes back; sometimes the collector stays
away for a while. At the end each level of the database must hold what the lines say, once. SIGTERM ends
it with status 0. The usual run is short; `KILLS=200` is what is promised.
"""

import os
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "system"))

import told  # pylint: disable=wrong-import-position

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("KILLS", "20"))
SENSORS = (1, 2)
DRAIN = 120  # seconds that the sensors may take once the killing is over


def strike(chance, collector, sensors):
    """One kill, and the return of who was killed."""
    victim = chance.choice([None, *sensors])
    if victim is None:
        collector.end(signal.SIGKILL)
        time.sleep(chance.choice((0.0, 0.1, 0.3, 2.0)))
        collector.start()
    elif victim.process.poll() is None:
        victim.kill()
        victim.start()


def run(collector, sensors):
    """Lets the sensors tell, and kills; returns the statuses of all that ended by itself."""
    chance = random.Random(told.SEED)
    collector.start()
    statuses = []
    for sensor in sensors:
        sensor.enroll()
        sensor.write()
        sensor.start()
    for _ in range(KILLS):
        time.sleep(chance.uniform(0.02, 0.6))
        statuses += [s for s in (sensor.look() for sensor in sensors) if s]
        strike(chance, collector, sensors)
    statuses += [sensor.process.wait(timeout=DRAIN) for sensor in sensors]
    print(f"#    {KILLS} kills, of sensors {sum(s.kills for s in sensors)}; "
          f"{sum(s.lines * s.files for s in sensors)} lines")
    return [*statuses, collector.end(signal.SIGTERM)]


def main():
    """Runs it in a directory that stays where something failed."""
    collector = told.Collector(tempfile.mkdtemp(prefix="skein-kills-"))
    return told.play(collector, [told.Sensor(collector, number) for number in SENSORS], run)


if __name__ == "__main__":
    sys.exit(main())
