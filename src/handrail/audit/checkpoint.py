"""Checkpoints (C2SP tlog-checkpoint): origin, size and root of a log, as a signed note."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass

from handrail.audit.note import SigningKey, Verified, VerifierKey, check_name, decode_base64, join_note, open_note
from handrail.audit.tree import EMPTY_ROOT, HASH_SIZE, MAX_SIZE
from handrail.errors import InvalidInput, InvalidProof, Unreadable

_DECIMAL = re.compile(rb"0|[1-9][0-9]{0,18}")
_EPOCH = re.compile(r"(.+)/e([1-9][0-9]{0,8})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What a log was at one moment: `size` entries whose Merkle root is `root` (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n".encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Read a checkpoint's text (without signatures). Raises `Unreadable` for any other spelling.

    Exactly three lines: our logs write no extension lines, and what is not understood is not trusted.
    """
    lines = text.split(b"\n")
    if len(lines) != 4 or lines[3]:
        raise Unreadable("a checkpoint must have exactly three lines: origin, size, root")
    try:
        origin, root = lines[0].decode("utf-8"), decode_base64(lines[2])
    except (UnicodeDecodeError, InvalidInput) as error:
        raise Unreadable(f"a checkpoint's origin or root cannot be read: {error}") from None
    size = parse_size(lines[1])
    if not origin or not origin.isprintable() or len(root) != HASH_SIZE:
        raise Unreadable("a checkpoint's origin is empty or unprintable, or its root is not 32 bytes")
    if size == 0 and root != EMPTY_ROOT:
        raise Unreadable("a checkpoint of size 0 must have the empty root")
    return Checkpoint(origin=origin, size=size, root=root)


def parse_size(text: bytes) -> int:
    """A decimal of ASCII digits without leading zeros, at most 2^63−1. Raises `Unreadable` otherwise."""
    if not _DECIMAL.fullmatch(text) or int(text) > MAX_SIZE:
        raise Unreadable(f"{text[:40]!r} is no size")
    return int(text)


def sign_checkpoint(checkpoint: Checkpoint, *keys: SigningKey, time: int | None = None) -> bytes:
    """The signed note. `time` (seconds since the epoch) is for keys that cosign with a time."""
    return join_note(checkpoint.text, [key.sign(checkpoint.text, time=time) for key in keys])


def open_checkpoint(note: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, list[Verified]]:
    """A signed checkpoint and which known keys signed it; see `note.open_note` for what is raised."""
    text, verified = open_note(note, keys)
    return parse_checkpoint(text), verified


def open_trusted(note: bytes, key: VerifierKey) -> Checkpoint:
    """A checkpoint that this log key signed, under this key's name as origin. Raises `InvalidProof` otherwise."""
    checkpoint, verified = open_checkpoint(note, [key])
    if not verified or checkpoint.origin != key.name:
        raise InvalidProof(f"the checkpoint is not signed by {key.name}")
    return checkpoint


def log_origin(host: str, workspace: str, *, shard: str | None = None, epoch: int = 1) -> str:
    """`<host>/<workspace>[/<shard>][/e<epoch>]`: origin and key name of a log. The first epoch is not written.

    Raises `InvalidInput` for parts with spaces, `+`, `/` (host may hold none either) or a shard that looks
    like an epoch.
    """
    parts = [host, workspace] if shard is None else [host, workspace, shard]
    if epoch < 1 or any("/" in part or not part for part in parts) or _EPOCH.fullmatch("x/" + parts[-1]):
        raise InvalidInput(f"no log origin can be made of {parts} and epoch {epoch}")
    origin = "/".join(parts if epoch == 1 else [*parts, f"e{epoch}"])
    check_name(origin)
    return origin


def split_epoch(origin: str) -> tuple[str, int]:
    """An origin's part common to all epochs, and its epoch (1 if none is written)."""
    match = _EPOCH.fullmatch(origin)
    return (match[1], int(match[2])) if match else (origin, 1)


def next_epoch(origin: str) -> str:
    """The origin of the epoch after this one."""
    common, epoch = split_epoch(origin)
    return f"{common}/e{epoch + 1}"


def previous_epoch(origin: str) -> str | None:
    """The origin of the epoch before this one; None of the first."""
    common, epoch = split_epoch(origin)
    if epoch == 1:
        return None
    return common if epoch == 2 else f"{common}/e{epoch - 1}"
