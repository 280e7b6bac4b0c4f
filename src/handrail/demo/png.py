"""Pictures for reviewers: a greyscale PNG (ISO/IEC 15948) as a data URL, with nothing but zlib."""

from __future__ import annotations

import base64
import struct
import zlib
from typing import Any

import numpy as np

GREY_8_BITS = (8, 0, 0, 0, 0)


def png(pixels: Any, *, scale: int = 1) -> bytes:
    """Encode rows of grey values 0 to 255 (0 is black); each pixel becomes `scale` × `scale` of them."""
    grey = np.asarray(pixels, dtype=np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    height, width = grey.shape
    # each line begins with its filter: 0, none
    lines = b"".join(b"\0" + line.tobytes() for line in grey)
    header = struct.pack(">IIBBBBB", width, height, *GREY_8_BITS)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(lines, 9)) + _chunk(b"IEND", b"")
    )


def data_url(pixels: Any, *, scale: int = 1) -> str:
    """The picture as a `data:` URL."""
    return "data:image/png;base64," + base64.b64encode(png(pixels, scale=scale)).decode()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
