#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The scene's Python application: answers every request from a new database connection.

    shopapp.py ADDRESS PORT DATABASE_HOST

Its name matters: the map must show `shopapp.py`, not the interpreter.
"""

import http.server
import json
import socketserver
import sys

import psycopg2


class Handler(http.server.BaseHTTPRequestHandler):
    """GET only; the answer is a list of goods that PostgreSQL makes up."""

    database = ""

    def do_GET(self):
        """One request, one connection to the database, no retries."""
        connection = psycopg2.connect(
            host=self.database, user="postgres", dbname="postgres", connect_timeout=5,
            sslmode="disable", gssencmode="disable",
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute("select n, repeat('goods ', 20) from generate_series(1, 50) n")
                rows = cursor.fetchall()
        finally:
            connection.close()
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """Says nothing: the witness counts."""


class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Not http.server.HTTPServer, which looks its own name up in the DNS."""

    allow_reuse_address = True
    daemon_threads = True


def main():
    """Serves until it is killed."""
    address, port, Handler.database = sys.argv[1:]
    with Server((address, int(port)), Handler) as server:
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
