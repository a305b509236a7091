# SPDX-License-Identifier: Apache-2.0
"""What each process may do while it runs, and that nothing stays of a sensor that is killed."""

import os
import signal
import subprocess
import tempfile
import time
import unittest

import harness
import inside
import scene

NOBODY = 65534


def status(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


def children(pid):
    """The processes that PID started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        return [int(word) for word in file.read().split()]


def sockets(pid):
    """Inodes of the sockets that a process holds."""
    found = set()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{fd}")
        except OSError:
            continue
        if link.startswith("socket:["):
            found.add(link[8:-1])
    return found


def inet_sockets():
    """Inodes of all TCP and UDP sockets of this network namespace."""
    found = set()
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/net/{name}", encoding="utf-8") as file:
            found |= {line.split()[9] for line in list(file)[1:]}
    return found


class Confined(unittest.TestCase):
    """A collector and a sensor of this machine, started by hand."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="skeinconf")
        cls.addClassCleanup(cls.folder.cleanup)
        data, cls.sensor_dir = cls.folder.name, os.path.join(cls.folder.name, "sensor")
        port = harness.free_port()
        cls.collector = subprocess.Popen(
            [harness.program("skein-collector"), "--data", data, "--listen",
             f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
        cls.addClassCleanup(cls.collector.wait)
        cls.addClassCleanup(cls.collector.kill)
        for _ in range(100):
            if harness.listening(port):
                break
            time.sleep(0.05)
        token = subprocess.run([harness.program("skein-collector"), "token", "create", "--data",
                                data], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run([harness.program("skein-sensor"), "enroll", "--collector",
                        f"127.0.0.1:{port}", "--token", token, "--data", cls.sensor_dir],
                       check=True, capture_output=True)
        cls.address = f"127.0.0.1:{port}"

    def setUp(self):
        ready, wait = os.pipe()
        self.sensor = subprocess.Popen(
            [harness.program("skein-sensor"), "--ebpf", "--collector", self.address, "--data",
             self.sensor_dir, "--interval", "1s", "--ready-fd", str(wait)], pass_fds=[wait],
            stderr=subprocess.DEVNULL)
        self.addCleanup(self.sensor.wait)
        self.addCleanup(self.sensor.kill)
        os.close(wait)
        with os.fdopen(ready) as file:
            self.assertEqual(file.readline(), "ready\n")
        [self.courier] = children(self.sensor.pid)
        time.sleep(1.5)

    def test_the_courier_has_no_rights(self):
        """No capability, not root, no new privileges, a filter; and it has the connection."""
        courier = status(self.courier)
        self.assertEqual(courier["Name"], "skein-courier")
        for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(courier[kind], 16), 0, kind)
        self.assertEqual(set(courier["Uid"].split()), {str(NOBODY)})
        self.assertEqual(courier["NoNewPrivs"], "1")
        self.assertEqual(courier["Seccomp"], "2")
        self.assertTrue(sockets(self.courier) & inet_sockets())
        links = {os.readlink(f"/proc/{self.courier}/fd/{fd}")
                 for fd in os.listdir(f"/proc/{self.courier}/fd")}
        self.assertFalse([link for link in links if "bpf" in link], links)

    def test_the_watcher_has_no_network(self):
        """A filter, and no socket of TCP or UDP."""
        watcher = status(self.sensor.pid)
        self.assertEqual(watcher["Seccomp"], "2")
        self.assertEqual(watcher["NoNewPrivs"], "1")
        self.assertFalse(sockets(self.sensor.pid) & inet_sockets())

    def test_killed_it_leaves_nothing(self):
        """Also the courier ends, and the kernel lets go of the programs."""
        held = harness.bpf_held(self.sensor.pid)
        self.assertEqual({kind for kind, _ in held}, {"prog", "map", "link"})
        os.kill(self.sensor.pid, signal.SIGKILL)
        self.sensor.wait()
        for _ in range(100):
            if not os.path.exists(f"/proc/{self.courier}"):
                break
            time.sleep(0.1)
        self.assertFalse(os.path.exists(f"/proc/{self.courier}"), "the courier stays")
        for _ in range(50):  # maps are freed a moment later
            if not held & harness.bpf_objects():
                break
            time.sleep(0.1)
        self.assertFalse(held & harness.bpf_objects())

    def test_a_dead_courier_ends_the_watcher(self):
        """It says so by its status, and whatever started it starts both again."""
        os.kill(self.courier, signal.SIGKILL)
        self.assertEqual(self.sensor.wait(timeout=20), 3)


class Files(unittest.TestCase):
    """What somebody who runs code of his own in a process of the collector could open."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skeinconf")
        self.addCleanup(folder.cleanup)
        self.data = os.path.join(folder.name, "data")
        self.config = os.path.join(folder.name, "conf", "collector.conf")
        os.mkdir(os.path.dirname(self.config))
        with open(self.config, "w", encoding="ascii") as file:
            file.write("log_level = debug\n")
        port = harness.free_port()
        self.collector = harness.Daemon("skein-collector", "--config", self.config, "--data",
                                        self.data, "--listen", f"127.0.0.1:{port}")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: harness.listening(port), 10, "the collector's start")

    def test_the_key_is_not_to_be_had(self):
        key, database = (os.path.join(self.data, name) for name in ("ca.key", "skein.db"))
        there = "has no Landlock" not in self.collector.errors()
        said = inside.opens(self.collector.process.pid, key, database, self.config,
                            "/etc/passwd", "/proc/self/status")
        self.assertEqual(said, {key: "EACCES", database: "", self.config: "",
                                "/etc/passwd": "EACCES" if there else "",
                                "/proc/self/status": "EACCES" if there else ""})
        with open(key, encoding="ascii") as file:  # root may; it is there
            self.assertIn("PRIVATE KEY", file.read())
        self.collector.signal(signal.SIGHUP)  # which goes on, and reads its file
        scene.wait_for(lambda: "configuration read again" in self.collector.errors(), 10,
                       "the configuration")
        self.assertEqual(self.collector.end(), 0)


if __name__ == "__main__":
    unittest.main()
