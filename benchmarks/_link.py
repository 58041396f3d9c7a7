"""A link to the server on which every message is late, as on a network."""

from __future__ import annotations

import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread

from psycopg import conninfo

_CHUNK = 65_536


@contextmanager
def late_link(url: str, seconds: float) -> Iterator[str]:
    """Yield a URL that leads to the same server, each way late by *seconds*."""
    # Another process, so that it does not share the client's interpreter.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(url, seconds, theirs), daemon=True)
    process.start()
    try:
        yield conninfo.make_conninfo(
            url, host="127.0.0.1", port=ours.recv(), sslmode="disable", gssencmode="disable"
        )
    finally:
        process.terminate()
        process.join()


def _serve(url: str, seconds: float, parent: Connection) -> None:
    given = conninfo.conninfo_to_dict(url)
    host, port = str(given["host"]), int(given["port"] or 5432)
    listener = socket.create_server(("127.0.0.1", 0))
    parent.send(listener.getsockname()[1])
    while True:
        client, _ = listener.accept()
        server = _connect(host, port)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for source, target in ((client, server), (server, client)):
            late: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
            Thread(target=_read, args=(source, late, seconds), daemon=True).start()
            Thread(target=_write, args=(target, late), daemon=True).start()


def _connect(host: str, port: int) -> socket.socket:
    if not host.startswith("/"):
        return socket.create_connection((host, port))
    server = socket.socket(socket.AF_UNIX)
    server.connect(f"{host}/.s.PGSQL.{port}")
    return server


def _read(source: socket.socket, late: SimpleQueue[tuple[float, bytes]], seconds: float) -> None:
    data = b"begin"
    while data:
        data = b""
        with suppress(OSError):
            data = source.recv(_CHUNK)
        late.put((time.perf_counter() + seconds, data))


def _write(target: socket.socket, late: SimpleQueue[tuple[float, bytes]]) -> None:
    with suppress(OSError):
        while True:
            due, data = late.get()
            time.sleep(max(0.0, due - time.perf_counter()))
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
