#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One scene, one sensor, several kernels: the figures must be the same, and exact.

    run.py BUILD [KERNEL.deb...]

Without a package it is the distribution's own of linux-image-cloud-amd64 (Debian 12: 6.1), by
`apt-get download`, once: it stays in BUILD/kernels.  Each boots in an emulator, without disk or
network, with skein-sensor, its libraries, busybox and scene.c in memory; stages.sh is what runs
there.  The same script runs on this kernel in a network namespace, which takes root.
"""

import collections
import glob
import gzip
import io
import json
import lzma
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
META = "linux-image-cloud-amd64"
LIMIT = 400  # seconds for one kernel: all of it takes about 60 on an idle machine
PROBES = ("ebpf", "poll")
MODULES = ("inet_diag", "tcp_diag")  # where they are not part of the kernel; in this order
BUSYBOX = "/bin/busybox"

# What stages.sh does, by port.  An edge that is not here is somebody else's.
Case = collections.namedtuple("Case", "client address protocol opens failed up down live")
QUESTION, ANSWER, SCRAP = 100, 250, 3


def talked(client, address, protocol, opens, questions, live=0):
    """A case of that many questions and their answers."""
    return Case(client, address, protocol, opens, 0, QUESTION * questions, ANSWER * questions,
                live)


CASES = {
    7001: talked("kask", "127.0.0.1", "tcp", 40, 40),
    7002: talked("kasksix", "::1", "tcp", 20, 20),
    7003: Case("kquick", "127.0.0.1", "tcp", 60, 0, 60 * SCRAP, 0, 0),
    7004: talked("kbefore", "127.0.0.1", "tcp", 0, 2, live=1),
    7005: talked("kheld", "127.0.0.1", "tcp", 1, 2),
    7006: Case("krefused", "127.0.0.1", "tcp", 5, 5, 0, 0, 0),
    7007: talked("kudp", "127.0.0.1", "udp", 20, 20),
    7008: talked("kudpfast", "::1", "udp", 20, 20),
}
NAMED_BY_POLL = ("kbefore",)  # whoever comes later is looked for seldom where looks are slow

COMPLAINT = re.compile(r"WARNING:|BUG:|Oops|Call Trace|general protection|Kernel panic|taints")
LIBBPF = re.compile(r"libbpf: .*|.*failed to .*", re.I)
HOOKS = re.compile(r"(?:TCP: hooks: |UDP: calls are seen to end by ).*")
ENDS = {"ebpf": "0", "poll": "4"}  # done; partial, as whatever is seen without eBPF


class Trouble(Exception):
    """It cannot be tried: what, why, and what to do."""


# The package

def words_of(argv, what, mend, **options):
    """What a command prints; its last words are the trouble where it fails."""
    try:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, **options)
    except OSError as error:
        raise Trouble(f"{what}: {error.strerror}; {mend}") from None
    if done.returncode or not done.stdout.strip():
        said = done.stderr.strip().splitlines() or ["no words"]
        raise Trouble(f"{what}: {said[-1]}; {mend}")
    return done.stdout


def distribution_kernel(cache):
    """The path of the distribution's package, which is fetched where the cache has none."""
    kept = sorted(glob.glob(os.path.join(cache, "linux-image-*.deb")), key=os.path.getmtime)
    if kept:
        return kept[-1]
    mend = "give a package: make check-kernels KERNELS=/path/to/linux-image.deb"
    depends = words_of(["apt-cache", "depends", META], META, mend)
    name = re.search(r"Depends: (linux-image-\S+)", depends)
    if not name:
        raise Trouble(f"{META}: names no kernel; {mend}")
    print(f"downloads {name[1]}", flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as half:
        os.chmod(half, 0o755)
        words_of(["apt-get", "download", name[1]], f"apt-get download {name[1]}",
                 "check the network, run apt-get update, or " + mend, cwd=half)
        path = glob.glob(os.path.join(half, "*.deb"))[0]
        return shutil.move(path, cache)


def module_name(path):
    """inet_diag of .../inet_diag.ko.xz, or nothing."""
    found = re.search(r"/([^/]+)\.ko(\.xz)?$", path)
    return found[1] if found else None


def unpack(package):
    """(kernel image, {module: bytes}) of a package, which is not installed."""
    image, modules = None, {}
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        try:
            with tarfile.open(fileobj=child.stdout, mode="r|") as tar:
                for member in tar:
                    name = module_name(member.name)
                    if "/boot/vmlinuz" in member.name:
                        image = tar.extractfile(member).read()
                    elif name in MODULES:
                        data = tar.extractfile(member).read()
                        modules[name] = (lzma.decompress(data) if member.name.endswith(".xz")
                                         else data)
        except tarfile.TarError:
            pass
    if not image:
        raise Trouble(f"{package}: has no kernel in it; give a linux-image package")
    return image, modules


# The guest

def libraries(program):
    """The shared libraries of a program, the loader among them."""
    said = words_of(["ldd", program], program, "build it with: make")
    return re.findall(r"(/\S+) \(0x", said)


def contents(build, modules):
    """{path in the guest: bytes}; all can be run."""
    sensor = os.path.join(build, "skein-sensor")
    scene = os.path.join(build, "tests", "kernels", "scene")
    sources = {"bin/busybox": BUSYBOX, "init": os.path.join(HERE, "init.sh"),
               "kernels/stages.sh": os.path.join(HERE, "stages.sh"),
               "kernels/skein-sensor": sensor, "kernels/scene": scene}
    for path in {*libraries(sensor), *libraries(scene)}:
        sources[path.lstrip("/")] = path
    files = {}
    for name, path in sources.items():
        with open(path, "rb") as file:
            files[name] = file.read()
    files["kernels/probes"] = " ".join(PROBES).encode()
    for number, name in enumerate(MODULES):
        if name in modules:
            files[f"modules/{number}-{name}.ko"] = modules[name]
    return files


def cpio(files):
    """An archive as the kernel unpacks it: Documentation/driver-api/early-userspace."""
    out = io.BytesIO()

    def add(name, mode, data=b""):
        fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        for part in (b"070701" + b"".join(b"%08X" % n for n in fields) + name.encode() + b"\0",
                     data):
            out.write(part + bytes(-len(part) % 4))

    folders = {"proc", "sys", "dev", "tmp"}
    for name in files:
        while name := os.path.dirname(name):
            folders.add(name)
    for name in sorted(folders):
        add(name, 0o40755)
    for name in sorted(files):
        add(name, 0o100755, files[name])
    add("TRAILER!!!", 0)
    return gzip.compress(out.getvalue(), 1, mtime=0)


def boot(image, ramdisk, folder):
    """Runs the guest to its end and unpacks what it sent; its console where it sent nothing."""
    paths = {name: os.path.join(folder, name) for name in ("kernel", "ramdisk", "console", "sent")}
    for name, data in (("kernel", image), ("ramdisk", ramdisk)):
        with open(paths[name], "wb") as file:
            file.write(data)
    argv = ["qemu-system-x86_64", "-accel", "tcg", "-smp", "2", "-m", "768", "-no-reboot",
            "-display", "none", "-monitor", "none", "-nic", "none",
            "-serial", "file:" + paths["console"], "-serial", "file:" + paths["sent"],
            "-kernel", paths["kernel"], "-initrd", paths["ramdisk"],
            "-append", "console=ttyS0 quiet panic=1 nowatchdog"]
    try:
        subprocess.run(argv, stdin=subprocess.DEVNULL, timeout=LIMIT, check=False)
        with tarfile.open(paths["sent"]) as tar:
            tar.extractall(folder)
        return
    except FileNotFoundError as error:
        raise Trouble(f"{error.filename}: not there; install what scripts/deps.sh kernels "
                      "names") from None
    except subprocess.TimeoutExpired:
        why = f"not over after {LIMIT} s"
    except tarfile.TarError:
        why = "ended without a word"
    with open(paths["console"], encoding="utf-8", errors="replace") as file:
        raise Trouble(f"the guest: {why}; its console:\n{file.read()[-3000:]}")


def run_here(build, folder):
    """The same stages on this kernel."""
    for path in ("skein-sensor", "tests/kernels/scene"):
        shutil.copy(os.path.join(build, path), folder)
    with subprocess.Popen(["unshare", "--net", BUSYBOX, "sh", os.path.join(HERE, "stages.sh"),
                           folder, folder, *PROBES],
                          stdin=subprocess.DEVNULL, start_new_session=True) as child:
        try:
            child.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise Trouble(f"the stages here: not over after {LIMIT} s") from None
        finally:
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


# What must be so: each check gives the words of what is wrong

def read(folder, name):
    """The text of something that a run left, "" where there is nothing."""
    try:
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def lines_of(folder, probe, kind):
    """The lines of one type that the sensor wrote."""
    lines = [json.loads(line) for line in read(folder, probe + ".jsonl").splitlines()]
    return [line for line in lines if line["type"] == kind]


def exact_edges(folder):
    """By eBPF: one edge a case, with both names."""
    flows = collections.defaultdict(list)
    for f in lines_of(folder, "ebpf", "flow"):
        flows[f["server_port"]].append(
            (f["server_process"], f.get("refused", 0),
             Case(f["client_process"], f["server_ip"], f["protocol"], f["opens"], f["failed"],
                  f.get("bytes_to_server", 0), f.get("bytes_to_client", 0), f.get("live", 0))))
    for port, case in CASES.items():
        want = [(None if case.failed else "kserver", case.failed, case)]
        if flows[port] != want:
            yield f"{port}: {flows[port]}, not {want}"


def polled_edges(folder):
    """Without: the sums of a port, the server's name, and that of a client that lives on."""
    sums = collections.defaultdict(collections.Counter)
    for f in lines_of(folder, "poll", "flow"):
        of = sums[f["server_port"]]
        of.update({key: f.get(key, 0) for key in (
            "opens", "failed", "refused", "bytes_to_server", "bytes_to_client", "live")})
        of[f["server_process"]] += 1
        of[f["client_process"]] += 1
    for port, case in CASES.items():
        has = sums[port]
        want = {"opens": case.opens, "failed": case.failed, "refused": case.failed,
                "bytes_to_server": case.up, "bytes_to_client": case.down, "live": case.live}
        if case.protocol == "udp":
            want = dict.fromkeys(want, 0)  # it does not see UDP
        wrong = {key: (has[key], n) for key, n in want.items() if has[key] != n}
        named = case.protocol == "tcp" and not case.failed
        if wrong or (named and not has["kserver"]) or (
                case.client in NAMED_BY_POLL and (not has[case.client] or has[None])):
            yield f"{port}: {dict(has)}; (is, should be): {wrong}"


def calm(folder, probe):
    """The sensor ended well, lost nothing, and neither it nor libbpf complained."""
    words = read(folder, probe + ".err")
    status = read(folder, probe + ".status").strip()
    if status != ENDS[probe]:
        yield f"status {status or 'none'}: {words[-1500:]}"
    yield from (f"the scene: {line}" for line in read(folder, probe + ".scene").splitlines())
    yield from (f"said: {line}" for line in LIBBPF.findall(words))
    for machine in lines_of(folder, probe, "machine"):
        for key in ("lost", "overflow", "unnamed"):
            if machine.get(key):
                yield f"{key}: {machine[key]}"
        if probe == "ebpf" and machine.get("opens_seen") != machine.get("opens_kernel"):
            yield f"saw {machine.get('opens_seen')} of {machine.get('opens_kernel')} connections"


def calm_kernel(folder):
    """Nothing in the guest's log is a complaint."""
    yield from (line for line in read(folder, "dmesg").splitlines() if COMPLAINT.search(line))
    yield from (f"not loaded: {line}" for line in read(folder, "unloaded").splitlines())
    if read(folder, "tainted").strip() != "0":
        yield f"tainted: {read(folder, 'tainted').strip()} (Documentation/admin-guide)"


def judge(folder, guest):
    """Prints a line a check; how many failed."""
    release = read(folder, "release").strip() or "no kernel"
    hooks = HOOKS.findall(read(folder, "ebpf.err"))
    print(f"     {release}: {'; '.join(hooks)}")
    checks = [("eBPF: opens, failures, bytes and names exact, TCP and UDP", exact_edges(folder)),
              ("without eBPF: the same of TCP, as far as it is told", polled_edges(folder)),
              ("eBPF: took hooks, said which, lost nothing, no complaint",
               [*calm(folder, "ebpf"), *([] if len(hooks) == 2 else ["no word of hooks"])]),
              ("without eBPF: lost nothing, no complaint", calm(folder, "poll"))]
    if guest:
        checks.append(("the kernel does not complain", calm_kernel(folder)))
    failed = 0
    for name, wrong in checks:
        wrong = list(wrong)
        failed += bool(wrong)
        print("\n       ".join([f"{'FAIL' if wrong else 'ok':4} {release}: {name}", *wrong]))
    return len(checks) - failed, failed


def one(build, package):
    """Tries a kernel, or this one without PACKAGE; (passed, failed)."""
    folder = tempfile.mkdtemp(prefix="skein-kernel-")
    began = time.monotonic()
    try:
        if package:
            image, modules = unpack(package)
            boot(image, cpio(contents(build, modules)), folder)
        else:
            run_here(build, folder)
        passed, failed = judge(folder, guest=bool(package))
        print(f"     {time.monotonic() - began:.0f} s")
    except Trouble as trouble:
        print(f"FAIL check-kernels: {trouble}")
        passed, failed = 0, 1
    if failed:
        print(f"     what there is of it: {folder}", flush=True)
    else:
        shutil.rmtree(folder)
    return passed, failed


def main(build, packages):
    """Tries all, and this kernel."""
    cache = os.path.join(build, "kernels")
    os.makedirs(cache, exist_ok=True)
    try:
        if platform.machine() != "x86_64":
            raise Trouble("the emulator: is for amd64 alone; run it there")
        packages = packages or [distribution_kernel(cache)]
    except Trouble as trouble:
        print(f"FAIL check-kernels: {trouble}\n0 passed, 1 failed")
        return 1
    root = os.geteuid() == 0
    results = [one(build, package) for package in [*packages, *([None] if root else [])]]
    if not root:
        print("     left out: this kernel, since it needs root (sudo make check-kernels)")
    passed, failed = (sum(column) for column in zip(*results))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(os.path.abspath(sys.argv[1]), sys.argv[2:]))
