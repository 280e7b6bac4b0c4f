"""Form bodies of the pages: small, flat, each field once."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.requests import Request

from handrail.errors import InvalidInput
from handrail.server.problems import TooLarge, UnsupportedMedia
from handrail.server.reading import body_of

MOST_BYTES = 64 * 1024


async def form_of(request: Request) -> dict[str, str]:
    """The fields of an urlencoded form. Raises `InvalidInput` for anything else."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise UnsupportedMedia(f"the body is {kind or 'of no type'}, not a form")
    data = await body_of(request)
    if len(data) > MOST_BYTES:
        raise TooLarge(f"a form of {len(data)} bytes is over {MOST_BYTES}")
    try:
        pairs = parse_qsl(data.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(data), max_num_fields=50,
                          errors="strict")  # fmt: skip
    except ValueError:
        raise InvalidInput("that is not a form of ours") from None
    made = dict(pairs)
    if len(made) != len(pairs) or any("\0" in value for value in made.values()):
        raise InvalidInput("that is not a form of ours")
    return made
