# SPDX-License-Identifier: Apache-2.0
"""Who may speak: certificates renewed by themselves, revoked, copied; tokens and machines that
a person decides about; and what the collector's two processes may do."""

import json
import os
import shutil
import signal
import stat
import tempfile
import time
import unittest

import harness


def until(what, seconds=20):
    """Calls WHAT until it gives something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = what()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what.__name__} did not come within {seconds} s")


def status(pid):
    """/proc/PID/status as a dictionary."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return {key: value.strip() for key, _, value in (line.partition(":") for line in file)}


class Estate(unittest.TestCase):
    """A collector of this machine, and as many sensors as a test likes."""

    life = "30d"

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="skeinident")
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder, self.data = folder.name, os.path.join(folder.name, "collector")
        self.start()

    def start(self, port=0):
        """The collector, listening."""
        self.collector = harness.Daemon("skein-collector", "--data", self.data, "--listen",
                                        f"127.0.0.1:{port}", "--sensor-life", self.life)
        self.addCleanup(self.collector.close)
        self.address = until(self.listens_on)

    def listens_on(self):
        """Where, once it does."""
        words = self.collector.errors()
        return words.split("listening on ")[1].split(",")[0] if "listening on" in words else ""

    def sub(self, *words):
        """A sub-command of the collector."""
        return harness.run("skein-collector", *words, "--data", self.data)

    def token(self, *options):
        """A new token."""
        made = self.sub("token", "create", *options)
        self.assertEqual(made.status, 0, made)
        return made.stdout.strip()

    def enrol(self, name, token=None):
        """A sensor's folder, enrolled."""
        path = os.path.join(self.folder, name)
        done = harness.run("skein-sensor", "enroll", "--collector", self.address, "--token",
                           token or self.token(), "--data", path)
        self.assertEqual(done.status, 0, done)
        return path

    def sensor(self, path):
        """A real sensor."""
        daemon = harness.Daemon("skein-sensor", "--ebpf", "--collector", self.address, "--data",
                                path, "--interval", "1s")
        self.addCleanup(daemon.close)
        return daemon

    def connected(self, daemon):
        """Once it is."""
        until(lambda: "connected to the collector" in daemon.errors())

    def sensors(self):
        """{id: what the list says}."""
        listed = self.sub("sensor", "list", "--json")
        return {row["id"]: row for row in json.loads(listed.stdout or "[]")}

    def state(self, path):
        """Of the sensor in PATH."""
        return self.sensors()[self.ident(path)]["state"]

    @staticmethod
    def ident(path):
        """The identity in PATH."""
        with open(os.path.join(path, "identity"), encoding="ascii") as file:
            return file.read().strip()


@harness.needs_root
class Renewal(Estate):
    """Lives of some seconds."""

    life = "6s"

    def test_a_real_sensor_renews(self):
        """The courier has no rights, and DIR is root's."""
        path = self.enrol("sensor")
        sensor = self.sensor(path)
        self.connected(sensor)
        pem = os.path.join(path, "renewed", "sensor.pem")
        until(lambda: os.path.exists(pem))
        first = os.stat(pem)
        self.assertEqual(stat.S_IMODE(first.st_mode), 0o600)
        self.assertEqual(first.st_uid, harness.NOBODY)
        self.assertEqual(os.stat(path).st_uid, 0)
        sensor.signal(signal.SIGKILL)
        sensor.wait(5)
        again = self.sensor(path)
        self.connected(again)
        until(lambda: os.stat(pem).st_ino != first.st_ino)
        words = sensor.errors() + again.errors()
        self.assertIn("the certificate was renewed", words)
        self.assertNotIn("refused", words)
        self.assertNotIn("cannot", words)
        self.assertIn("uses its next certificate", self.collector.errors())
        self.assertEqual(self.state(path), "ok")

    def test_away_for_longer_than_its_life(self):
        """Within as long again it renews first; after that a person enrols it again."""
        path, late = self.enrol("sensor"), self.enrol("late")
        time.sleep(7.5)
        self.assertEqual(self.state(path), "expired")
        sensor = self.sensor(path)
        until(lambda: "uses its next certificate" in self.collector.errors())
        self.assertIn("has ended", sensor.errors())
        until(lambda: self.state(path) == "ok")
        sensor.close()
        time.sleep(max(0, 5 - (time.monotonic() - sensor.started)))
        gone = self.sensor(late)
        until(lambda: "too long ago to be renewed; enrol it again" in gone.errors())


@harness.needs_root
class Identity(Estate):
    """Lives of 30 days."""

    def test_revoked_within_five_seconds(self):
        path = self.enrol("sensor")
        sensor = self.sensor(path)
        self.connected(sensor)
        time.sleep(1)
        begin = time.monotonic()
        self.assertEqual(self.sub("sensor", "revoke", self.ident(path)).status, 0)
        until(lambda: "has been revoked" in sensor.errors(), 5)
        took = time.monotonic() - begin
        print(f"revoked to refused: {took:.2f} s")
        self.assertLess(took, 5)
        self.assertEqual(self.state(path), "revoked")
        self.assertEqual(self.sub("sensor", "revoke", self.ident(path)).status, 1)
        shown = self.sub("sensor", "show", self.ident(path)).stdout
        self.assertRegex(shown, r"root.*: sensor revoke s-")

    def test_a_copy_is_noticed(self):
        path = self.enrol("sensor")
        copy = os.path.join(self.folder, "copy")
        sensor = self.sensor(path)
        self.connected(sensor)
        shutil.copytree(path, copy)
        other = self.sensor(copy)
        until(lambda: "is connected already" in other.errors())
        until(lambda: self.state(path) == "cloned?", 70)
        row = self.sensors()[self.ident(path)]
        self.assertRegex(row["why"], r"^connected from 127.*, and also tried from 127")
        listed = self.sub("sensor", "list")
        self.assertIn("1 to decide about", listed.stderr)
        other.close()
        self.assertEqual(self.sub("sensor", "allow", self.ident(path)).status, 0)
        self.assertEqual(self.state(path), "ok")
        self.assertNotIn("refused", sensor.errors())
        self.collector.signal(signal.SIGUSR1)
        until(lambda: "clones=1" in self.collector.errors())

    def test_a_restart_and_a_self_test_are_no_copy(self):
        path = self.enrol("sensor")
        sensor = self.sensor(path)
        self.connected(sensor)
        done = harness.run("skein-sensor", "--self-test", "--collector", self.address, "--data",
                           path, timeout=120)
        self.assertIn("collector", done.stdout)
        sensor.signal(signal.SIGKILL)
        again = self.sensor(path)
        self.connected(again)
        time.sleep(5)
        self.assertEqual(self.state(path), "ok")

    def test_a_second_sensor_of_a_machine_waits_for_a_person(self):
        first, second = self.enrol("first"), self.enrol("second")
        one = self.sensor(first)
        until(lambda: self.state(first) == "ok")
        two = self.sensor(second)
        until(lambda: self.state(second) == "pending")
        self.assertIn(f"for which {self.ident(first)} speaks",
                      self.sensors()[self.ident(second)]["why"])
        one.end()
        self.assertEqual(self.sub("sensor", "allow", self.ident(second)).status, 0)
        rows = self.sensors()
        self.assertIsNone(rows[self.ident(first)]["machine"])
        self.assertIsNotNone(rows[self.ident(second)]["machine"])
        self.assertEqual(two.process.poll(), None)

    def test_tokens_of_a_network_and_revoked_ones(self):
        inside = self.token("--cidr", "127.0.0.0/8", "--uses", "9")
        self.enrol("inside", inside)
        for options, words in ((("--cidr", "192.0.2.0/24"), "not good from this address"),
                               (("--cidr", "2001:db8::/32"), "not good from this address")):
            done = harness.run("skein-sensor", "enroll", "--collector", self.address, "--token",
                               self.token(*options), "--data", os.path.join(self.folder, "out"))
            self.assertNotEqual(done.status, 0)
            self.assertIn(words, done.stderr)
        rows = json.loads(self.sub("token", "list", "--json").stdout)
        [row] = [r for r in rows if r["used"] == 1]
        self.assertEqual((row["left"], row["cidr"], row["state"]), (8, "127.0.0.0/8", "good"))
        self.assertEqual(self.sub("token", "revoke", row["id"]).status, 0)
        done = harness.run("skein-sensor", "enroll", "--collector", self.address, "--token",
                           inside, "--data", os.path.join(self.folder, "out"))
        self.assertIn("unknown token", done.stderr)
        made = self.sub("token", "create", "--cidr", "10.1.0.1/16")
        self.assertEqual(made.status, 2)
        self.assertIn("lets in 2 sensors with the role mirror from 10.1.0.0/16, until",
                      self.sub("token", "create", "--uses", "2", "--role", "mirror", "--cidr",
                               "10.1.0.0/16").stderr)

    def test_the_processes(self):
        """No right, a filter; the key's has no file and no socket but one."""
        pid = self.collector.process.pid
        [key] = harness.family(pid)["skein-authority"]
        for one in (pid, key):
            said = status(one)
            self.assertEqual((said["Seccomp"], said["NoNewPrivs"]), ("2", "1"))
            self.assertEqual(int(said["CapEff"], 16) | int(said["CapPrm"], 16), 0)
        held = [os.readlink(f"/proc/{key}/fd/{fd}") for fd in os.listdir(f"/proc/{key}/fd")]
        self.assertEqual(len([h for h in held if h.startswith("socket:")]), 1, held)
        self.assertFalse([h for h in held if self.data in h], held)
        os.kill(key, signal.SIGKILL)
        done = harness.run("skein-sensor", "enroll", "--collector", self.address, "--token",
                           self.token(), "--data", os.path.join(self.folder, "sensor"))
        self.assertEqual(done.status, 0, str(done))  # it asks again until another is there
        self.assertIn("has ended", self.collector.errors())
        self.assertNotEqual(harness.family(pid)["skein-authority"], [key])
        self.assertEqual(self.collector.end(), 0)

    def test_root_becomes_who_owns_the_data(self):
        self.assertEqual(self.collector.end(), 0)
        shutil.rmtree(self.data)
        os.mkdir(self.data, 0o700)
        os.chown(self.data, harness.NOBODY, harness.NOBODY)
        self.start()
        for pid in [self.collector.process.pid,
                    *sum(harness.family(self.collector.process.pid).values(), [])]:
            self.assertEqual(set(status(pid)["Uid"].split()), {str(harness.NOBODY)})
        self.enrol("sensor")
        for name in os.listdir(self.data):
            self.assertEqual(os.stat(os.path.join(self.data, name)).st_uid, harness.NOBODY)


if __name__ == "__main__":
    unittest.main()
