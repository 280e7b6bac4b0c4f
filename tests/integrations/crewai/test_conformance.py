"""The adapter of CrewAI keeps the contract, as far as there is a pause."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.crewai.harness import CrewAI

NO_PAUSE = (
    "the call waits inside the tool and a crew keeps nothing in the middle of a task: nothing is parked that could be "
    "woken (flows park: tests/integrations/crewai/test_flows.py)"
)
NO_ID = (
    "CrewAI gives calls no id: a crew that is begun again makes new calls, and they are asked for afresh; nothing runs "
    "unasked. Under a key it holds, and for flows (tests/integrations/crewai/test_killed.py, with kill -9)"
)


class TestCrewAI(AdapterContract):
    harness = CrewAI
    races = 5
    impossible = {  # noqa: RUF012
        **dict.fromkeys(
            (
                "C1 two wakes",
                "C5",
                "C6",
                "C7",
                "C8",
                "C9 approval sent again",
                "C11 model changes its mind",
                "C16",
                "C18",
                "C19 removed while parked",
                "C21",
            ),
            NO_PAUSE,
        ),
        "C3": NO_ID,
    }
