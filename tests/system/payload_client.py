#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The connecting end of connections with known byte counts: see payload.py.

Prints what it did as one JSON object: opens, bytes_to_server, bytes_to_client.
"""

import argparse
import json
import socket
import struct
import sys
import time

import payload


def reset(sock):
    """Ends a connection with a RST."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def exchange(sock, mode, up, down):
    """One connection's payload and its end."""
    if mode == "silent":
        return
    sock.sendall(payload.HEADER.pack(payload.MODES.index(mode), up, down))
    payload.write_exactly(sock, up)
    if mode == "half":
        sock.shutdown(socket.SHUT_WR)
    if payload.read_exactly(sock, down) != down:
        sys.exit("payload_client: the server closed early")
    if mode in ("server", "half"):
        payload.read_to_end(sock)
    if mode == "reset":
        reset(sock)


def say_and_wait(word):
    """Tells the parent where this is, and goes on when the parent says so."""
    print(word, flush=True)
    sys.stdin.readline()


def run(options):
    """All connections, one after the other, RATE a second where a rate is given."""
    start = time.monotonic()
    for number in range(options.count):
        if options.rate:
            time.sleep(max(0, start + number / options.rate - time.monotonic()))
        with socket.create_connection((options.host, options.port), timeout=20) as sock:
            if options.wait:
                say_and_wait("connected")
            exchange(sock, options.mode, options.up, options.down)
            if options.wait:
                say_and_wait("exchanged")


def main():
    """Does what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("mode", choices=payload.MODES)
    parser.add_argument("up", type=int)
    parser.add_argument("down", type=int)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--rate", type=float, help="connections a second")
    parser.add_argument("--wait", action="store_true",
                        help="wait for a line of input when connected and before closing")
    options = parser.parse_args()
    run(options)
    print(json.dumps({
        "opens": options.count,
        "bytes_to_server":
            options.count * payload.bytes_to_server(options.mode, options.up),
        "bytes_to_client":
            options.count * payload.bytes_to_client(options.mode, options.down),
    }), flush=True)


if __name__ == "__main__":
    main()
