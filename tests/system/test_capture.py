# SPDX-License-Identifier: Apache-2.0
"""Processes that exit at once: how many of their connections are seen, and what the sensor
itself says of that; both in one network namespace, with packets steered between CPUs as well.
"""

import os
import shutil
import subprocess
import tempfile
import time
import unittest

import harness

NETNS = f"skeincapt{os.getpid()}"
COUNT = 20000
PORT = 7411


def watch(steer):
    """(machine, flows, connections made) of one watch over COUNT hasty processes."""
    subprocess.run(["ip", "netns", "exec", NETNS, "sh", "-c",
                    f"echo {steer} > /sys/class/net/lo/queues/rx-0/rps_cpus"], check=True)
    with tempfile.TemporaryDirectory(prefix="skeincapt") as folder:
        server = shutil.copy(harness.program("tests/hasty"), os.path.join(folder, "unhurried"))
        sensor = harness.Watch(120)
        try:
            time.sleep(1)
            made = subprocess.run(["ip", "netns", "exec", NETNS, harness.program("tests/hasty"),
                                   str(PORT), str(COUNT), server], capture_output=True,
                                  text=True, timeout=60, check=False).stdout
            time.sleep(2)
            machine, flows = sensor.end(early=True)
        finally:
            sensor.close()
    return machine, [f for f in flows if f["server_port"] == PORT], int(made)


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
                 f["server_process"] == "unhurried"]
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
