"""The adapter of Restate keeps the contract, with the real server."""

from __future__ import annotations

import pytest

from handrail.testing.conformance import AdapterContract
from tests.integrations.restate.harness import Restate


@pytest.mark.usefixtures("server")
class TestRestate(AdapterContract):
    harness = Restate
    races = 5
    impossible = {  # noqa: RUF012
        "C19 named by the diagnosis": "a handler is code that calls any function: nothing says it should be gated",
    }
