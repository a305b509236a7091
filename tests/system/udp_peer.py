# SPDX-License-Identifier: Apache-2.0
"""One end of a talk over UDP; test_udp.py copies it under the name that the process shall have.

    serve PORT [ADDRESS]       answers with twice what comes; both families unless ADDRESS
    named PORT                 the same over IPv4, from the address that was asked (IP_PKTINFO)
    sink PORT                  takes what comes and says nothing
    front PORT BACK            takes questions, and has BACK (a script) answer them
    back FD                    sends what it reads from its standard input, as front tells it
    ask KIND ADDRESS PORT COUNT [BYTES]
        KIND: connected, sendto, recv (sendto, then recv without address), bound (a port of
        its own choice), samesocket, oneway, port (from the same port), connect (and no more)
    shout ADDRESS PORT         to everybody

Servers print "ready"; the others print what they sent and received as JSON.
"""

import json
import random
import select
import socket
import subprocess
import sys


def family_of(address):
    """The family of an address's text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def open_servers(port, addresses):
    """Sockets that are bound to PORT."""
    sockets = []
    for address in addresses:
        sock = socket.socket(family_of(address), socket.SOCK_DGRAM)
        if ":" in address:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, port))
        sockets.append(sock)
    print("ready", flush=True)
    return sockets


def serve(port, *addresses):
    """An echo, doubled."""
    sockets = open_servers(int(port), addresses or ("0.0.0.0", "::"))
    while True:
        for sock in select.select(sockets, [], [])[0]:
            data, peer = sock.recvfrom(65535)
            sock.sendto(data * 2, peer)


def named(port):
    """An echo of a host that has several addresses."""
    sock = open_servers(int(port), ("0.0.0.0",))[0]
    sock.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    while True:
        data, said, _, peer = sock.recvmsg(65535, 256)
        asked = said[0][2][8:12]  # struct in_pktinfo: ipi_addr
        sock.sendmsg([data * 2], [(socket.IPPROTO_IP, 8, bytes(4) + asked + bytes(4))], 0, peer)


def sink(port):
    """Listens only."""
    sock = open_servers(int(port), ("0.0.0.0",))[0]
    while True:
        sock.recvfrom(65535)


def front(port, back):
    """Takes the questions; another program has the socket, too, and answers."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("0.0.0.0", int(port)))
    sock.set_inheritable(True)
    with subprocess.Popen([sys.executable, back, "back", str(sock.fileno())],
                          stdin=subprocess.PIPE, text=True, close_fds=False) as other:
        print("ready", flush=True)
        while True:
            data, peer = sock.recvfrom(65535)
            other.stdin.write(json.dumps([data.decode() * 2, *peer]) + "\n")
            other.stdin.flush()


def back(descriptor):
    """Answers in the other's place."""
    sock = socket.socket(fileno=int(descriptor))
    for line in sys.stdin:
        data, address, port = json.loads(line)
        sock.sendto(data.encode(), (address, port))


def client_socket(kind, family, port):
    """A socket as KIND wants it."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(10)
    if kind == "bound":
        while True:
            try:
                sock.bind(("", random.randrange(33000, 60000)))
                break
            except OSError:
                pass
    if kind == "port":
        sock.bind(("", port))
    return sock


def exchange(sock, kind, target, data):
    """One question and its answer; what came back."""
    if kind in ("connected", "connect"):
        sock.connect(target)
    if kind == "connect":
        return b""
    if kind == "connected":
        sock.send(data)
        return sock.recv(65535)
    sock.sendto(data, target)
    if kind == "oneway":
        return b""
    return sock.recv(65535) if kind == "recv" else sock.recvfrom(65535)[0]


def ask(kind, address, port, count, size="40"):
    """COUNT questions, each from a socket of its own unless KIND says otherwise."""
    target = (address, int(port))
    received, sock = 0, None
    for _ in range(int(count)):
        if not sock or kind not in ("samesocket", "port"):
            sock = client_socket(kind, family_of(address), int(port))
        received += len(exchange(sock, kind, target, b"q" * int(size)))
    print(json.dumps({"sent": int(size) * int(count), "received": received}))


def shout(address, port):
    """To a group, or to everybody."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[4])
                    if len(sys.argv) > 4 else b"\0\0\0\0")
    for _ in range(5):
        sock.sendto(b"is anybody there?", (address, int(port)))


if __name__ == "__main__":
    {"serve": serve, "named": named, "sink": sink, "front": front, "back": back, "ask": ask,
     "shout": lambda address, port, *_: shout(address, port)}[sys.argv[1]](*sys.argv[2:])
