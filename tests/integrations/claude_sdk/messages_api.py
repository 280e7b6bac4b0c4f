"""A local Messages API that plays a script to Claude Code: it makes the script's calls and then says "done"."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from handrail.integrations.claude_sdk.gating import ONE_AT_A_TIME
from handrail.testing.conformance import ModelCall, Script

# between a call's id and how often it was issued again
AGAIN = "_again"
NAMES = {"pay": "mcp__shop__pay", "note": "mcp__shop__note", "mystery": "mcp__shop__mystery"}


class MessagesApi(ThreadingHTTPServer):
    """Listens on a port of its own, on a thread, until its process ends."""

    daemon_threads = True

    def __init__(self, script: Script, heard: Callable[[list[list[str]]], None] = lambda told: None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.heard = heard
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, asked: dict[str, Any]) -> list[dict[str, Any]]:
        """What the model says next, by the results in what it is asked."""
        results = list(results_in(asked["messages"]))
        self.heard([[id.partition(AGAIN)[0], text] for id, text in results if ONE_AT_A_TIME not in text])
        calls = list(self._calls(results))
        made = [
            {"type": "tool_use", "id": id, "name": NAMES.get(call.tool, call.tool), "input": call.arguments}
            for id, call in calls
        ]
        return made or [{"type": "text", "text": "done"}]

    def _calls(self, results: list[tuple[str, str]]) -> Iterator[tuple[str, ModelCall]]:
        """Those of the first turn that has calls without a result, under new ids where they are issued again."""
        told = defaultdict(list)
        for id, text in results:
            told[id.partition(AGAIN)[0]].append(text)
        for turn in self.script.turns:
            left = []
            for call in turn:
                attempts = told[call.id]
                again = 0
                while attempts and ONE_AT_A_TIME in attempts[0]:
                    again += 1
                    attempts.pop(0)
                if attempts:
                    attempts.pop(0)
                else:
                    left.append((f"{call.id}{AGAIN}{again}" if again else call.id, call))
            if left:
                yield from left
                return


class Handler(BaseHTTPRequestHandler):
    """One request of Claude Code."""

    protocol_version = "HTTP/1.1"
    server: MessagesApi

    def log_message(self, *said: Any) -> None: ...

    def do_HEAD(self) -> None:
        self._send(b"", "text/plain")

    def do_GET(self) -> None:
        self._send(b"{}", "application/json")

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "count_tokens" in self.path:
            self._send(b'{"input_tokens": 1}', "application/json")
            return
        # what has no tools is Claude Code's own housekeeping
        content = self.server.answer(asked) if asked.get("tools") else [{"type": "text", "text": "a title"}]
        message = {
            "id": "msg_1", "type": "message", "role": "assistant", "model": asked["model"], "stop_sequence": None,
            "stop_reason": "tool_use" if content[0]["type"] == "tool_use" else "end_turn",
            "usage": {"input_tokens": 1, "output_tokens": 1},
        }  # fmt: skip
        if asked.get("stream"):
            lines = (
                f"event: {type}\ndata: {json.dumps({'type': type, **said})}\n\n"
                for type, said in events(message, content)
            )
            self._send("".join(lines).encode(), "text/event-stream")
        else:
            self._send(json.dumps({**message, "content": content}).encode(), "application/json")

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def events(message: dict[str, Any], content: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "message_start", {"message": {**message, "content": [], "stop_reason": None}}
    for index, block in enumerate(content):
        if block["type"] == "text":
            empty, delta = {**block, "text": ""}, {"type": "text_delta", "text": block["text"]}
        else:
            given = json.dumps(block["input"])
            empty, delta = {**block, "input": {}}, {"type": "input_json_delta", "partial_json": given}
        yield "content_block_start", {"index": index, "content_block": empty}
        yield "content_block_delta", {"index": index, "delta": delta}
        yield "content_block_stop", {"index": index}
    yield "message_delta", {
        "delta": {"stop_reason": message["stop_reason"], "stop_sequence": None}, "usage": {"output_tokens": 1},
    }  # fmt: skip
    yield "message_stop", {}


def results_in(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for message in messages:
        for block in message["content"] if isinstance(message["content"], list) else []:
            if block.get("type") == "tool_result":
                said = block["content"]
                parts = said if isinstance(said, list) else [{"text": said}]
                yield block["tool_use_id"], " ".join(str(part.get("text", part)) for part in parts)
