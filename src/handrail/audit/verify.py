"""Verifies a log: leaves, tiles, roots, signatures, outside evidence, openings, and meaning.

Trust comes from outside: pinned log keys and, if wanted, witnesses (`trust.py`). A key that a pinned key's
log announces in `key.rotated` is trusted from then on; one named by `key.revoked` no longer.

After a restore a log goes on under a new origin, its next epoch. `verify_epochs` judges each by its own entries and
checkpoints, and by what the first entry of the next says that it held: a signature over that covers this one, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from handrail.audit.checkpoint import Checkpoint, parse_checkpoint, previous_epoch
from handrail.audit.log import KeepsHead, KeepsLeaves, LogReader
from handrail.audit.meaning import read_entry
from handrail.audit.note import VerifierKey, open_note, parse_signatures, parse_vkey, split_note
from handrail.audit.replay import Replay
from handrail.audit.report import TAMPERED, UNREADABLE, UNTRUSTED, Finding, Link, Report
from handrail.audit.tile import WIDTH, Edge, Tile
from handrail.audit.tlog_proof import parse_tlog_proof, verify_receipt
from handrail.audit.tree import Frontier, leaf_hash
from handrail.audit.trust import Trust
from handrail.clock import SECOND, from_iso, iso
from handrail.entry import commitment
from handrail.errors import HandrailError, InvalidInput, InvalidProof, Unreadable

# enough to see what happened; a log of a million broken entries need not fill the screen
MAX_FINDINGS = 200
# seconds a witness's clock may be behind
WITNESS_CLOCK = 300


@dataclass(slots=True, kw_only=True)
class _Claimed:
    """A checkpoint somebody shows: this log itself, its next epoch, or somebody outside who kept it."""

    # None: not signed by itself, for it stands in the first entry of the next epoch
    note: bytes | None
    checkpoint: Checkpoint
    outside: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """What the next epoch's first entry says of this one, and whether that entry is signed, and by whom one trusts."""

    link: Link
    signed: bool
    trusted: bool


def _told(link: Link) -> _Claimed:
    root = bytes.fromhex(link.held_root)
    return _Claimed(note=None, checkpoint=Checkpoint(origin=link.origin, size=link.held_size, root=root), outside=False)


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What reading the entries brought up."""

    size: int = 0
    root: bytes = b""
    roots: dict[int, bytes] = field(default_factory=dict)
    leaves: dict[int, bytes] = field(default_factory=dict)
    # (index of the entry, key text) for key.rotated; (index, key id) for key.revoked
    rotations: list[tuple[int, str]] = field(default_factory=list)
    revocations: list[tuple[int, str]] = field(default_factory=list)
    erased: set[tuple[str, str]] = field(default_factory=set)
    commitments: dict[str, dict[str, str]] = field(default_factory=dict)
    origin: str | None = None
    replayed: bool = True
    # size → `at` of the last entry of that prefix, for the sizes some checkpoint speaks of
    times: dict[int, int] = field(default_factory=dict)
    # size → `at` of the first entry after that prefix
    after: dict[int, str] = field(default_factory=dict)
    follows: Link | None = None


def verify(
    reader: LogReader,
    trust: Trust,
    *,
    against: Sequence[bytes] = (),
    receipts: Sequence[bytes] = (),
    timer: Callable[[], float] | None = None,
) -> Report:
    """Judge a log, one epoch of it. `against`: signed checkpoints, `receipts`: tlog-proofs, that somebody kept
    elsewhere.

    `timer` (such as `time.perf_counter`) is only for the report's speed; without one it is 0.
    """
    return _Verification(reader, trust, timer).run(against, receipts)


def verify_epochs(
    reader: LogReader,
    earlier: Callable[[Link], LogReader],
    trust: Trust,
    *,
    logs: Collection[str] = (),
    against: Sequence[bytes] = (),
    receipts: Sequence[bytes] = (),
    timer: Callable[[], float] | None = None,
) -> Report:
    """Judge the epoch that goes on as `verify` does, and every one before it; those are the report's `past`.

    `earlier` gives the reader of the epoch that a first entry names. `logs`: the origins of all epochs said to be kept;
    one that the newest does not go on from was planted, or what came after it taken away.
    """
    readers, origins = [reader], [_origin(reader)]
    while (link := first_link(readers[-1])) is not None and link.origin == previous_epoch(origins[-1] or ""):
        readers.append(earlier(link))
        origins.append(link.origin)
    reports: list[Report] = []
    following: _Next | None = None
    for at, each in enumerate(readers):
        # what speaks of no epoch here is held against the newest, which says so
        report = _Verification(each, trust, timer, following).run(
            [note for note in against if _place(_origin_of, note, origins) == at],
            [receipt for receipt in receipts if _place(_origin_of_receipt, receipt, origins) == at],
        )
        reports.append(report)
        following = None
        if report.follows is not None:
            following = _Next(link=report.follows, signed=report.covered > 0, trusted=report.trusted_size > 0)
    strays = tuple(
        Finding(exit=TAMPERED, code="epoch.unlinked", text=f"{log} is kept too, but the newest does not go on from it")
        for log in sorted({*logs} - {*origins})
    )
    return replace(reports[0], findings=(*reports[0].findings, *strays), past=tuple(reports[1:]))


def require_signed(report: Report) -> Report:
    """The same report, not trusted where entries are not signed yet."""
    findings = report.findings
    if report.unsigned:
        text = f"the newest {report.unsigned} of {report.size} entries are not signed, and that was asked for"
        findings += (Finding(exit=UNTRUSTED, code="unsigned", text=text),)
    return replace(report, findings=findings, past=tuple(map(require_signed, report.past)))


def first_link(reader: LogReader) -> Link | None:
    """What the log goes on from, as its first entry says; None of a first epoch, or of what cannot be read."""
    first = _first(reader)
    return None if first is None else _link(first)


def _first(reader: LogReader) -> dict[str, Any] | None:
    try:
        return read_entry(next(iter(reader.entries())))
    except (StopIteration, HandrailError):
        return None


def _link(entry: dict[str, Any]) -> Link | None:
    if entry["type"] != "epoch.opened":
        return None
    signed, held = entry["epoch"], entry["held"]
    return Link(
        origin=signed["origin"], signed_size=signed["size"], signed_root=signed["root"], held_size=held["size"],
        held_root=held["root"],
    )  # fmt: skip


def _origin(reader: LogReader) -> str | None:
    first = _first(reader)
    return None if first is None else first["log"]


def _place(origin_of: Callable[[bytes], str], note: bytes, origins: Sequence[str | None]) -> int:
    """Which of the epochs this speaks of; the newest if of none."""
    try:
        return origins.index(origin_of(note))
    except (ValueError, HandrailError):
        return 0


def _origin_of(note: bytes) -> str:
    return parse_checkpoint(split_note(note)[0]).origin


def _origin_of_receipt(receipt: bytes) -> str:
    return _origin_of(parse_tlog_proof(receipt).checkpoint)


class _Verification:
    def __init__(
        self, reader: LogReader, trust: Trust, timer: Callable[[], float] | None, following: _Next | None = None
    ):
        self.reader = reader
        self.trust = trust
        self.following = following
        self.timer = timer or (lambda: 0.0)
        self.findings: list[Finding] = []
        self.claimed: list[_Claimed] = []
        self.seen = _Seen()
        self.opened = 0
        self.sizes: set[int] = set()

    def say(self, exit: int, code: str, text: str, idx: int | None = None, *evidence: bytes) -> None:
        if len(self.findings) < MAX_FINDINGS or all(finding.exit > exit for finding in self.findings):
            notes = tuple(note.decode("utf-8", "replace") for note in evidence)
            self.findings.append(Finding(exit=exit, code=code, text=text, idx=idx, evidence=notes))

    def run(self, against: Sequence[bytes], receipts: Sequence[bytes]) -> Report:
        begun = self.timer()
        self._gather(self._own_notes(), outside=False)
        self._gather(against, outside=True)
        if self.following is not None:
            self.claimed.append(_told(self.following.link))
        held = self._receipts(receipts)
        openings = self._openings()
        # before the entries: a log may grow while it is read
        head = self._head()
        self._read_entries(
            sizes={one.checkpoint.size for one in self.claimed} | ({head[1].size} if head else set()),
            indices={index for index, _ in held},
            wanted={opening.entry for opening in openings},
        )
        seconds = self.timer() - begun
        for index, leaf in held:
            if self.seen.leaves.get(index, leaf) != leaf:
                self.say(TAMPERED, "receipt.differs", "another entry stands where a receipt proves its own", index)
        if head is not None:
            self._judge_head(*head)
        trusted = self._judge_checkpoints()
        self._check_openings(openings)
        newest = self._newest()
        signed = newest.size if newest else 0
        told = self.following.link.held_size if self.following and self.following.signed else 0
        covered = min(self.seen.size, max(signed, trusted, told))
        return Report(
            findings=tuple(self.findings),
            origin=self._log(),
            size=self.seen.size,
            root=self.seen.root,
            signed_size=signed,
            trusted_size=trusted,
            openings_held=self.opened,
            erased=len(self.seen.erased),
            replayed=self.seen.replayed,
            leaves_per_second=self.seen.size / seconds if seconds > 0 else 0.0,
            covered=covered,
            unsigned_since=self.seen.after.get(covered),
            follows=self.seen.follows,
        )

    # -- what is shown -------------------------------------------------------

    def _own_notes(self) -> Sequence[bytes]:
        try:
            notes = self.reader.checkpoints()
        except Unreadable as error:
            self.say(UNREADABLE, "checkpoint.unreadable", str(error))
            return ()
        # an epoch that ended before its first one was signed is covered by the next
        if not notes and self.following is None:
            self.say(UNREADABLE, "checkpoint.missing", "the log shows no signed checkpoint")
        return notes

    def _gather(self, notes: Iterable[bytes], *, outside: bool) -> None:
        for note in notes:
            try:
                text, block = split_note(note)
                parse_signatures(block)
                checkpoint = parse_checkpoint(text)
            except Unreadable as error:
                self.say(UNREADABLE, "checkpoint.malformed", str(error))
            else:
                self.claimed.append(_Claimed(note=note, checkpoint=checkpoint, outside=outside))

    def _receipts(self, receipts: Sequence[bytes]) -> list[tuple[int, bytes]]:
        """(index, leaf hash) of each receipt that proves its entry; its checkpoint counts as outside evidence."""
        held = []
        for receipt in receipts:
            try:
                proof, _, _ = verify_receipt(receipt, ())
            except InvalidProof as error:
                self.say(TAMPERED, "receipt.broken", str(error))
            except HandrailError as error:
                self.say(UNREADABLE, "receipt.malformed", str(error))
            else:
                self._gather([parse_tlog_proof(receipt).checkpoint], outside=True)
                held.append((proof.index, leaf_hash(proof.extra or b"")))
        return held

    def _openings(self) -> list[Any]:
        try:
            return list(self.reader.openings())
        except InvalidProof as error:
            self.say(TAMPERED, "opening.altered", str(error))
            return []
        except Unreadable as error:
            self.say(UNREADABLE, "opening.unreadable", str(error))
            return []

    def _head(self) -> tuple[int, Frontier] | None:
        if not isinstance(self.reader, KeepsHead):
            return None
        try:
            return self.reader.kept_head()
        except Unreadable as error:
            self.say(UNREADABLE, "head.unreadable", str(error))
            return None

    def _judge_head(self, size: int, frontier: Frontier) -> None:
        if size != frontier.size:
            text = f"the head counts {size!r} entries, but its frontier is one of {frontier.size}"
            self.say(TAMPERED, "head.differs", text)
        elif self.seen.size >= size and self.seen.roots.get(size) != frontier.root():
            self.say(TAMPERED, "head.differs", f"the frontier of {size} entries is not what they come to")

    def _newest(self) -> Checkpoint | None:
        own = [one.checkpoint for one in self.claimed if not one.outside and one.note is not None]
        return max(own, key=lambda checkpoint: checkpoint.size, default=None)

    def _log(self) -> str | None:
        """The origin this log must have: what the next epoch calls it, or its newest checkpoint."""
        if self.following is not None:
            return self.following.link.origin
        newest = self._newest()
        return newest.origin if newest else None

    # -- entries -------------------------------------------------------------

    def _read_entries(self, *, sizes: set[int], indices: set[int], wanted: set[str]) -> None:
        seen, edge, replay, batch = self.seen, Edge(), Replay(), list[bytes]()
        # a batch ends at a full tile and at every size some checkpoint speaks of
        stops = sorted(sizes)
        self.sizes = sizes
        seen.roots[0] = edge.root()
        try:
            for idx, data in enumerate(self.reader.entries()):
                leaf = leaf_hash(data)
                batch.append(leaf)
                if idx in indices:
                    seen.leaves[idx] = leaf
                self._read_meaning(idx, data, replay, wanted)
                while stops and stops[0] <= idx:
                    stops.pop(0)
                if (idx + 1) % WIDTH == 0 or (stops and stops[0] == idx + 1):
                    self._grow(edge, batch)
        except InvalidProof as error:
            self.say(TAMPERED, "entry.missing", str(error), edge.size + len(batch))
        except Unreadable as error:
            self.say(UNREADABLE, "entry.unreadable", str(error), edge.size + len(batch))
        self._grow(edge, batch)
        seen.size, seen.root = edge.size, edge.root()
        if seen.replayed:
            for broken in replay.violations:
                self.say(TAMPERED, f"meaning.{broken.code}", broken.text, broken.idx)

    def _grow(self, edge: Edge, batch: list[bytes]) -> None:
        self._compare_leaves(edge.size, batch)
        edge.extend(batch)
        batch.clear()
        self.seen.roots[edge.size] = edge.root()
        for (level, index), hashes in edge.take_changed().items():
            tile = Tile(level=level, index=index, width=len(hashes) // 32)
            try:
                stored = self.reader.tile(tile)
            except Unreadable as error:
                self.say(UNREADABLE, "tile.unreadable", f"{tile.path}: {error}", index)
                continue
            if stored is None and tile.width == WIDTH:
                self.say(UNREADABLE, "tile.missing", f"{tile.path} is missing", index)
            elif stored is not None and stored != hashes:
                self.say(TAMPERED, "tile.differs", f"{tile.path} does not hold the hashes of the entries", index)

    def _compare_leaves(self, start: int, batch: list[bytes]) -> None:
        if not isinstance(self.reader, KeepsLeaves):
            return
        try:
            stored = self.reader.leaves(start, start + len(batch))
        except Unreadable as error:
            self.say(UNREADABLE, "hash.unreadable", str(error), start)
            return
        for idx, leaf in enumerate(batch):
            if idx >= len(stored) or stored[idx] != leaf:
                self.say(TAMPERED, "hash.differs", "the hash stored beside an entry is not the entry's", start + idx)

    def _read_meaning(self, idx: int, data: bytes, replay: Replay, wanted: set[str]) -> None:
        try:
            entry = read_entry(data)
        except InvalidInput as error:
            self.say(UNREADABLE, "entry.malformed", str(error), idx)
            self.seen.replayed = False
            return
        replay.feed(entry)
        match entry["type"]:
            case "key.rotated":
                self.seen.rotations.append((idx, entry["key"]["vkey"]))
            case "key.revoked":
                self.seen.revocations.append((idx, entry["key"]["id"]))
            case "value.erased":
                self.seen.erased.update((id, path) for id in entry["entries"] for path in entry["paths"])
        if entry["id"] in wanted:
            self.seen.commitments[entry["id"]] = entry.get("fields", {})
        if idx == 0:
            self.seen.origin = entry["log"]
            self.seen.follows = self._follows(entry)
        if idx in self.sizes or idx == 0:
            self.seen.after[idx] = entry["at"]
        if idx + 1 in self.sizes:
            with suppress(ValueError):  # no day of the calendar: replay says so
                self.seen.times[idx + 1] = from_iso(entry["at"])

    def _follows(self, first: dict[str, Any]) -> Link | None:
        """What its first entry says that it goes on from: of an epoch by its name, the one before; of a first, none."""
        link, before = _link(first), previous_epoch(first["log"])
        if before != (None if link is None else link.origin):
            text = f"by its name it goes on from {before}, by its first entry from {link and link.origin}"
            self.say(TAMPERED, "epoch.differs", text, 0)
        return link

    # -- checkpoints ---------------------------------------------------------

    def _judge_checkpoints(self) -> int:
        """Compare every checkpoint with the entries, then ask who signed it. Gives the trusted size."""
        origin = self._log()
        if origin is None:
            return 0
        if self.seen.origin not in (None, origin):
            self.say(TAMPERED, "origin.differs", f"the entries belong to {self.seen.origin}, not {origin}")
        self._judge_last()
        logs = list(self.trust.logs)
        trusted: int | None = None
        for one in sorted(self.claimed, key=lambda one: one.checkpoint.size):
            self._compare(one, origin)
            if self._signed(one, logs, origin) and self._holds(one.checkpoint):
                logs += self._rotated(origin, one.checkpoint.size)
                if self._witnessed(one):
                    trusted = one.checkpoint.size
        wanted = max(one.checkpoint.size for one in self.claimed if not one.outside)
        if trusted is None or trusted < wanted:
            text = f"the signatures asked for vouch for {trusted or 0} of {wanted} entries"
            self.say(UNTRUSTED, "trust.not_met", text)
        return trusted or 0

    def _judge_last(self) -> None:
        """Of an epoch that is over, no checkpoint was signed after the one that the next epoch names."""
        newest = self._newest()
        if self.following is None or newest is None:
            return
        link = self.following.link
        if newest.size > link.signed_size or (
            newest.size == link.signed_size and newest.root.hex() != link.signed_root
        ):
            text = f"its checkpoint of size {newest.size} is not what the next epoch says was signed last"
            self.say(TAMPERED, "epoch.differs", text)

    def _holds(self, checkpoint: Checkpoint) -> bool:
        return self.seen.roots.get(checkpoint.size) == checkpoint.root

    def _compare(self, one: _Claimed, origin: str) -> None:
        checkpoint, whose = one.checkpoint, "an outside" if one.outside else "its own"
        ours = max((own for own in self.claimed if not own.outside), key=lambda own: own.checkpoint.size).note
        notes = [note for note in (one.note, ours) if note is not None]
        if one.note is None:
            whose = "the next epoch's"
        if checkpoint.origin != origin:
            self.say(UNREADABLE, "origin.other", f"a checkpoint of {checkpoint.origin} says nothing on this log")
        elif checkpoint.size > self.seen.size:
            text = f"the log holds {self.seen.size} entries, but {whose} checkpoint has {checkpoint.size}"
            self.say(TAMPERED, "log.cut", text, None, *notes)
        elif not self._holds(checkpoint):
            text = f"the first {checkpoint.size} entries do not have the root of {whose} checkpoint"
            self.say(TAMPERED, "root.differs", text, None, *notes)

    def _signed(self, one: _Claimed, logs: list[VerifierKey], origin: str) -> bool:
        """Did a trusted log key sign it? Says so if a known key's signature is false."""
        if one.note is None:
            return self.following is not None and self.following.trusted
        size = one.checkpoint.size
        revoked = {id for idx, id in self.seen.revocations if idx < size}
        good = [key for key in logs if key.name == origin and key.key_id.hex() not in revoked]
        try:
            signed = bool(open_note(one.note, good)[1])
            open_note(one.note, self.trust.keys)
        except InvalidProof as error:
            self.say(TAMPERED, "signature.broken", str(error), None, one.note)
            return False
        if not signed and one.outside:
            self.say(UNTRUSTED, "outside.unsigned", f"an outside checkpoint of size {size} bears no trusted signature")
        return signed

    def _rotated(self, origin: str, size: int) -> list[VerifierKey]:
        keys = []
        for idx, vkey in self.seen.rotations:
            try:
                key = parse_vkey(vkey)
            except InvalidInput:
                continue
            if idx < size and key.name == origin:
                keys.append(key)
        return keys

    def _witnessed(self, one: _Claimed) -> bool:
        """Have the witnesses asked for cosigned it, and not before its last entry says it was written?"""
        if one.note is None:
            # they have cosigned the checkpoint of the next epoch by which it is trusted
            return True
        verified = open_note(one.note, list(self.trust.witnesses.values()))[1]
        last = self.seen.times.get(one.checkpoint.size)
        for held in verified:
            if last and held.time is not None and last > (held.time + WITNESS_CLOCK) * SECOND:
                text = f"{held.key.name} cosigned before the last entry was written, if {iso(last)} is the truth"
                self.say(UNTRUSTED, "time.after_cosignature", text, one.checkpoint.size - 1)
        return self.trust.met({held.key for held in verified})

    # -- openings ------------------------------------------------------------

    def _check_openings(self, openings: Iterable[Any]) -> None:
        for opening in openings:
            committed = self.seen.commitments.get(opening.entry, {}).get(opening.path)
            where = f"{opening.path} of entry {opening.entry}"
            if committed is None:
                self.say(UNREADABLE, "opening.unknown", f"no commitment stands at {where}")
            elif commitment(salt=opening.salt, path=opening.path, value=opening.value) != committed:
                self.say(TAMPERED, "opening.differs", f"the value shown for {where} is not the one committed to")
            else:
                self.opened += 1
