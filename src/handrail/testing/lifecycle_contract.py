"""The contract of an engine: subclass it, name the store's URL in a fixture, and every promise is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from handrail.testing.promises.claiming import ClaimPromises
from handrail.testing.promises.deciding import DecidePromises
from handrail.testing.promises.executing import ExecutePromises
from handrail.testing.promises.halting import HaltPromises, PolicyPromises
from handrail.testing.promises.keeping import LogPromises
from handrail.testing.promises.parking import ParkPromises
from handrail.testing.promises.reviewing import ReviewPromises
from handrail.testing.promises.submitting import SubmitPromises
from handrail.testing.promises.waking import WakePromises
from handrail.testing.rig import Rig


class LifecycleContract(
    SubmitPromises, ClaimPromises, ReviewPromises, DecidePromises, ExecutePromises, HaltPromises, PolicyPromises,
    ParkPromises, WakePromises, LogPromises,
):  # fmt: skip
    """All of it. A subclass gives the fixture `store_url`: an empty database for each test.

    After each test the log must verify, meaning and receipts included, and the tables must be what the log says.
    """

    @pytest.fixture
    def store_url(self) -> str:
        """URL of an empty database."""
        raise NotImplementedError("name your database in a fixture `store_url`")

    @pytest.fixture
    def rig(self, store_url: str, tmp_path: Path) -> Iterator[Rig]:
        """A control plane on that database."""
        made = Rig(store_url, tmp_path)
        try:
            yield made
            problems = made.problems()
            assert not problems, "\n".join(problems)
        finally:
            made.close()
