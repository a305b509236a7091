# SPDX-License-Identifier: Apache-2.0
"""Installed like an agent: the packages in an overlay of this machine's root, and away again.

dpkg installs them, a person enrols the sensor in one line, the sensor runs as its unit runs it
(user, capabilities), an edge is seen, an upgrade keeps identity, database and configuration, and
after purge no file, user or program in the kernel is left.
"""

import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

import harness

SKIP = ("proc", "sys", "dev", "tmp", "run", "var/lib/dpkg", "var/cache", "var/log",
        "var/lib/systemd")
# What the tools keep of their own files.
TOOLS = re.compile(r"/etc/(passwd|group|shadow|gshadow|subuid|subgid)-$|\.lock$")
MOUNTS = """set -e
mount -t tmpfs none "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
for d in proc sys dev; do mount --rbind /$d "$1/root/$d"; done
for d in tmp run; do mount -t tmpfs none "$1/root/$d"; done
exec chroot "$1/root" sh -c "echo ready; exec sleep 600"
"""
SYS_RESOURCE = 24
CLIENT = """import socket, time
server = socket.create_server(("127.0.0.1", 0))
for _ in range(7):
    client = socket.create_connection(server.getsockname())
    peer, _ = server.accept()
    client.sendall(b"x" * 100)
    peer.recv(100)
    client.close()
    peer.close()
print(server.getsockname()[1])
time.sleep(2)
"""

PLACES = ("/etc", "/usr", "/var", "/run", "/opt", "/boot", "/srv", "/home", "/lib", "/bin", "/sbin")


def unit_value(key):
    """A value of the sensor's unit."""
    path = os.path.join(harness.ROOT, "packaging", "skein-sensor.service")
    with open(path, encoding="utf-8") as f:
        return re.search(rf"^{key}=(.*)$", f.read(), re.M)[1]


def as_unit():
    """The command that starts a program with the user and rights of the sensor's unit."""
    with open("/proc/self/status", encoding="utf-8") as f:
        held = int(re.search(r"^CapPrm:\s*(\w+)", f.read(), re.M)[1], 16)
    caps = [c[len("CAP_"):].lower() for c in unit_value("AmbientCapabilities").split()]
    if not held >> SYS_RESOURCE & 1:  # a container may lack it; newer kernels need it for nothing
        caps.remove("sys_resource")
    plus = ",".join("+" + c for c in caps)
    user = unit_value("User")
    return ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups",
            f"--inh-caps=-all,{plus}", f"--ambient-caps=-all,{plus}",
            f"--bounding-set=-all,{plus}", "--no-new-privs"]


class Root:
    """An overlay of the running root: what is written there is gone with it."""

    def __init__(self, folder):
        # pylint: disable-next=consider-using-with # closed by close()
        self.holder = subprocess.Popen(
            ["unshare", "-m", "--propagation", "private", "sh", "-c", MOUNTS, "sh", folder],
            stdout=subprocess.PIPE, text=True)
        if self.holder.stdout.readline() != "ready\n":
            raise AssertionError("no overlay of the root")

    def enter(self, argv):
        """A command, in there."""
        return ["nsenter", "-t", str(self.holder.pid), "-m", "-r", "-w", *argv]

    def run(self, *argv, status=0):
        """Runs a command in there and returns its standard output."""
        done = subprocess.run(self.enter(argv), stdin=subprocess.DEVNULL, text=True,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                                   "DEBIAN_FRONTEND": "noninteractive"},
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60,
                              check=False)
        if done.returncode != status:
            raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def files(self):
        """The names of all files where a package may write, but the system's own business.

        Not of the whole root: what others write below the overlay would show in it.
        """
        prune = [w for d in SKIP for w in ("-path", "/" + d, "-o")][:-1]
        places = [p for p in PLACES if os.path.isdir(p)]
        names = self.run("find", *places, "-xdev", "(", *prune, ")", "-prune", "-o", "-print")
        return {n for n in names.splitlines() if not TOOLS.search(n)}

    def close(self):
        """Lets go of it all."""
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


@contextlib.contextmanager
def running(root, *argv, before=()):
    """A program in there, ended with SIGTERM; gives the file of its words."""
    with tempfile.TemporaryFile("w+") as words:
        with subprocess.Popen(root.enter([*before, *argv]), stdin=subprocess.DEVNULL,
                              stdout=words, stderr=words) as child:
            try:
                yield words
            finally:
                child.terminate()
                try:
                    child.wait(20)
                except subprocess.TimeoutExpired:
                    child.kill()


def wait_for(words, pattern, seconds=20):
    """Waits until a program said something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        words.seek(0)
        text = words.read()
        if re.search(pattern, text):
            return
        time.sleep(0.1)
    raise AssertionError(f"{pattern} was not said within {seconds} s: {text}")


@harness.needs_root
@unittest.skipUnless(shutil.which("dpkg-buildpackage") and shutil.which("dh"),
                     "needs debhelper")
class Package(unittest.TestCase):
    """One life of an installation; the order is that of a person."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="skein-package-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        done = subprocess.run(["make", "deb", "PREBUILT=1"], cwd=harness.ROOT, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:])
        debs = glob.glob(os.path.join(harness.ROOT, "build", "deb", "*.deb"))
        self.assertEqual(len(debs), 3, debs)
        self.root = Root(self.folder)
        self.addCleanup(self.root.close)
        self.inside = f"/proc/{self.root.holder.pid}/root"
        for deb in debs:
            shutil.copy(deb, self.inside + "/tmp")

    def newer(self):
        """The same packages with a higher version, and no time lost on compressing."""
        for deb in glob.glob(self.inside + "/tmp/*_0.1.0_*.deb"):
            tree = os.path.join(self.inside, "tmp", "tree")
            subprocess.run(["dpkg-deb", "-R", deb, tree], check=True)
            path = tree + "/DEBIAN/control"
            with open(path, encoding="utf-8") as f:
                text = f.read()
            with open(path, "w", encoding="utf-8") as f:
                f.write(text.replace("Version: 0.1.0", "Version: 0.1.1"))
            subprocess.run(["dpkg-deb", "-z0", "-b", tree, deb.replace("0.1.0", "0.1.1")],
                           check=True, stdout=subprocess.DEVNULL)
            shutil.rmtree(tree)

    def dpkg_install(self, version):
        """dpkg -i of the three."""
        self.root.run("sh", "-c", f"dpkg -i --force-confold /tmp/*_{version}_*.deb")

    def watch(self):
        """Collector and sensor as their units run them; the edges of one scene."""
        port = harness.free_port()
        collector = ["/usr/bin/skein-collector", "--data", "/var/lib/skein", "--listen",
                     f"127.0.0.1:{port}"]
        user = ["setpriv", "--reuid=skein-collector", "--regid=skein-collector",
                "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]
        with running(self.root, *collector, before=user) as words:
            wait_for(words, f"127.0.0.1:{port}")
            token = self.root.run(*user, "skein-collector", "token", "create").strip()
            self.root.run("skein-sensor", "enroll", "--collector", f"127.0.0.1:{port}",
                          "--token", token)
            self.assertEqual(self.root.run("stat", "-c", "%U %a",
                                           "/var/lib/skein/sensor/sensor.key"),
                             "skein-sensor 600\n")
            with running(self.root, "/usr/bin/skein-sensor", "--interval", "1s",
                         before=as_unit()) as said:
                wait_for(said, "connected to the collector")  # attached before that
                server = int(subprocess.run([sys.executable, "-c", CLIENT], check=True,
                                            stdout=subprocess.PIPE, text=True).stdout)
        flows = json.loads(self.root.run("skein", "edges", "--db", "/var/lib/skein/skein.db",
                                         "--json"))
        return [f for f in flows if f.get("server_port") == server]

    def read(self, path):
        """A file in there."""
        return self.root.run("cat", path)

    def test_life(self):
        before, users = self.root.files(), self.root.run("getent", "passwd")
        self.dpkg_install("0.1.0")
        for user in ("skein-sensor", "skein-collector"):
            self.root.run("getent", "passwd", user)
        found = self.watch()
        self.assertEqual([(f["client_process"], f["server_process"], f["opens"])
                          for f in found],
                         [(os.path.basename(os.path.realpath(sys.executable)),) * 2 + (7,)],
                         found)
        self.upgrade()
        self.root.run("dpkg", "--purge", "skein", "skein-sensor", "skein-collector")
        left = self.root.files() - before
        # what this machine has too, under the overlay, others made meanwhile
        self.assertEqual(sorted(n for n in left if not os.path.lexists(n)), [])
        self.assertEqual(self.root.run("getent", "passwd"), users)
        self.assertEqual(self.root.run("getent", "group", "skein-sensor", status=2), "")
        self.assertEqual(harness.left_in_kernel(), [])

    def upgrade(self):
        """A changed configuration, the identity and the database stay."""
        kept = ("/var/lib/skein/sensor/identity", "/etc/skein/sensor.conf",
                "/etc/skein/sensor.d/collector.conf")
        self.root.run("sh", "-c", "echo 'interval = 5s' >> /etc/skein/sensor.conf")
        was = [self.read(path) for path in kept]
        self.newer()
        self.dpkg_install("0.1.1")
        self.assertEqual([self.read(path) for path in kept], was)
        self.root.run("test", "-s", "/var/lib/skein/skein.db")
        self.assertEqual(self.root.run("stat", "-c", "%U", "/var/lib/skein/sensor/identity"),
                         "skein-sensor\n")


if __name__ == "__main__":
    unittest.main()
