#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Links and clocks that are bad for MIN minutes while recorded lines are replayed: exact totals.

    SKEIN_BUILD=build tests/links.py [MIN]

As root, in network namespaces of its own (make check-links MIN=10). Three sensors replay a file of lines
each, one of them through a relay, over a slow line; in the middle of that something happens, in an order
that is the same in every run (SKEIN_SEED chooses another): the link is cut, one way or both, up to for
minutes; it loses 30 %; it is dead while a sensor, the collector or the relay is killed and started again;
the clock of the collector or the sensors is set by an hour or a day and back. Then the link is mended, and
what is said is how long it took until all was in. At the end each level of the database must hold what the
lines say, once. tests/system/test_links.py is the short form.
"""

import os
import random
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "system"))

# pylint: disable=wrong-import-position
import badline
import told

MINUTES = float(sys.argv[1]) if len(sys.argv) > 1 else 10
SENSORS = (1, 2, 3)
RELAYED = 3
LINES = 24000  # in a file
PORT = 7720
DAY = 86400
MEND = 240  # seconds that all may take once the link is back


class Story:
    """What happens to whom."""

    def __init__(self, line, clocks):
        self.line = line
        self.clocks = clocks
        self.chance = random.Random(told.SEED)
        self.relay = None
        self.took = {}
        self.collector = None
        self.sensors = ()

    def start_relay(self):
        """Between the third sensor and the collector."""
        if self.relay:
            self.relay.signal(signal.SIGKILL)
            self.relay.close()
        self.relay = self.line.relay(self.collector.address, f"{self.line.middle_near}:{PORT}")

    def hurt(self, how, least, most):
        """For a while."""
        self.line.hurt(how)
        time.sleep(self.chance.uniform(least, most))

    # Faults; the link is mended by who calls them.

    def cut(self):
        """Both ways, for seconds."""
        self.hurt(badline.CUT, 2, 20)

    def long_cut(self):
        """For longer than either end waits."""
        self.hurt(badline.CUT, 40, min(240, 40 + 12 * MINUTES))

    def one_way(self):
        """Acknowledgements are lost, or what they are of."""
        self.hurt(self.chance.choice((badline.DEAF, badline.MUTE)), 2, 40)

    def loss(self):
        """30 %, either way."""
        self.hurt(badline.LOSSY, 5, 30)

    def sensors_killed(self):
        """Behind a dead link."""
        self.line.hurt(self.chance.choice((badline.CUT, badline.DEAF)))
        time.sleep(self.chance.uniform(0.1, 3))
        for sensor in self.sensors:
            if sensor.process.poll() is None:
                sensor.kill()
                sensor.start()
        time.sleep(self.chance.uniform(1, 40))

    def collector_killed(self):
        """Behind a dead link."""
        self.line.hurt(badline.CUT)
        self.collector.end(signal.SIGKILL)
        time.sleep(self.chance.uniform(0.1, 3))
        self.collector.start()
        time.sleep(self.chance.uniform(1, 40))

    def relay_killed(self):
        """Between two good links."""
        self.start_relay()

    def clock(self):
        """Of one end, with a new session under it or not."""
        clock = self.chance.choice(self.clocks)
        clock.set(self.chance.choice((3600, -3600, DAY, -DAY)))
        if self.chance.random() < 0.5:
            self.collector.end(signal.SIGKILL)
            self.collector.start()
        time.sleep(self.chance.uniform(0.5, 5))
        clock.set(self.chance.choice((0, clock.ahead)))  # some stay so until the next

    def round(self, fault):
        """Each sensor tells a file, and something happens meanwhile."""
        for sensor in self.sensors:
            sensor.write()
            sensor.start()
        time.sleep(self.chance.uniform(0.3, 3))
        fault()
        self.line.heal()
        began = time.monotonic()
        before = self.collector.records()
        first = None
        while any(sensor.process.poll() is None for sensor in self.sensors):
            if first is None and self.collector.records() > before:
                first = time.monotonic() - began
            if time.monotonic() > began + MEND:
                raise RuntimeError(f"after {fault.__name__}: it is not in after {MEND} s")
            time.sleep(0.1)
        if any(sensor.process.returncode for sensor in self.sensors):
            raise RuntimeError(f"after {fault.__name__}: a sensor ended badly")
        took = time.monotonic() - began
        if first is None:
            print(f"#    {fault.__name__}: all was in before the end of it", flush=True)
            return
        self.took.setdefault(fault.__name__, []).append((first, took))
        print(f"#    {fault.__name__}: a batch after {first:.1f} s, all after {took:.1f} s",
              flush=True)

    def __call__(self, collector, sensors):
        """For told.play."""
        self.collector, self.sensors = collector, sensors
        collector.start()
        self.start_relay()
        for sensor in sensors:
            sensor.enroll()
        faults = [self.cut, self.one_way, self.loss, self.sensors_killed, self.collector_killed,
                  self.relay_killed, self.clock, self.clock, self.long_cut]
        end = time.monotonic() + 60 * MINUTES
        while time.monotonic() < end:
            self.chance.shuffle(faults)
            for fault in faults:
                if time.monotonic() < end:
                    self.round(fault)
        for name, took in sorted(self.took.items()):
            (first, last), middle = map(max, zip(*took)), sorted(took)[len(took) // 2]
            print(f"#    {name}: {len(took)} times, a batch after {middle[0]:.1f} s, at most "
                  f"{first:.1f} s, and all after {middle[1]:.1f} s, at most {last:.1f} s")
        print(f"#    {sum(s.lines * s.files for s in sensors)} lines")
        self.relay.close()
        return [*(sensor.process.returncode for sensor in sensors), collector.end(signal.SIGTERM)]


def main():
    """Runs it in a directory that stays where something failed."""
    if os.geteuid():
        print("links: needs root, for network namespaces: sudo make check-links")
        return 2
    line = badline.BadLine("1mbit")
    try:
        directory = tempfile.mkdtemp(prefix="skein-links-")
        near, far = (told.Clock(os.path.join(directory, name)) for name in ("near", "far"))
        collector = told.Collector(directory, f"{line.far}:{PORT}", line.enter("far"), far,
                                   ("--relays", line.middle_far))
        sensors = [told.Sensor(collector, number, LINES, line.enter("near"), near)
                   for number in SENSORS]
        sensors[RELAYED - 1].address = f"{line.middle_near}:{PORT}"
        return told.play(collector, sensors, Story(line, (near, far)))
    finally:
        line.close()


if __name__ == "__main__":
    sys.exit(main())
