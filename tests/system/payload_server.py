#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The serving end of connections with known byte counts: see payload.py.

    payload_server.py PORT...

Listens on the IPv6 any-address for both families, as most servers do: its IPv4 connections are
sockets with mapped addresses, and Skein must show them as IPv4.
"""

import socket
import sys
import threading

import payload


def serve(sock):
    """One connection from its first byte to its end."""
    with sock:
        header = sock.recv(payload.HEADER.size, socket.MSG_WAITALL)
        if not header:
            return
        number, up, down = payload.HEADER.unpack(header)
        mode = payload.MODES[number]
        payload.read_exactly(sock, up)
        if mode == "half":
            payload.read_to_end(sock)
        payload.write_exactly(sock, down)
        if mode in ("client", "reset"):
            payload.read_to_end(sock)


def accept(listener):
    """A thread for each connection."""
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=serve, args=(sock,), daemon=True).start()


def main():
    """Serves until it is killed."""
    threads = []
    for port in sys.argv[1:]:
        listener = socket.create_server(("::", int(port)), family=socket.AF_INET6,
                                        dualstack_ipv6=True, backlog=256)
        threads.append(threading.Thread(target=accept, args=(listener,), daemon=True))
    for thread in threads:
        thread.start()
    print("ready", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
