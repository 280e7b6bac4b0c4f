"""Offsets into text: ours count characters, those of browsers UTF-16 units (an emoji has two)."""

from __future__ import annotations

from handrail.errors import InvalidInput


def to_units(text: str, at: int) -> int:
    """UTF-16 units before character `at`. Raises `InvalidInput` beyond the text."""
    if not 0 <= at <= len(text):
        raise InvalidInput(f"offset {at} is beyond a text of {len(text)} characters")
    return len(text[:at].encode("utf-16-le")) // 2


def to_characters(text: str, unit: int) -> int:
    """Characters before UTF-16 unit `unit`. Raises `InvalidInput` beyond the text and inside a character."""
    data = text.encode("utf-16-le")
    if not 0 <= 2 * unit <= len(data):
        raise InvalidInput(f"offset {unit} is beyond a text of {len(data) // 2} UTF-16 units")
    try:
        return len(data[: 2 * unit].decode("utf-16-le"))
    except UnicodeDecodeError:
        raise InvalidInput(f"offset {unit} cuts a character in two: it counts no UTF-16 units") from None
