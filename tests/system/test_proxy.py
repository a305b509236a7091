# SPDX-License-Identifier: Apache-2.0
"""Sensors whose only way out is an HTTP proxy, which alone knows the collector's name."""

import os
import re
import signal
import subprocess
import time
import unittest

import chain
import harness
import scene

PORT, PROXY_PORT = 7700, 3128
NAME = "map.example"  # nobody but the proxy knows its address
LOGIN = "sensor:s3cret p@ss"

PROXY = r"""
import base64, socket, sys, threading
listen, port, how, name, address, login = sys.argv[1:7]
want = "Basic " + base64.b64encode(login.encode()).decode()

def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def answer(c, lines):
    if how == "forbids":
        return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
    if how == "garbage":
        return b"SSH-2.0-OpenSSH_9.2\r\n"
    if how == "endless":
        return b"HTTP/1.1 200 OK\r\nX: " + b"y" * 20000
    if how == "talks":
        return b"HTTP/1.1 200 OK\r\n\r\nhello"
    if how == "hangs up":
        return b""
    if login and not any(l == "Proxy-Authorization: " + want for l in lines):
        return b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n"
    return None

def serve(c):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += c.recv(1)
    lines = head.decode().split("\r\n")
    said = answer(c, lines)
    if how == "silent":
        return c.recv(1)
    if said is not None:
        c.sendall(said)
        return c.close()
    method, target, _ = lines[0].split(" ")
    host, _, to = target.rpartition(":")
    assert method == "CONNECT" and f"Host: {target}" in lines, lines
    if host != name:
        c.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
        return c.close()
    try:
        far = socket.create_connection((address, int(to)))
    except OSError:
        c.sendall(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
        return c.close()
    c.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
    threading.Thread(target=pump, args=(far, c), daemon=True).start()
    pump(c, far)

s = socket.create_server((listen, int(port)))
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


@harness.needs_root
class Proxy(unittest.TestCase):
    """One collector; a proxy for each behaviour."""

    @classmethod
    def setUpClass(cls):
        cls.chain = chain.Chain()
        cls.addClassCleanup(cls.chain.close)
        cls.data = cls.chain.path("collector")
        cls.collector = cls.chain.collector(cls.data, PORT)
        cls.addClassCleanup(cls.collector.close)
        cls.login = cls.file("login", LOGIN + "\n")
        cls.proxy = cls.start_proxy("works", PROXY_PORT, LOGIN)
        cls.address = f"{cls.chain.middle_near}:{PROXY_PORT}"

    @classmethod
    def start_proxy(cls, how, port, login=""):
        """One that behaves like that."""
        process = cls.chain.script("middle", PROXY, cls.chain.middle_near, port, how, NAME,
                                   cls.chain.far, login)
        cls.addClassCleanup(process.wait)
        cls.addClassCleanup(process.kill)
        return process

    @classmethod
    def file(cls, name, text):
        """The path of a file with that text, for its owner alone."""
        path = cls.chain.path(name)
        with open(path, "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(text)
        return path

    def enroll(self, *options, name=NAME, config=""):
        """An enrolment in the near machine, and the folder where it may be."""
        self.count = getattr(self, "count", 0) + 1
        word = self.id().rpartition(".")[2] + str(self.count)
        data = self.chain.path(word)
        path = self.file(word + ".conf", config)
        outcome = self.chain.run(
            "near", "skein-sensor", "enroll", "--config", path, "--collector", f"{name}:{PORT}",
            "--token", chain.token(self.data), "--data", data, *options)
        self.assertNotIn("s3cret", outcome.stdout + outcome.stderr)
        return outcome, data

    def enrolled(self):
        """A new sensor's folder."""
        outcome, data = self.enroll("--proxy", self.address, "--proxy-login", self.login)
        self.assertEqual(outcome.status, 0, outcome)
        return data

    def test_without_it_there_is_no_way(self):
        for name in (NAME, self.chain.far):
            outcome, _ = self.enroll(name=name)
            self.assertEqual(outcome.status, 3, outcome)
            self.assertRegex(outcome.stderr, "cannot reach|no answer from")

    def test_enrolment_goes_through(self):
        outcome, data = self.enroll("--proxy", f"http://{self.address}/", "--proxy-login",
                                    self.login)
        self.assertEqual(outcome.status, 0, outcome)
        self.assertRegex(outcome.stdout, r"^s-[0-9a-f]{16}\n$")
        self.assertTrue(os.path.exists(os.path.join(data, "sensor.crt")))

    def test_the_file_may_hold_the_password(self):
        login = LOGIN.replace(" ", "%20").replace("@", "%40")
        outcome, _ = self.enroll(config=f"proxy = http://{login}@{self.address}\n")
        self.assertEqual(outcome.status, 0, outcome)
        outcome, _ = self.enroll(config=f"proxy = {self.address}\nproxy-login = {self.login}\n")
        self.assertEqual(outcome.status, 0, outcome)

    def test_the_command_line_may_not(self):
        outcome, _ = self.enroll("--proxy", f"http://u:s3cret@{self.address}")
        self.assertEqual(outcome.status, 2, outcome)
        self.assertIn("--proxy-login", outcome.stderr)

    def test_the_command_line_wins(self):
        outcome, _ = self.enroll("--proxy", "none", config=f"proxy = {self.address}\n")
        self.assertEqual(outcome.status, 3, outcome)

    def test_a_login_is_wanted_and_a_wrong_one_refused(self):
        outcome, _ = self.enroll("--proxy", self.address)
        self.assertEqual(outcome.status, 3, outcome)
        self.assertIn("wants a user and password (407)", outcome.stderr)
        outcome, _ = self.enroll("--proxy", self.address, "--proxy-login",
                                 self.file("wrong", "sensor:s3cret-not\n"))
        self.assertEqual(outcome.status, 3, outcome)
        self.assertIn("does not accept our user and password", outcome.stderr)

    def test_what_is_said_where_it_fails(self):
        for port, (how, words) in enumerate({
                "forbids": r"refuses \(403 Forbidden\); let it CONNECT to map.example:7700",
                "garbage": "this is no HTTP proxy",
                "endless": "its answer is too long",
                "talks": "says more than its answer",
                "hangs up": "hung up without an answer",
                "silent": "no answer",
        }.items(), 3200):
            with self.subTest(how):
                self.start_proxy(how, port)
                outcome, _ = self.enroll("--proxy", f"{self.chain.middle_near}:{port}")
                self.assertEqual(outcome.status, 3, outcome)
                self.assertRegex(outcome.stderr, f"^skein-sensor: the proxy .*{words}")
        outcome, _ = self.enroll("--proxy", f"{self.chain.middle_near}:9")
        self.assertIn("the proxy", outcome.stderr)
        self.assertIn("Connection refused", outcome.stderr)
        outcome, _ = self.enroll("--proxy", self.address, "--proxy-login", self.login,
                                 name="elsewhere.example")
        self.assertIn("cannot reach elsewhere.example:7700 (502 Bad Gateway)", outcome.stderr)

    def test_self_test_says_that_there_is_one(self):
        config = self.file("self.conf", f"proxy = {self.address}\nproxy-login = {self.login}\n")
        done = self.chain.run("near", "skein-sensor", "--self-test", "--config", config,
                              "--collector", f"{NAME}:{PORT}", "--data", self.enrolled())
        self.assertRegex(done.stdout, rf"{NAME}:{PORT} through the proxy {self.address}, "
                                      r"skein-collector [\d.]+, welcomes this sensor")
        config = self.file("self2.conf", f"proxy = {self.address}\n")
        done = self.chain.run("near", "skein-sensor", "--self-test", "--config", config,
                              "--collector", f"{NAME}:{PORT}", "--data", self.enrolled())
        self.assertEqual(done.status, 1, done)
        self.assertRegex(done.stdout, r"(?s)cannot be reached: the proxy .* \(407\).*"
                                      r"CONNECT to port 7700")

    def test_a_sensor_talks_through_it(self):
        config = self.file("sensor.conf", f"proxy = {self.address}\nproxy-login = {self.login}\n"
                                          "interval = 1s\nprobe = poll\n")
        sensor = self.chain.daemon("near", "skein-sensor", "--config", config, "--collector",
                                   f"{NAME}:{PORT}", "--data", self.enrolled())
        self.addCleanup(sensor.close)
        scene.wait_for(lambda: "connected to the collector" in sensor.errors(), 15, "its link")
        self.assertIn(f"at {NAME}:{PORT} through the proxy {self.address}", sensor.errors())
        time.sleep(2)
        self.assertEqual(sensor.end(), 0, sensor.errors())
        for pid_words in (sensor.errors(), " ".join(sensor.argv)):
            self.assertNotIn("s3cret", pid_words)
        edges = harness.edges(os.path.join(self.data, "skein.db"))
        told = [e for e in edges if e["server_port"] == PROXY_PORT and
                "client" in e["witnesses"]]  # the proxy's own side is seen, all is one machine
        self.assertEqual(told, [], "it tells of its own link")

    def test_a_proxy_that_is_killed_loses_nothing(self):
        before = chain.simulated(self.data)
        port = 3300
        proxy = self.start_proxy("works", port)
        load = ["--batches", "300", "--records", "20", "--seed", "5"]
        sim = subprocess.Popen(self.chain.enter(
            "near", os.path.join(harness.BUILD, "tests", "simsensor"), "--collector",
            f"{NAME}:{PORT}", "--data", self.enrolled(), "--proxy",
            f"{self.chain.middle_near}:{port}", "--pace", "10", *load), stderr=subprocess.DEVNULL)
        self.addCleanup(sim.wait)
        self.addCleanup(sim.kill)
        for _ in range(3):
            time.sleep(0.7)
            proxy.send_signal(signal.SIGKILL)
            proxy.wait()
            time.sleep(0.3)
            proxy = self.start_proxy("works", port)
        self.assertEqual(sim.wait(60), 0)
        totals = subprocess.run([os.path.join(harness.BUILD, "tests", "simsensor"), "--totals",
                                 *load], stdout=subprocess.PIPE, text=True, check=True)
        want = tuple(map(int, re.findall(r"\d+", totals.stdout)))
        after = chain.simulated(self.data)
        self.assertEqual((after[0] - before[0], after[1] - before[1]), want)


if __name__ == "__main__":
    unittest.main()
