"""A plain function, called bare and gated; there is no pause of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from interleaved import CALL, PAUSE, Effects, Pair, approve, control_plane, measure


@asynccontextmanager
async def pairs(folder: Path, effects: Effects) -> AsyncIterator[list[Pair]]:
    with control_plane(folder) as hr:
        note, pay, approving = hr.gate("note")(effects.note), hr.gate("pay")(effects.pay), approve(hr)

        def paused(name: str) -> None:
            pending = pay.request(name)
            approving()
            pending.result()

        yield [
            Pair(what=CALL, without=effects.note, gated=note, does="the bare function"),
            Pair(what=PAUSE, without=None, gated=paused, does="nothing: a function cannot wait for a person"),
        ]


if __name__ == "__main__":
    measure("plain functions", (), pairs)
