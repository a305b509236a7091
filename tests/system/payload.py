# SPDX-License-Identifier: Apache-2.0
"""What payload_client.py and payload_server.py agree on.

A connection carries a header of 16 bytes and UP bytes to the server, then DOWN bytes to the
client.  The mode says who ends it and how.
"""

import struct

HEADER = struct.Struct("!IIQ")  # mode, bytes up, bytes down
MODES = [
    "client",  # the client closes first
    "server",  # the server closes first
    "half",    # the client shuts its side down, the server answers after that
    "reset",   # the client ends with a RST when it has everything
    "silent",  # the client closes at once; not even the header is sent
]
CHUNK = 1 << 16


def read_exactly(sock, size):
    """Reads SIZE bytes in pieces; returns how many there were before the end."""
    left = size
    while left:
        piece = sock.recv(min(left, CHUNK))
        if not piece:
            break
        left -= len(piece)
    return size - left


def write_exactly(sock, size):
    """Writes SIZE bytes in pieces."""
    block = b"x" * CHUNK
    while size:
        piece = min(size, CHUNK)
        sock.sendall(block[:piece])
        size -= piece


def read_to_end(sock):
    """Waits until the other side closes; a reset counts as closing."""
    try:
        while sock.recv(CHUNK):
            pass
    except ConnectionResetError:
        pass


def bytes_to_server(mode, up):
    """The payload of one connection, client to server."""
    return 0 if mode == "silent" else HEADER.size + up


def bytes_to_client(mode, down):
    """The payload of one connection, server to client."""
    return 0 if mode == "silent" else down
