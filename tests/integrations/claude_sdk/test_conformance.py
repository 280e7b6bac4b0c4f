"""The adapter of the Claude Agent SDK keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from tests.integrations.claude_sdk.harness import Claude, ClaudeBlocking

NO_PAUSE = "the hook is held while people decide: nothing is parked that could be woken"
ONE_CALL = (
    "Claude Code keeps one deferred call of a turn and forgets the others, so the others are sent back to be issued "
    "again (test_defer_two_calls_of_a_turn_keeps_only_the_last_in_claude_code, "
    "test_make_two_calls_in_a_turn_asks_for_them_one_after_another)"
)
NO_LIST = (
    "the hook stands before every tool of the session, also those that come later "
    "(test_hook_stands_before_built_in_tools_too)"
)


class TestParked(AdapterContract):
    harness = Claude
    # each wake starts Claude Code
    races = 2
    impossible = {"C5": ONE_CALL, "C6": ONE_CALL, "C19 named by the diagnosis": NO_LIST}  # noqa: RUF012


class TestBlocking(AdapterContract):
    harness = ClaudeBlocking
    races = 2
    impossible = {  # noqa: RUF012
        **dict.fromkeys(
            ("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C18", "C21"), NO_PAUSE
        ),
        "C19 named by the diagnosis": NO_LIST,
    }
