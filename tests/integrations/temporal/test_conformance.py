"""The adapter of Temporal keeps the contract, with the SDK's worker side and no server."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.temporal.harness import Temporal, TemporalByOne

NAMED = "a workflow is code that calls any activity: nothing says it should be gated"


class TestTemporal(AdapterContract):
    harness = Temporal
    races = 5
    impossible = {"C19 named by the diagnosis": NAMED}  # noqa: RUF012


class TestTemporalByOne(AdapterContract):
    harness = TemporalByOne
    races = 5
    impossible = {"C19 named by the diagnosis": NAMED}  # noqa: RUF012
