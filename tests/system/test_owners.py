# SPDX-License-Identifier: Apache-2.0
"""Owners that mean something: each case is one program that connects to a port of its own.

The programs differ in all that tells an owner: how they are started, by whom, in which cgroup,
and how long they live.  A server that is older than the watch answers them all, so that what
is read from /proc is tested beside what the kernel announces.
"""

import os
import shutil
import subprocess
import time
import unittest

import harness
import scene

SERVER = """
import selectors, socket, sys
selector = selectors.DefaultSelector()
for port in range(int(sys.argv[2]), int(sys.argv[3])):
    selector.register(socket.create_server((sys.argv[1], port), backlog=64),
                      selectors.EVENT_READ, True)
print("ready", flush=True)
while True:
    for key, _ in selector.select():
        if key.data:
            selector.register(key.fileobj.accept()[0], selectors.EVENT_READ, False)
        elif not key.fileobj.recv(4096):
            selector.unregister(key.fileobj)
            key.fileobj.close()
"""
PYTHON_CLIENT = """
import os, socket
peer = socket.create_connection((os.environ["TARGET"], int(os.environ["PORT"])))
peer.sendall(b"x")
"""
PERL_CLIENT = """
use IO::Socket::INET;
my $peer = IO::Socket::INET->new("$ENV{TARGET}:$ENV{PORT}") or die;
$peer->send("x");
"""
BASH_CLIENT = 'exec 3<>/dev/tcp/$TARGET/$PORT; echo x >&3\n'

FIRST_PORT, LAST_PORT = 7600, 7640
CONTAINER = "4f1c0b6e9a7d2358c1e0f4a69b8d7c3512e4f60798abcdef0123456789abcdef"
HASTY = 300


def hierarchy(kind, option=""):
    """Where a cgroup hierarchy is mounted, None if it is not."""
    with open("/proc/mounts", encoding="utf-8") as file:
        for line in file:
            _, place, its_kind, options = line.split()[:4]
            if its_kind == kind and (not option or option in options.split(",")):
                return place
    return None


class Cgroups:
    """Cgroups with the names that systemd and containers use, under one of the test's own."""

    def __init__(self):
        self.made = []

    def make(self, root, *names):
        """The folder of a cgroup, made with its parents."""
        path = os.path.join(root, f"skein-owner-{os.getpid()}")
        for name in ("", *names):
            path = os.path.join(path, name).rstrip("/")
            if not os.path.isdir(path):
                os.mkdir(path)
                self.made.append(path)
        return path

    def remove(self):
        """Kills what is left in them and removes them."""
        for path in reversed(self.made):
            with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as file:
                for pid in file.read().split():
                    os.kill(int(pid), 9)
            for _ in range(100):
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.05)


@harness.needs_root
class Owners(unittest.TestCase):
    """All programs run once; each test looks at what is told of one of them."""

    @classmethod
    def setUpClass(cls):
        harness.program("skein")
        cls.scene = scene.Scene()
        cls.addClassCleanup(cls.scene.close)
        cls.scene.open()
        cls.cgroups = Cgroups()
        cls.addClassCleanup(cls.cgroups.remove)
        cls.v2 = hierarchy("cgroup2")
        cls.ports = {}
        cls.folder = os.path.join(cls.scene.directory, "programs")
        os.mkdir(cls.folder)
        cls.make_programs()
        cls.start_server()
        data = os.path.join(cls.scene.directory, "data")
        cls.up = harness.Daemon("skein", "up", "--data", data)
        cls.addClassCleanup(cls.up.close)
        cls.up.first_words(10, quiet=1.0)
        cls.run_scripts()
        cls.run_java()
        cls.run_in_cgroups()
        cls.run_others()
        time.sleep(1.5)
        cls.status = cls.up.end()
        cls.flows = harness.edges(os.path.join(data, "skein.db"))

    # Programs

    @classmethod
    def write(cls, name, text, mode=0o755):
        """A file in the folder of programs; its path."""
        path = os.path.join(cls.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    @classmethod
    def make_programs(cls):
        """One client in C, whose copies have other names."""
        cls.client = os.path.join(cls.folder, "client")
        scene.call(os.environ.get("CC", "cc"), "-O1", "-o", cls.client,
                   os.path.join(scene.HERE, "owner_client.c"), timeout=60)

    @classmethod
    def copy(cls, name):
        """The client under another name."""
        path = os.path.join(cls.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return shutil.copy(cls.client, path)

    @staticmethod
    def enter(host, *argv):
        """As host.enter, but with the cgroups in sight."""
        return ["nsenter", f"--net=/run/netns/{host.namespace}", *argv]

    @staticmethod
    def within(folder, *argv):
        """A command line that runs ARGV in a cgroup."""
        return ["sh", "-c", f'echo $$ > {folder}/cgroup.procs && exec "$@"', "sh", *argv]

    @classmethod
    def start_server(cls):
        """Of a unit of its own, before the watch begins."""
        path = cls.write("shopserver", "#!/usr/bin/env -S /usr/bin/python3 -u\n" + SERVER)
        folder = cls.cgroups.make(cls.v2, "system.slice", "shop-server.service")
        process = subprocess.Popen(
            cls.enter(cls.scene.app, *cls.within(folder, path, cls.scene.app.v4,
                                                 str(FIRST_PORT), str(LAST_PORT))),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
            start_new_session=True)
        cls.scene.processes.append(process)
        scene.read_line(process.stdout, 15, "the server")

    @classmethod
    def environment(cls, case, **more):
        """What a client gets to know; each case has a port of its own."""
        port = cls.ports.setdefault(case, FIRST_PORT + len(cls.ports))
        return {**os.environ, "TARGET": cls.scene.app.v4, "PORT": str(port), **more}

    @classmethod
    def run_case(cls, case, *argv, **options):
        """Runs one client to its end, on the client's host."""
        environment = {**cls.environment(case), **options.pop("env", {})}
        done = subprocess.run(
            cls.enter(cls.scene.client, *argv), env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=30,
            check=False, **options)
        if done.returncode:
            raise AssertionError(f"{case}: {done.returncode} {done.stderr}")

    @classmethod
    def start_case(cls, case, *argv, host=None, **more):
        """Starts a client that waits for its input."""
        process = subprocess.Popen(
            cls.enter(host or cls.scene.client, *argv), env=cls.environment(case, **more),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        cls.scene.processes.append(process)
        return process

    @classmethod
    def run_scripts(cls):
        """Behind interpreters."""
        cls.run_case("python", scene.PYTHON, "-u", cls.write("shipper.py", PYTHON_CLIENT))
        cls.write("stock/feed.py", PYTHON_CLIENT)
        cls.run_case("module", scene.PYTHON, "-m", "stock.feed",
                     env={"PYTHONPATH": cls.folder})
        cls.run_case("perl", "perl", "-w", cls.write("report.pl", PERL_CLIENT))
        cls.run_case("shebang", cls.write("nightly", "#!/bin/bash\n" + BASH_CLIENT))
        applet = os.path.join(cls.folder, "wget")
        os.symlink(shutil.which("busybox"), applet)
        url = f"http://{cls.scene.app.v4}:{cls.environment('busybox')['PORT']}/"
        process = cls.start_case("busybox", applet, "-q", "-O", os.devnull, url)
        time.sleep(0.5)
        process.terminate()

    @classmethod
    def run_java(cls):
        """What calls itself java: gone at once, and with a class behind a long path."""
        java = cls.copy("jre/bin/java")
        cls.run_case("jar", java, "-Xmx1g", "-jar", "/opt/shop/shop.jar", "--port", "80")
        long = ":".join(f"/opt/shop/lib/part-{i}.jar" for i in range(200))
        # From another address: of one the store keeps the last application of "java".
        process = cls.start_case("class", java, "-cp", long, "com.shop.Main",
                                 host=cls.scene.web, STAY="1")
        time.sleep(1.5)
        process.stdin.close()
        process.wait(10)

    @classmethod
    def run_in_cgroups(cls):
        """Units and containers, by both versions of cgroups."""
        program = cls.copy("agent")
        folders = {
            "unit": cls.cgroups.make(cls.v2, "system.slice", "foo.service"),
            "session": cls.cgroups.make(cls.v2, "user.slice", "user-0.slice",
                                        "session-17.scope"),
            "docker": cls.cgroups.make(cls.v2, "system.slice", f"docker-{CONTAINER}.scope"),
            "lxc": cls.cgroups.make(cls.v2, "lxc.payload.web1", "system.slice",
                                    "cron.service"),
        }
        old = hierarchy("cgroup", "pids")
        if old:
            folders["docker v1"] = cls.cgroups.make(old, "docker", CONTAINER)
            folders["unit v1"] = cls.cgroups.make(old, "system.slice", "old.service")
        for case, folder in folders.items():
            cls.run_case(case, *cls.within(folder, program))
        cls.run_case("unit", *cls.within(folders["unit"], program))  # restarted
        process = cls.start_case("alive", *cls.within(folders["unit"], program), STAY="1")
        time.sleep(1.5)
        process.stdin.close()
        process.wait(10)

    @classmethod
    def run_others(cls):
        """Other users, executables that are gone or lie in other mounts, hasty processes."""
        cls.run_case("user", "setpriv", "--reuid=nobody", "--clear-groups", cls.copy("spooler"))
        cls.run_case("number", "setpriv", "--reuid=3999999999", "--clear-groups",
                     cls.copy("stranger"))
        path = cls.copy("upgraded")
        process = cls.start_case("deleted", path, WAIT="1")
        scene.read_line(process.stdout, 10, "upgraded")
        os.unlink(path)
        process.stdin.write("\n")
        process.stdin.close()
        process.wait(10)
        mount = os.path.join(cls.folder, "mount")
        os.mkdir(mount)
        cls.run_case("mount", "unshare", "--mount", "sh", "-c",
                     f"mount -t tmpfs tmpfs {mount} && mkdir {mount}/bin &&"
                     f" cp {cls.client} {mount}/bin/mounted && exec {mount}/bin/mounted")
        cls.deep = cls.copy("/".join(f"a-long-folder-{i}" for i in range(15)) + "/deep")
        cls.run_case("long", cls.deep)
        process = cls.start_case("long alive", cls.deep, STAY="1")
        time.sleep(1.5)
        process.stdin.close()
        process.wait(10)
        cls.copy("hasty")
        cls.run_case("hasty", "sh", "-c",
                     f"for i in $(seq {HASTY}); do {cls.folder}/hasty & done; wait")

    # What is told

    def flow(self, case):
        """The one edge of a case."""
        found = [flow for flow in self.flows
                 if flow["server_port"] == self.ports[case]
                 and flow["server_ip"] == self.scene.app.v4]
        self.assertEqual(len(found), 1, f"{case}: {found}")
        return found[0]

    def check(self, case, process, **words):
        """What is told of a case's client; what is not named is not to be told."""
        flow = self.flow(case)
        told = {key: flow.get("client_" + key) or "" for key in
                ("process", "unit", "container", "app")}
        wanted = {"process": process, "unit": "", "container": "", "app": ""}
        more = {key: words.pop(key) for key in ("exe", "user") if key in words}
        wanted.update(words)
        self.assertEqual(told, wanted)
        for key, word in more.items():
            self.assertEqual(flow.get("client_" + key), word)
        return flow

    def test_ends_well(self):
        self.assertEqual(self.status, 0, self.up.errors())

    def test_server_from_before(self):
        for case in self.ports:
            with self.subTest(case):
                flow = self.flow(case)
                self.assertEqual(flow["server_process"], "shopserver")
                self.assertEqual(flow.get("server_unit"), "shop-server.service")
                self.assertEqual(flow.get("server_user"), "root")
                self.assertEqual(flow.get("server_exe"), os.path.realpath(scene.PYTHON))

    def test_scripts(self):
        python = os.path.realpath(scene.PYTHON)
        self.check("python", "shipper.py", exe=python, user="root")
        self.check("module", "stock.feed", exe=python)
        self.check("perl", "report.pl", exe=os.path.realpath(shutil.which("perl")))
        self.check("shebang", "nightly", exe=os.path.realpath("/bin/bash"))
        self.check("busybox", "wget", exe=os.path.realpath(shutil.which("busybox")))

    def test_java(self):
        self.check("jar", "java", app="shop.jar", exe=f"{self.folder}/jre/bin/java")
        self.check("class", "java", app="com.shop.Main")

    def test_units(self):
        self.check("unit", "agent", unit="foo.service", exe=f"{self.folder}/agent")
        self.check("alive", "agent", unit="foo.service")
        self.check("session", "agent", unit="session.scope")
        if "unit v1" in self.ports:
            self.check("unit v1", "agent", unit="old.service")

    def test_a_restart_is_the_same_owner(self):
        self.assertEqual(self.flow("unit")["opens"], 2)

    def test_containers(self):
        self.check("docker", "agent", container=CONTAINER)
        self.check("lxc", "agent", container="web1", unit="cron.service")
        if "docker v1" in self.ports:
            self.check("docker v1", "agent", container=CONTAINER)

    def test_users(self):
        self.check("user", "spooler", user="nobody")
        self.check("number", "stranger", user="3999999999")

    def test_executables(self):
        self.check("deleted", "upgraded", exe=f"{self.folder}/upgraded")
        self.check("mount", "mounted", exe=f"{self.folder}/mount/bin/mounted")
        self.check("long", "deep")
        self.check("long alive", "deep", exe=self.deep)

    def test_hasty_processes_are_named_in_full(self):
        flow = self.check("hasty", "hasty", exe=f"{self.folder}/hasty", user="root")
        self.assertEqual((flow["opens"], flow["failed"]), (HASTY, 0))


if __name__ == "__main__":
    unittest.main()
