"""Names as they are compared, so that what looks alike is alike. What is stored and shown stays as it was given."""

from __future__ import annotations

import re
import unicodedata

# shown as nothing by default, though of no category that says so; the first and last of each range
_UNSEEN = (
    (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x2065, 0x2065), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0xE0000, 0xE0FFF),
)  # fmt: skip


def folded(name: str) -> str:
    """The name without case, compatibility forms and characters that nobody sees.

    It is for lists that send proposals up and bar people: what it takes for one name is never let further.
    """
    if name.isascii() and name.isprintable():
        return name.strip().casefold()
    made = "".join(filter(_is_seen, unicodedata.normalize("NFKC", name.strip().casefold())))
    return unicodedata.normalize("NFKC", made.casefold()).strip()


# `Ann <ann@example.org>`
_ADDRESS = re.compile(r"<([^<>]*@[^<>]*)>")


def person(name: str) -> str:
    """The name of a person as `folded`; of an e-mail address in any of its spellings, the address alone."""
    made = folded(name)
    if "@" not in made:
        return made
    if within := _ADDRESS.search(made):
        made = within[1].strip()
    if made.startswith("mailto:"):
        made = made.removeprefix("mailto:").partition("?")[0]
    # the root of the domain may be written
    return made.strip().rstrip(".")


def _is_seen(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character) not in ("Cc", "Cf") and not any(a <= code <= z for a, z in _UNSEEN)
