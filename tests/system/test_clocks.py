# SPDX-License-Identifier: Apache-2.0
"""Clocks that are set, of the collector and of sensors: what is in the store is what was told or
seen, once, and nobody is refused.
"""

import json
import os
import signal
import subprocess
import time
import unittest

import badline
import harness
import scene
import test_links
import told

DAY = 86400


class Replays(test_links.Case):
    """What is set in the middle of a replay, and set back."""

    def batch(self):
        """Waits for the next one."""
        before = self.collector.records()
        try:
            scene.wait_for(lambda: self.collector.records() > before, 20, "the next batch")
        except scene.SceneError as error:
            self.fail(f"{error}: {self.sensor.words()[-500:]} {self.collector.words()[-500:]}")

    def jumps(self, name):
        """One clock goes everywhere; each time batches come over the old connection and a new."""
        self.sensor.lines = 3 * test_links.LINES
        self.begin()
        for seconds in (3600, -3600, DAY, -DAY, 0):
            self.clocks[name].set(seconds)
            self.batch()
            self.collector.end(signal.SIGKILL)
            self.collector.start()
            self.batch()
        self.assertIsNone(self.sensor.process.poll(), "it was over before the last jump")
        self.finish()

    def test_of_the_collector(self):
        self.jumps("far")

    def test_of_the_sensor(self):
        self.jumps("near")


@harness.needs_root
class Live(unittest.TestCase):
    """The clock of a machine is set while its sensor watches."""

    PORT = 7711
    RATE = 40
    SECONDS = 11

    def setUp(self):
        harness.program("tests/setclock.so")
        self.line = badline.BadLine()
        self.addCleanup(self.line.close)
        self.clock = told.Clock(self.line.path("clock"))
        self.collector = told.Collector(self.line.directory)
        self.addCleanup(self.collector.close)
        self.collector.start()
        data = self.line.path("s")
        harness.enroll(self.collector.address, self.collector.data, data)
        clock = self.clock.environment()
        self.sensor = harness.Daemon(
            "skein-sensor", "--ebpf", "--collector", self.collector.address, "--data", data,
            "--interval", "1s",
            before=("env", *(f"{name}={clock[name]}" for name in ("SKEIN_CLOCK", "LD_PRELOAD"))))
        self.addCleanup(self.sensor.close)
        scene.wait_for(self.collector.records, 20, "the sensor's first words")
        payload = os.path.join(scene.HERE, "payload_server.py")
        server = subprocess.Popen(
            self.line.enter("far", scene.PYTHON, payload, str(self.PORT)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(scene.stop, server)
        scene.read_line(server.stdout, 15, "payload_server.py")

    def test_what_it_sees_counts_once(self):
        client = subprocess.Popen(
            self.line.enter("near", scene.PYTHON, os.path.join(scene.HERE, "payload_client.py"),
                            self.line.far, str(self.PORT), "server", "111", "2222",
                            "--count", str(self.RATE * self.SECONDS), "--rate", str(self.RATE)),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.addCleanup(scene.stop, client)
        for seconds in (3600, -3600, 1800, DAY, -DAY, 0):
            time.sleep(1.6)
            self.clock.set(seconds)
        said = json.loads(client.communicate(timeout=30)[0])
        time.sleep(2.5)  # intervals without news, and one more step
        self.clock.set(-DAY)
        time.sleep(2.5)
        self.assertEqual(self.sensor.end(), 0, self.sensor.errors())
        self.assertEqual(self.collector.end(signal.SIGTERM), 0, self.collector.words())
        flows = [f for f in harness.edges(self.collector.database)
                 if f.get("server_ip") == self.line.far]  # whatever else happens on this machine
        self.assertEqual(tuple(sum(f[name] for f in flows) for name in told.AMOUNTS),
                         tuple(said[name] for name in told.AMOUNTS))
        self.assertEqual(self.collector.ask("SELECT sum(rejected), sum(lost) FROM sensor"), (0, 0))
        found = told.levels(self.collector.database)
        self.assertEqual({found[level] for level in told.LEVELS}, {found["total"]})
        self.assertLessEqual(self.collector.ask(
            "SELECT sum(covered_ms) / 60000 FROM coverage")[0], 2)


if __name__ == "__main__":
    unittest.main()
