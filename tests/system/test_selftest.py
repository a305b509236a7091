# SPDX-License-Identifier: Apache-2.0
"""The sensor's self-test, before and after enrolment, against collectors that answer, refuse,
swallow packets or are others; and what is said to be left in the kernel.

Other sensors may run on this machine: what is looked for is held by the processes of this test.
"""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

import harness
import scene

NAMES = ("config", "kernel", "btf", "rights", "memlock", "watching", "cgroup", "namespaces",
         "conntrack", "proc", "data", "enrolled", "certificate", "collector", "clock")
LIMIT = 15  # seconds, whatever does not answer
PINS = "/sys/fs/bpf"


def self_test(*options, status=0, **more):
    """{name: check} of a run, and how long it took."""
    began = time.monotonic()
    outcome = harness.run("skein-sensor", "--self-test", "--json", *options, **more)
    took = time.monotonic() - began
    if outcome.status != status:
        raise AssertionError(f"status {outcome.status}, not {status}: {outcome}")
    return {c["name"]: c for c in json.loads(outcome.stdout)}, took


def left_over():
    """{name: check} of --self-check-clean."""
    outcome = harness.run("skein-sensor", "--self-check-clean", "--json")
    return {c["name"]: c for c in json.loads(outcome.stdout)}


@harness.needs_root
class SelfTest(unittest.TestCase):
    """One collector, an enrolled sensor and one that is not."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="skein-selftest-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        os.chmod(cls.folder, 0o755)  # nobody reads a configuration there
        cls.data, cls.sensor = os.path.join(cls.folder, "c"), os.path.join(cls.folder, "s")
        cls.address, cls.collector = cls.start_collector(cls.data)
        harness.enroll(cls.address, cls.data, cls.sensor)

    @classmethod
    def start_collector(cls, data):
        """Its address, once it listens."""
        address = f"127.0.0.1:{harness.free_port()}"
        daemon = harness.Daemon("skein-collector", "--data", data, "--listen", address)
        cls.addClassCleanup(daemon.close)
        scene.wait_for(lambda: harness.listening(int(address.split(":")[1])), 15,
                       "the collector's start")
        return address, daemon

    def settings(self, text):
        """The options of a configuration file with that text; and of no other."""
        path = os.path.join(self.folder, f"{self.id().rpartition('.')[2]}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return ["--config", path]

    def enrolled(self, *options, **more):
        """A run of the enrolled one."""
        return self_test(*self.settings(""), "--data", self.sensor, *options, **more)

    def test_all_is_well(self):
        checks, took = self.enrolled("--collector", self.address)
        self.assertEqual(tuple(checks), NAMES)
        for check in checks.values():
            self.assertEqual((check["type"], check["version"]), ("check", 1))
            self.assertEqual(check["status"] == "ok", check["mend"] == "", check)
        for name in ("watching", "rights", "namespaces", "cgroup", "data", "enrolled",
                     "certificate", "collector", "clock"):
            self.assertEqual(checks[name]["status"], "ok", checks[name])
        self.assertRegex(checks["watching"]["found"], r"saw \d+ open connections and [1-9]")
        self.assertIn("welcomes this sensor", checks["collector"]["found"])
        self.assertRegex(checks["clock"]["found"], r"differs by [+-]\d{1,3} ms")
        self.assertLess(took, LIMIT)

    def test_nothing_of_it_is_kept(self):
        """The collector has no word of it, nor has the kernel."""
        self.enrolled("--collector", self.address)
        doctor = harness.run_json("doctor", "--db", os.path.join(self.data, "skein.db"),
                                  "--json")
        sensor = next(c for c in doctor if c["name"].startswith("sensor "))
        self.assertIn("never told anything", sensor["found"])

    def test_beside_the_sensor_that_is_connected(self):
        """Which stays connected."""
        sensor = harness.Daemon("skein-sensor", *self.settings(""), "--collector", self.address,
                                "--data", self.sensor, "--interval", "1s", "--poll")
        self.addCleanup(sensor.close)
        scene.wait_for(lambda: "connected to the collector" in sensor.errors(), 15, "its link")
        checks, _ = self.enrolled("--collector", self.address)
        self.assertIn("is connected to it already", checks["collector"]["found"])
        self.assertEqual(checks["collector"]["status"], "ok")
        time.sleep(2)
        self.assertEqual(sensor.errors().count("connected to the collector"), 1)
        self.assertEqual(sensor.end(), 0, sensor.errors())
        # and its records are its machine's: what they say of loopback does not matter here
        self.restart()

    def restart(self):
        """A collector that knows of no sensor's records: the tests have any order."""
        cls = type(self)
        cls.collector.end()
        cls.data, cls.sensor = cls.data + "x", cls.sensor + "x"
        cls.address, cls.collector = cls.start_collector(cls.data)
        harness.enroll(cls.address, cls.data, cls.sensor)

    def test_another_collector(self):
        """The name is right and the authority is not."""
        address, _ = self.start_collector(os.path.join(self.folder, "other"))
        checks, _ = self.enrolled("--collector", address, status=1)
        self.assertEqual(checks["collector"]["status"], "fail")
        self.assertIn("not the collector that was expected", checks["collector"]["found"])

    def test_before_enrolment(self):
        checks, _ = self_test(*self.settings(""), "--data", self.folder + "/none", "--collector",
                              self.address)
        self.assertEqual({n for n in ("data", "enrolled", "collector")
                          if checks[n]["status"] == "warn"}, {"data", "enrolled"})
        self.assertIn(f"enroll --collector {self.address} --token", checks["enrolled"]["mend"])
        self.assertIn("takes calls", checks["collector"]["found"])

    def test_nobody_listens(self):
        checks, _ = self.enrolled("--collector", f"127.0.0.1:{harness.free_port()}", status=1)
        self.assertIn("Connection refused", checks["collector"]["found"])

    def test_a_name_that_is_none(self):
        checks, took = self.enrolled("--collector", "no-such-host.invalid:7700", status=1)
        self.assertEqual(checks["collector"]["status"], "fail")
        self.assertLess(took, LIMIT)

    def test_packets_are_swallowed(self):
        """A queue that is full: SYNs are dropped."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full, \
                contextlib.ExitStack() as clients:
            for _ in range(3):
                client = clients.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            time.sleep(0.2)
            checks, took = self.enrolled("--collector", f"127.0.0.1:{full.getsockname()[1]}",
                                         status=1)
        self.assertRegex(checks["collector"]["found"], "cannot be reached: .*(timed out|in time)")
        self.assertIn("TCP port", checks["collector"]["mend"])
        self.assertIn("clock", checks)
        self.assertLess(took, LIMIT)

    def test_a_collector_that_says_nothing(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            checks, took = self.enrolled("--collector", f"127.0.0.1:{mute.getsockname()[1]}",
                                         status=1)
        self.assertIn("says nothing", checks["collector"]["found"])
        self.assertLess(took, LIMIT)

    def test_the_end_comes_in_any_case(self):
        """By its own alarm, early here: what was found so far is whole."""
        with socket.create_server(("127.0.0.1", 0)) as mute:
            with subprocess.Popen(
                    [harness.program("skein-sensor"), "--self-test", "--json",
                     *self.settings(""), "--data", self.sensor, "--collector",
                     f"127.0.0.1:{mute.getsockname()[1]}"], stdout=subprocess.PIPE) as child:
                with mute.accept()[0]: # dropped it would be closed, and the call over
                    self.assert_confined(*harness.children(child.pid))
                    child.send_signal(signal.SIGALRM)
                    said = json.loads(child.communicate(timeout=10)[0])
        self.assertEqual(child.returncode, 1)
        self.assertEqual([c["name"] for c in said], list(NAMES[:-1]))
        self.assertIn("no answer within 14 s", said[-1]["found"])

    def assert_confined(self, pid):
        """Who speaks to a stranger has no rights."""
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            words = dict(line.split(":\t", 1) for line in file.read().splitlines())
        self.assertEqual((int(words["CapPrm"], 16), words["Seccomp"]), (0, "2"), words)
        self.assertNotEqual(words["Uid"].split()[0], "0")

    def test_a_bad_configuration(self):
        """The rest is checked all the same; a key without value, and one that is none."""
        checks, _ = self_test(*self.settings("# fine\ninterval = 7s\n"), status=1)
        self.assertRegex(checks["config"]["found"], r"\.conf:2: interval wants 1s to 60s")
        self.assertEqual(tuple(checks), NAMES)
        checks, _ = self_test(*self.settings("collector = x\n"), status=1)
        self.assertIn("HOST:PORT", checks["config"]["found"])
        self.assertIn("none is named", checks["collector"]["found"])
        outcome = harness.run("skein-sensor", *self.settings("interval = 7s\n"))
        self.assertEqual((outcome.status, outcome.stderr.count("\n")), (2, 1), outcome)

    def test_settings_are_those_of_the_service(self):
        text = f"collector = {self.address}\ndata = {self.sensor}\ntranslations = no\n"
        checks, _ = self_test(*self.settings(text))
        self.assertIn("welcomes", checks["collector"]["found"])
        self.assertIn("as the options say", checks["conntrack"]["found"])

    def test_a_denied_kernel(self):
        checks, _ = self.enrolled("--deny-kernels", "*")
        self.assertEqual(checks["kernel"]["status"], "warn")
        self.assertIn("by --poll", checks["watching"]["found"])
        checks, _ = self.enrolled("--deny-kernels", "*", "--ebpf", status=1)
        self.assertEqual(checks["watching"]["status"], "fail")

    def test_without_rights(self):
        checks, _ = self_test(*self.settings(""), as_nobody=True)
        self.assertIn("CAP_NET_ADMIN", checks["rights"]["found"])
        for name in ("rights", "namespaces", "conntrack", "proc", "watching"):
            self.assertEqual(checks[name]["status"], "warn", checks[name])
        self.assertIn("by --poll", checks["watching"]["found"])
        outcome = harness.run("skein-sensor", "--self-check-clean", as_nobody=True)
        self.assertEqual((outcome.status, outcome.stdout), (3, ""), outcome)
        self.assertIn("sudo", outcome.stderr)

    def test_color_is_for_terminals(self):
        options = ["--self-test", *self.settings("")]
        plain = harness.run("skein-sensor", *options).stdout
        self.assertNotIn("\033", plain)
        for line in plain.splitlines():
            self.assertRegex(line, r"^(ok  |warn|FAIL)  [a-z]+ +\S|^      \S")
        for no_color, want in (("", True), ("1", False)):
            parent, child = pty.openpty()
            with subprocess.Popen([harness.program("skein-sensor"), *options], stdout=child,
                                  env={**os.environ, "TERM": "xterm", "NO_COLOR": no_color}):
                os.close(child)
                text = b""
                with contextlib.suppress(OSError), os.fdopen(parent, "rb") as file:
                    while part := file.read1(65536):
                        text += part
            self.assertEqual(b"\033[32mok" in text, want, text)

    def test_it_goes_alone(self):
        outcome = harness.run("skein-sensor", *self.settings(""), "--json", "--once", "1s",
                              "--out", "-")
        self.assertEqual(outcome.status, 2, outcome)


@harness.needs_root
class Clean(unittest.TestCase):
    """What is said to be left in the kernel."""

    def test_a_sensor_and_what_it_leaves(self):
        """Held by it, then pinned, then gone."""
        watch = harness.Watch(60)
        self.addCleanup(watch.close)
        pid = watch.process.pid
        held = {i for kind, i in harness.bpf_held(pid) if kind == "map"}
        edges = [m["id"] for m in json.loads(scene.call("bpftool", "-j", "map", "show"))
                 if m["id"] in held and m.get("name") == "edges_a"]
        self.assertEqual(len(edges), 1)
        said = left_over()
        for name in ("programs", "maps", "links"):
            self.assertRegex(said[name]["found"], rf"held by process \d+ \(skein-sensor\)")
            self.assertIn("systemctl stop", said[name]["mend"])
        folder = tempfile.mkdtemp(prefix="skein-pins-")
        self.addCleanup(shutil.rmtree, folder, True)
        self.pinned(folder, watch, edges[0])

    def pinned(self, folder, watch, number):
        """A map outlives its sensor, in a file system of this test's own."""
        script = (f"mount -t bpf none {PINS} && bpftool map pin id {number} {PINS}/some && "
                  f"touch {folder}/pinned && while [ ! -e {folder}/dead ]; do sleep .1; done; "
                  f"{harness.program('skein-sensor')} --self-check-clean > {folder}/said; "
                  f"echo $? >> {folder}/said; rm {PINS}/some")
        with subprocess.Popen(["unshare", "-m", "--propagation", "private", "sh", "-c", script],
                              stdin=subprocess.DEVNULL) as child:
            scene.wait_for(lambda: os.path.exists(folder + "/pinned"), 10, "the pinning")
            watch.process.kill()
            watch.process.wait()
            with open(folder + "/dead", "w", encoding="ascii"):
                pass
            self.assertEqual(child.wait(30), 0)
        with open(folder + "/said", encoding="utf-8") as f:
            said = f.read()
        self.assertTrue(said.endswith("\n1\n"), said)
        self.assertRegex(said, rf"(?m)^FAIL  maps .*\({number}\).*held by no process")
        self.assertRegex(said, rf"(?m)^FAIL  pinned +{PINS}/some$")
        self.assertEqual(harness.left_in_kernel(), [])
        for check in left_over().values():
            self.assertFalse(re.search(rf"\({number}\)", check["found"]), check)


if __name__ == "__main__":
    unittest.main()
