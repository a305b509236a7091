# SPDX-License-Identifier: Apache-2.0
"""The main line, as a new user would try it: from connections on this machine to a picture.

One `skein up` watches curl -> nginx -> shopapp.py -> PostgreSQL, each in its own network
namespace, and must tell exactly what the wire's own witness tells (wire_witness.py).

Two connections are older than `skein up`.  psql's session stays open beyond the end, so its
edge has opens 0 and live 1.  The other, on a port of its own, is silent until Skein watches;
then it carries known bytes and closes: opens 0, live 0, and its bytes exact.
"""

import os
import re
import shutil
import tempfile
import time
import unittest
import xml.etree.ElementTree

import harness
import scene
from scene import Count, Edge

WATCH = 25  # seconds
REQUESTS = 7
REQUESTS_V6 = 2
REFUSED = 3
EARLY_PORT = 7000
EARLY_UP, EARLY_DOWN = 1000, 54321


def visible_text(svg):
    """All words of an SVG file that a reader sees or can hover over."""
    root = xml.etree.ElementTree.fromstring(svg)
    return "\n".join("".join(element.itertext()).strip() for element in root.iter()
                     if element.tag.rpartition("}")[2] in ("text", "title", "desc"))


@harness.needs_root
class MainLine(unittest.TestCase):
    """The scene runs once; each test looks at one side of what came out."""

    @classmethod
    def setUpClass(cls):
        harness.program("skein")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.scene.start_shop()
        cls.scene.script(cls.scene.app, "payload_server.py", EARLY_PORT)
        psql = cls.scene.open_psql()
        early = cls.scene.open_payload(cls.scene.app.v4, EARLY_PORT, "client",
                                       EARLY_UP, EARLY_DOWN)
        cls.scene.start_witness()
        cls.data = os.path.join(cls.scene.directory, "data")
        cls.database = os.path.join(cls.data, "skein.db")
        cls.map = os.path.join(cls.data, "map.svg")
        cls.began = int(time.time())
        cls.up = harness.Daemon("skein", "up", "--data", cls.data, "--for", f"{WATCH}s")
        cls.addClassCleanup(cls.up.close)
        cls.first_words = cls.up.first_words(10, quiet=1.5)
        cls.first_map = cls.map_within(5)
        cls.curls = cls.make_traffic(psql, early)
        cls.status = cls.up.wait(WATCH + 40)
        cls.ended = int(time.time())
        cls.edges = cls.read_edges()

    @classmethod
    def map_within(cls, seconds):
        """True if a picture is there within some seconds, while Skein still watches."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if os.path.exists(cls.map):
                return True
            time.sleep(0.1)
        return False

    @classmethod
    def make_traffic(cls, psql, early):
        """All traffic that is counted; returns what curl says of its requests."""
        here = cls.scene
        web, web6 = f"http://{here.web.v4}/", f"http://[{here.web.v6}]/"
        curls = [here.curl(web) for _ in range(REQUESTS)]
        curls += [here.curl(web6) for _ in range(REQUESTS_V6)]
        for _ in range(REFUSED):
            here.curl(f"http://{here.web.v4}:{scene.CLOSED_PORT}/")
        here.ask_psql(psql)
        here.next_step(early)
        here.next_step(early)
        return curls

    @classmethod
    def read_edges(cls):
        """The edges between the scene's addresses; the machine itself may have others."""
        network = (cls.scene.client.v4.rpartition(".")[0] + ".",
                   cls.scene.client.v6.rpartition(":")[0] + ":")
        return [flow for flow in harness.edges(cls.database)
                if flow.get("protocol", "tcp") == "tcp"
                and ((flow.get("client_ip") or "").startswith(network)
                     or (flow.get("server_ip") or "").startswith(network))]

    def early_edges(self):
        """The edges of the two connections that are older than Skein's watch."""
        here = self.scene
        return (
            Edge("psql", here.client.v4, "postgres", here.db.v4, scene.DATABASE_PORT),
            Edge("payload_client.py", here.client.v4, "payload_server.py", here.app.v4,
                 EARLY_PORT))

    def edge(self, key):
        """The one flow with that name."""
        found = [flow for flow in self.edges if harness.edge_key(flow) == key]
        self.assertEqual(len(found), 1, f"{key} among {self.edges}")
        return found[0]

    def test_ends_by_itself_with_status_0(self):
        self.assertEqual(self.status, 0, self.up.errors())

    def test_first_words_come_within_five_seconds(self):
        self.assertTrue(self.first_words, f"nothing on stdout: {self.up.errors()}")
        self.assertLess(self.first_words[-1][0], 5.0, self.first_words)

    def test_first_words_are_a_dozen_lines_at_most(self):
        self.assertTrue(self.first_words)
        self.assertLessEqual(len(self.first_words), 12, self.first_words)

    def test_first_words_say_who_listens_and_who_is_connected(self):
        words = "\n".join(line for _, line in self.first_words)
        for word in ("listen", "connect", "nginx", "postgres", "psql"):
            self.assertIn(word, words)

    def test_first_picture_comes_while_it_watches(self):
        self.assertTrue(self.first_map, "no map.svg within 5 s after the first words")

    def test_says_nothing_on_stderr_that_sounds_like_trouble(self):
        self.assertNotRegex(self.up.errors(), r"(?i)error|fail|lost|cannot|warn")

    def test_witnesses_agree(self):
        """The truth itself: curl's own count of its payload is the wire's."""
        for status, _, _ in self.curls:
            self.assertEqual(status, 0, self.scene.log("nginx"))
        seen = [c for c in self.scene.connections() if c["server_port"] == scene.WEB_PORT]
        self.assertEqual(sum(sent for _, sent, _ in self.curls),
                         sum(c["bytes_to_server"] for c in seen))
        self.assertEqual(sum(received for _, _, received in self.curls),
                         sum(c["bytes_to_client"] for c in seen))
        self.assertEqual(len(seen), REQUESTS + REQUESTS_V6)

    def test_edges_are_the_truth_and_nothing_else(self):
        here = self.scene
        truth = here.truth({
            (here.client.v4, here.web.v4, scene.WEB_PORT): ("curl", "nginx"),
            (here.client.v6, here.web.v6, scene.WEB_PORT): ("curl", "nginx"),
            (here.client.v4, here.web.v4, scene.CLOSED_PORT): ("curl", None),
            (here.web.v4, here.app.v4, scene.APP_PORT): ("nginx", "shopapp.py"),
            (here.app.v4, here.db.v4, scene.DATABASE_PORT): ("shopapp.py", "postgres"),
        })
        self.assertEqual(len(truth), 5, truth)
        self.assertEqual(sum(count.opens for count in truth.values()),
                         3 * (REQUESTS + REQUESTS_V6) + REFUSED)
        early = self.early_edges()
        flows = [flow for flow in self.edges if harness.edge_key(flow) not in early]
        self.assertEqual(harness.compare(truth, flows), "")

    def test_refused_connects_are_failures_without_a_server(self):
        here = self.scene
        flow = self.edge(Edge("curl", here.client.v4, None, here.web.v4, scene.CLOSED_PORT))
        self.assertEqual((flow["opens"], flow["failed"]), (REFUSED, REFUSED))
        self.assertIn("server_process", flow)

    def test_connection_from_before_that_stays_open(self):
        flow = self.edge(self.early_edges()[0])
        self.assertEqual((flow["opens"], flow["failed"]), (0, 0))
        self.assertEqual(flow.get("live"), 1, flow)

    def test_connection_from_before_that_closes(self):
        flow = self.edge(self.early_edges()[1])
        self.assertEqual(harness.edge_count(flow),
                         Count(0, 0, 16 + EARLY_UP, EARLY_DOWN))  # 16: payload.HEADER
        self.assertEqual(flow.get("live", 0), 0, flow)

    def test_closed_edges_have_nothing_live(self):
        psql = self.early_edges()[0]
        for flow in self.edges:
            if harness.edge_key(flow) != psql:
                self.assertEqual((flow.get("live", 0), flow.get("pending", 0)), (0, 0), flow)

    def test_times_lie_within_the_watch(self):
        for flow in self.edges:
            with self.subTest(str(harness.edge_key(flow))):
                self.assertLessEqual(flow["first"], flow["last"])
                self.assertGreaterEqual(flow["first"], self.began - 1)
                self.assertLessEqual(flow["last"], self.ended + 1)

    def test_both_ends_are_this_machine(self):
        machines = harness.run_json("machines", "--db", self.database, "--json")
        self.assertEqual(len(machines), 1, machines)
        for host in self.scene.hosts.values():
            self.assertIn(host.v4, machines[0]["ips"])
            self.assertIn(host.v6, machines[0]["ips"])
        for flow in self.edges:
            self.assertEqual((flow["client"], flow["server"]),
                             (machines[0]["id"], machines[0]["id"]), flow)

    def test_filters_choose_among_the_edges(self):
        flows = harness.edges(self.database, "--port", str(scene.APP_PORT))
        self.assertEqual({flow["server_port"] for flow in flows}, {scene.APP_PORT})
        flows = harness.edges(self.database, "--process", "shopapp.py")
        for flow in flows:
            self.assertIn("shopapp.py", (flow["client_process"], flow["server_process"]))
        self.assertTrue(flows)

    def test_table_lines_and_csv_have_a_row_for_each_edge(self):
        count = len(harness.edges(self.database))
        for option, extra in (("--json=lines", None), ("--csv", 1)):
            outcome = harness.run("skein", "edges", "--db", self.database, option)
            self.assertEqual(outcome.status, 0, outcome)
            lines = [line for line in outcome.stdout.splitlines()
                     if extra or '"type":"flow"' in line.replace(" ", "")]
            self.assertEqual(len(lines), count + (extra or 0), outcome)
        outcome = harness.run("skein", "edges", "--db", self.database)
        self.assertEqual(outcome.status, 0, outcome)
        for word in ("curl", "nginx", "shopapp.py", "postgres", "5432"):
            self.assertIn(word, outcome.stdout)

    def check_picture(self, svg):
        """The words that make a picture of this scene readable."""
        text = visible_text(svg)
        for word in ("curl", "nginx", "shopapp.py", "postgres", "80", "8000", "5432"):
            self.assertRegex(text, rf"(?<![\w.]){re.escape(word)}(?![\w.])")
        self.assertRegex(text, r"(?i)legend|how to read")
        clock = r"\d{1,2}:\d\d"
        self.assertRegex(text, rf"(?s)\d{{4}}-\d\d-\d\d.*{clock}.*{clock}",
                         "no time range in the title")

    def test_map_is_a_readable_picture(self):
        with open(self.map, encoding="utf-8") as file:
            self.check_picture(file.read())

    def draw(self, name, *options):
        """Draws NAME in a new folder and returns its bytes."""
        folder = tempfile.mkdtemp(dir=self.scene.directory)
        path = os.path.join(folder, name)
        outcome = harness.run("skein", "diagram", "--db", self.database, *options,
                              "-o", path, cwd=folder)
        self.assertEqual(outcome.status, 0, outcome)
        self.assertEqual(os.listdir(folder), [name], "left something beside the picture")
        with open(path, "rb") as file:
            content = file.read()
        shutil.rmtree(folder)
        return content

    def test_same_database_gives_the_same_bytes(self):
        for name in ("a.svg", "a.dot", "a.png"):
            with self.subTest(name):
                self.assertEqual(self.draw(name), self.draw(name))

    def test_machine_diagram(self):
        machine = harness.run_json("machines", "--db", self.database, "--json")[0]
        by_id = self.draw("m.svg", "--machine", machine["id"])
        self.check_picture(by_id.decode())
        self.assertEqual(by_id, self.draw("m.svg", "--machine", machine["name"]))

    def test_overview_diagram(self):
        self.check_picture(self.draw("o.svg", "--overview").decode())

    def test_png_dot_and_pdf(self):
        png = self.draw("a.png")
        self.assertEqual(png[:8], b"\x89PNG\r\n\x1a\n")
        width, height = (int.from_bytes(png[n:n + 4], "big") for n in (16, 20))
        self.assertGreater(min(width, height), 100)
        self.assertEqual(self.draw("a.pdf")[:5], b"%PDF-")
        self.assertRegex(self.draw("a.dot").decode(), r"^(strict )?digraph ")


if __name__ == "__main__":
    unittest.main()
