"""A Messages API on this machine whose model follows a script, so that the Claude example needs no key."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# tool names and what they are called with, in order
Script = tuple[tuple[str, dict[str, str]], ...]


def serve(script: Script) -> str:
    """Serve it until the program ends; the address to use as ANTHROPIC_BASE_URL."""
    Scripted.script = script
    server = ThreadingHTTPServer(("127.0.0.1", 0), Scripted)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


class Scripted(BaseHTTPRequestHandler):
    """One call of the script for each result that came back, then a word at the end."""

    script: Script = ()

    def log_message(self, *said: Any) -> None: ...

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        parts = [part for said in asked["messages"] if isinstance(said["content"], list) for part in said["content"]]
        told = sum(part["type"] == "tool_result" for part in parts)
        name, given = self.script[told] if asked.get("tools") and told < len(self.script) else ("", {})
        block = (
            {"type": "tool_use", "id": f"call-{told}", "name": name, "input": {}}
            if name
            else {"type": "text", "text": ""}
        )
        delta = (
            {"type": "input_json_delta", "partial_json": json.dumps(given)}
            if name
            else {"type": "text_delta", "text": "Done."}
        )
        usage = {"input_tokens": 1, "output_tokens": 1}
        message = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "scripted",
            "content": [],
            "usage": usage,
        }
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for event in (
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
            {"type": "content_block_delta", "index": 0, "delta": delta},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "tool_use" if name else "end_turn"}, "usage": usage},
            {"type": "message_stop"},
        ):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
