"""A worker: runs approved actions that were handed over, each once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from handrail.client import flows
from handrail.client.drive import drive, is_asynchronous
from handrail.client.transport import Transport
from handrail.client.watch import Watch
from handrail.errors import InvalidInput

log = logging.getLogger("handrail.worker")


class Worker:
    """Serves actions until stopped. `run` blocks; `start` uses a thread of its own."""

    def __init__(self, transport: Transport, tools: Mapping[str, flows.Tool]):
        for name, tool in tools.items():
            _check(name, tool)
        self._transport = transport
        self._tools = dict(tools)
        self._watch: Watch | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        # cases run, and cases whose tool raised
        self.served = 0
        self.failed = 0

    def add(self, name: str, tool: flows.Tool) -> None:
        """Serve one more action from now on. Raises `InvalidInput` for a coroutine function."""
        _check(name, tool)
        self._tools[name] = tool
        if self._watch is not None:
            self._watch.stop()

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopped.is_set():
            actions = tuple(self._tools)
            watch = self._watch = self._transport.watch(actions)
            if self._stopped.is_set() or actions != tuple(self._tools):
                # `add` or `stop` came while there was no watch yet that it could stop
                watch.stop()
            try:
                for case_id in watch:
                    if self._stopped.is_set():
                        return
                    self._serve(case_id)
            except Exception as error:
                # what a tool raises does not get here; nothing that the control plane answers ends the loop
                log.warning("the worker cannot reach the control plane and will look again: %s", error)
                self._stopped.wait(1.0)

    def step(self) -> int:
        """Serve what waits now; how many ran."""
        before = self.served
        watch = self._transport.watch(tuple(self._tools))
        for case_id in watch.once():
            self._serve(case_id)
        watch.stop()
        return self.served - before

    def start(self) -> Worker:
        """Serve on a thread."""
        self._thread = threading.Thread(target=self.run, name="handrail-worker", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """Finish the present case and stop."""
        self._stopped.set()
        if self._watch is not None:
            self._watch.stop()
        if self._thread is not None:
            self._thread.join(10.0)

    def _serve(self, case_id: str) -> None:
        ran, raised = drive(self._one(case_id), self._transport)
        if raised is not None:
            self.failed += 1
            log.error("the tool of case %s raised; what became of it is recorded", case_id, exc_info=raised)
        elif ran:
            self.served += 1

    def _one(self, case_id: str) -> flows.Flow[tuple[bool, Exception | None]]:
        return flows.serve_one(case_id, self._tools)


def _check(name: str, tool: flows.Tool) -> None:
    if is_asynchronous(tool.function):
        raise InvalidInput(f"the worker for {name!r} is a coroutine function", remedy="Give it a plain function.")
