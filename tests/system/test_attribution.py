# SPDX-License-Identifier: Apache-2.0
"""Who serves and who asks: each way in which a process can come by a connection is one test.

One watch (`--once`) over all of them.  Every case has scripts of its own, so that a process's
name says which it is, and a port of its own.  The rule: a server's connection belongs to who
first reads from it, else to its listener; a client's to who connected.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import harness

PYTHON = "/usr/bin/python3"
HERE, THERE = f"skeinattr{os.getpid()}", f"skeinattro{os.getpid()}"
WATCH = 11  # seconds
ACCEPTS = {"x86_64": {43, 288}, "aarch64": {202, 242}}  # accept and accept4

PRELUDE = """
import array, os, socket, subprocess, sys, threading, time
port = int(sys.argv[1])
def listener(host="127.0.0.1", **options):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, **options)
def ready():
    print("ready", flush=True)
def serve(c):
    c.recv(16)
    c.sendall(b"hi")
    c.close()
"""
LOOP = """
while True:
    serve(s.accept()[0])
"""
CLIENT = """
import socket, sys
c = socket.create_connection((sys.argv[2], int(sys.argv[1])), timeout=8)
c.sendall(b"hello")
while c.recv(16):
    pass
c.close()
"""
FROM_FD = """
import os, socket, sys
c = socket.socket(fileno=int(sys.argv[1]))
c.recv(16)
c.sendall(b"hi")
c.close()
"""


class Case:
    """One way; SERVERS and CLIENTS are scripts by name, the first of each is started."""

    count = 0

    def __init__(self, servers, expect, clients=None, host="127.0.0.1", amounts=(1, 5, 2),
                 client=None, netns=HERE, times=1, program=None):
        Case.count += 1
        self.program = program
        self.port = 7300 + Case.count
        self.servers, self.expect, self.host = servers, expect, host
        self.clients = clients or {f"ask{Case.count}.py": CLIENT}
        self.client = client or next(iter(self.clients))
        self.amounts, self.netns, self.times = amounts, netns, times


CASES = {
    "plain_v4": Case({"srv_v4.py": PRELUDE + "s = listener(); ready()" + LOOP}, "srv_v4.py"),
    "plain_v6": Case({"srv_v6.py": PRELUDE + "s = listener('::1'); ready()" + LOOP}, "srv_v6.py",
                     host="::1"),
    "mapped_v4": Case({"srv_mapped.py": PRELUDE +
                       "s = listener('::', dualstack_ipv6=True); ready()" + LOOP},
                      "srv_mapped.py"),
    "prefork_worker_accepts": Case({"srv_prefork.py": PRELUDE + """
s = listener()
for _ in range(3):
    if os.fork() == 0:
        while True:
            serve(s.accept()[0])
ready()
time.sleep(60)
"""}, "srv_prefork.py", times=6, amounts=(6, 30, 12)),
    "fork_after_accept": Case({"srv_forker.py": PRELUDE + """
s = listener(); ready()
while True:
    c = s.accept()[0]
    if os.fork() == 0:
        os.set_inheritable(c.fileno(), True)
        child = os.path.join(os.path.dirname(sys.argv[0]), "srv_forked.py")
        os.execv(sys.executable, [sys.executable, child, str(c.fileno())])
    c.close()
""", "srv_forked.py": FROM_FD}, "srv_forked.py"),
    "activation_hands_the_listener_over": Case({"activator.py": PRELUDE + """
s = listener()
os.set_inheritable(s.fileno(), True)
child = os.path.join(os.path.dirname(sys.argv[0]), "srv_activated.py")
os.execv(sys.executable, [sys.executable, child, str(port), str(s.fileno())])
""", "srv_activated.py": PRELUDE + "s = socket.socket(fileno=int(sys.argv[2])); ready()" + LOOP},
                                               "srv_activated.py"),
    "activation_a_connection": Case({"inetd.py": PRELUDE + """
s = listener(); ready()
while True:
    c = s.accept()[0]
    child = os.path.join(os.path.dirname(sys.argv[0]), "srv_inetd.py")
    subprocess.Popen([sys.executable, child, "0"], stdin=c)
    c.close()
""", "srv_inetd.py": FROM_FD}, "srv_inetd.py"),
    "threads": Case({"srv_threads.py": PRELUDE + """
s = listener(); ready()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],)).start()
"""}, "srv_threads.py", times=4, amounts=(4, 20, 8)),
    "handed_over_by_scm_rights": Case({"acceptor.py": PRELUDE + """
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
child = os.path.join(os.path.dirname(sys.argv[0]), "srv_handler.py")
subprocess.Popen([sys.executable, child, "0"], stdin=theirs)
s = listener(); ready()
while True:
    c = s.accept()[0]
    socket.send_fds(ours, [b"x"], [c.fileno()])
    c.close()
""", "srv_handler.py": """
import socket
u = socket.socket(fileno=0)
while True:
    data, fds, _, _ = socket.recv_fds(u, 1, 1)
    if not fds:
        break
    c = socket.socket(fileno=fds[0])
    c.recv(16)
    c.sendall(b"hi")
    c.close()
"""}, "srv_handler.py"),
    "inherited_by_a_program_that_uses_it": Case(
        {"srv_inherit.py": PRELUDE + "s = listener(); ready()" + LOOP}, "srv_inherit.py",
        clients={"connector.py": """
import os, socket, sys
c = socket.create_connection((sys.argv[2], int(sys.argv[1])))
os.set_inheritable(c.fileno(), True)
child = os.path.join(os.path.dirname(sys.argv[0]), "user.py")
os.execv(sys.executable, [sys.executable, child, str(c.fileno())])
""", "user.py": """
import socket, sys
c = socket.socket(fileno=int(sys.argv[1]))
c.sendall(b"hello")
c.recv(16)
"""}),
    "client_is_gone_at_once": Case(
        {"srv_gone.py": PRELUDE + "s = listener(); ready()" + LOOP}, "srv_gone.py",
        clients={"gone.sh": "exec 3<>/dev/tcp/$2/$1; printf hello >&3; cat <&3 >/dev/null\n"}),
    "reset_in_the_accept_queue": Case({"srv_reset.py": PRELUDE + """
s = listener(); ready()
time.sleep(5)
s.settimeout(1)
try:
    s.accept()[0].close()
except OSError:
    pass
time.sleep(60)
"""}, "srv_reset.py", amounts=(1, 0, 0), clients={"resets.py": """
import socket, struct, sys, time
c = socket.create_connection((sys.argv[2], int(sys.argv[1])))
c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
c.close()
"""}),
    "never_accepted": Case({"srv_never.py": PRELUDE + """
s = listener(); ready()
time.sleep(6)
s.close()
time.sleep(60)
"""}, "srv_never.py", amounts=(1, 5, 0), clients={"waits.py": """
import socket, sys
c = socket.create_connection((sys.argv[2], int(sys.argv[1])))
c.sendall(b"hello")
try:
    c.recv(16)
except OSError:
    pass
"""}),
    "writes_and_never_reads": Case({"srv_writes.py": PRELUDE + """
s = listener(); ready()
while True:
    c = s.accept()[0]
    c.sendall(b"hi")
    c.close()
"""}, "srv_writes.py", amounts=(1, 0, 2), clients={"listens.py": """
import socket, sys
c = socket.create_connection((sys.argv[2], int(sys.argv[1])))
while c.recv(16):
    pass
"""}),
    "mptcp": Case({"srv_mptcp.py": PRELUDE + """
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("127.0.0.1", port)); s.listen(); ready()
""" + LOOP}, "srv_mptcp.py", amounts=(1, None, None), clients={"ask_mptcp.py": """
import socket, sys
c = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
c.connect((sys.argv[2], int(sys.argv[1])))
c.sendall(b"hello")
while c.recv(16):
    pass
c.close()
"""}),
    "another_namespace": Case({"srv_netns.py": PRELUDE + "s = listener(); ready()" + LOOP},
                              "srv_netns.py", netns=THERE),
    "io_uring_accept": Case({}, "uringd1", program=("uringd1", "single")),
    "io_uring_multishot_accept": Case({}, "uringdmulti", program=("uringdmulti", "multi")),
    "io_uring_direct_descriptor": Case({}, "uringdirect", program=("uringdirect", "direct")),
}

# Two programs on one port; each says on a line of its own whenever it has served.
REUSE = """
s = listener(reuse_port=True); ready()
while True:
    serve(s.accept()[0])
    with open(sys.argv[0] + ".served", "a") as file:
        file.write("x")
"""
SHARED = Case({"srv_reuse_a.py": PRELUDE + """
child = os.path.join(os.path.dirname(sys.argv[0]), "srv_reuse_b.py")
other = subprocess.Popen([sys.executable, child, str(port)], stdout=subprocess.PIPE)
other.stdout.readline()
""" + REUSE, "srv_reuse_b.py": PRELUDE + REUSE}, None, times=32)


class Attribution(unittest.TestCase):
    """All cases in one watch; one test a case."""

    @classmethod
    def setUpClass(cls):
        cls.started = []
        cls.folder = tempfile.mkdtemp(prefix="skeinattr")
        cls.addClassCleanup(cls.sweep)
        for netns in (HERE, THERE):
            subprocess.run(["ip", "netns", "add", netns], check=True)
            subprocess.run(["ip", "-n", netns, "link", "set", "lo", "up"], check=True)
        subprocess.run(["ip", "netns", "exec", HERE, "sysctl", "-qw", "net.mptcp.enabled=1"],
                       check=True)
        for case in [*CASES.values(), SHARED]:
            cls.start_server(case)
        cls.watch()

    @classmethod
    def start_server(cls, case):
        """Writes the scripts of a case, and waits until its server listens."""
        for name, text in {**case.servers, **case.clients}.items():
            with open(os.path.join(cls.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        if case.program:
            name, mode = case.program
            argv = [shutil.copy(harness.program("tests/uringd"),
                                os.path.join(cls.folder, name)), str(case.port), mode]
        else:
            argv = [PYTHON, os.path.join(cls.folder, next(iter(case.servers))), str(case.port)]
        process = subprocess.Popen(["ip", "netns", "exec", case.netns, *argv],
                                   stdout=subprocess.PIPE, text=True, start_new_session=True)
        cls.started.append(process)
        if process.stdout.readline() != "ready\n":
            raise AssertionError(f"{argv} did not get ready")

    @classmethod
    def watch(cls):
        """The sensor for WATCH seconds, and in them every client."""
        out = os.path.join(cls.folder, "watch.jsonl")
        with open(f"/proc/{cls.started[0].pid}/syscall", encoding="ascii") as file:
            cls.waits_in = int(file.read().split()[0])
        ready, wait = os.pipe()
        sensor = subprocess.Popen(
            [harness.program("skein-sensor"), "--ebpf", "--once", f"{WATCH}s", "--out", out,
             "--interval", "1s", "--ready-fd", str(wait)],
            pass_fds=[wait], stderr=subprocess.PIPE, text=True)
        os.close(wait)
        with os.fdopen(ready) as file:
            assert file.readline() == "ready\n"
        time.sleep(0.3)
        clients = [cls.start_client(case) for case in [*CASES.values(), SHARED]
                   for _ in range(case.times)]
        for client in clients:
            client.wait(timeout=20)
        cls.words = sensor.communicate(timeout=40)[1]
        cls.status = sensor.returncode
        with open(out, encoding="utf-8") as file:
            cls.flows = [f for f in map(json.loads, file) if f["type"] == "flow"]

    @classmethod
    def start_client(cls, case):
        """One client; a shell script is bash's."""
        script = os.path.join(cls.folder, case.client)
        program = "bash" if script.endswith(".sh") else PYTHON
        return subprocess.Popen(["ip", "netns", "exec", case.netns, program, script,
                                 str(case.port), case.host], stdout=subprocess.DEVNULL)

    @classmethod
    def sweep(cls):
        """Takes everything down."""
        for process in cls.started:
            try:
                os.killpg(process.pid, 9)
            except ProcessLookupError:
                pass
            process.wait()
            process.stdout.close()
        for netns in (HERE, THERE):
            subprocess.run(["ip", "netns", "del", netns], check=False, capture_output=True)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def check(self, case):
        """One edge, its processes, and every open and byte."""
        flows = [f for f in self.flows if f["server_port"] == case.port]
        self.assertEqual(len(flows), 1, flows)
        [flow] = flows
        self.assertEqual(flow["server_process"], case.expect)
        self.assertEqual(flow["client_process"], case.client)
        names = ("opens", "bytes_to_server", "bytes_to_client")
        want = {n: v for n, v in zip(names, case.amounts) if v is not None}
        self.assertEqual({n: flow[n] for n in want}, want, flow)

    def test_an_accept_that_waited_since_before(self):
        """The first server was in accept() when the sensor attached."""
        self.assertIn(self.waits_in, ACCEPTS[os.uname().machine])
        self.check(next(iter(CASES.values())))

    def test_one_port_of_two_programs(self):
        """SO_REUSEPORT: each has what it served itself, and nothing of the other."""
        served = {}
        for name in SHARED.servers:
            path = os.path.join(self.folder, name + ".served")
            served[name] = os.path.getsize(path) if os.path.exists(path) else 0
        self.assertEqual(sum(served.values()), SHARED.times, served)
        self.assertTrue(all(served.values()), f"the kernel gave one of them nothing: {served}")
        flows = {f["server_process"]: (f["client_process"], f["opens"], f["bytes_to_server"],
                                       f["bytes_to_client"])
                 for f in self.flows if f["server_port"] == SHARED.port}
        self.assertEqual(flows, {name: (SHARED.client, n, 5 * n, 2 * n)
                                 for name, n in served.items()})

    def test_the_watch_was_whole(self):
        """Nothing was degraded or did not fit."""
        self.assertEqual(self.status, 0, self.words)


def add_tests():
    """A method a case."""
    for name, case in CASES.items():
        def test(self, case=case):
            self.check(case)
        test.__doc__ = f"{case.client} to {case.expect}"
        setattr(Attribution, f"test_{name}", test)


add_tests()

if __name__ == "__main__":
    unittest.main(argv=sys.argv)
