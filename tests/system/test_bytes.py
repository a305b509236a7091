# SPDX-License-Identifier: Apache-2.0
"""Payload to the byte, whoever closes and however: each way of ending has a port of its own.

TCP's counters include the SYN and the FIN on one side or the other, depending on who closed
first, and a connection that is reset ends without the usual goodbye.  The truth is what the
two ends agreed to send (payload.py), checked against the wire.
"""

import json
import os
import signal
import unittest

import harness
import payload
import scene
from scene import Count, Edge

BASE_PORT = 7100
LOOPBACK_PORT = 7200
# mode -> (bytes up, bytes down) of its connections
CONNECTIONS = {
    "client": [(0, 0), (1, 1), (1460, 0), (100000, 33)],
    "server": [(0, 1), (5, 1461), (7, 250000)],
    "half": [(0, 0), (123, 456), (65536, 65537), (3, 5 << 20)],
    "reset": [(100, 1), (9, 2000)],
    "silent": [(0, 0), (0, 0)],
}
LOOPBACK = 3  # connections inside each of two hosts


@harness.needs_root
class Bytes(unittest.TestCase):
    """The scene runs once under `skein up`, which SIGINT ends."""

    @classmethod
    def setUpClass(cls):
        harness.program("skein")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        ports = [cls.port(mode) for mode in payload.MODES]
        cls.scene.script(cls.scene.app, "payload_server.py", *ports)
        for host in (cls.scene.app, cls.scene.db):
            cls.scene.script(host, "payload_server.py", LOOPBACK_PORT)
        cls.scene.start_witness()
        data = os.path.join(cls.scene.directory, "data")
        cls.up = harness.Daemon("skein", "up", "--data", data)
        cls.addClassCleanup(cls.up.close)
        cls.up.first_words(10, quiet=1.5)
        cls.make_traffic()
        cls.up.signal(signal.SIGINT)
        cls.status = cls.up.wait(40)
        cls.flows = [flow for flow in harness.edges(os.path.join(data, "skein.db"))
                     if flow.get("client_process") == "payload_client.py"]

    @staticmethod
    def port(mode):
        """The port that serves one way of ending."""
        return BASE_PORT + payload.MODES.index(mode)

    @classmethod
    def make_traffic(cls):
        """Every connection over both families; then some that never leave their host."""
        for mode, sizes in CONNECTIONS.items():
            for up, down in sizes:
                for address in (cls.scene.app.v4, cls.scene.app.v6):
                    cls.scene.payload(address, cls.port(mode), mode, up, down)
        client = os.path.join(scene.HERE, "payload_client.py")
        for host in (cls.scene.app, cls.scene.db):
            said = scene.call(*host.enter(
                scene.PYTHON, client, "127.0.0.1", str(LOOPBACK_PORT), "client", "10", "20",
                "--count", str(LOOPBACK)))
            assert json.loads(said)["opens"] == LOOPBACK

    def truth(self, mode):
        """{Edge: Count} of one way of ending, from what the two ends agreed to send."""
        here = self.scene
        sizes = CONNECTIONS[mode]
        count = Count(len(sizes), 0,
                      sum(payload.bytes_to_server(mode, up) for up, _ in sizes),
                      sum(payload.bytes_to_client(mode, down) for _, down in sizes))
        return {Edge("payload_client.py", client, "payload_server.py", server,
                     self.port(mode)): count
                for client, server in ((here.client.v4, here.app.v4),
                                       (here.client.v6, here.app.v6))}

    def test_an_interrupt_ends_it_with_status_0(self):
        self.assertEqual(self.status, 0, self.up.errors())

    def test_witnesses_agree(self):
        """The truth itself: what the ends say they sent is what the wire carried."""
        here = self.scene
        ends = ("payload_client.py", "payload_server.py")
        names = {(client, server, self.port(mode)): ends
                 for mode in CONNECTIONS
                 for client, server in ((here.client.v4, here.app.v4),
                                        (here.client.v6, here.app.v6))}
        expected = {}
        for mode in CONNECTIONS:
            expected.update(self.truth(mode))
        self.assertEqual(here.truth(names), expected)

    def test_bytes_of_each_way_to_end(self):
        for mode in CONNECTIONS:
            with self.subTest(mode):
                flows = [f for f in self.flows if f["server_port"] == self.port(mode)]
                self.assertEqual(harness.compare(self.truth(mode), flows), "")

    def test_loopback_inside_two_namespaces(self):
        """Two hosts' 127.0.0.1 are two places: nothing is mixed, nothing counted twice."""
        flows = [f for f in self.flows if f["server_port"] == LOOPBACK_PORT]
        counts = [harness.edge_count(f) for f in flows]
        self.assertEqual(sum(c.opens for c in counts), 2 * LOOPBACK, flows)
        self.assertEqual(sum(c.bytes_to_server for c in counts), 2 * LOOPBACK * 26, flows)
        self.assertEqual(sum(c.bytes_to_client for c in counts), 2 * LOOPBACK * 20, flows)
        for flow in flows:
            self.assertEqual(flow["server_process"], "payload_server.py", flow)


if __name__ == "__main__":
    unittest.main()
