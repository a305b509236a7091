# SPDX-License-Identifier: Apache-2.0
"""The systemd units: that systemd understands them, how exposed they leave a host, that the
sensor keeps what it needs, and that the configuration file shows the program's defaults."""

import os
import re
import subprocess
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGING = os.path.join(os.path.dirname(HERE), "packaging")
BUILD = os.environ.get("SKEIN_BUILD", os.path.join(os.path.dirname(HERE), "build"))
MOST = {"skein-sensor": 4.0, "skein-collector": 2.0, "skein-mirror": 2.0}
RIGHTS = {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH", "CAP_NET_ADMIN",
          "CAP_SYS_RESOURCE", "CAP_SYS_ADMIN"}
# What would blind the sensor: processes of others, /proc/net and /proc/stat, the host's network.
BLINDING = ("ProtectProc", "ProcSubset", "PrivateNetwork", "PrivateUsers")


def unit(name):
    """The lines of a unit as a dictionary: key to its values."""
    found = {}
    with open(os.path.join(PACKAGING, name + ".service"), encoding="utf-8") as f:
        for line in f:
            key, equals, value = line.strip().partition("=")
            if equals and not line.startswith("#"):
                found.setdefault(key, []).append(value)
    return found


def systemd_analyze(*words):
    """What systemd-analyze prints, both streams, and its status."""
    done = subprocess.run(["systemd-analyze", "--no-pager", *words], text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


class Units(unittest.TestCase):
    """Both units, as deb and rpm install them."""

    def test_exposure(self):
        for name, most in MOST.items():
            path = os.path.join(PACKAGING, name + ".service")
            _, words = systemd_analyze("security", "--offline=true", path)
            found = re.search(r"exposure level for \S+: ([0-9.]+)", words)
            self.assertIsNotNone(found, words)
            self.assertLessEqual(float(found[1]), most, name)

    def test_systemd_understands_every_line(self):
        for name in MOST:
            path = os.path.join(PACKAGING, name + ".service")
            _, words = systemd_analyze("verify", "--man=no", path)
            own = [w for w in words.splitlines()
                   if name + ".service" in w and "is not executable" not in w]
            self.assertEqual(own, [])

    def test_rights(self):
        sensor, collector = unit("skein-sensor"), unit("skein-collector")
        self.assertEqual(set(sensor["AmbientCapabilities"][0].split()), RIGHTS)
        self.assertEqual(set(sensor["CapabilityBoundingSet"][0].split()), RIGHTS)
        self.assertEqual(collector["CapabilityBoundingSet"], [""])
        self.assertEqual([k for k in BLINDING if k in sensor], [])
        self.assertEqual(unit("skein-mirror")["CapabilityBoundingSet"], ["CAP_NET_RAW"])

    def test_bounds(self):
        sensor = unit("skein-sensor")
        self.assertEqual((sensor["MemoryMax"], sensor["CPUQuota"]), (["256M"], ["50%"]))
        self.assertIn("TasksMax", sensor)
        self.assertEqual(sensor["ConditionPathExists"], ["/var/lib/skein/sensor/identity"])


class Others(unittest.TestCase):
    """The other family's packages, and the page of the program."""

    def test_spec(self):
        done = subprocess.run(["rpmspec", "-q", "--qf", "%{name}\\n",
                               os.path.join(PACKAGING, "skein.spec")], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.stdout.split(), ["skein", "skein-sensor", "skein-collector"])

    def test_the_page_has_every_option(self):
        done = subprocess.run([os.path.join(BUILD, "skein-sensor"), "--help"], text=True,
                              check=True, stdout=subprocess.PIPE)
        page = os.path.join(os.path.dirname(HERE), "docs", "man", "skein-sensor.8")
        with open(page, encoding="utf-8") as f:
            text = f.read().replace("\\-", "-")
        for option in re.findall(r"^  (--[a-z-]+)", done.stdout, re.M):
            self.assertRegex(text, rf"(?m)^\.BI?R? {option}\b")


class Configuration(unittest.TestCase):
    """packaging/sensor.conf and what the program makes of such a file."""

    def sensor(self, text, *words):
        """Runs the sensor with a configuration; status and words.  Nothing is there to watch
        with: a folder without identity ends it before it attaches."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "sensor.conf")
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            done = subprocess.run(
                [os.path.join(BUILD, "skein-sensor"), "--config", path, "--data", folder, *words],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, check=False, timeout=20)
            return done.returncode, done.stderr.replace(folder, "DIR")

    def keys(self, name="sensor"):
        """The commented keys with their defaults."""
        with open(os.path.join(PACKAGING, name + ".conf"), encoding="utf-8") as f:
            return re.findall(r"^#([a-z-]+) = ?(.*)$", f.read(), re.M)

    def test_every_key_of_the_mirror_is_known(self):
        text = "".join(f"{key} = {value}\n" for key, value in self.keys("mirror"))
        self.assertEqual(len(self.keys("mirror")), 12)
        status, words = self.sensor(text.replace("eth1", "no such"))
        self.assertEqual(status, 3, words)
        self.assertNotIn("sensor.conf:", words)

    def test_every_key_is_known(self):
        text = "".join(f"{key} = {value}\n" for key, value in self.keys() if key != "data")
        self.assertEqual(len(self.keys()), 16)
        status, words = self.sensor(text)
        self.assertNotEqual(status, 2, words)
        self.assertNotIn("sensor.conf:", words)

    def test_the_page_has_every_key(self):
        page = os.path.join(os.path.dirname(HERE), "docs", "man", "skein-sensor.conf.5")
        with open(page, encoding="utf-8") as f:
            text = f.read().replace("\\-", "-")
        for key, _ in self.keys() + self.keys("mirror"):
            self.assertRegex(text, rf"(?m)^\.BI? {key}\b")

    def test_what_is_wrong_is_one_line(self):
        for line, why in (("colector = a:1", "there is no key colector"),
                          ("interval = 7s", "interval wants 1s to 60s"),
                          ("probe = magic", "probe wants auto, ebpf or poll, not magic"),
                          ("arguments = maybe", "yes or no, not maybe"),
                          ("token = x", "there is no key token"),
                          ("nonsense", "this is not \"key = value\"")):
            status, words = self.sensor("# first\n" + line + "\n")
            self.assertEqual(status, 2, words)
            self.assertTrue(words.startswith("skein-sensor: DIR/sensor.conf:2: "), words)
            self.assertIn(why, words)
            self.assertEqual(words.count("\n"), 1, words)

    def test_the_command_line_wins(self):
        status, words = self.sensor("collector = 127.0.0.1:1\n", "--collector", "nowhere")
        self.assertEqual((status, "--collector wants" in words), (2, True), words)
        status, words = self.sensor("# nothing\n")
        self.assertEqual((status, "--collector HOST:PORT is missing" in words), (2, True), words)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=0).result
    bad = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - bad} passed, {bad} failed")
    raise SystemExit(1 if bad else 0)
