# SPDX-License-Identifier: Apache-2.0
"""Many short connections of processes that are gone at once, while others stay open.

The sensor looks at what is open every second, so some of these connections are open when it
looks and closed, their process gone, when it looks again: each must be counted once, of the
right process, to the byte.  What stays open makes the kernel's table of sockets large, and its
walk long, while it changes.
"""

import concurrent.futures
import os
import time
import unittest

import harness
import scene
from scene import Count, Edge

CURLS = 1200
AT_ONCE = 6
HELD = 1500  # connections that stay open
HELD_PORT = 7400

HOLDER = """
import socket, sys, time
server = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=64)
held = []
for _ in range(int(sys.argv[3])):
    held.append(socket.create_connection(server.getsockname()))
    held.append(server.accept()[0])
print("ready", flush=True)
time.sleep(300)
"""


@harness.needs_root
class Churn(unittest.TestCase):
    """The traffic runs once; the tests look at what was counted."""

    @classmethod
    def setUpClass(cls):
        harness.program("skein")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.scene.start_shop()
        path = os.path.join(cls.scene.directory, "holder.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(HOLDER)
        cls.scene.spawn_ready(cls.scene.app, scene.PYTHON, path, cls.scene.app.v4, str(HELD_PORT),
                              str(HELD), name="holder")
        data = os.path.join(cls.scene.directory, "data")
        cls.up = harness.Daemon("skein", "up", "--data", data)
        cls.addClassCleanup(cls.up.close)
        cls.up.first_words(10, quiet=1.0)
        began = time.monotonic()
        cls.curls = cls.run_curls(f"http://{cls.scene.web.v4}/")
        cls.seconds = time.monotonic() - began
        time.sleep(1.5)
        cls.status = cls.up.end()
        cls.flows = harness.edges(os.path.join(data, "skein.db"))

    @classmethod
    def run_curls(cls, url):
        """What each curl says of its own payload."""
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda _: cls.scene.curl(url), range(CURLS)))

    def to_port(self, port):
        """The edges of the scene to one port."""
        places = {host.v4 for host in self.scene.hosts.values()}
        return [flow for flow in self.flows
                if flow["server_port"] == port and flow["client_ip"] in places]

    def test_runs_over_several_intervals(self):
        self.assertEqual(self.status, 0, self.up.errors())
        self.assertGreater(self.seconds, 3)
        self.assertEqual({status for status, _, _ in self.curls}, {0})

    def test_each_connection_counts_once_to_the_byte(self):
        here = self.scene
        truth = {Edge("curl", here.client.v4, "nginx", here.web.v4, scene.WEB_PORT):
                 Count(CURLS, 0, sum(sent for _, sent, _ in self.curls),
                       sum(received for _, _, received in self.curls))}
        self.assertEqual(harness.compare(truth, self.to_port(scene.WEB_PORT)), "")

    def test_edges_behind_it_have_their_processes(self):
        for port, names in ((scene.APP_PORT, ("nginx", "shopapp.py")),
                            (scene.DATABASE_PORT, ("shopapp.py", "postgres"))):
            flows = self.to_port(port)
            self.assertEqual([(f["client_process"], f["server_process"], f["opens"])
                              for f in flows], [(*names, CURLS)])

    def test_what_stays_open_is_there(self):
        flows = self.to_port(HELD_PORT)
        self.assertEqual([(f["client_process"], f["server_process"], f["opens"], f["live"])
                          for f in flows], [("holder.py", "holder.py", 0, HELD)])


if __name__ == "__main__":
    unittest.main()
