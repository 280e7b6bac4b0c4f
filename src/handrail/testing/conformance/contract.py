"""The contract of an adapter: subclass it, name the harness, and every promise is tested."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from handrail.maintenance.reconcile import reconcile
from handrail.testing.conformance.approved import ApprovedPromises
from handrail.testing.conformance.elsewhere import Workshop
from handrail.testing.conformance.harness import Harness
from handrail.testing.conformance.once import OncePromises
from handrail.testing.conformance.parallel import ParallelPromises
from handrail.testing.conformance.refusing import RefusingPromises
from handrail.testing.conformance.scene import Scene
from handrail.testing.conformance.stage import Stage
from handrail.testing.conformance.waking import WakingPromises


class AdapterContract(OncePromises, ParallelPromises, WakingPromises, RefusingPromises, ApprovedPromises):
    """All of it. A subclass says `harness = MyHarness`, and in `impossible` what its framework cannot reach.

    `impossible` maps a cell ("C5") or a part of one ("C1 two wakes") to the reason, with where that is proved. The
    harness stands in a module that another process can import. After each test the log must explain every row.
    """

    harness: ClassVar[type[Harness]]
    impossible: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture(scope="class")
    @classmethod
    def workshops(cls) -> Iterator[list[Workshop]]:
        """Other processes: none until a test needs one, then one for the whole class."""
        made: list[Workshop] = []
        yield made
        for workshop in made:
            workshop.close()

    @pytest.fixture
    def stage(self, tmp_path: Path, workshops: list[Workshop]) -> Iterator[Stage]:
        """A control plane in a folder, and this adapter's agent on it."""

        def workshop() -> Workshop:
            if not workshops:
                workshops.append(Workshop(self.harness))
            return workshops[0]

        scene = Scene(tmp_path)
        try:
            yield Stage(scene, self.harness(scene), workshop)
            assert list(reconcile(scene.plane.store, scene.plane.workspace_id, scene.clock).differences) == []
        finally:
            scene.close()
