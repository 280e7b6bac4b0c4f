"""A witness that remembers: the rules of `witness_rules` over a state file."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from handrail.audit.checkpoint import Checkpoint
from handrail.audit.durable import held, read_state, write_state
from handrail.audit.note import SigningKey, VerifierKey, decode_base64
from handrail.audit.tree import HASH_SIZE
from handrail.audit.witness_rules import Answer, add_checkpoint
from handrail.errors import InvalidInput, Unreadable


class Witness:
    """Cosigns checkpoints of the logs it knows, never two that disagree. Runs under its own key and host.

    A missing state file means a first start; begin a fresh key when it was lost.
    """

    def __init__(self, state: Path, key: SigningKey, logs: Mapping[str, Sequence[VerifierKey]]):
        self._path = state
        self._key = key
        self._logs = dict(logs)
        with held(state):
            if not state.exists():
                write_state(state, {})
        self.last()

    def last(self) -> dict[str, Checkpoint]:
        """The last checkpoint cosigned, per origin. Raises `Unreadable` for a damaged state file."""
        try:
            return {
                origin: Checkpoint(origin=origin, size=int(seen["size"]), root=_root(seen["root"]))
                for origin, seen in read_state(self._path).items()
            }
        except (KeyError, TypeError, ValueError, InvalidInput):
            raise Unreadable(f"the witness state {self._path.name} is damaged") from None

    def add_checkpoint(self, body: bytes, *, time: int) -> Answer:
        """Judge and remember, atomically, then answer. `time` in seconds since the epoch."""
        with held(self._path):
            last = self.last()
            answer = add_checkpoint(body, last=last, logs=self._logs, key=self._key, time=time)
            new = answer.accepted
            if new is not None and last.get(new.origin) != new:
                write_state(self._path, {one.origin: _seen(one) for one in (last | {new.origin: new}).values()})
        return answer


def _seen(checkpoint: Checkpoint) -> dict[str, object]:
    return {"size": checkpoint.size, "root": base64.b64encode(checkpoint.root).decode()}


def _root(text: str) -> bytes:
    root = decode_base64(text.encode())
    if len(root) != HASH_SIZE:
        raise ValueError("not a hash")
    return root
