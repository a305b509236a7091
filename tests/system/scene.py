# SPDX-License-Identifier: Apache-2.0
"""A small estate on one machine: real software, each in a network namespace of its own.

    client (curl, psql) -> web (nginx) -> app (shopapp.py) -> db (PostgreSQL)

All hang on one switch, a bridge in a namespace of its own, where wire_witness.py reads the
truth off the frames.  Nothing reaches the machine's own network: no namespace has a way out.

Addresses are 10.77.X.0/24 and fd77::X:0/112, X made from the process id, so that two scenes
can run side by side.  The scene ends everything that it started: when it is closed, when the
program ends, on SIGTERM; what a killed run left behind, the next one sweeps away.
"""

import atexit
import collections
import glob
import grp
import json
import os
import pwd
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # the distribution's, which has psycopg2
PREFIX = "skeintest"
HOSTS = ["client", "web", "app", "db"]
SWITCH = "switch"

WEB_PORT = 80
CLOSED_PORT = 81
APP_PORT = 8000
DATABASE_PORT = 5432

os.environ["PATH"] += ":/usr/sbin:/sbin"
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # nothing is left in the source tree

# One dependency as the tests name it, and what was counted on it.
Edge = collections.namedtuple(
    "Edge", "client_process client_ip server_process server_ip server_port")
Count = collections.namedtuple("Count", "opens failed bytes_to_server bytes_to_client")


class SceneError(AssertionError):
    """The scene could not be set up; the words say what is missing or what failed."""


def call(*argv, check=True, timeout=20):
    """Runs a short command and returns what it printed."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise SceneError(f"{' '.join(argv)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def wait_for(condition, seconds, what):
    """Polls CONDITION until it is true; returns its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise SceneError(f"{what} did not happen within {seconds} s")
        time.sleep(0.05)


def read_line(stream, seconds, what):
    """One line from the pipe STREAM, which nothing else has been read from."""
    ready, _, _ = select.select([stream], [], [], seconds)
    line = stream.readline() if ready else ""
    if not line:
        raise SceneError(f"{what} said nothing within {seconds} s or ended")
    return line.strip()


def postgres_directory():
    """The folder of PostgreSQL's server programs; no distribution has them all in PATH."""
    places = glob.glob("/usr/lib/postgresql/*/bin") + glob.glob("/usr/pgsql-*/bin")
    places.sort(key=lambda place: [int(n) for n in re.findall(r"\d+", place)])
    for place in reversed(places):
        if os.access(os.path.join(place, "initdb"), os.X_OK):
            return place
    found = shutil.which("initdb")
    return os.path.dirname(found) if found else None


def missing_tools():
    """What the scene needs and is not there, as "tool (Debian's package)"."""
    missing = [f"{tool} ({package})" for tool, package in (
        ("ip", "iproute2"), ("nginx", "nginx"), ("curl", "curl"),
        ("setpriv", "util-linux"), (PYTHON, "python3"),
    ) if not shutil.which(tool)]
    if not postgres_directory():
        missing.append("initdb (postgresql)")
    if shutil.which(PYTHON):
        done = subprocess.run([PYTHON, "-c", "import psycopg2"], check=False,
                              stderr=subprocess.DEVNULL)
        if done.returncode:
            missing.append("psycopg2 (python3-psycopg2)")
    return missing


def namespaces(pattern):
    """Names of the network namespaces that match the whole PATTERN."""
    names = [line.split()[0] for line in call("ip", "netns", "list").splitlines() if line]
    return [name for name in names if re.fullmatch(pattern, name)]


def remove_namespace(name):
    """Ends every process of a namespace, then removes it."""
    for pid in call("ip", "netns", "pids", name, check=False).split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            pass
    call("ip", "netns", "delete", name, check=False)


def sweep():
    """Removes what scenes left behind whose own process is gone."""
    def abandoned(name):
        owner = re.match(PREFIX + r"(\d+)-", name)
        return owner and not os.path.exists(f"/proc/{owner.group(1)}")

    for name in filter(abandoned, namespaces(PREFIX + r"\d+-\w+")):
        remove_namespace(name)
    for name in filter(abandoned, os.listdir(tempfile.gettempdir())):
        shutil.rmtree(os.path.join(tempfile.gettempdir(), name), ignore_errors=True)


class Host:
    """One machine of the estate: a namespace with one interface and two addresses."""

    def __init__(self, name, network, number):
        self.name = name
        self.namespace = f"{PREFIX}{os.getpid()}-{name}"
        self.v4 = f"10.77.{network}.{number}"
        self.v6 = f"fd77::{network:x}:{number:x}"

    def enter(self, *argv):
        """The command line that runs ARGV there; the process id stays the same."""
        return ["ip", "netns", "exec", self.namespace, *argv]


class Scene:
    """The estate.  Use it as a context; then start what the test needs, in this order."""

    def __init__(self):
        network = os.getpid() % 250 + 1
        self.hosts = {name: Host(name, network, n) for n, name in enumerate(HOSTS, 2)}
        self.switch = Host(SWITCH, network, 1)
        self.client = self.hosts["client"]
        self.web = self.hosts["web"]
        self.app = self.hosts["app"]
        self.db = self.hosts["db"]
        self.directory = None
        self.processes = []
        self.witness = None
        self.closed = False

    # Set-up and teardown

    def open(self):
        """Makes the namespaces; close() undoes it, and is sure to be called."""
        missing = missing_tools()
        if missing:
            raise SceneError("missing: " + ", ".join(missing)
                             + "; install with: scripts/deps.sh test")
        sweep()
        atexit.register(self.close)
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that atexit runs
        self.directory = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-")
        os.chmod(self.directory, 0o755)  # nginx's workers and PostgreSQL are other users
        self._make_network()
        return self

    def close(self):
        """Ends the processes, newest first, and removes the namespaces and files."""
        if self.closed:
            return
        self.closed = True
        atexit.unregister(self.close)
        for process in reversed(self.processes):
            stop(process)
        for name in namespaces(f"{PREFIX}{os.getpid()}-\\w+"):
            remove_namespace(name)
        if self.directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    __enter__ = open

    def __exit__(self, *_):
        self.close()

    def _make_network(self):
        switch = self.switch.namespace
        call("ip", "netns", "add", switch)
        call("ip", "-n", switch, "link", "add", "bridge", "type", "bridge")
        call("ip", "-n", switch, "link", "set", "bridge", "up")
        for host in self.hosts.values():
            call("ip", "netns", "add", host.namespace)
            call("ip", "link", "add", "eth0", "netns", host.namespace,
                 "type", "veth", "peer", "name", f"to-{host.name}", "netns", switch)
            call("ip", "-n", switch, "link", "set", f"to-{host.name}",
                 "master", "bridge", "up")
            call("ip", "-n", host.namespace, "addr", "add", f"{host.v4}/24", "dev", "eth0")
            call("ip", "-n", host.namespace, "addr", "add", f"{host.v6}/112", "dev", "eth0",
                 "nodad")
            call("ip", "-n", host.namespace, "link", "set", "lo", "up")
            call("ip", "-n", host.namespace, "link", "set", "eth0", "up")

    # Processes

    def spawn(self, host, *argv, name, **options):
        """Starts a process on HOST in its own process group; its words go to NAME.log."""
        log = os.path.join(self.directory, name + ".log")
        with open(log, "ab") as sink:
            options.setdefault("stdin", subprocess.DEVNULL)
            options.setdefault("stdout", sink)
            process = subprocess.Popen(
                host.enter(*argv), stderr=sink, start_new_session=True, text=True, **options)
        self.processes.append(process)
        return process

    def spawn_ready(self, host, *argv, name, **options):
        """As spawn, for a program that prints "ready" on its standard output."""
        process = self.spawn(host, *argv, name=name, stdout=subprocess.PIPE, **options)
        try:
            read_line(process.stdout, 15, name)
        except SceneError as error:
            raise SceneError(f"{error}: {self.log(name)}") from error
        return process

    def script(self, host, script, *arguments, **options):
        """Starts one of this folder's Python scripts, by its own path as people do."""
        return self.spawn_ready(host, PYTHON, os.path.join(HERE, script),
                                *[str(a) for a in arguments], name=script, **options)

    def log(self, name):
        """What a process said, for the words of a failure."""
        with open(os.path.join(self.directory, name + ".log"), encoding="utf-8",
                  errors="replace") as file:
            return file.read().strip()[-2000:]

    # Servers

    def start_shop(self):
        """PostgreSQL, the application and nginx, each when the one behind it answers."""
        self.start_database()
        self.script(self.app, "shopapp.py", "0.0.0.0", APP_PORT, self.db.v4)
        self.start_nginx()

    def start_database(self):
        """A cluster of its own, as the user postgres, without a thought for durability."""
        programs = postgres_directory()
        data = os.path.join(self.directory, "postgres")
        owner = pwd.getpwnam("postgres")
        as_owner = ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}",
                    "--clear-groups"]
        os.mkdir(data, 0o700)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        call(*as_owner, f"{programs}/initdb", "-D", data, "-A", "trust", "-U", "postgres",
             "-E", "UTF8", "--locale=C", "--no-sync", timeout=60)
        with open(os.path.join(data, "pg_hba.conf"), "a", encoding="utf-8") as file:
            file.write("host all all 10.77.0.0/16 trust\nhost all all fd77::/64 trust\n")
        self.spawn(self.db, *as_owner, f"{programs}/postgres", "-D", data,
                   "-c", "listen_addresses=*", "-c", f"port={DATABASE_PORT}",
                   "-c", f"unix_socket_directories={data}", "-c", "fsync=off",
                   "-c", "ssl=off", name="postgres", cwd=data)
        # Asked over the Unix socket, so that the question is no connection on the map.
        wait_for(lambda: subprocess.run(
            [f"{programs}/pg_isready", "-q", "-h", data, "-p", str(DATABASE_PORT)],
            check=False).returncode == 0, 20, "PostgreSQL's start")

    def start_nginx(self):
        """A master and two workers that pass every request on to the application."""
        config = os.path.join(self.directory, "nginx.conf")
        group = grp.getgrgid(pwd.getpwnam("nobody").pw_gid).gr_name
        temporary = "".join(
            f"    {kind}_temp_path {self.directory}/nginx-{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(config, "w", encoding="utf-8") as file:
            file.write(
                f"user nobody {group};\n"
                "worker_processes 2;\n"
                "daemon off;\n"
                f"pid {self.directory}/nginx.pid;\n"
                f"error_log {self.directory}/nginx.log;\n"
                "events { worker_connections 64; }\n"
                "http {\n"
                "    access_log off;\n"
                f"{temporary}"
                "    server {\n"
                f"        listen {WEB_PORT};\n"
                f"        listen [::]:{WEB_PORT};\n"
                f"        location / {{ proxy_pass http://{self.app.v4}:{APP_PORT}; }}\n"
                "    }\n"
                "}\n")
        pid_file = os.path.join(self.directory, "nginx.pid")
        self.spawn(self.web, shutil.which("nginx"), "-c", config, name="nginx",
                   cwd=self.directory)
        wait_for(lambda: os.path.exists(pid_file) and os.path.getsize(pid_file), 10,
                 "nginx's start")

    def start_witness(self):
        """From here on the truth is counted."""
        self.witness = self.script(self.switch, "wire_witness.py", stdin=subprocess.PIPE)

    # Clients

    def curl(self, url):
        """One request by curl: (exit status, payload sent, payload received) in its words."""
        form = "%{size_request} %{size_upload} %{size_header} %{size_download}"
        done = subprocess.run(
            self.client.enter("curl", "--silent", "--globoff", "--max-time", "20",
                              "--output", os.devnull, "--write-out", form, url),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, timeout=30,
            check=False)
        request, upload, header, download = (int(n) for n in done.stdout.split())
        return done.returncode, request + upload, header + download

    def open_psql(self):
        """A session of psql from the client's host that stays open; returns the process."""
        process = self.spawn(
            self.client, os.path.join(postgres_directory(), "psql"), "-X", "-A", "-t",
            f"host={self.db.v4} user=postgres dbname=postgres sslmode=disable"
            " gssencmode=disable",
            name="psql", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ask_psql(process)
        return process

    @staticmethod
    def ask_psql(process):
        """Makes the session carry a question and an answer."""
        process.stdin.write("select 6 * 7;\n")
        process.stdin.flush()
        if read_line(process.stdout, 15, "psql") != "42":
            raise SceneError("psql's answer is wrong")

    def open_payload(self, server_address, port, mode, up, down):
        """A payload client that is connected and waits; next_step() lets it go on."""
        process = self.script(
            self.client, "payload_client.py", server_address, port, mode, up, down,
            "--wait", stdin=subprocess.PIPE)
        return process

    @staticmethod
    def next_step(process):
        """Lets a waiting payload client go on; returns the line that it prints then."""
        process.stdin.write("\n")
        process.stdin.flush()
        return read_line(process.stdout, 15, "payload_client.py")

    def payload(self, server_address, port, mode, up, down, *options):
        """Runs a payload client to its end and returns what it says that it did."""
        argv = self.client.enter(
            PYTHON, os.path.join(HERE, "payload_client.py"),
            server_address, str(port), mode, str(up), str(down), *options)
        return json.loads(call(*argv, timeout=120))

    # Truth

    def connections(self):
        """What the witness saw, once the wire has been quiet for half a second."""
        last = None
        for _ in range(40):
            self.witness.stdin.write("\n")
            self.witness.stdin.flush()
            report = json.loads(read_line(self.witness.stdout, 15, "wire_witness.py"))
            if report["dropped"]:
                raise SceneError("the witness lost frames, so there is no truth to compare")
            if report == last:
                return report["connections"]
            last = report
            time.sleep(0.5)
        raise SceneError("the wire is never quiet")

    def truth(self, names):
        """{Edge: Count} of all connections; NAMES gives the processes of an (ip, ip, port).

        A server process is None where everything was refused, since nobody listens there.
        """
        result = {}
        for seen in self.connections():
            ends = (seen["client_ip"], seen["server_ip"], seen["server_port"])
            client, server = names[ends]
            edge = Edge(client, ends[0], server, ends[1], ends[2])
            old = result.get(edge, Count(0, 0, 0, 0))
            result[edge] = Count(
                old.opens + 1,
                old.failed + (seen["state"] in ("refused", "unanswered")),
                old.bytes_to_server + seen["bytes_to_server"],
                old.bytes_to_client + seen["bytes_to_client"])
        return result


def stop(process, seconds=5):
    """Ends a process of ours and its group: asked first, then made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            break
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            pass
    for stream in (process.stdin, process.stdout):
        if stream:
            try:
                stream.close()
            except BrokenPipeError:
                pass
