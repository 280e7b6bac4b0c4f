"""LangGraph keeps the contract of adapters, however its graph is built and wherever its threads are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from handrail.testing.conformance import AdapterContract
from handrail.testing.conformance.once import OncePromises
from handrail.testing.conformance.parallel import ParallelPromises
from handrail.testing.conformance.refusing import RefusingPromises
from handrail.testing.conformance.waking import WakingPromises
from tests.integrations.langgraph import harness
from tests.postgres_server import PostgresServer


class TestAgent(AdapterContract):
    harness = harness.Agent


class Part:
    """Those promises again that another build could break."""

    impossible: dict[str, str] = {}  # noqa: RUF012
    stage = AdapterContract.stage
    workshops = AdapterContract.workshops


class TestNode(Part, ParallelPromises, WakingPromises):
    harness = harness.Node


class TestAsynchronous(Part, ParallelPromises, WakingPromises):
    harness = harness.Asynchronous
    races = 5


class TestWaiting(Part, RefusingPromises):
    harness = harness.Waiting
    # they are about a pause
    test_c09_approve_through_the_framework_after_a_rejection_runs_nothing = None
    test_c09_attack_a_rejected_call_by_the_framework_s_own_ways_runs_nothing = None
    # the process that waits still has the tool, and runs it
    test_c19_remove_a_tool_while_parked_runs_nothing_and_does_not_hang = None


class TestMiddled(Part, ParallelPromises, WakingPromises):
    harness = harness.Middled
    races = 5
    test_c05_restart_with_parallel_pauses_keeps_them_all = None


class TestWrappedNode(Part, ParallelPromises):
    harness = harness.WrappedNode
    races = 5
    test_c05_restart_with_parallel_pauses_keeps_them_all = None


class KilledPromises(OncePromises):
    """Those about a process that dies."""

    test_c01_wake_from_two_processes_at_once_acts_once = None
    test_c01_answer_by_two_reviewers_at_once_settles_it_once = None


class TestExiting(Part, KilledPromises):
    harness = harness.Exiting


class TestSyncing(Part, KilledPromises):
    harness = harness.Syncing


class TestPostgres(Part, OncePromises, ParallelPromises):
    harness = harness.Postgres
    races = 5

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def threads(cls, postgres_server: PostgresServer) -> Iterator[None]:
        uri = postgres_server.fresh(migrated=False)
        with psycopg.connect(uri, autocommit=True, row_factory=dict_row) as connection:
            PostgresSaver(connection).setup()
        os.environ[harness.POSTGRES] = uri
        yield
        del os.environ[harness.POSTGRES]
        while harness.CONNECTIONS:
            harness.CONNECTIONS.pop().close()
