"""Hypothesis strategies: JSON that has a canonical form, proposals, and what people answer."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from handrail.canonical import MAX_INTEGER
from handrail.proposal import Proposal
from handrail.route import VERDICTS

TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
# names without control characters, as policy and log take them
NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20)


def json_values(*, max_leaves: int = 12) -> st.SearchStrategy[Any]:
    """Any JSON value that can be written canonically (RFC 8785)."""
    plain = (
        st.none()
        | st.booleans()
        | st.integers(-MAX_INTEGER, MAX_INTEGER)
        # whole numbers beyond 2^53 must travel as strings, however they are written
        | st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: abs(x) <= MAX_INTEGER or abs(x) >= 1e21)
        | TEXT
    )
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
        max_leaves=max_leaves,
    )


def arguments() -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of an action."""
    return st.dictionaries(TEXT, json_values(), max_size=5)


def proposals(actions: tuple[str, ...] = ("quick", "pair", "unheard_of")) -> st.SearchStrategy[Proposal]:
    """Proposals that are acceptable as they stand."""
    return st.builds(
        Proposal,
        action=st.sampled_from(actions),
        arguments=arguments(),
        confidence=st.none() | st.floats(0, 1),
        categories=st.lists(NAMES, max_size=3).map(tuple),
        principal=st.none() | NAMES,
        agent=st.none() | NAMES,
        run=st.none() | NAMES,
        call_id=st.none() | NAMES,
        target=st.none() | json_values(max_leaves=3),
        agent_says=st.none() | TEXT,
        severity=st.floats(0, 100),
    )


def verdicts() -> st.SearchStrategy[str]:
    """One of the six."""
    return st.sampled_from(VERDICTS)
