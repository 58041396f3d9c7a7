"""TLS in front of the test server, which has none itself."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
from psycopg import conninfo

_CHUNK = 65_536
#: The length of the message with which a client asks for TLS.
_REQUEST = 8
_PATIENCE = 60.0


@contextmanager
def open_tls(url: str, folder: Path) -> Iterator[str]:
    """Decrypt what clients of the yielded URL send, and hand it on to the server of *url*."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("there is no openssl")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = conninfo.conninfo_to_dict(url)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        Thread(target=_accept, args=(listener, context, server), daemon=True).start()
        yield conninfo.make_conninfo(
            url, host="127.0.0.1", port=port, sslmode="require", gssencmode="disable"
        )
        listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, context: ssl.SSLContext, server: dict[str, object]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            Thread(target=_converse, args=(client, context, server), daemon=True).start()


def _converse(client: socket.socket, context: ssl.SSLContext, server: dict[str, object]) -> None:
    with client, _connect(server) as plain, suppress(OSError):
        client.settimeout(_PATIENCE)
        client.recv(_REQUEST)
        client.sendall(b"S")
        with context.wrap_socket(client, server_side=True) as encrypted:
            back = Thread(target=_pump, args=(plain, encrypted), daemon=True)
            back.start()
            _pump(encrypted, plain)
            back.join(_PATIENCE)


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(_CHUNK):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def _connect(server: dict[str, object]) -> socket.socket:
    host, port = str(server["host"]), int(str(server.get("port") or 5432))
    if not host.startswith("/"):
        return socket.create_connection((host, port), _PATIENCE)
    plain = socket.socket(socket.AF_UNIX)
    plain.connect(str(Path(host, f".s.PGSQL.{port}")))
    return plain
