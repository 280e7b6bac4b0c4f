"""What commands print: JSON, or text with control characters made visible."""

from __future__ import annotations

import json
import unicodedata
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

# characters that redraw or reorder a terminal line; a newline is kept where a text may have several lines
_HIDING = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, default=str))


def visible(text: str, *, lines: bool = False) -> str:
    """The text with each character that could mislead a terminal's reader written as `\\u{…}`.

    `lines` keeps newlines. Escape sequences, bidirectional overrides and zero-width characters all show.
    """
    return "".join(
        character
        if (lines and character == "\n") or unicodedata.category(character) not in _HIDING
        else f"\\u{{{ord(character):x}}}"
        for character in text
    )
