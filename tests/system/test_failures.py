# SPDX-License-Identifier: Apache-2.0
"""Connections that fail, by kind, and those that only look like it.

Every case has a port and a client's name of its own, is done over IPv4 and IPv6, by a socket
that blocks and by one that does not. What the client itself was told (errno) must be what the
case is about, else the case proves nothing.
"""

import errno
import json
import os
import subprocess
import time
import unittest

import harness
import scene

EACH = 3  # connections of a case
KINDS = ("refused", "timed_out", "unreachable", "reset")
BASE = 7600

CLIENT = """
import json, os, select, socket, struct, sys, threading
what, address, port, blocks, count = (sys.argv[1], sys.argv[2], int(sys.argv[3]),
                                      sys.argv[4] == "blocks", int(sys.argv[5]))
told = []
PATIENCE = {"gives_up": 300, "gives_up_late": 1400} # ms: before and after the second SYN

def connect():
    c = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    if what == "no_neighbour": # it takes three seconds until nobody has answered
        c.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 6)
    c.setblocking(blocks)
    error = c.connect_ex((address, port))
    if error == 115:
        poll = select.poll()
        poll.register(c, select.POLLOUT)
        poll.poll(PATIENCE.get(what, 20000))
        error = -1 if what in PATIENCE else c.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    c.setblocking(True)
    return c, error

def converse(c):
    if what in ("data_then_reset", "plain"):
        c.sendall(b"hello")
    try:
        while c.recv(16):
            pass
    except OSError as e:
        return e.errno
    return 0

def one():
    c, error = connect()
    told.append(converse(c) if error == 0 else error)
    c.close()

threads = [threading.Thread(target=one) for _ in range(count)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(json.dumps(sorted(told)), flush=True)
"""

SERVER = """
import socket, struct, sys, threading, time
ports = {int(p): how for p, how in (a.split("=") for a in sys.argv[1:])}

def end(c, how):
    if how in ("data_then_reset", "plain"):
        c.recv(16)
        c.sendall(b"hi")
        time.sleep(0.2)
    if how != "plain":
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    c.close()

def serve(port, how):
    s = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=end, args=(s.accept()[0], how)).start()

for port, how in ports.items():
    threading.Thread(target=serve, args=(port, how), daemon=True).start()
time.sleep(0.5)
print("ready", flush=True)
time.sleep(600)
"""

# Opens and closes listeners that nobody ever came to, one of them after a shutdown.
LISTENS = """
import socket, sys
for n in range(10):
    s = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6)
    if n % 2:
        s.shutdown(socket.SHUT_RDWR)
    s.close()
"""

# what happens -> (what the client is told, the kind that it is, opens of one connection)
CASES = {
    "refused": ({errno.ECONNREFUSED}, "refused", 1),
    "dropped": ({errno.ETIMEDOUT}, "timed_out", 1),
    "rejected": ({errno.EHOSTUNREACH}, "unreachable", 1),
    "no_neighbour": ({errno.EHOSTUNREACH}, "unreachable", 1),
    "no_route": ({errno.ENETUNREACH}, "unreachable", 1),
    "reset_before_data": ({errno.ECONNRESET}, "reset", 1),
    "data_then_reset": ({errno.ECONNRESET}, None, 1),
    "plain": ({0}, None, 1),
    "gives_up": ({-1}, None, 0),
    "gives_up_late": ({-1}, None, 0),
}
SERVED = ("reset_before_data", "data_then_reset", "plain")
GIVEN_UP = ("gives_up", "gives_up_late")
NEVER = BASE + 90


def rows():
    """(name, case, family, whether it blocks, port) of everything that is tried."""
    for n, case in enumerate(CASES):
        for family in ("v4", "v6"):
            for how in ("blocks", "polls"):
                if case in GIVEN_UP and how == "blocks":
                    continue
                yield f"{case}_{family}_{how}", case, family, how, BASE + n


@harness.needs_root
class Failures(unittest.TestCase):
    """Everything at once in one watch; a test a row."""

    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.ports = {row[0]: row[4] for row in rows()}
        cls.make_server()
        cls.watch = harness.Watch(60)
        cls.addClassCleanup(cls.watch.close)
        time.sleep(0.3)
        cls.told = cls.run_clients()
        scene.call(*cls.scene.app.enter(scene.PYTHON, cls.script("listens.py", LISTENS),
                                        str(NEVER)))
        time.sleep(2)
        cls.machine, cls.flows = cls.watch.end(early=True)

    @classmethod
    def script(cls, name, text):
        """The path of a script under a name of its own."""
        path = os.path.join(cls.scene.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    @classmethod
    def make_server(cls):
        """A server for what is answered, rules for what is not, and little patience."""
        here, of = cls.scene, {case: port for _, case, _, _, port in rows()}
        for host in (here.client, here.app):
            scene.call(*host.enter("sysctl", "-qw", "net.ipv4.tcp_syn_retries=1"))
        scene.call(*here.app.enter(
            "nft", "add table inet t; add chain inet t in { type filter hook input priority 0; };"
            f"add rule inet t in tcp dport {{ {of['dropped']}, {of['gives_up']}, "
            f"{of['gives_up_late']} }} drop;"
            f"add rule inet t in tcp dport {of['rejected']} reject with icmpx host-unreachable"))
        here.spawn_ready(here.app, scene.PYTHON, cls.script("failsrv.py", SERVER),
                         *[f"{of[case]}={case}" for case in SERVED], name="failsrv")

    @classmethod
    def address(cls, case, family):
        """The server's, or one that is nobody's."""
        address = getattr(cls.scene.app, family)
        if case == "no_route":
            return "192.0.2.7" if family == "v4" else "2001:db8::7"
        if case != "no_neighbour":
            return address
        return address.rpartition(".")[0] + ".250" if family == "v4" else \
            address.rpartition(":")[0] + ":fa"

    @classmethod
    def run_clients(cls):
        """All at once; returns what each was told."""
        clients = {}
        for name, case, family, how, port in rows():
            argv = [scene.PYTHON, cls.script(name + ".py", CLIENT), case,
                    cls.address(case, family), str(port), how, str(EACH)]
            clients[name] = subprocess.Popen(cls.scene.client.enter(*argv), text=True,
                                             stdout=subprocess.PIPE)
        return {name: json.loads(client.communicate(timeout=40)[0])
                for name, client in clients.items()}

    def check(self, name, case, family, port):
        """What the client was told, and then what is on the map."""
        errors, kind, opens = CASES[case]
        self.assertEqual(self.told[name], EACH * list(errors), "the case is not what it says")
        flows = [f for f in self.flows if f["client_process"] == name + ".py"]
        self.assertEqual(len(flows), 1, flows)
        [flow] = flows
        self.assertEqual((flow["server_ip"], flow["server_port"]),
                         (self.address(case, family), port))
        served = case in SERVED
        self.assertEqual(flow["server_process"], "failsrv.py" if served else None)
        want = {"opens": opens * EACH, "failed": EACH if kind else 0, "abandoned": 0,
                **{k: EACH if k == kind else 0 for k in KINDS}}
        if case in GIVEN_UP:
            want["abandoned"] = EACH
        talked = case in ("data_then_reset", "plain")
        want |= {"bytes_to_server": 5 * EACH * talked, "bytes_to_client": 2 * EACH * talked,
                 "live": 0, "pending": 0}
        self.assertEqual({key: flow.get(key, 0) for key in want}, want)

    def test_listeners_that_close_are_nothing(self):
        """LISTEN to CLOSE is no connection, failed or not."""
        self.assertEqual([f for f in self.flows if f["server_port"] == NEVER], [])

    def test_nothing_else_was_seen_in_this_network(self):
        """No flow without one of these clients: a failure is never told twice."""
        ours = {name + ".py" for name in self.ports}
        places = {self.address(case, f) for case in CASES for f in ("v4", "v6")}
        self.assertEqual([f for f in self.flows if f.get("server_ip") in places and
                          f["client_process"] not in ours], [])


def add_tests():
    """A method a row."""
    for name, case, family, _, port in rows():
        def test(self, name=name, case=case, family=family, port=port):
            self.check(name, case, family, port)
        test.__doc__ = f"{case} over {family}"
        setattr(Failures, "test_" + name, test)


add_tests()

if __name__ == "__main__":
    unittest.main()
