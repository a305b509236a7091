# SPDX-License-Identifier: Apache-2.0
"""Processes that exit at once: how many of their connections are seen, and what the sensor
itself says of that; both in one network namespace, with packets steered between CPUs as well.
"""

import json
import os
import subprocess
import tempfile
import time
import unittest

import harness

NETNS = f"skeincapt{os.getpid()}"
COUNT = 10000
PORT = 7411


def watch(steer):
    """(machine, flows, connections made) of one watch over COUNT hasty processes."""
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "watch.jsonl")
        ready, wait = os.pipe()
        subprocess.run(["ip", "netns", "exec", NETNS, "sh", "-c",
                        f"echo {steer} > /sys/class/net/lo/queues/rx-0/rps_cpus"], check=True)
        sensor = subprocess.Popen(
            [harness.program("skein-sensor"), "--ebpf", "--once", "14s", "--out", out,
             "--interval", "1s", "--cpu-budget", "0", "--ready-fd", str(wait)],
            pass_fds=[wait], stderr=subprocess.PIPE, text=True)
        os.close(wait)
        with os.fdopen(ready) as file:
            assert file.readline() == "ready\n"
        time.sleep(1)
        made = subprocess.run(["ip", "netns", "exec", NETNS, harness.program("tests/hasty"),
                               str(PORT), str(COUNT)], capture_output=True, text=True,
                              timeout=60, check=False).stdout
        words = sensor.communicate(timeout=60)[1]
        assert sensor.returncode == 0, words
        with open(out, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
    flows = [f for f in lines if f["type"] == "flow" and f["server_port"] == PORT]
    return lines[0], flows, int(made)


class Capture(unittest.TestCase):
    """What is claimed and what is true."""

    @classmethod
    def setUpClass(cls):
        subprocess.run(["ip", "netns", "add", NETNS], check=True)
        cls.addClassCleanup(subprocess.run, ["ip", "netns", "del", NETNS], check=False)
        subprocess.run(["ip", "-n", NETNS, "link", "set", "lo", "up"], check=True)

    def check(self, steer):
        """At least 99.9 % with the right process; the claim within 0.1 % of the truth."""
        machine, flows, made = watch(steer)
        self.assertEqual(made, COUNT)
        right = [f for f in flows if f["client_process"] == "hasty" and
                 f["server_process"] == "hasty"]
        seen = sum(f["opens"] for f in right)
        print(f"#   {seen} of {made} with the right process; the sensor says "
              f"{machine['opens_seen']} of {machine['opens_kernel']} opens on this host")
        self.assertGreaterEqual(seen, made * 0.999)
        self.assertLessEqual(seen, made)
        claim = machine["opens_seen"] / machine["opens_kernel"]
        self.assertGreaterEqual(machine["opens_kernel"], 2 * made)
        self.assertAlmostEqual(claim, seen / made, delta=0.001)

    def test_processes_that_exit_at_once(self):
        """As the kernel does it by itself."""
        self.check("0")

    def test_packets_steered_between_cpus(self):
        """Receive packet steering: the other end's events come on another CPU."""
        self.check("3")


if __name__ == "__main__":
    unittest.main()
