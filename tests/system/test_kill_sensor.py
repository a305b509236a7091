# SPDX-License-Identifier: Apache-2.0
"""A sensor that is killed in the middle of everything: both processes end, nothing of it stays
in the kernel, and what the next one tells is never what was told before.

What happened between the last word of one and the start of the next is lost, and no more.
"""

import json
import os
import random
import signal
import subprocess
import time
import unittest

import harness
import scene
from scene import Count, Edge

SEED = int(os.environ.get("SKEIN_SEED", "11"))
PORT, LONG, AFTER = 7340, 7341, 7342
RATE, SECONDS, KILLS = 50, 20, 4
UP, DOWN = 111, 2222
UNTOLD = 2.5     # seconds of traffic that a kill may take away besides the time it was down
AFTERWARDS = 40  # connections once the last one is up


def alive(pid):
    """False as well for one that is dead and not yet fetched."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@harness.needs_root
class KillSensor(unittest.TestCase):
    """The whole runs once; the tests look at what was noted."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.random = random.Random(SEED)
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.data = os.path.join(cls.scene.directory, "collector")
        cls.sensor_data = os.path.join(cls.scene.directory, "sensor")
        cls.database = os.path.join(cls.data, "skein.db")
        cls.scene.script(cls.scene.app, "payload_server.py", PORT, LONG, AFTER)
        cls.address = f"127.0.0.1:{harness.free_port()}"
        cls.collector = harness.Daemon("skein-collector", "--data", cls.data, "--listen",
                                       cls.address)
        cls.addClassCleanup(cls.collector.close)
        scene.wait_for(lambda: harness.listening(int(cls.address.split(":")[1])), 15,
                       "the collector's start")
        harness.enroll(cls.address, cls.data, cls.sensor_data)
        cls.sensor, cls.kills, cls.words = None, [], []
        cls.addClassCleanup(lambda: cls.sensor and cls.sensor.close())
        cls.run_all()

    @classmethod
    def start_sensor(cls):
        """Returns once it is attached."""
        cls.sensor = harness.Daemon("skein-sensor", "--ebpf", "--collector", cls.address,
                                    "--data", cls.sensor_data, "--interval", "1s")
        pid = cls.sensor.process.pid
        scene.wait_for(lambda: cls.sensor.process.poll() is not None or any(
            kind == "link" for kind, _ in harness.bpf_held(pid)), 15, "the sensor's start")
        if cls.sensor.process.poll() is not None:
            raise AssertionError(f"{cls.sensor} ended: {cls.sensor.errors()}")
        scene.wait_for(lambda: harness.children(pid), 10, "the courier's start")
        time.sleep(0.5)

    @classmethod
    def kill_sensor(cls):
        """Kills the watcher alone; notes what stayed, and for how long nobody watched."""
        pid = cls.sensor.process.pid
        couriers, held = harness.children(pid), harness.bpf_held(pid)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        cls.sensor.process.wait()
        while any(map(alive, couriers)) and time.monotonic() < began + 15:
            time.sleep(0.02)
        took = time.monotonic() - began
        for _ in range(50):  # the kernel frees maps a moment later
            left = held & harness.bpf_objects()
            if not left:
                break
            time.sleep(0.1)
        stays = [c for c in couriers if alive(c)]
        cls.words.append(cls.sensor.errors())
        cls.sensor.close()
        cls.start_sensor()
        cls.kills.append({"couriers": len(couriers), "held": len(held), "stays": stays,
                          "took": took, "left": left, "down": time.monotonic() - began})

    @classmethod
    def run_all(cls):
        """Traffic, and kills under it; then a little more with nobody killed."""
        here = cls.scene
        cls.start_sensor()
        cls.long = here.open_payload(here.app.v4, LONG, "client", UP, DOWN)
        time.sleep(4)  # told, and acknowledged
        client = here.spawn(
            here.client, scene.PYTHON, os.path.join(scene.HERE, "payload_client.py"),
            here.app.v4, str(PORT), "server", str(UP), str(DOWN), "--count",
            str(RATE * SECONDS), "--rate", str(RATE), name="traffic", stdout=subprocess.PIPE)
        for _ in range(KILLS):
            time.sleep(cls.random.uniform(1.5, 3))
            cls.kill_sensor()
        cls.said = json.loads(client.communicate(timeout=60)[0])
        here.next_step(cls.long)  # it exchanges, before the eyes of the last one
        cls.after = here.payload(here.app.v4, AFTER, "half", UP, DOWN, "--count",
                                 str(AFTERWARDS))
        time.sleep(1.5)
        cls.status = cls.sensor.end(40)
        cls.collector.end()
        cls.flows = {f["server_port"]: f for f in harness.edges(cls.database)
                     if f["server_port"] in (PORT, LONG, AFTER)}
        cls.count = len([f for f in harness.edges(cls.database)
                         if f["server_port"] in (PORT, LONG, AFTER)])

    def test_both_processes_end(self):
        """The courier within seconds, by itself."""
        for kill in self.kills:
            self.assertEqual(kill["couriers"], 1)
            self.assertEqual(kill["stays"], [])
            self.assertLess(kill["took"], 5)
        print("#   couriers ended after "
              + ", ".join(f"{k['took']:.2f}" for k in self.kills) + " s", flush=True)

    def test_nothing_stays_in_the_kernel(self):
        """Programs, maps and links."""
        for kill in self.kills:
            self.assertGreater(kill["held"], 3, "nothing was looked at")
            self.assertEqual(kill["left"], set())
        self.assertEqual(harness.left_in_kernel(), [])

    def test_restarts_are_clean(self):
        """The last one ends well, and none complained of what it found."""
        self.assertEqual(self.status, 0, self.sensor.errors())
        for words in [*self.words, self.sensor.errors()]:
            self.assertNotRegex(words, r"(?i)corrupt|damaged|cannot|duplicate")

    def test_nothing_is_counted_twice(self):
        """Never more than the truth, and less by no more than what nobody could see."""
        flow, opens = self.flows[PORT], self.said["opens"]
        lost = RATE * sum(kill["down"] + UNTOLD for kill in self.kills)
        print(f"#   seed {SEED}: {flow['opens']} of {opens} opens, {KILLS} kills; "
              f"down for {sum(k['down'] for k in self.kills):.1f} s", flush=True)
        self.assertLess(lost, opens, "the test proves nothing")
        self.assertLessEqual(flow["opens"], opens)
        self.assertGreaterEqual(flow["opens"], opens - lost)
        self.assertLessEqual(flow["bytes_to_server"], self.said["bytes_to_server"])
        self.assertLessEqual(flow["bytes_to_client"], self.said["bytes_to_client"])
        self.assertEqual(flow["failed"], 0)
        self.assertEqual(flow["live"], 0)

    def test_one_edge_each(self):
        """With the processes that it had before."""
        here = self.scene
        self.assertEqual(self.count, 3)
        for port in (PORT, LONG, AFTER):
            self.assertEqual(harness.edge_key(self.flows[port]), Edge(
                "payload_client.py", here.client.v4, "payload_server.py", here.app.v4, port))

    def test_a_connection_that_outlives_them_was_opened_once(self):
        """Told by the first, seeded by all others, and live at the end."""
        flow = self.flows[LONG]
        self.assertEqual((flow["opens"], flow["failed"], flow["live"]), (1, 0, 1))
        self.assertEqual((flow["bytes_to_server"], flow["bytes_to_client"]), (16 + UP, DOWN))

    def test_afterwards_everything_is_exact(self):
        said = self.after
        self.assertEqual(harness.edge_count(self.flows[AFTER]), Count(
            said["opens"], 0, said["bytes_to_server"], said["bytes_to_client"]))


if __name__ == "__main__":
    unittest.main()
