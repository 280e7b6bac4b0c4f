"""What a witness answers to `add-checkpoint` (C2SP tlog-witness), as a pure rule."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from handrail.audit.checkpoint import Checkpoint, parse_checkpoint, parse_size
from handrail.audit.note import (
    COSIGNATURE,
    SigningKey,
    VerifierKey,
    decode_base64,
    open_note,
    signature_line,
    split_note,
)
from handrail.audit.proof import verify_consistency
from handrail.audit.tree import HASH_SIZE
from handrail.errors import InvalidInput, InvalidProof, Unreadable

MAX_PROOF = 63


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer. `accepted` is what must be stored, durably, before it is sent; None: nothing."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    accepted: Checkpoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The parts of an `add-checkpoint` body. `note` is the signed checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes
    checkpoint: Checkpoint


def add_checkpoint(
    body: bytes,
    *,
    last: Mapping[str, Checkpoint],
    logs: Mapping[str, Sequence[VerifierKey]],
    key: SigningKey,
    time: int,
) -> Answer:
    """Judge a request: `last` is what was cosigned per origin, `logs` the keys trusted per origin.

    200 cosignature line; 400 malformed, or old above the new size; 403 bad signature; 404 unknown
    origin; 409 old is not the size last cosigned (the body says which is); 422 the proof fails, or
    another root at an equal size. `time` in seconds since the epoch.
    """
    if key.algorithm != COSIGNATURE:
        raise InvalidInput("a witness signs with a cosigning key (type 0x04)")
    try:
        request = parse_request(body)
    except Unreadable as error:
        return _refusal(400, str(error))
    new = request.checkpoint
    if new.origin not in logs:
        return _refusal(404, "unknown log")
    if not _signed(request.note, new.origin, logs[new.origin]):
        return _refusal(403, "invalid signature")
    if request.old > new.size:
        return _refusal(400, "old size above the checkpoint's size")
    known = last.get(new.origin)
    size = known.size if known else 0
    if request.old != size:
        return Answer(status=409, body=b"%d\n" % size, content_type="text/x.tlog.size")
    if not _extends(known, new, request.proof):
        return _refusal(422, "the consistency proof does not hold")
    line = signature_line(key.sign(new.text, time=time))
    return Answer(status=200, body=line, accepted=new)


def parse_request(body: bytes) -> Request:
    """Read `old <size>`, at most 63 proof lines, a blank line and a checkpoint. Raises `Unreadable`."""
    head, blank, note = body.partition(b"\n\n")
    lines = head.split(b"\n")
    if not blank or not lines[0].startswith(b"old ") or len(lines) > MAX_PROOF + 1:
        raise Unreadable("expected: old <size>, at most 63 proof lines, a blank line, a checkpoint")
    old = parse_size(lines[0][4:])
    try:
        proof = tuple(decode_base64(line) for line in lines[1:])
    except InvalidInput as error:
        raise Unreadable(f"a proof line is malformed: {error}") from None
    if any(len(hash) != HASH_SIZE for hash in proof):
        raise Unreadable(f"a proof hash must have {HASH_SIZE} bytes")
    return Request(old=old, proof=proof, note=note, checkpoint=parse_checkpoint(split_note(note)[0]))


def request_body(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The `add-checkpoint` body a log sends."""
    return b"old %d\n" % old + b"".join(base64.b64encode(hash) + b"\n" for hash in proof) + b"\n" + note


def _signed(note: bytes, origin: str, keys: Sequence[VerifierKey]) -> bool:
    try:
        return any(one.key.name == origin for one in open_note(note, keys)[1])
    except (Unreadable, InvalidProof):
        return False


def _extends(known: Checkpoint | None, new: Checkpoint, proof: Sequence[bytes]) -> bool:
    if known is None or known.size == 0:
        return not proof
    try:
        verify_consistency(known.size, new.size, proof, known.root, new.root)
    except InvalidProof:
        return False
    return True


def _refusal(status: int, reason: str) -> Answer:
    return Answer(status=status, body=reason.encode() + b"\n")
