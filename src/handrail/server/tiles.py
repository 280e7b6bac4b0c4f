"""The audit log as C2SP tlog-tiles: checkpoint, hash tiles, entry bundles."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from handrail.audit.tile import WIDTH, parse_tile_path
from handrail.canonical import JSON
from handrail.errors import HandrailError, NotFound
from handrail.lifecycle.actor import Actor
from handrail.maintenance.plane import Plane
from handrail.server.callers import Caller, actor_of, need_auditor
from handrail.server.desk import Desk, desk_of
from handrail.server.reading import StrictRoute
from handrail.store import reads
from handrail.store.logbook import Logbook

router = APIRouter(tags=["audit"], route_class=StrictRoute)

FOREVER = "private, max-age=31536000, immutable"


@router.get("/v1/audit/key")
def key(request: Request, actor: Caller) -> dict[str, JSON]:
    """The log's name and public key in vkey form, to be pinned by whoever verifies it."""
    actor.need_scope("read")
    plane = desk_of(request).plane
    log = plane.log_of(actor.workspace)
    return {"log": log, "vkey": plane.sealer.key(log).verifier.text}


@router.get("/v1/audit/head")
def head(request: Request, actor: Caller) -> dict[str, JSON]:
    """Size and root of the log now, and the newest signed checkpoint."""
    actor.need_scope("read")
    book = desk_of(request).plane.logbook(actor.workspace)
    size, root = book.head()
    signed = book.checkpoint()
    return {
        "log": book.log,
        "size": size,
        "root": root.hex(),
        "checkpoint": None if signed is None else signed.decode(),
    }


@router.get("/v1/audit/proof/{index}")
def inclusion(request: Request, index: int, size: int, actor: Caller) -> dict[str, JSON]:
    """RFC 9162 inclusion proof of an entry in the tree of `size`."""
    actor.need_scope("read")
    book = desk_of(request).plane.logbook(actor.workspace)
    if not 0 <= index < size <= book.head()[0]:
        raise NotFound(f"the log has no entry {index} in a tree of {size}")
    return {"index": index, "size": size, "hashes": [hash.hex() for hash in book.inclusion(index, size)]}


@router.get("/v1/audit/consistency")
def consistency(request: Request, old: int, new: int, actor: Caller) -> dict[str, JSON]:
    """RFC 9162 proof that the tree of size `new` extends that of size `old`."""
    actor.need_scope("read")
    book = desk_of(request).plane.logbook(actor.workspace)
    if not 0 < old <= new <= book.head()[0]:
        raise NotFound(f"the log has no trees of {old} and {new}")
    return {"old": old, "new": new, "hashes": [hash.hex() for hash in book.consistency(old, new)]}


@router.get("/audit/{path:path}", response_class=Response)
async def tile(request: Request, path: str) -> Response:
    """`<log>/checkpoint`, `<log>/tile/<L>/<N>[.p/<W>]`; `<log>/tile/entries/<N>[.p/<W>]` needs the auditor's access."""
    desk = desk_of(request)
    log, what = split(path)
    actor = await _reader(request, desk, what)
    book = await asyncio.to_thread(_book, desk.plane, actor, log)
    if what == "checkpoint":
        data = await asyncio.to_thread(book.checkpoint)
        kind, keep = "text/plain; charset=utf-8", "no-store"
    else:
        data = await asyncio.to_thread(_tile, book, what)
        kind, keep = "application/octet-stream", FOREVER
    if data is None:
        raise NotFound(f"{path[:100]} does not exist yet")
    return Response(data, media_type=kind, headers={"Cache-Control": keep})


def split(path: str) -> tuple[str, str]:
    """A log's name and what is asked of it. Raises `NotFound`."""
    if path.endswith("/checkpoint"):
        return path.removesuffix("/checkpoint"), "checkpoint"
    log, mark, rest = path.partition("/tile/")
    if not mark:
        raise NotFound(f"{path[:100]} names nothing of a log")
    return log, "tile/" + rest


async def _reader(request: Request, desk: Desk, what: str) -> Actor | None:
    """Whoever may read it; None for anybody, where hashes are public."""
    if desk.settings.public_log and not what.startswith("tile/entries"):
        return None
    actor = await actor_of(request)
    actor.need_scope("read")
    if what.startswith("tile/entries"):
        need_auditor(actor)
    return actor


def _book(plane: Plane, actor: Actor | None, log: str) -> Logbook:
    if actor is None:
        known = reads.logs(plane.store)
    else:
        # also an epoch of it that is over; no workspace's name makes its log look like one
        own = plane.log_of(actor.workspace)
        known = {own, *reads.epochs(plane.store, own)}
    if log not in known:
        raise NotFound(f"there is no log {log[:100]!r} here")
    return Logbook(plane.store, log)


def _tile(book: Logbook, what: str) -> bytes | None:
    try:
        wanted = parse_tile_path(what)
    except HandrailError:
        raise NotFound(f"{what[:100]} names no tile", remedy="Use tile/<level>/<index>[.p/<width>].") from None
    size = book.head()[0]
    if wanted.level < 0:
        enough = wanted.index * WIDTH + wanted.width <= size
        return book.bundle(wanted.index, wanted.width) if enough else None
    enough = wanted.index * WIDTH + wanted.width <= size >> (8 * wanted.level)
    return book.tile(wanted) if enough else None
