# SPDX-License-Identifier: Apache-2.0
"""Three machines in a row: near reaches middle, middle reaches far, and nobody anybody else.

    near 10.78.X.2 -- 10.78.X.1 middle 10.79.X.1 -- 10.79.X.2 far

Each is a network namespace; nothing is routed through the middle.
"""

import atexit
import json
import os
import re
import shutil
import subprocess
import tempfile

import harness
import scene

NAMES = ("near", "middle", "far")


class Chain:
    """The three; close() undoes it, and is sure to be called."""

    def __init__(self):
        number = os.getpid() % 250 + 1
        self.near, self.middle_near = f"10.78.{number}.2", f"10.78.{number}.1"
        self.far, self.middle_far = f"10.79.{number}.2", f"10.79.{number}.1"
        self.closed = False
        scene.sweep()
        atexit.register(self.close)
        self.directory = tempfile.mkdtemp(prefix=f"{scene.PREFIX}{os.getpid()}-")
        os.chmod(self.directory, 0o755)
        self._make()

    @staticmethod
    def namespace(name):
        """The name under which the system knows one of them."""
        return f"{scene.PREFIX}{os.getpid()}-{name}"

    def enter(self, name, *argv):
        """The command line that runs ARGV there; the process id stays the same."""
        return ["ip", "netns", "exec", self.namespace(name), *argv]

    def _make(self):
        for name in NAMES:
            scene.call("ip", "netns", "add", self.namespace(name))
            scene.call(*self.enter(name, "ip", "link", "set", "lo", "up"))
        scene.call(*self.enter("middle", "sysctl", "-qw", "net.ipv4.ip_forward=0"))
        self._join("near", self.near, self.middle_near)
        self._join("far", self.far, self.middle_far)

    def _join(self, name, there, here):
        scene.call("ip", "-n", self.namespace(name), "link", "add", "up0", "type", "veth", "peer",
                   "name", name, "netns", self.namespace("middle"))
        for place, device, address in ((name, "up0", there), ("middle", name, here)):
            scene.call("ip", "-n", self.namespace(place), "addr", "add", address + "/24", "dev",
                       device)
            scene.call("ip", "-n", self.namespace(place), "link", "set", device, "up")

    def path(self, *names):
        """A file in the folder that goes with the chain."""
        return os.path.join(self.directory, *names)

    def run(self, name, program, *arguments, **options):
        """harness.run there."""
        return harness.run(program, *arguments, before=self.enter(name), **options)

    def daemon(self, name, program, *arguments):
        """harness.Daemon there."""
        return harness.Daemon(program, *arguments, before=self.enter(name))

    def script(self, name, text, *arguments):
        """Runs a text of Python there; it prints a line once it is ready."""
        process = subprocess.Popen(
            self.enter(name, "setpriv", "--pdeathsig=TERM", scene.PYTHON, "-c", text,
                       *[str(a) for a in arguments]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        scene.read_line(process.stdout, 20, "a script")
        return process

    def collector(self, data, port, *options):
        """One in the far machine, once it listens."""
        daemon = self.daemon("far", "skein-collector", "--data", data, "--listen",
                             f"{self.far}:{port}", *options)
        scene.wait_for(lambda: "listening on" in daemon.errors(), 15, "the collector's start")
        return daemon

    def relay(self, to, listen, *options, name="middle"):
        """One that passes on to TO, once it listens."""
        daemon = self.daemon(name, "skein-collector", "--relay", to, "--listen", listen,
                             *options)
        scene.wait_for(lambda: "listening on" in daemon.errors(), 15, "the relay's start")
        return daemon

    def close(self):
        """Ends what runs there and removes all."""
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        for name in scene.namespaces(f"{scene.PREFIX}{os.getpid()}-\\w+"):
            scene.remove_namespace(name)
        shutil.rmtree(self.directory, ignore_errors=True)


def token(data, *options):
    """A new one of the collector of DATA."""
    made = harness.run("skein-collector", "token", "create", "--data", data, *options)
    if made.status:
        raise AssertionError(str(made))
    return made.stdout.strip()


def state(daemon):
    """{counter: number} of the state that SIGUSR1 prints."""
    before = daemon.errors().count("state:")
    daemon.signal(scene.signal.SIGUSR1)
    scene.wait_for(lambda: daemon.errors().count("state:") > before, 5, "the state")
    line = [text for text in daemon.errors().splitlines() if "state:" in text][-1]
    return {name: int(n) for name, n in re.findall(r" (\w+)=(\d+)(?= |$)", line)}


def simulated(data):
    """(opens, bytes to the client) of simsensor's flows in the collector's database."""
    said = harness.run("skein", "edges", "--db", f"{data}/skein.db", "--json")
    if said.status not in (0, 1):  # 1: there are none
        raise AssertionError(str(said))
    flows = [f for f in json.loads(said.stdout) if f["client_process"] == "sim"]
    return tuple(sum(f[name] for f in flows) for name in ("opens", "bytes_to_client"))
