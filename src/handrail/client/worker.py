"""A worker: runs approved actions that were handed over, each once."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Mapping

from handrail.client import flows
from handrail.client.drive import drive
from handrail.client.transport import Transport
from handrail.client.watch import Watch
from handrail.errors import HandrailError, InvalidInput

log = logging.getLogger("handrail.worker")


class Worker:
    """Serves actions until stopped. `run` blocks; `start` uses a thread of its own."""

    def __init__(self, transport: Transport, tools: Mapping[str, flows.Tool]):
        for name, tool in tools.items():
            if inspect.iscoroutinefunction(tool.function):
                raise InvalidInput(
                    f"the worker for {name!r} is a coroutine function", remedy="Give it a plain function."
                )
        self._transport = transport
        self._tools = dict(tools)
        self._watch: Watch | None = None
        self._thread: threading.Thread | None = None
        self._stopped = threading.Event()
        # cases run, and cases whose tool raised
        self.served = 0
        self.failed = 0

    def add(self, name: str, tool: flows.Tool) -> None:
        """Serve one more action from now on."""
        self._tools[name] = tool
        if self._watch is not None:
            self._watch.stop()

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopped.is_set():
            self._watch = self._transport.watch(tuple(self._tools))
            try:
                for case_id in self._watch:
                    if self._stopped.is_set():
                        return
                    self._serve(case_id)
            except HandrailError as error:
                log.warning("the worker cannot reach the control plane and will look again: %s", error)
                self._stopped.wait(1.0)

    def step(self) -> int:
        """Serve what waits now; how many ran."""
        before = self.served
        watch = self._transport.watch(tuple(self._tools))
        for case_id in watch.look():
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
        try:
            if drive(self._one(case_id), self._transport):
                self.served += 1
        except HandrailError:
            raise
        except Exception:
            self.failed += 1
            log.exception("the tool of case %s raised; its failure is recorded", case_id)

    def _one(self, case_id: str) -> flows.Flow[bool]:
        return flows.serve_one(case_id, self._tools)
