# SPDX-License-Identifier: Apache-2.0
"""A collector that is killed and comes back while traffic runs loses nothing, doubles nothing.

The programs run as an administrator would start them by hand: token, enrolment, sensor.  The
collector dies by SIGKILL at moments that are random but the same in every run (SKEIN_SEED
chooses others), the last time just before the sensor is told to end, so that its last word
must wait for a collector that is not there.
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

SEED = int(os.environ.get("SKEIN_SEED", "7"))
PORT = 7300
RATE = 40
SECONDS = 15
KILLS = 6
# address family -> (mode, bytes up, bytes down) of its connections
TRAFFIC = {"v4": ("server", 111, 2222), "v6": ("client", 33, 4444)}


@harness.needs_root
class KillCollector(unittest.TestCase):
    """The whole runs once; the tests look at the totals."""

    maxDiff = None  # amounts are what a failure is about

    @classmethod
    def setUpClass(cls):
        for name in ("skein", "skein-collector", "skein-sensor"):
            harness.program(name)
        cls.random = random.Random(SEED)
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.data = os.path.join(cls.scene.directory, "collector")
        cls.sensor_data = os.path.join(cls.scene.directory, "sensor")
        cls.database = os.path.join(cls.data, "skein.db")
        cls.port = harness.free_port()
        cls.scene.script(cls.scene.app, "payload_server.py", PORT)
        cls.scene.start_witness()
        cls.collector = None
        cls.addClassCleanup(lambda: cls.collector and cls.collector.close())
        cls.start_collector()
        cls.enroll()
        cls.sensor = harness.Daemon(
            "skein-sensor", "--ebpf", "--collector", cls.address(), "--data", cls.sensor_data,
            "--interval", "1s")
        cls.addClassCleanup(cls.sensor.close)
        cls.wait_for_sensor()
        cls.said = cls.run_traffic()
        cls.sensor_status = cls.end_sensor()
        cls.collector_status = cls.collector.end()
        cls.flows = [flow for flow in harness.edges(cls.database)
                     if flow.get("server_port") == PORT]

    @classmethod
    def address(cls):
        """Where the collector listens; a fixed port, since it must come back there."""
        return f"127.0.0.1:{cls.port}"

    @classmethod
    def start_collector(cls):
        """Starts it, or starts it again, and waits until it listens."""
        if cls.collector:
            cls.collector.close()
        cls.collector = harness.Daemon("skein-collector", "--data", cls.data,
                                       "--listen", cls.address())
        scene.wait_for(
            lambda: harness.listening(cls.port) or cls.collector.process.poll() is not None,
            15, "the collector's start")
        if cls.collector.process.poll() is not None:
            raise AssertionError(f"{cls.collector} ended: {cls.collector.errors()}")

    @classmethod
    def kill_collector(cls):
        """As a power cut would."""
        cls.collector.signal(signal.SIGKILL)
        cls.collector.wait(5)

    @classmethod
    def enroll(cls):
        """Buys the sensor a certificate, as the two commands of the manual do."""
        made = harness.run("skein-collector", "token", "create", "--data", cls.data)
        if made.status != 0 or len(made.stdout.split()) != 1:
            raise AssertionError(str(made))
        enrolled = harness.run(
            "skein-sensor", "enroll", "--collector", cls.address(),
            "--token", made.stdout.strip(), "--data", cls.sensor_data)
        if enrolled.status != 0:
            raise AssertionError(str(enrolled))

    @classmethod
    def wait_for_sensor(cls):
        """Until its machine is in the database, and two intervals more."""
        def known():
            if cls.sensor.process.poll() is not None:
                raise AssertionError(f"{cls.sensor} ended: {cls.sensor.errors()}")
            outcome = harness.run("skein", "machines", "--db", cls.database, "--json")
            return outcome.status == 0 and json.loads(outcome.stdout)
        scene.wait_for(known, 20, "the sensor's first words to the collector")
        time.sleep(2)

    @classmethod
    def run_traffic(cls):
        """Runs the clients, kills the collector under them; returns what the clients say."""
        here = cls.scene
        clients = {}
        for family, (mode, up, down) in TRAFFIC.items():
            clients[family] = subprocess.Popen(
                here.client.enter(
                    scene.PYTHON, os.path.join(scene.HERE, "payload_client.py"),
                    getattr(here.app, family), str(PORT), mode, str(up), str(down),
                    "--count", str(RATE * SECONDS // len(TRAFFIC)),
                    "--rate", str(RATE / len(TRAFFIC))),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
            here.processes.append(clients[family])
        for _ in range(KILLS):
            time.sleep(cls.random.uniform(0.5, 2.2))
            cls.kill_collector()
            time.sleep(cls.random.uniform(0.0, 0.8))
            cls.start_collector()
        return {family: json.loads(client.communicate(timeout=60)[0])
                for family, client in clients.items()}

    @classmethod
    def end_sensor(cls):
        """Tells the sensor to end while the collector is dead; it must wait for its return."""
        cls.kill_collector()
        cls.sensor.signal(signal.SIGTERM)
        time.sleep(1.5)
        cls.start_collector()
        return cls.sensor.wait(40)

    def edge(self, family):
        """The edge of one family's traffic."""
        here = self.scene
        return Edge("payload_client.py", getattr(here.client, family),
                    "payload_server.py", getattr(here.app, family), PORT)

    def truth(self):
        """{Edge: Count} from what the clients say that they did."""
        return {self.edge(family): Count(said["opens"], 0, said["bytes_to_server"],
                                         said["bytes_to_client"])
                for family, said in self.said.items()}

    def test_programs_end_with_status_0(self):
        self.assertEqual(self.sensor_status, 0, self.sensor.errors())
        self.assertEqual(self.collector_status, 0, self.collector.errors())

    def test_witnesses_agree(self):
        """The truth itself: what the clients say is what the wire carried."""
        names = {(edge.client_ip, edge.server_ip, PORT):
                 (edge.client_process, edge.server_process) for edge in self.truth()}
        self.assertEqual(self.scene.truth(names), self.truth())

    def test_totals_are_exact(self):
        self.assertEqual(harness.compare(self.truth(), self.flows), "", f"seed {SEED}")

    def test_nothing_stays_in_the_spool(self):
        """Everything was acknowledged, so a second start has nothing to send again."""
        again = harness.Daemon("skein-collector", "--data", self.data,
                               "--listen", self.address())
        self.addCleanup(again.close)
        scene.wait_for(lambda: harness.listening(self.port), 15, "the collector's start")
        sensor = harness.Daemon(
            "skein-sensor", "--ebpf", "--collector", self.address(),
            "--data", self.sensor_data, "--interval", "1s")
        self.addCleanup(sensor.close)
        time.sleep(3)
        self.assertEqual(sensor.end(), 0, sensor.errors())
        self.assertEqual(again.end(), 0, again.errors())
        flows = [flow for flow in harness.edges(self.database)
                 if flow.get("server_port") == PORT]
        self.assertEqual(harness.compare(self.truth(), flows), "", f"seed {SEED}")


if __name__ == "__main__":
    unittest.main()
