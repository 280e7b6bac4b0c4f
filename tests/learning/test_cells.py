"""Cells: laid down from proposals, never overlapping, never holding what was not seen."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail.errors import NotEnoughEvidence
from handrail.learning.cells import MOST_CELLS, Cell, Seen, cell_from, lay_cells
from handrail.policy.conditions import Condition, Scope, Undecided


def seen(tool: str = "mail", amount: str | None = None, confidence: float | None = None, **arguments: str) -> Seen:
    return Seen(
        arguments={"tool": tool, **arguments}, amount=None if amount is None else Decimal(amount),
        currency=None if amount is None else "EUR", confidence=confidence,
    )  # fmt: skip


def scope(one: Seen) -> Scope:
    variables = {
        "arguments": dict(one.arguments), "currency": one.currency, "confidence": one.confidence, "target": one.target,
        "amount": None if one.amount is None else float(one.amount),
    }  # fmt: skip
    return Scope(variables, frozenset(variables))


amounts = st.one_of(st.none(), st.integers(0, 10**7).map(lambda cents: str(Decimal(cents) / 100)))
proposals = st.builds(
    seen, tool=st.sampled_from(["mail", "pay", "read"]), amount=amounts,
    confidence=st.one_of(st.none(), st.floats(0, 1), st.sampled_from([0.5, 0.8, 0.95, 1.0])),
)  # fmt: skip


@given(given_=st.lists(proposals, min_size=30, max_size=60), later=proposals)
@settings(max_examples=80, deadline=None)
def test_lay_cells_puts_each_proposal_into_one_at_most_and_says_so_in_its_condition(
    given_: list[Seen], later: Seen
) -> None:
    cells = lay_cells(given_)
    assert len(cells) <= MOST_CELLS
    for one in (*given_, later):
        holding = [cell for cell in cells if cell.holds(one)]
        assert len(holding) <= 1
        for cell in cells:
            try:
                granted = Condition(cell.when).holds(scope(one))
            except Undecided:
                granted = False
            # a grant reaches exactly as far as its cell
            assert granted == cell.holds(one)


def test_lay_cells_keeps_one_for_each_value_of_the_argument_that_tells_kinds_apart() -> None:
    cells = lay_cells([*[seen("mail", who=f"x{i}") for i in range(20)], *[seen("pay", who=f"y{i}") for i in range(20)]])
    assert {cell.when for cell in cells} == {
        f'arguments.tool == "{tool}" && amount == null && currency == null' for tool in ("mail", "pay")
    }
    assert not any(cell.holds(seen("wire")) for cell in cells)


def test_lay_cells_cuts_money_by_powers_of_ten_up_to_what_was_seen() -> None:
    cells = lay_cells([seen(amount=str(i)) for i in (5, 50, 500, 730) for _ in range(10)])
    bands = sorted((cell.over, cell.upto) for cell in cells)
    assert bands == [(0, 10), (10, 100), (100, 730)]
    assert not any(cell.holds(seen(amount="731")) for cell in cells)
    assert not any(cell.holds(seen()) for cell in cells)
    assert sum(cell.holds(seen(amount="0")) for cell in cells) == 1


def test_lay_cells_leaves_out_what_was_hardly_seen() -> None:
    cells = lay_cells([*[seen("mail") for _ in range(40)], seen("pay")])
    assert [cell.value for cell in cells] == ["mail"]


def test_lay_cells_by_a_named_argument_uses_it() -> None:
    given_ = [seen("mail", region=region) for region in ("eu", "us") for _ in range(20)]
    assert {cell.path for cell in lay_cells(given_, by="region")} == {"arguments.region"}


def test_lay_cells_from_few_proposals_says_how_many_are_missing() -> None:
    with pytest.raises(NotEnoughEvidence) as raised:
        lay_cells([seen()] * 7)
    assert raised.value.context == {"have": 7, "need": 30}


def test_lay_cells_of_one_confidence_band_each() -> None:
    cells = lay_cells([seen(confidence=c) for c in (0.55, 0.92, 1.0) for _ in range(12)])
    assert sorted((cell.low, cell.high) for cell in cells) == [(0.5, 0.7), (0.9, 0.95), (0.98, 1.0)]


@given(st.lists(proposals, min_size=30, max_size=40))
@settings(max_examples=30, deadline=None)
def test_cell_from_its_json_is_the_same(given_: list[Seen]) -> None:
    for cell in lay_cells(given_):
        assert cell_from(cell.to_json()) == cell


def test_the_whole_action_is_one_cell_where_nothing_tells_apart() -> None:
    (cell,) = lay_cells([Seen(arguments={"n": i}) for i in range(30)])
    assert cell == Cell()
    assert cell.when == "amount == null && currency == null"
    assert cell.words == "every one"
