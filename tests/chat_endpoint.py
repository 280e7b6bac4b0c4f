"""A real HTTP server that speaks the OpenAI chat format, whose words the test chooses."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

FINE = {"verdict": "fine", "rules": [], "reason": ""}
CONCERN = {"verdict": "concern", "rules": [2], "reason": "It pays a stranger."}


class Endpoint:
    """An OpenAI-compatible endpoint whose words the test chooses."""

    def __init__(self) -> None:
        self.words: Any = FINE
        self.status = 200
        self.raw: bytes | None = None
        self.drip: threading.Event | None = None
        self.asked: list[tuple[dict[str, str], dict[str, Any]]] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append((dict(self.headers), body | {"path": self.path}))
                words = endpoint.words if isinstance(endpoint.words, str) else json.dumps(endpoint.words)
                made = json.dumps({"choices": [{"message": {"role": "assistant", "content": words}}]}).encode()
                made = endpoint.raw if endpoint.raw is not None else made
                self.send_response(endpoint.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", str(len(made)))
                self.end_headers()
                if endpoint.drip is not None:
                    self.wfile.write(made[:1])
                    self.wfile.flush()
                    endpoint.drip.wait(20)
                    return
                try:
                    self.wfile.write(made)
                except OSError:
                    # whoever asked has had enough of it
                    return

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        if self.drip is not None:
            self.drip.set()
        self.server.shutdown()
        self.server.server_close()
