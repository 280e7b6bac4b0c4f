"""Full tiles of the log are kept, however many one group fills and however high they reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from handrail.audit.tree import root_of, split_hashes
from handrail.store import statements, tx
from handrail.testing.rig import Rig

# with 256 the third level begins at 16,777,216 entries
WIDTH = 4


@pytest.mark.parametrize("crowd", [1, 7, 40])
def test_each_full_tile_is_kept(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: int) -> None:
    monkeypatch.setattr(tx, "WIDTH", WIDTH)
    rig = Rig(url, tmp_path)
    try:
        for _ in range(0, 40, crowd):
            waiting = [rig.plane.writer.submit(*rig.prepared(confidence=0.1)) for _ in range(crowd)]
            for future in waiting:
                assert future.result(60).status == "open"
        book = rig.plane.logbook()
        below = book.leaves(0, book.head()[0])
        assert len(below) > WIDTH**3
        level = 0
        while len(below) >= WIDTH:
            full = [below[at : at + WIDTH] for at in range(0, len(below) - WIDTH + 1, WIDTH)]
            for n, hashes in enumerate(full):
                kept = rig.plane.store.read_hot(statements.tile_get, log=book.log, level=level, n=n)
                assert [split_hashes(bytes(row[0])) for row in kept] == [hashes]
            below, level = [root_of(hashes) for hashes in full], level + 1
        assert level == 3
    finally:
        rig.close()
