#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Topologies of no product, so that nothing can have been learnt from them: made_up.py DIR [SEED]

House-made applications as estates have them: tiers, clusters that talk among themselves, hubs,
chains and batch, with processes and ports that are mostly nobody's.  The same seed gives the
same bytes; the format is that of topologies/.
"""

import json
import random
import sys
from pathlib import Path

COUNT = 30
DATABASES = (("oracle", 1521), ("db2sysc", 50000), ("sqlservr", 1433), ("dataserver", 5000),
             ("iris", 1972), ("ifxserver", 9088), ("hdbindexserver", 30015), ("cockroach", 26257))
RUNTIMES = ("java", "dotnet", "node", "python3", "httpd", "w3wp")
SYLLABLES = "ba co di fe gu ha jo ki lu ma ne po ra si to vu we xa yo zu".split()


class Topology:
    """One application: services and who calls whom."""

    def __init__(self, number, chance):
        self.name, self.chance = f"made-up-{number:02d}", chance
        self.nodes, self.edges = [], []

    def word(self):
        """A name of nobody's."""
        return "".join(self.chance.choice(SYLLABLES) for _ in range(3))

    def port(self):
        """A port of nobody's, or one that many use."""
        if self.chance.random() < 0.3:
            return self.chance.choice((80, 443, 8080, 8443))
        return self.chance.randrange(2000, 32000)

    def service(self, role, process=None, replicas=1):
        """A new service; its process is of our own making as a rule."""
        own = self.chance.random() < 0.5
        process = process or (self.word() + "d" if own else self.chance.choice(RUNTIMES))
        ident = f"{role}{len(self.nodes)}"
        self.nodes.append({"id": ident, "role": role, "image": "", "process": process,
                           "typical_replicas": replicas})
        return ident

    def call(self, src, dst, port):
        """SRC uses DST."""
        self.edges.append({"src": src, "dst": dst, "port": port, "proto": "tcp",
                           "evidence": "made up"})

    def database(self):
        """A database and its port; a cluster's members talk to each other on another."""
        process, port = self.chance.choice(DATABASES)
        replicas = self.chance.choice((1, 1, 2, 3))
        ident = self.service("db", process, replicas)
        if replicas > 1:
            self.call(ident, ident, port + 1)
        return ident, port

    def tiers(self):
        """Web, application, database, and what stands beside them."""
        web = self.service("web", replicas=self.chance.randint(1, 3))
        apps = [self.service("app", replicas=self.chance.randint(1, 3))
                for _ in range(self.chance.randint(1, 3))]
        db, db_port = self.database()
        for app in apps:
            self.call(web, app, self.port())
            self.call(app, db, db_port)
        if self.chance.random() < 0.6:
            batch = self.service("worker", replicas=self.chance.randint(1, 2))
            self.call(batch, db, db_port)
            self.call(batch, self.chance.choice(apps), self.port())
        return apps

    def hub(self):
        """A broker in the middle of workers."""
        broker = self.service("queue", self.word(), self.chance.randint(1, 2))
        port = self.port()
        for _ in range(self.chance.randint(3, 6)):
            self.call(self.service("worker"), broker, port)
        db, db_port = self.database()
        self.call(broker, db, db_port)

    def chain(self):
        """Each step hands on to the next."""
        steps = [self.service("app") for _ in range(self.chance.randint(3, 6))]
        for a, b in zip(steps, steps[1:]):
            self.call(a, b, self.port())
        if self.chance.random() < 0.5:
            db, db_port = self.database()
            self.call(steps[-1], db, db_port)

    def cluster(self):
        """Equals that all talk to each other, and a front."""
        port = self.port()
        node = self.service("app", replicas=self.chance.randint(3, 5))
        self.call(node, node, port)
        self.call(self.service("web", replicas=2), node, self.port())

    def fill(self):
        """One shape, or tiers with another beside them."""
        shape = self.chance.choice((self.tiers, self.tiers, self.hub, self.chain, self.cluster))
        shape()
        if self.chance.random() < 0.3:
            first, apps = self.nodes[0]["id"], self.tiers()
            self.call(self.chance.choice(apps), first, self.port())
        return {"name": self.name, "kind": "product", "source": {"made": "up"},
                "nodes": self.nodes, "edges": self.edges, "note": ""}


def main(folder, seed="1"):
    """Writes them all."""
    chance = random.Random(f"made up {seed}")
    for number in range(COUNT):
        topology = Topology(number, chance)
        text = json.dumps(topology.fill(), indent=1)
        (Path(folder) / f"{topology.name}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
