"""The seam of all adapters keeps the contract by itself."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.plain.seam import Seam


class TestSeam(AdapterContract):
    harness = Seam
    impossible = {  # noqa: RUF012
        "C19 named by the diagnosis": "a loop of one's own has no list of tools that could be looked through",
    }
