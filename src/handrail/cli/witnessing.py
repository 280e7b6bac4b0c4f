"""A witness as a small HTTP server: one address, `POST /add-checkpoint` (C2SP tlog-witness)."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from handrail.audit.note import COSIGNATURE, SigningKey, VerifierKey, parse_skey
from handrail.audit.witness import Witness
from handrail.errors import HandrailError, InvalidInput, Unreadable

PATH = "/add-checkpoint"
# 63 hashes of a proof and a note fit in far less
MOST_BYTES = 64 * 1024
SECONDS = 10.0


def key_of(path: Path, name: str) -> SigningKey:
    """The witness's key; made when there is none yet, readable by its owner only. Raises `Unreadable`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = parse_skey(path.read_text(encoding="utf-8"))
        if key.algorithm != COSIGNATURE:
            raise InvalidInput(f"{path} holds a log's key, not a witness's", remedy="Give a witness its own.") from None
        return key
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror or error}") from None
    fresh = SigningKey(name=name, seed=os.urandom(32), algorithm=COSIGNATURE)
    with os.fdopen(descriptor, "w") as file:
        file.write(fresh.text + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def server_of(
    address: tuple[str, int], state: Path, key: SigningKey, logs: Mapping[str, Sequence[VerifierKey]]
) -> ThreadingHTTPServer:
    """A server that cosigns for these logs. Port 0 takes a free one."""
    witness = Witness(state, key, logs)

    class Handler(BaseHTTPRequestHandler):
        timeout = SECONDS
        server_version, sys_version = "handrail-witness", ""

        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != PATH:
                self._send(404, b"not found\n", "text/plain")
            elif not length.isdecimal() or int(length) > MOST_BYTES:
                self._send(413, b"too large\n", "text/plain")
            else:
                body = self.rfile.read(int(length))
                try:
                    answer = witness.add_checkpoint(body, time=int(time.time()))
                except HandrailError as error:
                    self._send(500, f"{error.code}\n".encode(), "text/plain")
                    return
                self._send(answer.status, answer.body, answer.content_type)

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing; the state file and the logs tell what was cosigned."""

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    return server
