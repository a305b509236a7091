# SPDX-License-Identifier: Apache-2.0
"""SIGHUP: the configuration is read again, and one that is bad changes nothing."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

import harness


@harness.needs_root
class Reload(unittest.TestCase):
    """One sensor that shows what it would send, and its log."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-reload-")
        self.conf = os.path.join(self.folder, "sensor.conf")
        self.log = os.path.join(self.folder, "log")
        self.write("interval = 60s\n")
        with open(self.log, "w", encoding="utf-8") as log:
            self.sensor = subprocess.Popen(
                [harness.program("skein-sensor"), "--show-what-you-send", "--config", self.conf],
                stdout=subprocess.DEVNULL, stderr=log)
        self.addCleanup(self.end)
        time.sleep(2)

    def end(self):
        """Nothing of it stays."""
        self.sensor.terminate()
        self.sensor.wait(20)

    def write(self, text):
        """The whole configuration."""
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(text)

    def hang_up(self, *words):
        """Sends SIGHUP; the words come in the log."""
        self.sensor.send_signal(signal.SIGHUP)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            with open(self.log, encoding="utf-8") as log:
                text = log.read()
            if all(word in text for word in words):
                return
            time.sleep(0.1)
        self.fail(f"{words} not in {text!r}")

    def test_good_and_bad(self):
        self.write("interval = 5s\ncpu-budget = 3\n")
        self.hang_up("an interval of 5 s, 3.0 % of a core")
        self.write("interval = 7s\n")
        self.hang_up("is not taken", "sensor.conf:1", "7s")
        self.assertIsNone(self.sensor.poll())


if __name__ == "__main__":
    unittest.main()
