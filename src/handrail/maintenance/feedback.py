"""Feedback: labels become batches, and a full set of batches starts the operator's retraining command.

Two loops, because a hook may take minutes: one cuts batches and announces trainings, the other runs the hook.
"""

from __future__ import annotations

import logging
import tempfile
import threading
from pathlib import Path
from typing import Any

from handrail.clock import Clock, iso
from handrail.learning.export import render
from handrail.lifecycle import exporting, training
from handrail.maintenance.hook import Hook, run
from handrail.store import training as tables
from handrail.store.engine import Store
from handrail.store.writer import Writer

log = logging.getLogger("handrail.feedback")

# beyond the hook's own limit, before another replica thinks it lost
SLACK_SECONDS = 60.0


class Batcher:
    """Cuts batches wherever labels came in since the last look."""

    def __init__(self, store: Store, writer: Writer):
        self._store = store
        self._writer = writer
        self._seen: dict[tuple[str, str], int] = {}

    def step(self) -> int:
        """Cut what is full; how many batches were made."""
        made = 0
        counted = {(workspace, action): count for workspace, action, count in tables.waiting(self._store)}
        for key, count in counted.items():
            if self._seen.get(key) != count:
                made += len(self._writer.run(training.cut, training.Cut(workspace=key[0], action=key[1])).batches)
        self._seen = counted
        return made


class Retraining:
    """Runs the hook for each training that is due, one at a time. Without a hook there is nothing to do."""

    def __init__(self, store: Store, writer: Writer, clock: Clock, hook: Hook | None):
        self._store = store
        self._writer = writer
        self._clock = clock
        self.hook = hook
        self._stop = threading.Event()
        self.runs = 0
        # hooks that did not end well since the start, and what the last of them said
        self.failures = 0
        self.last_error: str | None = None

    @property
    def patience(self) -> float:
        """Seconds that one step may take."""
        return 0.0 if self.hook is None else self.hook.seconds + SLACK_SECONDS

    def step(self) -> int:
        """Run the hook once if a training is due; 1 if it was."""
        if self.hook is None or self._stop.is_set():
            return 0
        # a look first, so that an idle server writes nothing
        if not self._store.read_hot(tables.training_due, now=self._clock.now()):
            return 0
        due = self._writer.run(training.take_due, self.patience)
        if due is None:
            return 0
        with tempfile.TemporaryDirectory(prefix="handrail-training-") as folder:
            ran = run(self.hook, self._given(due, Path(folder)), self._stop)
        self.runs += 1
        state = self._writer.run(
            training.end, training.Ended(training=due, exit_code=ran.exit_code, error=ran.error, again=ran.stopped)
        )
        if ran.exit_code != 0 and not ran.stopped:
            self.failures += 1
            self.last_error = f"{due.action}: {ran.error}"
            log.warning("the retraining hook for %s did not end well (now %s): %s", due.action, state, ran.error)
        return 1

    def stop(self) -> None:
        """End a running hook; its training runs again at the next start."""
        self._stop.set()

    def health(self) -> dict[str, Any]:
        """What an operator wants to see of it."""
        return {
            "hook": None if self.hook is None else self.hook.argv[0],
            "runs": self.runs,
            "failures": self.failures,
            "last_error": self.last_error,
        }

    def _given(self, due: training.Training, folder: Path) -> dict[str, Any]:
        """What the hook reads on its standard input; `labels_path` holds every label fit for training, as JSONL."""
        path = folder / "labels.jsonl"
        rows = exporting.label_rows(self._store, due.workspace, action=due.action, ready=True)
        total = 0
        with path.open("wb") as file:
            for piece in render(rows, exporting.LABELS, "jsonl"):
                file.write(piece)
                total += 1
        return {
            "type": "training.due",
            "id": due.id,
            "workspace": due.workspace,
            "action": due.action,
            "due_at": iso(due.due_at),
            "attempt": due.attempts,
            "new_labels": due.labels,
            "labels": total,
            "labels_path": str(path),
        }
