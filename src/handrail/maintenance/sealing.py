"""Sealing: every log that grew gets a signed checkpoint within a second."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from handrail.audit.checkpoint import Checkpoint
from handrail.audit.note import SigningKey, parse_skey
from handrail.audit.signer import Signer, check_extends
from handrail.canonical import digest
from handrail.errors import Conflict, LogRewound
from handrail.store import statements
from handrail.store.engine import Store
from handrail.store.logbook import Logbook, blob
from handrail.store.tx import Tx
from handrail.store.writer import Writer


class Sealer:
    """Signs what is dirty. Keys and the signer's memory live in `folder`, apart from the database."""

    def __init__(self, store: Store, writer: Writer, folder: Path):
        self._store = store
        self._writer = writer
        self._folder = folder
        self._signers: dict[str, Signer] = {}

    def step(self) -> int:
        """Sign each log whose newest entries have no checkpoint; how many were signed.

        Raises `LogRewound` when the database is older than what was signed before.
        """
        dirty = [row[0] for row in self._store.read_hot(statements.log_dirty)]
        for log in dirty:
            size, note = self._sign(log)
            self._writer.run(_keep, (log, size, note.decode()))
        # sealing writes no entry, so there is nothing more to do at once
        return 0

    def _sign(self, log: str) -> tuple[int, bytes]:
        book = Logbook(self._store, log)
        while True:
            size, root = book.head()
            try:
                return size, self.signer(log).sign(size, root, book.consistency)
            except LogRewound:
                # another process may have signed a longer log since this head was read
                if book.head()[0] <= size:
                    raise

    def ahead(self, log: str) -> Checkpoint | None:
        """What was signed last, if the database does not reach or extend it: an older copy was restored."""
        book = Logbook(self._store, log)
        last = self.signer(log).last()
        size, root = book.head()
        try:
            check_extends(last, Checkpoint(origin=log, size=size, root=root), book.consistency)
        except LogRewound:
            return last
        return None

    def key(self, log: str) -> SigningKey:
        """The log's signing key; made when there is none yet, readable by its owner only."""
        path = self._path(log, "key")
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh = SigningKey(name=log, seed=os.urandom(32))
            draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(fresh.text + "\n")
                file.flush()
                os.fsync(file.fileno())
            # of several processes that begin at once, one gives the key; it is never half written
            with suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        return parse_skey(path.read_text())

    def signer(self, log: str) -> Signer:
        """The log's signer, begun when it has signed nothing yet."""
        known = self._signers.get(log)
        if known is None:
            state = self._path(log, "signed")
            key = self.key(log)
            with suppress(Conflict):
                # unless another process began it
                Signer.create(state, key)
            known = Signer(state, key)
            self._signers[log] = known
        return known

    def _path(self, log: str, kind: str) -> Path:
        return key_file(self._store, self._folder, log, kind)


def key_file(store: Store, folder: Path, log: str, kind: str = "key") -> Path:
    """Where a log's key (or `signed` state) is kept: by log and by database, for many may share folder and log name.

    A database made anew under an old name gets keys of its own; a restored copy keeps those it had.
    """
    found = store.read_hot(statements.database_secret)
    identity = digest(b"handrail/database/1\0" + blob(found[0][0]))[:12] if found else "none"
    return folder / f"{log.replace('/', '_')}.{identity}.{kind}"


def _keep(tx: Tx, command: tuple[str, int, str]) -> None:
    log, size, checkpoint = command
    tx.run(statements.head_sign, log=log, size=size, checkpoint=checkpoint)
