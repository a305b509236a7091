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
        [self.courier] = harness.children(self.sensor.pid)
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


# Of a collector with everything: how many there are of each, and what it may open.  A process
# that is killed by a call, as those are that may open nothing, is not asked.
PROCESSES = {
    "skein-nursery": (1, True), "skein-authority": (1, False), "skein-database": (1, True),
    "skein-http": (1, True), "skein-front": (1, False), "skein-answers": (3, True),
    "skein-flows": (1, False),
}
READ_ANYTHING = ("skein-nursery", "skein-http")  # and take no byte of strangers


class Collector(unittest.TestCase):
    """A collector with everything that has a process, and a relay before it."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skeinconf")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.data = os.path.join(folder.name, "data")
        self.config = os.path.join(folder.name, "conf", "collector.conf")
        os.mkdir(os.path.dirname(self.config))
        with open(self.config, "w", encoding="ascii") as file:
            file.write("log_level = debug\n")
        self.port = harness.free_port()
        self.start()

    def start(self):
        """Until it listens, and its front has its workers."""
        self.collector = harness.Daemon(
            "skein-collector", "--config", self.config, "--data", self.data, "--listen",
            f"127.0.0.1:{self.port}", "--http", "127.0.0.1:0", "--flows", "127.0.0.1:0",
            "--flow-exporters", "127.0.0.1")
        self.addCleanup(self.collector.close)
        scene.wait_for(lambda: harness.listening(self.port), 10, "the collector's start")
        self.wait_whole()

    def family(self):
        """{name: [pids]} of its processes; the collector itself is "" among them."""
        return {"": [self.collector.process.pid],
                **harness.family(self.collector.process.pid)}

    def counts(self):
        """{name: how many}."""
        return {name: len(pids) for name, pids in self.family().items() if name}

    def wait_whole(self):
        """All are there, under the names that they give themselves."""
        want = {name: n for name, (n, _) in PROCESSES.items()}
        try:
            scene.wait_for(lambda: self.counts() == want, 10, "all processes")
        except AssertionError:
            self.assertEqual(self.counts(), want, self.collector.errors())
        time.sleep(0.3)  # a name comes first, a filter then

    def relay(self):
        """A relay's process."""
        relay = harness.Daemon("skein-collector", "--relay", f"127.0.0.1:{self.port}",
                               "--listen", "127.0.0.1:0")
        self.addCleanup(relay.close)
        scene.wait_for(lambda: "a relay to" in relay.errors(), 10, "the relay's start")
        return relay.process.pid

    def test_no_process_has_rights(self):
        """Each has a filter, no capability, and cannot get any."""
        family = {**self.family(), "relay": [self.relay()]}
        for name, pid in ((n, p) for n, pids in family.items() for p in pids):
            words = status(pid)
            with self.subTest(process=name):
                self.assertEqual((words["Seccomp"], words["NoNewPrivs"]), ("2", "1"))
                for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(words[kind], 16), 0, kind)

    def test_the_key_is_not_to_be_had(self):
        key, database = (os.path.join(self.data, name) for name in ("ca.key", "skein.db"))
        none = "" if "has no Landlock" in self.collector.errors() else "EACCES"
        for name, pids in self.family().items():
            if name and not PROCESSES[name][1]:
                continue
            said = inside.opens(pids[0], key, database, "/etc/passwd", "/proc/self/status",
                                self.config)
            other = "" if name in READ_ANYTHING else none
            with self.subTest(process=name):
                self.assertEqual(said, {
                    key: "EACCES", database: "", "/etc/passwd": other,
                    "/proc/self/status": other, self.config: "" if not name else other})
        with open(key, encoding="ascii") as file:  # root may; it is there
            self.assertIn("PRIVATE KEY", file.read())
        self.collector.signal(signal.SIGHUP)  # which goes on, and reads its file
        scene.wait_for(lambda: "configuration read again" in self.collector.errors(), 10,
                       "the configuration")
        self.assertEqual(self.collector.end(), 0)

    def simulate(self, name, batches):
        """A sensor's batches are taken: true if all were within the time."""
        made = harness.run("skein-collector", "token", "create", "--data", self.data)
        return subprocess.run(
            [harness.program("tests/simsensor"), "--collector", f"127.0.0.1:{self.port}",
             "--data", os.path.join(self.folder, name), "--token", made.stdout.strip(),
             "--batches", str(batches), "--records", "20", "--limit", "20"],
            stderr=subprocess.DEVNULL, check=False).returncode == 0

    def test_what_is_killed_comes_again(self):
        """Every process that is not the first two; sensors are heard, and enrolled, all along."""
        for number, name in enumerate(sorted(set(PROCESSES) - {"skein-nursery"})):
            before = self.family()
            for pid in before[name]:
                os.kill(pid, signal.SIGKILL)
            scene.wait_for(lambda n=name, b=before: not set(b[n]) & set(self.family().get(n, [])),
                           5, f"the end of {name}")
            with self.subTest(process=name):
                self.assertTrue(self.simulate(f"sensor{number}", 5), self.collector.errors())
                self.wait_whole()
        self.assertEqual(self.collector.end(), 0, self.collector.errors())

    def test_without_the_one_that_starts_them_it_ends(self):
        """All are gone, with a clear word and a status at which systemd starts it again."""
        family = self.family()
        os.kill(family["skein-nursery"][0], signal.SIGKILL)
        self.assertEqual(self.collector.wait(10), 3, self.collector.errors())
        self.assertIn("start the collector again", self.collector.errors())
        scene.wait_for(lambda: not any(harness.alive(p) for pids in family.values() for p in pids), 5,
                       "the end of all")
        self.start()
        self.assertTrue(self.simulate("sensor", 5))


if __name__ == "__main__":
    unittest.main()
