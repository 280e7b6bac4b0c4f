"""Pictures of a case as bytes: what the magic says they are, or nothing."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.errors import InvalidInput, NotFound
from handrail.server.callers import Caller
from handrail.server.desk import desk_of
from handrail.server.reading import StrictRoute

router = APIRouter(prefix="/v1", tags=["cases"], route_class=StrictRoute)

_DATA = re.compile(r"data:image/(?:png|jpeg|webp|gif);base64,", re.ASCII)
POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"


@router.get("/cases/{case_id}/evidence/{number}", response_class=Response)
def picture(request: Request, case_id: str, number: int, actor: Caller) -> Response:
    """The picture of exhibit `number`, counted from 0: PNG, JPEG, WebP or GIF."""
    actor.need_scope("read")
    exhibits = desk_of(request).plane.proposal(actor.workspace, case_id).record().get("evidence", [])
    if not 0 <= number < len(exhibits):
        raise NotFound(f"case {case_id} has no exhibit {number}")
    data = _bytes(exhibits[number])
    headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": POLICY,
               "Content-Disposition": "inline"}  # fmt: skip
    return Response(data, media_type=kind_of(data), headers=headers)


def _bytes(exhibit: Any) -> bytes:
    content = exhibit.get("content") if isinstance(exhibit, dict) else None
    match = _DATA.match(content) if isinstance(content, str) else None
    if match is None or not isinstance(content, str):
        raise InvalidInput("that exhibit is no picture", remedy="Pictures are data:image/…;base64 addresses.")
    try:
        return base64.b64decode(content[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("that picture is not base64") from None


def kind_of(data: bytes) -> str:
    """The media type that the first bytes show. Raises `InvalidInput` for anything but the four."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    raise InvalidInput("those bytes are no PNG, JPEG, WebP or GIF")
