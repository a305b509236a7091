# SPDX-License-Identifier: Apache-2.0
"""Fails when a folder includes what it may not (docs/design.md, "The house").

Three rules: which folder may include which; which third-party header may stand in which files;
and SQL only in store/.  Generated files count as the folder they are made from.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder: the folders that it may include, itself among them.
MAY = {
    "common": {"common"},
    "store": {"store", "common"},
    "graph": {"graph", "store", "common"},
    "graph/draw": {"graph/draw", "graph", "store", "common"},
    "assess": {"assess", "graph", "store", "common"},
    "sensor": {"sensor", "sensor/mirror", "common", "bpf"},
    "sensor/mirror": {"sensor/mirror", "common"},
    "collector": {"collector", "collector/flows", "graph", "store", "common"},
    "collector/flows": {"collector/flows", "common"},
    "cli": {"cli", "assess", "graph/draw", "graph", "store", "common"},
    "bpf": {"bpf"},
}

# From bpf/ the sensor takes what both sides share and the generated skeletons, nothing else.
FROM_BPF = re.compile(r"bpf/((event|ports)\.h|[a-z_]+\.skel\.h)$")

# Header: the files that may include it.
ONLY = {
    r"bpf/(bpf|btf|libbpf)\.h": {"sensor/probe_ebpf.c", "sensor/udp_ebpf.c", "sensor/meter.c"},
    r"netlink/.*": {"sensor/probe_poll.c", "sensor/nat.c"},
    r"seccomp\.h": {"sensor/confine.c", "collector/confine.c"},
    r"cap-ng\.h": {"sensor/confine.c", "collector/confine.c"},
    r"ini\.h": {"common/config.c"},
    r"zstd.*\.h": {"common/zip.c"},
    r"pcap.*": {"sensor/mirror/capfile.c", "sensor/mirror/live.c"},
    r"graphviz/cgraph\.h": {"graph/draw/pen.c"},
    r"graphviz/gvc\.h": {"graph/draw/render.c"},
    r"sqlite3\.h": {"store/"},
    r"curl/.*": {"cli/server.c"},
    r"event2/(http|keyvalq)[a-z_]*\.h": {"collector/http_front.c", "collector/http_request.c",
                                         "collector/http_answer.c"},
    r"event2/.*": {"sensor/", "collector/", "common/"},
    r"openssl/.*": {"common/", "collector/", "sensor/"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.M)
SQL = re.compile(r'"\s*(SELECT|INSERT INTO|UPDATE \w+ SET|DELETE FROM|CREATE TABLE)\b')


def folder_of(path):
    """The library that a file belongs to: a folder within a folder is one of its own."""
    two = "/".join(path.parent.parts[:2])
    return two if two in MAY else path.parent.parts[0]


def ours(header):
    """The folder of a header of ours, None for anybody else's."""
    folder = header.rpartition("/")[0]
    return folder if folder in MAY else None


def check_ours(path, header, folder):
    """What is wrong with a file's including a header of ours."""
    target = ours(header)
    if target is None:
        return f'{path}: "{header}" is in no folder of the house'
    if target not in MAY[folder]:
        return f"{path}: {folder}/ may not include {header}"
    if target == "bpf" and folder != "bpf" and not FROM_BPF.match(header):
        return f"{path}: of bpf/ only event.h and the skeletons may be included"
    return None


def check_foreign(path, header):
    """What is wrong with a file's including a third-party header."""
    for pattern, places in ONLY.items():
        if not re.fullmatch(pattern, header):
            continue
        if not any(str(path) == p or (p.endswith("/") and str(path).startswith(p))
                   for p in places):
            return f"{path}: <{header}> belongs into {', '.join(sorted(places))}"
    return None


def check(path, text):
    """Everything that is wrong with one file."""
    folder = folder_of(path)
    for quoted, angled in INCLUDE.findall(text):
        if quoted:
            yield check_ours(path, quoted, folder)
        elif folder != "bpf":
            yield check_foreign(path, angled)
    if folder != "store" and SQL.search(text):
        yield f"{path}: SQL stands in store/ alone"


def main():
    """Prints what is wrong; the closing line is the one that the test runner reads."""
    files = [p.relative_to(ROOT) for folder in ("common", "store", "graph", "assess", "sensor",
                                                "collector", "cli", "bpf")
             for p in sorted((ROOT / folder).rglob("*.[ch]"))]
    wrong = [w for p in files for w in check(p, (ROOT / p).read_text(encoding="utf-8")) if w]
    for w in wrong:
        print(w)
    print(f"{len(files)} files, {len(wrong)} wrong includes")
    return 1 if wrong or not files else 0


if __name__ == "__main__":
    sys.exit(main())
