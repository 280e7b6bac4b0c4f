"""The adapter of the Claude Agent SDK keeps the contract."""

from __future__ import annotations

from handrail.testing.conformance import AdapterContract
from handrail.testing.conformance.once import LAPSE_SECONDS
from handrail.testing.conformance.script import one_turn, pay
from handrail.testing.conformance.stage import Stage
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

UNIQUE = (
    "the Messages API makes every id anew, and a hook is told nothing else by which two calls could be told apart; an "
    "id that comes again is told the first result, and nothing runs (test_reuse_a_call_id_runs_nothing_again)"
)
BEGUN = (
    "a call that had begun when Claude Code died is not offered again; its execution runs out, and nothing is repeated "
    "(test_kill_in_the_middle_of_a_call_repeats_nothing)"
)


class TestParked(AdapterContract):
    harness = Claude
    # each wake starts Claude Code
    races = 2
    impossible = {  # noqa: RUF012
        "C3 idempotent": BEGUN, "C5": ONE_CALL, "C6 one of three": ONE_CALL,
        "C6 decided while the waker works": ONE_CALL, "C14 same id in a later turn": UNIQUE,
        "C19 named by the diagnosis": NO_LIST,
    }  # fmt: skip

    def test_kill_in_the_middle_of_a_call_repeats_nothing(self, stage: Stage) -> None:
        script = one_turn(pay("A1", 5), trouble="dies", tool_class="idempotent")
        self._kill_after_the_effect(stage, script)
        stage.scene.pass_time(LAPSE_SECONDS)
        for _ in range(2):
            stage.workshop.do(stage.scene.folder, script, "wake")
        assert stage.scene.effects.read() == [{"to": "A1", "amount": 5}]


class TestBlocking(AdapterContract):
    harness = ClaudeBlocking
    races = 2
    impossible = {  # noqa: RUF012
        **dict.fromkeys(
            ("C1 two wakes", "C5", "C6", "C7", "C8", "C9 approval sent again", "C16", "C18", "C21"), NO_PAUSE
        ),
        "C3 idempotent": BEGUN,
        "C14 same id in a later turn": UNIQUE,
        "C19 named by the diagnosis": NO_LIST,
    }
