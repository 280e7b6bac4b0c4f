"""Bytes to a file that is whole or not there, or to standard output; with the digest of what was written."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from handrail.errors import InvalidInput


def pour_to_file(pieces: Iterable[bytes], output: str) -> str:
    """Write the pieces to `output` (`-`: standard output). The SHA-256 of all of them."""
    return _pour(pieces, sys.stdout.buffer) if output == "-" else _to_file(pieces, Path(output))


def _to_file(pieces: Iterable[bytes], path: Path) -> str:
    """Write beside, then rename: a file under that name is always whole."""
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as file:
            digest = _pour(pieces, file)
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidInput(f"{path}: {error.strerror or error}", remedy="Name a file that can be written.") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return digest


def _pour(pieces: Iterable[bytes], file: BinaryIO) -> str:
    hash = hashlib.sha256()
    for piece in pieces:
        file.write(piece)
        hash.update(piece)
    file.flush()
    return hash.hexdigest()
