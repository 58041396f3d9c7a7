"""TLS in front of the test server, which has none itself."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import TypeAlias

import pytest
from psycopg import conninfo

_Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

#: More than a record of TLS holds, which is 16 kB.
_CHUNK = 65_536
#: The length of the message with which a client asks for TLS.
_REQUEST = 8


@contextmanager
def open_tls(url: str, folder: Path) -> Iterator[str]:
    """Decrypt what clients of the yielded URL send, and hand it on to the server of *url*.

    What the server sends is encrypted in records that are as large as they may be.
    """
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    proxy = _Proxy(context, conninfo.conninfo_to_dict(url))
    # In a thread of its own, and all of it in one: two must not use one TLS connection.
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(proxy.start(), loop).result()
        yield conninfo.make_conninfo(
            url, host="127.0.0.1", port=port, sslmode="require", gssencmode="disable"
        )
    finally:
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


class _Proxy:
    def __init__(self, context: ssl.SSLContext, server: Mapping[str, object]) -> None:
        self._context = context
        self._server = server
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen, and return the port."""
        self._listener = await asyncio.start_server(self._converse, "127.0.0.1", 0)
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """End all conversations."""
        if self._listener is not None:
            self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await reader.readexactly(_REQUEST)
            writer.write(b"S")
            await writer.drain()
            await writer.start_tls(self._context)
            back, to = await self._connect()
            await asyncio.gather(_pump(reader, to), _pump(back, writer))
        self._tasks.discard(task)

    async def _connect(self) -> _Streams:
        host, port = str(self._server["host"]), int(str(self._server.get("port") or 5432))
        if host.startswith("/"):
            return await asyncio.open_unix_connection(str(Path(host, f".s.PGSQL.{port}")))
        return await asyncio.open_connection(host, port)


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while received := await source.read(_CHUNK):
            target.write(received)
            await target.drain()
    finally:
        target.close()
