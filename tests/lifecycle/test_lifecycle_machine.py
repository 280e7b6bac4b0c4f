"""Whatever people and programs do in whatever order, the lifecycle and a plain model agree."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from handrail.testing import Rig
from handrail.testing.lifecycle_machine import LifecycleMachine
from tests.postgres_server import PostgresServer

# a disagreement is told at once; derandomised, it comes again for whoever looks for a shorter one
USUAL = settings(
    deadline=timedelta(seconds=20), suppress_health_check=list(HealthCheck), derandomize=True, database=None,
    phases=(Phase.explicit, Phase.generate),
)  # fmt: skip


@pytest.mark.slow
def test_agree_with_the_model_on_sqlite() -> None:
    class Machine(LifecycleMachine):
        def open_rig(self, folder: Path) -> Rig:
            return Rig(f"sqlite:///{folder / 'h.db'}", folder)

    run_state_machine_as_test(Machine, settings=settings(USUAL, max_examples=80, stateful_step_count=40))


@pytest.mark.slow
@pytest.mark.postgres
def test_agree_with_the_model_on_postgres(postgres_server: PostgresServer) -> None:
    class Machine(LifecycleMachine):
        def open_rig(self, folder: Path) -> Rig:
            return Rig(postgres_server.fresh(), folder)

    run_state_machine_as_test(Machine, settings=settings(USUAL, max_examples=10, stateful_step_count=40))
