"""Pictures made without an imaging library are pictures."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
import pytest

from handrail.demo.png import data_url, png


def decode(data: bytes) -> np.ndarray:
    """Greys of an 8-bit greyscale PNG without filters, its checksums verified."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body, shape = 8, b"", (0, 0)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + content),)
        if kind == b"IHDR":
            width, height, *rest = struct.unpack(">IIBBBBB", content)
            assert rest == [8, 0, 0, 0, 0]
            shape = height, width
        body += content if kind == b"IDAT" else b""
        at += 12 + length
    lines = np.frombuffer(zlib.decompress(body), dtype=np.uint8).reshape(shape[0], shape[1] + 1)
    assert not lines[:, 0].any()
    return lines[:, 1:]


@pytest.mark.parametrize("scale", [1, 3])
def test_png_of_greys_decodes_to_the_same_greys(scale: int) -> None:
    greys = np.random.default_rng(0).integers(0, 256, (8, 5), dtype=np.uint8)
    assert (decode(png(greys, scale=scale)) == greys.repeat(scale, 0).repeat(scale, 1)).all()


def test_data_url_holds_the_png() -> None:
    kind, _, text = data_url([[0, 255]]).partition(",")
    assert kind == "data:image/png;base64"
    assert decode(base64.b64decode(text)).tolist() == [[0, 255]]
