"""A proxy before the server that fails at one chosen moment of a conversation."""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from pathlib import Path
from threading import Lock, Thread

from psycopg import conninfo

_LENGTH = struct.Struct("!i")
#: Types of the messages that the server does not answer before the Sync behind them.
_UNANSWERED = frozenset(b"PBDEC")
#: How every answer ends: the server is ready. One byte follows, the status of the transaction.
_READY = b"Z\x00\x00\x00\x05"
_PATIENCE = 60.0
_CHUNK = 65_536


class Way(Enum):
    """How the proxy fails at a request."""

    CUT_BEFORE = "cut before the request is forwarded"
    CUT_AFTER = "cut right after the request is forwarded"
    DROP_REPLY = "cut once the server has answered, but before the answer is passed on"
    SILENT = "the answer is swallowed, the connection stays open"


class Proxy:
    """Listens on loopback and hands every conversation on to the server, until it is to fail."""

    def __init__(self, url: str) -> None:
        self._server = conninfo.conninfo_to_dict(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._sockets: set[socket.socket] = {self._listener}
        self._threads: list[Thread] = []
        #: By what a request holds: how to fail, and whether at the transaction's COMMIT only.
        self._plans: dict[bytes, tuple[Way, bool]] = {}
        #: Those of them that fail once.
        self._once: set[bytes] = set()
        #: How often it has failed.
        self.failures = 0
        #: The round trips of all conversations, as far as they were handed on.
        self.requests = 0
        self._start(self._accept)
        #: Where clients connect to.
        self.url = conninfo.make_conninfo(
            url,
            host="127.0.0.1",
            port=self._listener.getsockname()[1],
            sslmode="disable",
            gssencmode="disable",
        )

    def fail_at(self, marker: bytes, way: Way) -> None:
        """Fail at each request that holds *marker*."""
        self._plans[marker] = (way, False)

    def fail_at_commit(self, marker: bytes, way: Way) -> None:
        """Fail at the COMMIT of each transaction that has sent *marker*."""
        self._plans[marker] = (way, True)

    def fail_once_at(self, marker: bytes, way: Way) -> None:
        """Fail at the next request that holds *marker*."""
        self._once.add(marker)
        self.fail_at(marker, way)

    def fail_once_at_commit(self, marker: bytes, way: Way) -> None:
        """Fail at the COMMIT of the next transaction that has sent *marker*."""
        self._once.add(marker)
        self.fail_at_commit(marker, way)

    def lead_to(self, url: str) -> None:
        """Hand new conversations on to another server."""
        self._server = conninfo.conninfo_to_dict(url)

    def fail_no_more(self) -> None:
        """Hand everything on from here."""
        self._plans.clear()

    def close(self) -> None:
        """End every conversation."""
        with self._lock:
            for each in self._sockets:
                _shut_down(each)
        for thread in self._threads:
            thread.join(_PATIENCE)
        for each in self._sockets:
            each.close()

    def _start(self, run: Callable[..., None], *arguments: object) -> None:
        thread = Thread(target=run, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._converse, client)

    def _converse(self, client: socket.socket) -> None:
        sockets = {client}
        is_silent = False
        with suppress(OSError):
            server = self._connect()
            sockets.add(server)
            with self._lock:
                self._sockets |= sockets
            is_silent = self._hand_on(client, server)
        if not is_silent:
            with self._lock:
                self._sockets -= sockets
            for each in sockets:
                _shut_down(each)
                each.close()

    def _hand_on(self, client: socket.socket, server: socket.socket) -> bool:
        """Hand on until one side ends, or the proxy fails; tell whether to stay silent then."""
        requests = _Requests()
        at_commit: Way | None = None
        while True:
            readable, _, _ = select.select([client, server], [], [])
            if server in readable:
                answer = server.recv(_CHUNK)
                if not answer:
                    return False
                client.sendall(answer)
            if client not in readable:
                continue
            received = client.recv(_CHUNK)
            if not received:
                return False
            for request in requests.complete(received):
                with self._lock:
                    self.requests += 1
                now, later = self._plan(request)
                at_commit = later or at_commit
                if b"COMMIT" in request or (
                    b"ROLLBACK" in request and b"ROLLBACK TO" not in request
                ):
                    now, at_commit = now or at_commit, None
                if now is not None:
                    return self._fail(now, request, server)
                server.sendall(request)

    def _plan(self, request: bytes) -> tuple[Way | None, Way | None]:
        """Return how to fail at this request, and how at the COMMIT of its transaction."""
        now = later = None
        for marker, (way, is_at_commit) in self._plans.copy().items():
            if marker in request:
                if marker in self._once:
                    self._plans.pop(marker, None)
                now, later = (now, way) if is_at_commit else (way, later)
        return now, later

    def _fail(self, way: Way, request: bytes, server: socket.socket) -> bool:
        with self._lock:
            self.failures += 1
        if way is not Way.CUT_BEFORE:
            server.sendall(request)
        if way in (Way.DROP_REPLY, Way.SILENT):
            answer = b""
            while answer[-6:-1] != _READY:
                received = server.recv(_CHUNK)
                if not received:
                    break
                answer += received
        return way is Way.SILENT

    def _connect(self) -> socket.socket:
        host, port = str(self._server["host"]), int(self._server.get("port") or 5432)
        if not host.startswith("/"):
            return socket.create_connection((host, port), _PATIENCE)
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(Path(host, f".s.PGSQL.{port}")))
        except OSError:
            server.close()
            raise
        return server


class _Requests:
    """Cuts what a client sends into requests: messages up to one that the server answers."""

    def __init__(self) -> None:
        self._received = b""
        self._request = b""
        self._is_started = False

    def complete(self, received: bytes) -> Iterator[bytes]:
        """Take what was received, and yield each request that is complete."""
        self._received += received
        while message := self._message():
            self._request += message
            if not self._is_started or message[0] not in _UNANSWERED:
                self._is_started = True
                yield self._request
                self._request = b""

    def _message(self) -> bytes:
        # The first message of a conversation has no type.
        start = 1 if self._is_started else 0
        if len(self._received) < start + _LENGTH.size:
            return b""
        (length,) = _LENGTH.unpack_from(self._received, start)
        if len(self._received) < start + length:
            return b""
        message, self._received = self._received[: start + length], self._received[start + length :]
        return message


@contextmanager
def open_proxy(url: str) -> Iterator[Proxy]:
    """Open a proxy before the server of *url*."""
    proxy = Proxy(url)
    try:
        yield proxy
    finally:
        proxy.close()


def _shut_down(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
