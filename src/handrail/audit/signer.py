"""The signer: signs a log's checkpoints, and never two that disagree.

It remembers what it signed last, in a file of its own, outside the database; a database restored from
an older copy, or forked, cannot be signed.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from pathlib import Path

from handrail.audit.checkpoint import Checkpoint, sign_checkpoint
from handrail.audit.durable import held, read_state, write_state
from handrail.audit.note import SigningKey, decode_base64
from handrail.audit.proof import verify_consistency
from handrail.audit.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from handrail.errors import Conflict, InvalidInput, InvalidProof, LogRewound, Unreadable

Prove = Callable[[int, int], Sequence[bytes]]
"""(old size, new size) → consistency proof from the log that asks for a signature."""


class Signer:
    """Signs checkpoints of one origin (the key's name). Keep `state` apart from the database.

    `also` are further keys whose signatures each checkpoint carries: the next key during a rotation, or
    a cosigning key (type 0x04) that adds the time.
    """

    def __init__(self, state: Path, key: SigningKey, *, also: Sequence[SigningKey] = ()):
        self._path = state
        self._key = key
        self._also = tuple(also)
        self.last()

    @classmethod
    def create(cls, state: Path, key: SigningKey, *, also: Sequence[SigningKey] = ()) -> Signer:
        """Begin a new origin: write a first state. Raises `Conflict` if there is one already."""
        with held(state):
            if state.exists():
                raise Conflict(f"{state.name} exists: this origin was begun before", remedy="Open it instead.")
            _write(state, Checkpoint(origin=key.name, size=0, root=EMPTY_ROOT))
        return cls(state, key, also=also)

    def last(self) -> Checkpoint:
        """What was signed last. Raises `Unreadable` for a missing or foreign state file."""
        state = read_state(self._path)
        try:
            size, root = state["size"], decode_base64(str(state["root"]).encode())
            valid = type(size) is int and 0 <= size <= MAX_SIZE and len(root) == HASH_SIZE
        except (KeyError, InvalidInput):
            valid = False
        if not valid or state.get("origin") != self._key.name:
            raise Unreadable(f"the state file {self._path.name} is damaged or of another origin")
        return Checkpoint(origin=self._key.name, size=size, root=root)

    def sign(self, size: int, root: bytes, prove: Prove, *, time: int | None = None) -> bytes:
        """The signed checkpoint for this tree. `time`: seconds since the epoch, for cosigning keys.

        Raises `LogRewound` if the tree is smaller than the last one signed, has another root at its
        size, or does not prove that it extends it. The new state is on disk before this returns.
        """
        new = Checkpoint(origin=self._key.name, size=size, root=root)
        with held(self._path):
            last = self.last()
            check_extends(last, new, prove)
            note = sign_checkpoint(new, self._key, *self._also, time=time)
            if new != last:
                _write(self._path, new)
        return note


def check_extends(last: Checkpoint, new: Checkpoint, prove: Prove) -> None:
    """Raise `LogRewound` unless `new` is `last` or provably extends it."""
    if len(new.root) != HASH_SIZE or not 0 <= new.size <= MAX_SIZE:
        raise InvalidInput(f"no checkpoint of size {new.size} can be signed")
    if new.size < last.size:
        raise LogRewound(f"the log holds {new.size} entries, but {last.size} were signed before")
    if new.size == last.size and new.root != last.root:
        raise LogRewound(f"the log has another root at size {new.size} than the one signed before")
    if last.size in (0, new.size):
        return
    try:
        verify_consistency(last.size, new.size, prove(last.size, new.size), last.root, new.root)
    except InvalidProof as error:
        raise LogRewound(f"the log does not extend the {last.size} entries signed before: {error}") from None


def _write(path: Path, checkpoint: Checkpoint) -> None:
    root = base64.b64encode(checkpoint.root).decode()
    write_state(path, {"origin": checkpoint.origin, "size": checkpoint.size, "root": root})
